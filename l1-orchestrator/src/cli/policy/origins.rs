//! Values with their origins in as much room as there is: a table where it fits, long values beneath their
//! row, and a list where nothing fits. Pure.

use std::fmt::Write as _;

use crate::ui::{Painter, Tone};

/// Room where nobody says how much there is.
const USUAL: usize = 100;
/// Characters of a value in a table; the rest of the room is for keys and origins.
const MAX_VALUE: usize = 40;
/// Before what is beneath a row.
const INDENT: usize = 6;
/// Between columns, and before the first.
const GAP: usize = 2;

/// Key, value, origin.
pub(super) type Row = [String; 3];

/// The lines, each with its line break.
pub(super) fn lines(rows: &[Row], width: Option<usize>, painter: Painter) -> String {
    let room = width.unwrap_or(USUAL);
    let widest = |at: usize| {
        let cells = rows.iter().map(|row| row[at].chars().count());
        cells
            .filter(|width| at != 1 || *width <= MAX_VALUE)
            .max()
            .unwrap_or(0)
    };
    let [key, value, origin] = [widest(0), widest(1), widest(2)];
    let is_table = key + value + origin + 3 * GAP <= room;
    let mut text = String::new();
    for [name, what, from] in rows {
        let from = painter.paint(Tone::Dim, from);
        let beneath = wrapped(what, room.saturating_sub(INDENT).max(1));
        let mut put = |line: &str| writeln!(text, "{line}").expect("into a string");
        if !is_table {
            put(&format!("  {name}"));
            beneath
                .iter()
                .for_each(|line| put(&format!("{:INDENT$}{line}", "")));
            put(&format!("{:INDENT$}{from}", ""));
        } else if what.chars().count() <= MAX_VALUE {
            put(&format!("  {name:key$}  {what:value$}  {from}"));
        } else {
            put(&format!("  {name:key$}  {:value$}  {from}", ""));
            beneath
                .iter()
                .for_each(|line| put(&format!("{:INDENT$}{line}", "")));
        }
    }
    text
}

/// Lines of at most `room` characters, broken after spaces and commas where there are any.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in text.split_inclusive([' ', ',']) {
        let line = lines.last_mut().expect("there is a first line");
        let length = line.chars().count();
        if length > 0 && length + part.trim_end().chars().count() > room {
            lines.push(String::new());
        }
        for character in part.chars() {
            let line = lines.last_mut().expect("there is a last line");
            if line.chars().count() >= room {
                lines.push(character.to_string());
            } else {
                line.push(character);
            }
        }
    }
    let trimmed = lines.iter().map(|line| line.trim().to_owned());
    trimmed.filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let row = |key: &str, value: &str, origin: &str| [key, value, origin].map(str::to_owned);
        vec![
            row("network", "none", "pack default@1"),
            row(
                "programs.git",
                "{\"program\":\"git\",\"args\":{\"allow\":[\"log\",\"show\"]},\"why\":\"read, never written\"}",
                "orchestra.yaml",
            ),
        ]
    }

    #[test]
    fn long_values_are_beneath_their_row() {
        insta::assert_snapshot!(lines(&rows(), Some(60), Painter::PLAIN), @r#"
          network       none  pack default@1
          programs.git        orchestra.yaml
              {"program":"git","args":{"allow":["log","show"]},
              "why":"read, never written"}
        "#);
    }

    #[test]
    fn where_no_table_fits_there_is_a_list() {
        insta::assert_snapshot!(lines(&rows()[..1], Some(24), Painter::PLAIN), @r#"
        network
            none
            pack default@1
        "#);
        for width in 7..120 {
            let text = lines(&rows(), Some(width), Painter::PLAIN);
            let most = text.lines().map(|line| line.chars().count()).max();
            assert!(most.unwrap() <= width.max(INDENT + 14), "{width}: {text}");
        }
    }
}
