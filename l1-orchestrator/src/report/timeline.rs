//! When what waited and ran, as bars of text: `·` waits for a slot, `█` runs, one line an attempt.

use std::fmt::Write as _;
use std::time::Duration;

use protocol::plan::Plan;
use protocol::time::Timestamp;

use super::redact::Redactor;
use super::summary::RunSummary;

/// Cells of a bar.
const WIDTH: u128 = 40;
/// Most lines; later ones are counted.
const MAX_LINES: usize = 200;
/// Longest task id shown whole.
const MAX_ID: usize = 32;

/// The bars, without a frame; empty when nothing ran.
#[must_use]
pub fn render(summary: &RunSummary, plan: Option<&Plan>, redact: Redactor) -> String {
    let Some((begun, _)) = summary.started.as_ref() else {
        return String::new();
    };
    let scale = Scale {
        begun: *begun,
        wall: summary.wall().max(Duration::from_micros(1)),
    };
    let mut text = String::new();
    let mut lines = 0_usize;
    for task in &summary.tasks {
        // An attempt waits from the end of what it needed, or of the attempt before it.
        let mut waits_since = ready(summary, plan, task).unwrap_or(*begun);
        for attempt in &task.attempts {
            lines += 1;
            if lines <= MAX_LINES {
                let ended = attempt.finished.unwrap_or(summary.last);
                let bar = scale.bar(waits_since, attempt.started, ended, redact);
                let id: String = task.id.as_str().chars().take(MAX_ID).collect();
                let start = redact.offset(attempt.started.since(*begun));
                let took = redact.duration(ended.since(attempt.started));
                let number = attempt.number;
                writeln!(text, "{id:<MAX_ID$} {number:>3} {start:>9} {took:>8} {bar}")
                    .expect("into a string");
                waits_since = ended;
            }
        }
    }
    if lines > MAX_LINES {
        writeln!(text, "… and {} more attempts", lines - MAX_LINES).expect("into a string");
    }
    text
}

fn ready(
    summary: &RunSummary,
    plan: Option<&Plan>,
    task: &super::task::TaskSummary,
) -> Option<Timestamp> {
    let approved = summary.approval.as_ref().map(|approval| approval.at);
    let plan = plan?;
    let index = plan.index_of(task.id.as_str())?;
    let needs = plan.needs(index).iter();
    needs
        .filter_map(|need| summary.task(plan.task(*need).id())?.ended)
        .chain(approved)
        .max()
}

struct Scale {
    begun: Timestamp,
    wall: Duration,
}

impl Scale {
    fn cell(&self, at: Timestamp) -> usize {
        let cells = at.since(self.begun).as_micros() * WIDTH / self.wall.as_micros();
        usize::try_from(cells.min(WIDTH - 1)).expect("a bar is short")
    }

    fn bar(&self, waits: Timestamp, runs: Timestamp, ends: Timestamp, redact: Redactor) -> String {
        if redact != Redactor::default() {
            return "<bar>".into();
        }
        let (waits, runs, ends) = (self.cell(waits), self.cell(runs), self.cell(ends));
        let mut bar = " ".repeat(waits.min(runs));
        bar.push_str(&"·".repeat(runs.saturating_sub(waits)));
        bar.push_str(&"█".repeat(ends.saturating_sub(runs) + 1));
        bar
    }
}
