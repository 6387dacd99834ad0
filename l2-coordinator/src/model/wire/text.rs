//! Words of a provider, made fit for one line of ours.

/// `text` on one line, without control characters, cut after `most` characters.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut shown = 0;
    for part in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if part.is_empty() {
            continue;
        }
        if shown > 0 {
            line.push(' ');
            shown += 1;
        }
        for c in part.chars() {
            if shown >= most {
                line.push('…');
                return line;
            }
            // Invisible marks could reorder what a person reads.
            let is_mark = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
            line.push(if is_mark { '\u{fffd}' } else { c });
            shown += 1;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_and_short() {
        for (text, most, line) in [
            ("a\n\tb  c\u{1b}[31mred", 80, "a b c [31mred"),
            ("abcdef", 3, "abc…"),
            ("ab cdef", 3, "ab …"),
            ("ok\u{202e}ko", 80, "ok\u{fffd}ko"),
            ("", 3, ""),
        ] {
            assert_eq!(one_line(text, most), line);
        }
    }
}
