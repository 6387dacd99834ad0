//! The timeline as text: `·` waits, `█` ran well, `▒` ran and failed, `░` was stopped or lost.

use std::fmt::Write as _;
use std::time::Duration;

use super::rows::{Row, Timeline};
use crate::report::graph::Look;
use crate::report::redact::Redactor;

/// Cells of a bar.
const WIDTH: u128 = 40;
/// Longest task shown whole.
const MAX_ID: usize = 32;

/// The bars, without a frame; empty when nothing ran.
#[must_use]
pub fn text(timeline: &Timeline<'_>, redact: Redactor) -> String {
    let mut text = String::new();
    if timeline.rows.is_empty() {
        return text;
    }
    let widest = timeline
        .rows
        .iter()
        .map(|row| row.task.name().chars().count())
        .max();
    let widest = widest.unwrap_or(0).clamp(4, MAX_ID);
    writeln!(
        text,
        "{:<widest$}   # {:>9} {:>8} {:>8}",
        "task", "start", "wait", "run"
    )
    .expect("into a string");
    for row in &timeline.rows {
        let id: String = row.task.name().chars().take(MAX_ID).collect();
        let start = redact.offset(row.start);
        let (wait, ran) = (redact.duration(row.wait()), redact.duration(row.ran()));
        let number = row
            .attempt
            .map_or_else(String::new, |number| number.to_string());
        let bar = bar(row, timeline.span, redact);
        writeln!(
            text,
            "{id:<widest$} {number:>3} {start:>9} {wait:>8} {ran:>8} {bar}"
        )
        .expect("into a string");
    }
    text
}

fn bar(row: &Row<'_>, span: Duration, redact: Redactor) -> String {
    if redact != Redactor::default() {
        return "<bar>".into();
    }
    let cell = |at: Duration| {
        let cells = at.as_micros() * WIDTH / span.as_micros().max(1);
        usize::try_from(cells.min(WIDTH - 1)).expect("a bar is short")
    };
    let (ready, start, end) = (cell(row.ready), cell(row.start), cell(row.end));
    let mut bar = " ".repeat(ready.min(start));
    bar.push_str(&"·".repeat(start.saturating_sub(ready)));
    let ran = match row.look {
        Look::Done | Look::Running => "█",
        Look::Failed | Look::Tolerated => "▒",
        _ => "░",
    };
    bar.push_str(&ran.repeat(end.saturating_sub(start) + 1));
    bar
}
