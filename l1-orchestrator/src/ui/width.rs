//! How many columns text takes on a terminal, and text cut to fit. Our own color sequences take none;
//! nothing here makes foreign text harmless, see [`super::sanitize`].

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar as _;

/// Says that text goes on.
const MORE: char = '…';
/// Turns every color off.
const PLAIN: &str = "\x1b[0m";
/// Makes the character before it a picture, which many terminals draw two columns wide.
const PICTURE: char = '\u{fe0f}';

/// Columns that the text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    pieces(text).map(|(_, columns)| columns).sum()
}

/// As much of the text as fits; what is cut ends in `…`, and in no color.
#[must_use]
pub fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let mut left = columns.saturating_sub(1);
    for (piece, wide) in pieces(text) {
        if wide > left {
            break;
        }
        left -= wide;
        kept.push_str(piece);
    }
    if columns > 0 {
        kept.push(MORE);
    }
    if kept.contains('\x1b') {
        kept.push_str(PLAIN);
    }
    Cow::Owned(kept)
}

/// Characters and color sequences, each with its columns.
fn pieces(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let length = match rest.strip_prefix("\x1b[") {
            Some(parameters) => {
                let ends = |c: char| ('\x40'..='\x7e').contains(&c);
                parameters.find(ends).map_or(rest.len(), |at| at + 3)
            }
            None => first.len_utf8(),
        };
        let (piece, behind) = rest.split_at(length);
        rest = behind;
        let columns = match first {
            '\x1b' => 0,
            PICTURE => 1,
            other => other.width().unwrap_or(0),
        };
        Some((piece, columns))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wide_characters_and_colors_are_counted_as_they_are_drawn() {
        assert_eq!(width("abc"), 3);
        assert_eq!(width("要約"), 4);
        assert_eq!(width("e\u{301}"), 1, "a combining accent");
        assert_eq!(width("\x1b[1;31mred\x1b[0m"), 3);
        assert_eq!(width("❤\u{fe0f}"), 2);
    }

    #[test]
    fn a_cut_never_splits_a_character_or_a_color() {
        assert_eq!(cut("summarize", 9), "summarize");
        assert_eq!(cut("summarize", 5), "summ…");
        assert_eq!(cut("要約する", 4), "要…", "half a character is left out");
        assert_eq!(cut("\x1b[31mfailed\x1b[0m", 4), "\x1b[31mfai…\x1b[0m");
        assert_eq!(cut("abc", 1), "…");
        assert_eq!(cut("abc", 0), "");
    }

    proptest! {
        #[test]
        fn what_is_cut_fits(text in "(\\PC|\x1b\\[[0-9;]{0,4}m){0,40}", columns in 0_usize..50) {
            prop_assert!(width(&cut(&text, columns)) <= columns);
        }
    }
}
