//! Text as XML and HTML take it: markup escaped, characters that XML 1.0 forbids made visible.

use std::fmt::Write as _;

/// Text for content and for attribute values in double quotes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if is_forbidden(c) => {
                write!(out, "\\u{{{:x}}}", u32::from(c)).expect("into a string");
            }
            c => out.push(c),
        }
    }
    out
}

/// Not in XML 1.0 at all, or there only to confuse who reads it.
const fn is_forbidden(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}'
        | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
#[test]
fn nothing_but_text_comes_out() {
    let hostile = "<a href=\"x\">&'\u{1b}[2J\r\u{0}\u{fffe}\u{202e}\té\n";
    let safe =
        "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\\u{1b}[2J\\u{d}\\u{0}\\u{fffe}\\u{202e}\té\n";
    assert_eq!(escape(hostile), safe);
}
