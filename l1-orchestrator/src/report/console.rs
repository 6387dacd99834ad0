//! Progress for people: the first lines of a run and one line a finished task. Plain lines, no cursor
//! moves.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use protocol::event::{Event, EventKind, LeaseEnd, Origin};
use protocol::outcome::RunOutcome;
use protocol::time::Timestamp;

use super::closing::{closing, verdict};
use super::observer::Reporter;
use super::redact::Redactor;
use super::summary::RunSummary;
use super::task::{Attempt, Standing, TaskSummary};
use super::view::{View, attempt_of, tone_of};
use super::words;
use crate::ui::{Painter, Tone, Ui, sanitize};

/// After this long without a line, one says what runs.
const SILENCE: Duration = Duration::from_secs(30);
/// Running tasks named in such a line.
const MAX_NAMED: usize = 8;

/// The first lines of a run.
#[must_use]
pub fn opening(
    scenario: &str,
    run: &str,
    plan: &str,
    slots: &str,
    tasks: usize,
    dir: &str,
) -> String {
    let sandbox = words::sandbox_ahead(protocol::policy::SandboxLevel::None);
    let tasks = words::count(tasks, "task");
    format!(
        "Run {run} {scenario}   plan {plan}   {dir}\nPlan: {tasks} · {slots} at once · {sandbox}"
    )
}

/// Lines about tasks that never started, before the rest of them is told in a sum.
const MAX_IN_A_ROW: usize = 8;

/// Prints progress lines to stderr.
pub struct Console {
    ui: Arc<Ui>,
    view: View,
    lines: bool,
    last_line: Option<Timestamp>,
    roll: Roll,
}

/// Lines of one kind in a row, about tasks that never started.
#[derive(Default)]
struct Roll {
    word: &'static str,
    count: usize,
}

impl Console {
    /// With a line a task, or with nothing until the end.
    #[must_use]
    pub const fn new(ui: Arc<Ui>, view: View, lines: bool) -> Self {
        Self {
            ui,
            view,
            lines,
            last_line: None,
            roll: Roll { word: "", count: 0 },
        }
    }

    fn event_line(&self, event: &Event, summary: &RunSummary) -> Option<String> {
        let painter = self.ui.err_painter();
        if let Some(line) = run_line(&event.kind, painter) {
            return Some(line);
        }
        let task = summary.task(event.kind.task()?)?;
        task_line(&event.kind, task, summary, &self.view, painter)
    }
}

impl Console {
    /// Whether the event is one too many of its kind in a row, to be told in a sum.
    fn rolls(&mut self, event: &Event, summary: &RunSummary) -> bool {
        let task = event.kind.task().and_then(|id| summary.task(id));
        let never_started = task.is_some_and(|task| task.attempts.is_empty());
        let word = match event.kind {
            EventKind::TaskCancelled { .. } if never_started => "CANCEL",
            EventKind::TaskSkipped { .. } => "SKIP",
            _ => "",
        };
        if word != self.roll.word {
            self.unroll();
            self.roll.word = word;
        }
        self.roll.count += 1;
        !word.is_empty() && self.roll.count > MAX_IN_A_ROW
    }

    fn unroll(&mut self) {
        let Roll { word, count } = std::mem::take(&mut self.roll);
        let more = count.saturating_sub(MAX_IN_A_ROW);
        if more > 0 && !word.is_empty() {
            let word = word_of(self.ui.err_painter(), Tone::Dim, word);
            let tasks = words::count(more, "more task");
            self.ui
                .note(&format!("{word}          … and {tasks} that never started"));
        }
    }
}

impl Reporter for Console {
    fn on_event(&mut self, event: &Event, summary: &RunSummary) {
        if !self.lines {
            return;
        }
        if let Some(line) = self.event_line(event, summary) {
            self.last_line = Some(event.ts);
            if !self.rolls(event, summary) {
                self.ui.note(&line);
            }
        }
    }

    fn on_tick(&mut self, now: Timestamp, summary: &RunSummary) {
        if !self.lines || summary.tally.running == 0 {
            return;
        }
        if now.since(*self.last_line.get_or_insert(now)) >= SILENCE {
            self.unroll();
            self.ui.note(&running_line(now, summary, self.view.redact));
            self.last_line = Some(now);
        }
    }

    fn finish(&mut self, summary: &RunSummary) {
        self.unroll();
        let painter = self.ui.err_painter();
        let passed = summary
            .ending
            .is_some_and(|end| end.outcome == RunOutcome::Completed);
        if self.ui.is_quiet() && passed {
            self.ui.say(&verdict(summary, &self.view, painter));
        } else {
            self.ui.say(&closing(summary, &self.view, painter));
        }
    }
}

fn running_line(now: Timestamp, summary: &RunSummary, redact: Redactor) -> String {
    let mut named = Vec::new();
    for task in summary
        .tasks
        .iter()
        .filter(|task| task.standing == Standing::Running)
    {
        if named.len() == MAX_NAMED {
            named.push(format!("and {} more", summary.tally.running - MAX_NAMED));
            break;
        }
        let since = task
            .last_attempt()
            .map_or(Duration::ZERO, |a| now.since(a.started));
        named.push(format!("{} {}", task.id, redact.duration(since)));
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
        EventKind::RunPaused { cause } => line(Tone::Warn, "PAUSE", sanitize(cause).into_owned()),
        EventKind::JournalRecovered { torn_bytes, file } => {
            let text = format!("the journal's torn end ({torn_bytes} bytes) is kept as {file}");
            line(Tone::Warn, "NOTE", text)
        }
        _ => None,
    }
}

fn word_of(painter: Painter, tone: Tone, word: &str) -> String {
    painter.paint(tone, &format!("{word:>8}"))
}

fn task_line(
    kind: &EventKind,
    task: &TaskSummary,
    summary: &RunSummary,
    view: &View,
    painter: Painter,
) -> Option<String> {
    let counter = format!("({}/{})", summary.tally.over(), summary.planned);
    let (tone, word, span, note) = match kind {
        EventKind::TaskDone { attempt, .. } => {
            let attempt = (*attempt > 1).then(|| attempt_of(*attempt, task, view));
            let left_out = task.artifacts.iter().filter_map(|artifact| {
                Some(format!("{}: {}", artifact.name, words::left_out(artifact)?))
            });
            let notes: Vec<String> = attempt.into_iter().chain(left_out).collect();
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
        EventKind::TaskSkipped { .. } => (Tone::Dim, "SKIP", None, words::reason(summary, task)),
        EventKind::TaskCancelled { .. } => (Tone::Warn, "CANCEL", task.duration(), String::new()),
        EventKind::AttemptRetrying {
            attempt, delay_ms, ..
        } => {
            let how = task.last_attempt().map(Attempt::how).unwrap_or_default();
            let next = attempt_of(*attempt, task, view);
            let delay = view.redact.duration(Duration::from_millis(*delay_ms));
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
    let line = format!("{word} {span} {counter} {}   {note}", task.id);
    Some(line.trim_end().to_owned())
}
