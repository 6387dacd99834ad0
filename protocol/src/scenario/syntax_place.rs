//! Lines, brackets and quotes around a byte of YAML text that does not parse. Text only: what is found
//! goes into a hint, so a guess may be wrong, but never slow.

/// Bytes of a line that are looked at.
const MAX_LINE: usize = 500;
/// Lines that are looked at above an error.
const MAX_LINES: usize = 10_000;

/// Where an error is.
pub(super) struct Place<'s> {
    source: &'s str,
    pub(super) at: usize,
    parsed: usize,
    open: Option<usize>,
}

/// A quote that opens a text.
#[derive(Clone, Copy)]
pub(super) struct Quote {
    pub(super) sign: char,
    pub(super) line: usize,
}

/// A line that holds more than blanks and a comment.
#[derive(Clone, Copy)]
pub(super) struct Line<'s> {
    source: &'s str,
    start: usize,
    /// From 1.
    pub(super) number: usize,
    pub(super) indent: usize,
    /// Its beginning, without the line's end.
    pub(super) text: &'s str,
    looked_at: usize,
}

impl<'s> Place<'s> {
    pub(super) fn new(source: &'s str, at: u32, parsed: u32, open: Option<u32>) -> Self {
        let at = floor(source, at as usize);
        Self {
            source,
            at,
            parsed: floor(source, parsed as usize).min(at),
            open: open.map(|open| open as usize).filter(|open| *open < at),
        }
    }

    /// The character there.
    pub(super) fn next(&self) -> Option<char> {
        self.source[self.at..].chars().next()
    }

    /// The character behind it.
    pub(super) fn after_next(&self) -> Option<char> {
        self.source[self.at..].chars().nth(1)
    }

    /// From the quote in front of a text to the first `\` that no escape of YAML starts with.
    pub(super) fn move_to_escape(&mut self) {
        let mut escaped = false;
        for (offset, c) in self.source[self.at..].char_indices() {
            if escaped && !"0abt\tnvfre \"/\\N_LPxuU\n\r".contains(c) {
                self.at += offset - 1;
                return;
            }
            escaped = c == '\\' && !escaped;
        }
    }

    pub(super) fn line(&self) -> Line<'s> {
        let start = line_start(self.source, self.at);
        Line::new(self.source, start, number(self.source, start), 0)
    }

    /// Whether only blanks stand before it in its line.
    pub(super) fn starts_line(&self) -> bool {
        let start = line_start(self.source, self.at);
        self.source[start..self.at].trim_start().is_empty()
    }

    /// Whether it is at the `:` behind its line's key.
    pub(super) fn is_first_colon(&self) -> bool {
        let line = self.line();
        line.key_end()
            .is_some_and(|end| line.start + end == self.at)
    }

    /// The innermost bracket that is open there, if it stands in a line above.
    pub(super) fn open_above(&self) -> Option<(char, usize)> {
        let open = self
            .open
            .filter(|open| *open < line_start(self.source, self.at))?;
        let bracket = self.source[open..].chars().next()?;
        Some((bracket, number(self.source, open)))
    }

    /// The last quote that opens a text behind what is parsed, up to here.
    pub(super) fn quote(&self) -> Option<Quote> {
        let rest = &self.source[self.parsed..];
        let mut open: Option<(usize, char)> = None;
        let mut last = None;
        let mut before = ' ';
        let mut skip = false;
        for (offset, c) in rest.char_indices() {
            // A scalar's own start is where the parser says that it is not closed.
            if self.parsed + offset > self.at {
                break;
            }
            match open {
                Some(_) if skip => skip = false,
                Some((_, '"')) if c == '\\' => skip = true,
                Some((_, sign)) if c == sign => open = None,
                None if matches!(c, '"' | '\'') && " \n\t[{,:".contains(before) => {
                    open = Some((offset, c));
                    last = open;
                }
                _ => {}
            }
            before = c;
        }
        last.map(|(offset, sign)| Quote {
            sign,
            line: number(self.source, self.parsed + offset),
        })
    }
}

impl<'s> Line<'s> {
    fn new(source: &'s str, start: usize, number: usize, looked_at: usize) -> Self {
        let text = source[start..].split('\n').next().unwrap_or_default();
        let text = text.trim_end_matches('\r');
        let text = &text[..floor(text, MAX_LINE)];
        Self {
            source,
            start,
            number,
            indent: text.len() - text.trim_start_matches(' ').len(),
            text,
            looked_at,
        }
    }

    /// The next one above.
    pub(super) fn above(&self) -> Option<Self> {
        let mut line = *self;
        while line.start > 0 && line.looked_at < MAX_LINES {
            let start = line_start(self.source, line.start - 1);
            line = Self::new(self.source, start, line.number - 1, line.looked_at + 1);
            let text = line.text.trim_start();
            if !text.is_empty() && !text.starts_with('#') {
                return Some(line);
            }
        }
        None
    }

    /// Its key, if it has one; else its first word or more.
    pub(super) fn key(&self) -> &'s str {
        let end = self.key_end().unwrap_or(self.text.len());
        self.text[..end]
            .trim_start()
            .trim_start_matches("- ")
            .trim()
    }

    /// What stands behind its key.
    pub(super) fn value(&self) -> &'s str {
        let from = self.key_end().map_or(self.text.len(), |end| end + 1);
        self.text[from..].trim()
    }

    /// The place of the `:` behind its key.
    pub(super) fn key_end(&self) -> Option<usize> {
        let ends =
            |at: usize| matches!(self.text.as_bytes().get(at + 1), None | Some(b' ' | b'\t'));
        let mut colons = self.text.match_indices(':').map(|(at, _)| at);
        colons.find(|at| ends(*at))
    }

    /// Whether the lines below it are a text.
    pub(super) fn opens_block(&self) -> bool {
        let mut value = self.value().split_whitespace();
        value
            .next()
            .is_some_and(|value| value.starts_with(['|', '>']) && value.len() <= 3)
            && value.next().is_none_or(|more| more.starts_with('#'))
    }
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn line_start(source: &str, at: usize) -> usize {
    source[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn number(source: &str, at: usize) -> usize {
    source[..at].bytes().filter(|byte| *byte == b'\n').count() + 1
}
