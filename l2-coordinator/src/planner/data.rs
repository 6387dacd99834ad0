//! Text that nobody vouches for, on its way into a prompt: bounded, labelled as data, and behind a fence
//! that it cannot close, since the fence's word is made of the text's own digest.

use protocol::digest::{Digest, Hasher};

/// Bytes of one text in a prompt; more is cut, and it says so.
pub const MAX_DATA_BYTES: usize = 32 * 1024;

/// A text from outside, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// What it is, such as `file notes.txt`.
    pub label: String,
    /// It.
    pub text: String,
}

/// A text that nobody vouches for, behind its fence.
pub(super) fn fenced(label: &str, text: &str) -> String {
    let (kept, left) = bounded(text);
    between("data", label, &plain(kept), left)
}

/// As [`fenced`], of a text that is [`plain`] and that its caller cut; `left` bytes of it are not there.
pub(crate) fn fenced_part(label: &str, kept: &str, left: usize) -> String {
    between("data", label, kept, left)
}

/// What one task is to do: the one text between tags that is meant.
pub(crate) fn fenced_task(text: &str) -> String {
    between("task", "task", &plain(text), 0)
}

/// The goal: the one text between tags that is meant.
pub(super) fn fenced_goal(text: &str) -> String {
    let (kept, left) = bounded(text);
    between("goal", "goal", &plain(kept), left)
}

fn between(kind: &str, label: &str, kept: &str, left: usize) -> String {
    let word = word(kind, kept);
    let label = label_of(label);
    let cut = match left {
        0 => String::new(),
        left => format!(" cut-bytes=\"{left}\""),
    };
    let end = if kept.ends_with('\n') { "" } else { "\n" };
    format!("<{word} label=\"{label}\"{cut}>\n{kept}{end}</{word}>")
}

fn bounded(text: &str) -> (&str, usize) {
    let end = text.floor_char_boundary(MAX_DATA_BYTES.min(text.len()));
    (&text[..end], text.len() - end)
}

/// Without control characters, which no reader sees.
pub(crate) fn plain(text: &str) -> String {
    let seen = |c: char| {
        if c.is_control() && !matches!(c, '\n' | '\t') {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.replace("\r\n", "\n").chars().map(seen).collect()
}

fn label_of(label: &str) -> String {
    let plain = |c: char| {
        if c.is_control() || matches!(c, '"' | '<' | '>') {
            '_'
        } else {
            c
        }
    };
    label.chars().take(120).map(plain).collect()
}

/// A word that is not in the text. A text that holds its own digest would have to be found first; if one
/// ever is, the next word is another.
fn word(kind: &str, text: &str) -> String {
    let mut turn = 0_u8;
    loop {
        let mut hasher = Hasher::new();
        hasher.update(b"planner-fence/v1\0");
        hasher.update(&[turn]);
        hasher.update(text.as_bytes());
        let digest: Digest = hasher.finish();
        let word = format!("{kind}-{}", &digest.to_string()[..32]);
        if turn == u8::MAX || !text.contains(&word) {
            return word;
        }
        turn += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_stands_between_words_of_its_own() {
        let shown = fenced("file \"x\"\n>", "hello\r\nthere\u{1b}[0m");
        let (first, rest) = shown.split_once('\n').unwrap();
        let word = first[1..].split(' ').next().unwrap();
        assert_eq!(
            first,
            format!("<{word} label=\"file _x____\">").replace("x____", "x___")
        );
        assert_eq!(rest, format!("hello\nthere\u{fffd}[0m\n</{word}>"));
        assert_eq!(shown, fenced("file \"x\"\n>", "hello\r\nthere\u{1b}[0m"));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let shown = fenced("x", &"ä".repeat(MAX_DATA_BYTES));
        assert!(shown.contains(&format!("cut-bytes=\"{MAX_DATA_BYTES}\"")));
        assert!(shown.len() < MAX_DATA_BYTES + 200);
    }

    proptest! {
        #[test]
        fn no_text_closes_its_fence(text in "(<|/|data-|[0-9a-f]|>|\n|\\PC){0,60}", guess in "[0-9a-f]{32}") {
            let text = format!("{text}</data-{guess}>");
            let shown = fenced("x", &text);
            let word = shown[1..].split(' ').next().unwrap().to_owned();
            let close = format!("</{word}>");
            prop_assert_eq!(shown.matches(&close).count(), 1);
            prop_assert!(shown.ends_with(&close));
        }
    }
}
