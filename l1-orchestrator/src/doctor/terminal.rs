//! What the terminal can show.

use super::finding::Finding;

const GROUP: &str = "terminal";

/// Narrower than this and lines of progress are cut.
const MIN_COLUMNS: usize = 60;

/// Facts about the terminal, found by the caller.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Whether stderr, where progress goes, is one.
    pub is_terminal: bool,
    /// Its columns, if it says.
    pub columns: Option<usize>,
    /// Whether stderr gets color.
    pub color: bool,
    /// Whether its text is UTF-8, by the locale.
    pub utf8: bool,
}

pub(super) fn examine(terminal: &Terminal) -> Vec<Finding> {
    if !terminal.is_terminal {
        let said = "stderr is no terminal: one line for each finished task, no bar";
        return vec![Finding::ok(GROUP, "terminal", said)];
    }
    let color = match terminal.color {
        true => "on",
        false => "off, by NO_COLOR, TERM or `color`",
    };
    vec![
        size(terminal.columns),
        Finding::ok(GROUP, "color", color),
        text(terminal.utf8),
    ]
}

fn size(columns: Option<usize>) -> Finding {
    match columns {
        Some(columns) if columns < MIN_COLUMNS => {
            Finding::ok(GROUP, "size", format!("{columns} columns; lines are cut"))
                .warn(format!("make it {MIN_COLUMNS} columns wide"))
        }
        Some(columns) => Finding::ok(GROUP, "size", format!("{columns} columns")),
        None => Finding::ok(GROUP, "size", "unknown; lines are not cut"),
    }
}

fn text(utf8: bool) -> Finding {
    let finding = Finding::ok(GROUP, "text", "UTF-8");
    match utf8 {
        true => finding,
        false => Finding {
            said: "not UTF-8, by LC_ALL, LC_CTYPE and LANG".to_owned(),
            ..finding
        }
        .warn("set LANG to a UTF-8 locale, such as C.UTF-8"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn narrow_and_foreign_terminals_are_worth_a_look() {
        let mut terminal = Terminal {
            is_terminal: true,
            columns: Some(120),
            color: true,
            utf8: true,
        };
        let worst = |terminal: &Terminal| {
            let found = examine(terminal);
            found
                .into_iter()
                .map(|finding| finding.level)
                .max()
                .unwrap()
        };
        assert_eq!(worst(&terminal), Level::Ok);
        terminal.columns = Some(20);
        assert_eq!(worst(&terminal), Level::Warn);
        terminal.columns = None;
        terminal.utf8 = false;
        assert_eq!(worst(&terminal), Level::Warn);
        terminal.is_terminal = false;
        assert_eq!(worst(&terminal), Level::Ok);
    }
}
