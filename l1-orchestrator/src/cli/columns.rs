//! Rows of columns that fit the reader's width: columns of less interest go first, then the last one
//! is cut. Pure, but for [`width`].

use std::env;

use crate::ui::{Painter, Tone, Ui};

/// Between columns.
const GAP: usize = 2;
/// What is left of a cut column at least.
const MIN_CUT: usize = 8;

/// One column, top to bottom.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its cells.
    pub cells: Vec<Cell>,
    /// Narrowest it gets, so that tables of one kind look alike.
    pub least: usize,
    /// Aligned to the right, as numbers are.
    pub right: bool,
    /// How easily it is left out: 0 never, higher first.
    pub spare: u8,
}

/// One cell.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// One line without escapes.
    pub text: String,
    /// Its color; the text says the same.
    pub tone: Option<Tone>,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, tone: None }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl Column {
    /// Text that stays.
    #[must_use]
    pub fn text(cells: Vec<Cell>) -> Self {
        Self {
            cells,
            least: 0,
            right: false,
            spare: 0,
        }
    }

    /// Numbers that stay.
    #[must_use]
    pub fn numbers(cells: Vec<Cell>) -> Self {
        Self {
            right: true,
            ..Self::text(cells)
        }
    }

    /// Left out when there is too little room; the highest first.
    #[must_use]
    pub fn spare(mut self, spare: u8) -> Self {
        self.spare = spare;
        self
    }

    /// At least this wide.
    #[must_use]
    pub fn at_least(mut self, least: usize) -> Self {
        self.least = least;
        self
    }

    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| cell.text.chars().count());
        cells.max().unwrap_or(0).max(self.least)
    }
}

/// The lines of a table, each with its line break.
#[must_use]
pub fn render(mut columns: Vec<Column>, width: Option<usize>, painter: Painter) -> String {
    let room = width.unwrap_or(usize::MAX);
    while total(&columns) > room {
        let spare = columns.iter().map(|column| column.spare).max().unwrap_or(0);
        let Some(at) = columns
            .iter()
            .rposition(|column| column.spare == spare && spare > 0)
        else {
            break;
        };
        columns.remove(at);
    }
    let over = total(&columns).saturating_sub(room);
    let mut widths: Vec<usize> = columns.iter().map(Column::width).collect();
    if let Some(last) = widths.last_mut() {
        *last = last.saturating_sub(over).max(MIN_CUT.min(*last));
    }
    let rows = columns.iter().map(|column| column.cells.len()).max();
    (0..rows.unwrap_or(0))
        .map(|row| line(&columns, &widths, row, painter))
        .collect()
}

fn total(columns: &[Column]) -> usize {
    let gaps = GAP * columns.len().saturating_sub(1);
    columns.iter().map(Column::width).sum::<usize>() + gaps
}

fn line(columns: &[Column], widths: &[usize], row: usize, painter: Painter) -> String {
    let mut line = String::new();
    // Blanks wait until something follows them, so that no line ends in any.
    let mut blanks = 0;
    for (at, (column, width)) in columns.iter().zip(widths).enumerate() {
        let cell = column.cells.get(row).cloned().unwrap_or_default();
        let text = cut(&cell.text, *width);
        let pad = width.saturating_sub(text.chars().count());
        blanks += if at > 0 { GAP } else { 0 } + if column.right { pad } else { 0 };
        if !text.is_empty() {
            line.push_str(&" ".repeat(std::mem::take(&mut blanks)));
            match cell.tone {
                Some(tone) => line.push_str(&painter.paint(tone, &text)),
                None => line.push_str(&text),
            }
        }
        blanks += if column.right { 0 } else { pad };
    }
    line.push('\n');
    line
}

/// The text in at most `width` characters, an ellipsis included.
#[must_use]
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Columns of whoever reads stdout: what `COLUMNS` says, else the terminal; none when it is a file
/// or a pipe.
#[must_use]
pub fn width(ui: &Ui) -> Option<usize> {
    let said = env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let terminal = || {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
        Some(usize::from(size.ws_col))
    };
    let known = said.or_else(|| if ui.stdout_terminal { terminal() } else { None });
    known.filter(|width| *width > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Vec<Column> {
        let cells = |texts: [&str; 2]| texts.map(Cell::from).to_vec();
        vec![
            Column::text(cells(["4be1c07a", "0d"])),
            Column::text(cells(["passed", "failed"])).at_least(8),
            Column::numbers(cells(["1.2s", "12m10s"])).spare(2),
            Column::text(cells(["a day", "a minute"])).spare(1),
            Column::text(cells(["release-notes-of-many-words", "x"])),
        ]
    }

    fn rendered(width: Option<usize>) -> String {
        render(table(), width, Painter::PLAIN)
    }

    #[test]
    fn as_wide_as_there_is_room() {
        assert_eq!(
            rendered(None),
            "4be1c07a  passed      1.2s  a day     release-notes-of-many-words\n\
             0d        failed    12m10s  a minute  x\n"
        );
        assert_eq!(
            rendered(Some(60)),
            "4be1c07a  passed    a day     release-notes-of-many-words\n\
             0d        failed    a minute  x\n"
        );
        assert_eq!(
            rendered(Some(40)),
            "4be1c07a  passed    release-notes-of-ma…\n\
             0d        failed    x\n"
        );
        assert_eq!(
            rendered(Some(1)),
            "4be1c07a  passed    release…\n0d        failed    x\n"
        );
    }

    #[test]
    fn every_width_is_kept_down_to_the_least() {
        for width in 28..80 {
            let text = rendered(Some(width));
            assert!(
                text.lines().all(|line| line.chars().count() <= width),
                "{width}: {text}"
            );
        }
        assert_eq!(render(Vec::new(), Some(80), Painter::PLAIN), "");
    }
}
