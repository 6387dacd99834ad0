//! Lines that stay, and a panel beneath them that is drawn again: as bytes for a terminal. Pure: when
//! to draw is the caller's.
//!
//! Between two drawings the cursor stands, visible, at the panel's first column. So drawing over it
//! needs no memory of how many rows it takes: a terminal that became narrower may have wrapped it, and
//! everything from the cursor on is ours to erase all the same. And nothing has to be restored,
//! however the process ends. The screen is never cleared, what was scrolled out never touched.

use std::fmt::Write as _;

use super::width::cut;

/// Erases from the cursor to the end of the screen.
pub(super) const ERASE: &str = "\r\x1b[J";
/// Erases the rest of the line.
const ERASE_LINE: &str = "\x1b[K";
/// No line of the panel wraps, even if the terminal draws a character wider than we think.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// What a terminal has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Characters in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

impl Size {
    /// Where nothing better is known.
    const USUAL: Self = Self {
        columns: 80,
        rows: 24,
    };

    /// The size of the terminal behind stderr, at this moment.
    #[must_use]
    pub fn of_stderr() -> Self {
        match rustix::termios::tcgetwinsize(std::io::stderr()) {
            // Some serial lines and containers say 0.
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Self {
                columns: size.ws_col.into(),
                rows: size.ws_row.into(),
            },
            _ => Self::USUAL,
        }
    }
}

/// What is on the terminal of the panel.
#[derive(Default)]
pub struct Screen {
    shown: Vec<String>,
    size: Option<Size>,
}

impl Screen {
    /// Whether a panel is on the terminal.
    #[must_use]
    pub const fn has_panel(&self) -> bool {
        !self.shown.is_empty()
    }

    /// The bytes that put `above`, whole lines, above a panel of these lines; none if nothing changed.
    #[must_use]
    pub fn paint(&mut self, above: &str, panel: &[String], size: Size) -> String {
        // A last column that is written may wrap at the next character, and a panel as high as the
        // terminal would scroll at each drawing.
        let columns = size.columns.saturating_sub(1);
        let rows = size.rows.saturating_sub(1).max(1);
        let panel: Vec<String> = panel
            .iter()
            .take(rows)
            .map(|line| cut(line, columns).into_owned())
            .collect();
        let mut out = String::new();
        if above.is_empty() && panel == self.shown && self.size == Some(size) {
            return out;
        }
        if self.has_panel() {
            // Drawn over in place where only the panel changed: less to flicker.
            let stays = above.is_empty() && !panel.is_empty() && self.size == Some(size);
            out.push_str(if stays { "\r" } else { ERASE });
        }
        out.push_str(above);
        if let Some((last, before)) = panel.split_last() {
            out.push_str(NO_WRAP);
            for line in before {
                write!(out, "{line}{ERASE_LINE}\r\n").expect("writing into a string");
            }
            write!(out, "{last}\x1b[J{WRAP}").expect("writing into a string");
            if !before.is_empty() {
                write!(out, "\x1b[{}A", before.len()).expect("writing into a string");
            }
            out.push('\r');
        }
        self.shown = panel;
        self.size = Some(size);
        out
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use super::*;

    /// A size as the terminal wants it: rows first.
    fn rows_columns(size: Size) -> (NonZero<u16>, NonZero<u16>) {
        let fit = |number: usize| NonZero::new(u16::try_from(number).unwrap()).unwrap();
        (fit(size.rows), fit(size.columns))
    }

    const SMALL: Size = Size {
        columns: 20,
        rows: 6,
    };

    struct Terminal {
        parser: vt100::Parser,
        screen: Screen,
        size: Size,
    }

    impl Terminal {
        fn new(size: Size) -> Self {
            let (rows, columns) = rows_columns(size);
            Self {
                parser: vt100::Parser::new(rows, columns, 100),
                screen: Screen::default(),
                size,
            }
        }

        fn resize(&mut self, size: Size) {
            self.size = size;
            let (rows, columns) = rows_columns(size);
            self.parser.screen_mut().set_size(rows, columns);
        }

        fn paint(&mut self, above: &str, panel: &[&str]) -> String {
            let panel: Vec<String> = panel.iter().map(|&line| line.to_owned()).collect();
            let bytes = self.screen.paint(above, &panel, self.size);
            self.feed(&bytes);
            self.parser.screen().contents()
        }

        /// As a terminal gets it: its driver adds the carriage returns.
        fn feed(&mut self, text: &str) {
            let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
            self.parser.process(text.as_bytes());
        }

        /// Becomes another size as terminals do that wrap anew what they show; the cursor stays with its
        /// text.
        fn wrap_anew(&mut self, size: Size) {
            let (row, _) = self.parser.screen().cursor_position();
            let shown = self.parser.screen().contents();
            *self = Self {
                screen: std::mem::take(&mut self.screen),
                ..Self::new(size)
            };
            let lines: Vec<&str> = shown.lines().collect();
            let (before, behind) = lines.split_at(row.into());
            let text = |lines: &[&str]| lines.join("\n");
            self.feed(&format!("{}\n\x1b7{}\x1b8", text(before), text(behind)));
        }
    }

    #[test]
    fn lines_stay_and_the_panel_moves_down() {
        let mut terminal = Terminal::new(SMALL);
        assert_eq!(
            terminal.paint("one\n", &["bar 1/3", "a"]),
            "one\nbar 1/3\na"
        );
        assert_eq!(
            terminal.paint("", &["bar 1/3", "a", "b"]),
            "one\nbar 1/3\na\nb"
        );
        assert_eq!(
            terminal.paint("two\n", &["bar 2/3", "b"]),
            "one\ntwo\nbar 2/3\nb"
        );
        assert_eq!(terminal.paint("", &["bar 2/3"]), "one\ntwo\nbar 2/3");
        assert_eq!(terminal.paint("end\n", &[]), "one\ntwo\nend");
        assert_eq!(terminal.parser.screen().cursor_position(), (3, 0));
    }

    #[test]
    fn what_is_scrolled_out_was_never_touched() {
        let mut terminal = Terminal::new(SMALL);
        for n in 0..12 {
            let shown = terminal.paint(&format!("line {n}\n"), &["bar", "a", "b"]);
            assert!(shown.ends_with("bar\na\nb"), "{shown}");
        }
        terminal.paint("", &[]);
        terminal.parser.screen_mut().set_scrollback(100);
        let shown = terminal.parser.screen().contents();
        assert!(shown.starts_with("line 0\nline 1\n"), "{shown}");
    }

    #[test]
    fn nothing_is_written_where_nothing_changed() {
        let mut terminal = Terminal::new(SMALL);
        terminal.paint("", &["bar"]);
        assert_eq!(terminal.screen.paint("", &["bar".into()], SMALL), "");
    }

    #[test]
    fn a_panel_never_scrolls_and_never_wraps() {
        let mut terminal = Terminal::new(SMALL);
        let wide = "要約する要約する要約する";
        let shown = terminal.paint("", &[wide, "a", "b", "c", "d", "e", "f"]);
        assert_eq!(shown, "要約する要約する要…\na\nb\nc\nd");
        assert_eq!(terminal.parser.screen().cursor_position(), (0, 0));
    }

    #[test]
    fn a_terminal_that_becomes_narrower_is_drawn_over_whole() {
        let mut terminal = Terminal::new(SMALL);
        terminal.paint("done\n", &["0123456789abcdef", "second"]);
        terminal.wrap_anew(Size {
            columns: 10,
            rows: 6,
        });
        assert_eq!(
            terminal.parser.screen().contents(),
            "done\n0123456789abcdef\nsecond",
            "wrapped by the terminal"
        );
        let shown = terminal.paint("next\n", &["0123456789abcdef", "second"]);
        assert_eq!(shown, "done\nnext\n01234567…\nsecond");
    }

    /// Terminals that do not wrap anew cut instead; no finished line may be lost there either.
    #[test]
    fn a_terminal_that_cuts_is_drawn_over_whole() {
        let mut terminal = Terminal::new(SMALL);
        terminal.paint("done\n", &["0123456789abcdef", "second"]);
        terminal.resize(Size {
            columns: 10,
            rows: 6,
        });
        let shown = terminal.paint("", &["0123456789abcdef"]);
        assert_eq!(shown, "done\n01234567…");
        terminal.resize(SMALL);
        let shown = terminal.paint("", &["0123456789abcdef"]);
        assert_eq!(shown, "done\n0123456789abcdef");
    }

    #[test]
    fn the_cursor_is_never_hidden_and_lines_wrap_again() {
        let mut terminal = Terminal::new(SMALL);
        terminal.paint("", &["bar", "a"]);
        assert!(!terminal.parser.screen().hide_cursor());
        assert!(!terminal.parser.screen().alternate_screen());
        let bytes = terminal.screen.paint("", &["bar".into()], SMALL);
        assert!(bytes.find(NO_WRAP) < bytes.find(WRAP), "{bytes:?}");
        assert!(!bytes.contains("\x1b[2J"), "{bytes:?}");
    }
}
