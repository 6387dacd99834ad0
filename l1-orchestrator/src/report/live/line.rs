//! One line about one event: what ended, and what went otherwise than planned.

use std::fmt::Write as _;
use std::time::Duration;

use protocol::event::{Event, EventKind, LeaseEnd, Origin};
use protocol::time::Timestamp;

use super::board::Board;
use crate::report::attempt::Attempt;
use crate::report::redact::Redactor;
use crate::report::summary::RunSummary;
use crate::report::task::TaskSummary;
use crate::report::view::{View, attempt_of, tone_of};
use crate::report::words;
use crate::ui::{Painter, Tone, sanitize};

/// Running tasks named in a line about silence.
const MAX_NAMED: usize = 8;

/// The line about an event, if there is one. `counted` lines say how many tasks are over, which
/// otherwise the panel does.
#[must_use]
pub fn of_event(
    event: &Event,
    summary: &RunSummary,
    view: &View,
    counted: bool,
    painter: Painter,
) -> Option<String> {
    if let Some(line) = run_line(&event.kind, painter) {
        return Some(line);
    }
    let task = summary.task(event.kind.task()?)?;
    task_line(&event.kind, task, summary, view, counted, painter)
}

/// Events about tasks that never started: there may be very many in a row, and few of them are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unstarted {
    /// Cancelled before their turn.
    Cancelled,
    /// Skipped.
    Skipped,
    /// Carried over from an earlier run.
    Reused,
}

impl Unstarted {
    /// What the event is of these.
    #[must_use]
    pub fn of(event: &Event, summary: &RunSummary) -> Option<Self> {
        let task = event.kind.task().and_then(|id| summary.task(id))?;
        match event.kind {
            EventKind::TaskCancelled { .. } if task.attempts.is_empty() => Some(Self::Cancelled),
            EventKind::TaskSkipped { .. } => Some(Self::Skipped),
            EventKind::TaskReused { .. } => Some(Self::Reused),
            _ => None,
        }
    }

    /// The line that stands for so many more of them.
    #[must_use]
    pub fn sum(self, more: usize, painter: Painter) -> String {
        let (tone, word, what) = match self {
            Self::Cancelled => (Tone::Dim, "CANCEL", "never started"),
            Self::Skipped => (Tone::Dim, "SKIP", "never started"),
            Self::Reused => (Tone::Good, "PASS", "are reused"),
        };
        let word = word_of(painter, tone, word);
        let tasks = words::count(more, "more task");
        format!("{word}          … and {tasks} that {what}")
    }
}

/// What is to come, to the next tenth of a second: nobody waits 0.1 s for 159 ms.
fn tenths(delay_ms: u64) -> Duration {
    const TENTH: u64 = 100;
    match delay_ms {
        0..TENTH => Duration::from_millis(delay_ms),
        _ => Duration::from_millis(delay_ms.checked_next_multiple_of(TENTH).unwrap_or(delay_ms)),
    }
}

/// What runs, after a long silence.
#[must_use]
pub fn running(now: Timestamp, board: &Board, redact: Redactor) -> String {
    let mut named: Vec<String> = board
        .running
        .iter()
        .take(MAX_NAMED)
        .map(|task| format!("{} {}", task.name, redact.duration(now.since(task.since))))
        .collect();
    let more = board.running.len().saturating_sub(MAX_NAMED);
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    format!(" running: {}", named.join(", "))
}

fn run_line(kind: &EventKind, painter: Painter) -> Option<String> {
    let line =
        |tone, word: &str, text: String| Some(format!("{} {text}", word_of(painter, tone, word)));
    match kind {
        EventKind::RunCancelling {
            by: Origin::FailFast,
        } => line(
            Tone::Warn,
            "STOP",
            "a task failed and --fail-fast is on".into(),
        ),
        EventKind::RunCancelling { by: Origin::Budget } => line(
            Tone::Warn,
            "STOP",
            "the run's budget of time is over".into(),
        ),
        EventKind::RunCancelling {
            by: Origin::SameFailure,
        } => line(
            Tone::Warn,
            "STOP",
            "model calls failed the same way one after another; nothing more is asked".into(),
        ),
        EventKind::RunPaused { cause } => {
            let cause = sanitize(cause);
            // As long as some run; afterwards it is the cause alone that is told.
            let text = match cause.as_ref() {
                "orchestra pause" => format!("{cause}; running attempts may end"),
                _ => cause.into_owned(),
            };
            line(Tone::Warn, "PAUSE", text)
        }
        EventKind::JournalRecovered { torn_bytes, file } => {
            let text = format!("the journal's torn end ({torn_bytes} bytes) is kept as {file}");
            line(Tone::Warn, "NOTE", text)
        }
        _ => None,
    }
}

/// A status in its color, as wide as all of them.
fn word_of(painter: Painter, tone: Tone, word: &str) -> String {
    painter.paint(tone, &format!("{word:>8}"))
}

fn task_line(
    kind: &EventKind,
    task: &TaskSummary,
    summary: &RunSummary,
    view: &View,
    counted: bool,
    painter: Painter,
) -> Option<String> {
    let (tone, word, span, note) = match kind {
        EventKind::TaskDone { attempt, .. } => {
            let attempt = (*attempt > 1).then(|| attempt_of(*attempt, task, view));
            let left_out = task.artifacts.iter().filter_map(|artifact| {
                Some(format!("{}: {}", artifact.name, words::left_out(artifact)?))
            });
            let cut = words::cut(task).map(str::to_owned);
            let notes = words::children(task)
                .into_iter()
                .chain(cut)
                .chain(attempt)
                .chain(left_out);
            let notes: Vec<String> = notes.collect();
            let note = sanitize(&notes.join("; ")).into_owned();
            (Tone::Good, "PASS", task.duration(), note)
        }
        EventKind::TaskFailed { .. } => {
            let mut note = words::reason(summary, task);
            if let Some(last) = task.last_attempt() {
                write!(note, "; {}", attempt_of(last.number, task, view)).expect("into a string");
            }
            (tone_of(&task.standing), "FAIL", task.duration(), note)
        }
        EventKind::TaskReused { .. } => (Tone::Good, "PASS", None, words::reason(summary, task)),
        EventKind::TaskSkipped { .. } => (Tone::Dim, "SKIP", None, words::reason(summary, task)),
        EventKind::TaskCancelled { .. } => (Tone::Warn, "CANCEL", task.duration(), String::new()),
        EventKind::AttemptRetrying {
            attempt, delay_ms, ..
        } => {
            let how = task.last_attempt().map(Attempt::how).unwrap_or_default();
            let next = attempt_of(*attempt, task, view);
            let delay = view.redact.duration(tenths(*delay_ms));
            let span = task.last_attempt().map(|attempt| attempt.wall);
            (
                Tone::Warn,
                "RETRY",
                span,
                format!("{how}; {next} in {delay}"),
            )
        }
        EventKind::LeaseLost { cause, .. } => {
            let note = match cause {
                LeaseEnd::WorkerLost => "its worker died; it runs again",
                LeaseEnd::CoordinatorRestarted => "interrupted; it runs again",
                LeaseEnd::HandedBack => return None,
            };
            (Tone::Warn, "LOST", None, note.into())
        }
        EventKind::TaskReopened { path, .. } => (
            Tone::Warn,
            "REOPEN",
            None,
            format!("{} changed on disk", sanitize(path)),
        ),
        _ => return None,
    };
    let span = span.map_or_else(|| "        ".into(), |span| view.redact.column(span));
    let word = word_of(painter, tone, word);
    let counter = match counted {
        true => format!("({}/{}) ", summary.tally.over(), summary.planned),
        false => String::new(),
    };
    let line = format!("{word} {span} {counter}{}   {note}", task.name());
    Some(line.trim_end().to_owned())
}

#[cfg(test)]
#[test]
fn a_delay_is_told_to_the_next_tenth() {
    let shown = |ms| Redactor::default().duration(tenths(ms));
    assert_eq!(shown(0), "0ms");
    assert_eq!(shown(99), "99ms");
    assert_eq!(shown(159), "0.2s");
    assert_eq!(shown(2000), "2.0s");
}
