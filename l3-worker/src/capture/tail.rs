//! The end of an output, made safe to show: few lines, few bytes, no control characters.

use std::fmt::Write as _;

/// Lines of a tail.
const MAX_LINES: usize = 20;
/// Bytes of a tail, escaped.
const MAX_BYTES: usize = 4096;
/// Raw bytes remembered: all that could be quoted, and as much again so that trimming is rare.
const REMEMBERED: usize = 2 * MAX_BYTES;

/// The last bytes of a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tail {
    bytes: Vec<u8>,
}

impl Tail {
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        let chunk = &chunk[chunk.len().saturating_sub(MAX_BYTES)..];
        if self.bytes.len() + chunk.len() > REMEMBERED {
            let keep = self.bytes.len().saturating_sub(MAX_BYTES);
            self.bytes.drain(..keep);
        }
        self.bytes.extend_from_slice(chunk);
    }

    /// The bytes remembered, as they came.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// At most 20 lines and 4 KiB, escaped, without a final newline.
    pub(crate) fn render(&self) -> String {
        let text = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
        let mut shown = String::new();
        for line in &lines[lines.len().saturating_sub(MAX_LINES)..] {
            shown.push_str(&escape(line.strip_suffix(b"\r").unwrap_or(line)));
            shown.push('\n');
        }
        shown.pop();
        if shown.len() > MAX_BYTES {
            let mut start = shown.len() - MAX_BYTES + '…'.len_utf8();
            while !shown.is_char_boundary(start) {
                start += 1;
            }
            shown.replace_range(..start, "…");
        }
        shown
    }
}

/// Text as it is, everything that could move a cursor or hide a character as an escape: controls,
/// bidirectional overrides, bytes that are no text.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\t' => shown.push_str("\\t"),
                '\r' => shown.push_str("\\r"),
                '\n' => shown.push_str("\\n"),
                c if c.is_ascii_control() => write_hex(&mut shown, c as u8),
                c if is_invisible(c) => {
                    write!(shown, "\\u{{{:x}}}", u32::from(c)).expect("writing into memory");
                }
                c => shown.push(c),
            }
        }
        for &byte in chunk.invalid() {
            write_hex(&mut shown, byte);
        }
    }
    shown
}

fn write_hex(shown: &mut String, byte: u8) {
    write!(shown, "\\x{byte:02x}").expect("writing into memory");
}

/// C1 controls, line and paragraph separators, zero-width and bidirectional formatting.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tail(chunks: &[&[u8]]) -> String {
        let mut tail = Tail::default();
        for chunk in chunks {
            tail.push(chunk);
        }
        tail.render()
    }

    #[test]
    fn hostile_bytes_are_shown_not_obeyed() {
        let shown = tail(&[
            b"\x1b]0;title\x07 \xff\xed\xa0\x80 a\rb\ttab\r\n",
            "\u{202e}x\u{9b}".as_bytes(),
        ]);
        assert_eq!(
            shown,
            "\\x1b]0;title\\x07 \\xff\\xed\\xa0\\x80 a\\rb\\ttab\n\\u{202e}x\\u{9b}"
        );
    }

    #[test]
    fn the_last_twenty_lines() {
        let text: String = (1..=30).map(|n| format!("line {n}\n")).collect();
        let shown = tail(&[text.as_bytes()]);
        assert_eq!(shown.lines().count(), 20);
        assert!(shown.starts_with("line 11\n") && shown.ends_with("line 30"));
    }

    proptest! {
        #[test]
        fn bounds_hold_for_any_bytes(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..3000), 0..8),
        ) {
            let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            let shown = tail(&chunks);
            prop_assert!(shown.len() <= MAX_BYTES && shown.lines().count() <= MAX_LINES);
            prop_assert!(shown.chars().all(|c| c == '\n' || !c.is_control()));
        }
    }
}
