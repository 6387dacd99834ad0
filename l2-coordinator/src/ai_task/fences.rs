//! Fenced code blocks of a reply, by the rules of CommonMark: a fence closes only with as many of the same
//! marks as it was opened with.

/// Blocks that are looked for: a reply with more is no answer.
const MAX_BLOCKS: usize = 64;

/// One block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block<'a> {
    /// The first word after the opening fence, as written.
    pub(super) language: &'a str,
    /// Its lines.
    pub(super) text: String,
}

/// A fence that is opened and never closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclosed;

/// An opening fence.
struct Opened<'a> {
    mark: char,
    count: usize,
    indent: usize,
    language: &'a str,
}

/// All blocks of a text, in order.
pub(super) fn blocks(text: &str) -> Result<Vec<Block<'_>>, Unclosed> {
    let mut found: Vec<Block<'_>> = Vec::new();
    let mut open: Option<(Opened<'_>, String)> = None;
    for line in text.lines() {
        match &mut open {
            None => {
                open = opens(line)
                    .filter(|_| found.len() < MAX_BLOCKS)
                    .map(|opened| (opened, String::new()));
            }
            Some((opened, inside)) if !closes(line, opened) => {
                inside.push_str(without_indent(line, opened.indent));
                inside.push('\n');
            }
            Some((opened, inside)) => {
                found.push(Block {
                    language: opened.language,
                    text: std::mem::take(inside),
                });
                open = None;
            }
        }
    }
    match open {
        Some(_) => Err(Unclosed),
        None => Ok(found),
    }
}

fn opens(line: &str) -> Option<Opened<'_>> {
    let (indent, rest) = indented(line)?;
    let mark = rest.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let info = rest.trim_start_matches(mark);
    let count = rest.len() - info.len();
    // Text between single marks on one line is no block.
    if count < 3 || (mark == '`' && info.contains('`')) {
        return None;
    }
    Some(Opened {
        mark,
        count,
        indent,
        language: info.split_whitespace().next().unwrap_or_default(),
    })
}

fn closes(line: &str, opened: &Opened<'_>) -> bool {
    let Some((_, rest)) = indented(line) else {
        return false;
    };
    let after = rest.trim_start_matches(opened.mark);
    rest.len() - after.len() >= opened.count && after.trim().is_empty()
}

/// Spaces before a line, if they are so few that it can be a fence, and the rest.
fn indented(line: &str) -> Option<(usize, &str)> {
    let rest = line.trim_start_matches(' ');
    let indent = line.len() - rest.len();
    (indent <= 3).then_some((indent, rest))
}

fn without_indent(line: &str, indent: usize) -> &str {
    let spaces = line.bytes().take(indent).take_while(|byte| *byte == b' ');
    &line[spaces.count()..]
}
