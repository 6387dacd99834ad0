//! Progress and the closing block for people: one line a finished task, the failure and the next
//! command last. Plain lines, no cursor moves; the same text goes to `show`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use protocol::event::{Event, EventKind, LeaseEnd, Origin};
use protocol::ids::TaskId;
use protocol::plan::Plan;
use protocol::time::Timestamp;

use super::observer::{Reporter, max_attempts};
use super::redact::{self, Redactor};
use super::summary::RunSummary;
use super::task::{AttemptEnding, Standing, TaskSummary};
use super::words;
use crate::ui::{Painter, Tone, Ui, sanitize};

/// After this long without a line, one says what runs.
const SILENCE: Duration = Duration::from_secs(30);
/// Running tasks named in such a line.
const MAX_NAMED: usize = 8;
/// Failed tasks shown with their tails in the closing block; the rest are named in the report.
const MAX_FAILURES: usize = 10;
/// Skipped tasks named after a failure.
const MAX_SKIPPED: usize = 8;
/// Artifacts named in the closing block.
const MAX_ARTIFACTS: usize = 5;

/// How to name a run in a command: its short id, or its directory where the id would not be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRef(pub String);

impl RunRef {
    /// The text of a command with this run, such as `orchestra show 4be1c07a`.
    #[must_use]
    pub fn command(&self, verb: &str, rest: &str) -> String {
        let space = if rest.is_empty() { "" } else { " " };
        format!("orchestra {verb} {}{space}{rest}", self.0)
    }
}

/// What the renderers of one run share.
#[derive(Clone)]
pub struct View {
    /// The plan, for bounds on attempts.
    pub plan: Option<Arc<Plan>>,
    /// How to name the run in commands.
    pub run: RunRef,
    /// Its directory as people see it.
    pub dir: String,
    /// Placeholders for snapshots.
    pub redact: Redactor,
}

/// Prints progress lines to stderr.
pub struct Console {
    ui: Arc<Ui>,
    view: View,
    lines: bool,
    last_line: Option<Timestamp>,
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

impl Reporter for Console {
    fn on_event(&mut self, event: &Event, summary: &RunSummary) {
        if !self.lines {
            return;
        }
        if let Some(line) = self.event_line(event, summary) {
            self.ui.note(&line);
            self.last_line = Some(event.ts);
        }
    }

    fn on_tick(&mut self, now: Timestamp, summary: &RunSummary) {
        if !self.lines || summary.tally.running == 0 {
            return;
        }
        if now.since(*self.last_line.get_or_insert(now)) >= SILENCE {
            self.ui.note(&running_line(now, summary, self.view.redact));
            self.last_line = Some(now);
        }
    }

    fn finish(&mut self, summary: &RunSummary) {
        self.ui
            .say(&closing(summary, &self.view, self.ui.err_painter()));
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

const fn tone_of(standing: &Standing) -> Tone {
    match standing {
        Standing::Done => Tone::Good,
        Standing::Failed {
            tolerated: false, ..
        } => Tone::Bad,
        Standing::Failed { .. } | Standing::Cancelled => Tone::Warn,
        Standing::Skipped { .. } | Standing::Waiting | Standing::Running => Tone::Dim,
    }
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
            let note = if *attempt > 1 {
                attempt_of(*attempt, task, view)
            } else {
                String::new()
            };
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
            let how = task
                .last_attempt()
                .map(super::task::Attempt::how)
                .unwrap_or_default();
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
                LeaseEnd::WorkerLost => "its worker died; it runs again elsewhere",
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

fn attempt_of(number: u32, task: &TaskSummary, view: &View) -> String {
    match max_attempts(view.plan.as_deref(), &task.id) {
        Some(most) if most >= number => format!("attempt {number} of {most}"),
        _ => format!("attempt {number}"),
    }
}

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

/// The last lines of a run: verdict, failures with their tails, what they caused, what to type next.
#[must_use]
pub fn closing(summary: &RunSummary, view: &View, painter: Painter) -> String {
    let mut text = String::from("────────────\n");
    let verdict = words::verdict(summary);
    let tone = match verdict {
        "PASSED" => Tone::Good,
        "FAILED" => Tone::Bad,
        _ => Tone::Warn,
    };
    let wall = view.redact.duration(summary.wall());
    let told = summary.tally.over() + summary.tally.running;
    let open = summary.planned.saturating_sub(told as u64);
    let mut tally = words::tally(&summary.tally, " · ");
    if open > 0 {
        write!(tally, " · {open} not started").expect("into a string");
    }
    writeln!(
        text,
        "  {} in {wall}   {tally}",
        painter.paint(tone, verdict)
    )
    .expect("into a string");
    failures(&mut text, summary, view, painter);
    notes(&mut text, summary);
    artifacts(&mut text, summary, view);
    let next = next_commands(summary, view);
    write!(
        text,
        "  report: {}/{}",
        view.dir,
        protocol::run_dir::REPORT_MD
    )
    .expect("into a string");
    if !next.is_empty() {
        write!(text, "\n  next: {}", next.join(" · ")).expect("into a string");
    }
    text
}

fn failures(text: &mut String, summary: &RunSummary, view: &View, painter: Painter) {
    let failed = || {
        let is_failed = |task: &&TaskSummary| matches!(task.standing, Standing::Failed { .. });
        summary.tasks.iter().filter(is_failed)
    };
    for task in failed().take(MAX_FAILURES) {
        failure(text, task, view, painter);
    }
    let more = failed().count().saturating_sub(MAX_FAILURES);
    if more > 0 {
        writeln!(text, "    … and {more} more failed; all are in the report").expect("string");
    }
    for (root, skipped) in skipped_by_root(summary).iter().take(MAX_FAILURES) {
        let mut names: Vec<&str> = skipped
            .iter()
            .take(MAX_SKIPPED)
            .map(|id| id.as_str())
            .collect();
        let rest = format!("and {} more", skipped.len().saturating_sub(MAX_SKIPPED));
        if skipped.len() > MAX_SKIPPED {
            names.push(&rest);
        }
        let word = painter.paint(Tone::Dim, "SKIP");
        writeln!(
            text,
            "    {word} {}   because {root} failed",
            names.join(", ")
        )
        .expect("string");
    }
}

fn failure(text: &mut String, task: &TaskSummary, view: &View, painter: Painter) {
    let Standing::Failed { failure, .. } = &task.standing else {
        return;
    };
    let word = painter.paint(tone_of(&task.standing), "FAIL");
    write!(text, "    {word} {}", task.id).expect("string");
    let last = task.last_attempt();
    if let Some(attempt) = last {
        let number = attempt_of(attempt.number, task, view);
        write!(text, "   {number}   {}", attempt.how()).expect("string");
        if let Some(log) = attempt.telling_log(&task.id) {
            write!(text, "   {log}").expect("string");
        }
    }
    text.push('\n');
    if last.is_none_or(|attempt| attempt.how() != failure.message) {
        writeln!(text, "         {}", sanitize(&failure.message)).expect("string");
    }
    let tail = match last.map(|attempt| &attempt.ending) {
        Some(AttemptEnding::Failed {
            tail: Some(tail), ..
        }) => tail.as_ref(),
        _ => "",
    };
    for line in tail.lines() {
        writeln!(text, "         | {}", sanitize(line)).expect("string");
    }
}

fn skipped_by_root(summary: &RunSummary) -> BTreeMap<&TaskId, Vec<&TaskId>> {
    let mut by_root: BTreeMap<&TaskId, Vec<&TaskId>> = BTreeMap::new();
    for task in &summary.tasks {
        if let Standing::Skipped {
            cause: protocol::event::SkipCause::Failure,
            ..
        } = task.standing
            && let Some(root) = summary.root_cause(task)
        {
            by_root.entry(&root.id).or_default().push(&task.id);
        }
    }
    by_root
}

fn notes(text: &mut String, summary: &RunSummary) {
    if let Some(cause) = &summary.paused {
        writeln!(text, "    paused: {}", sanitize(cause)).expect("string");
    }
    if let Some(by) = &summary.cancelling {
        writeln!(text, "    stopped by {}", words::origin(by)).expect("string");
    }
}

fn artifacts(text: &mut String, summary: &RunSummary, view: &View) {
    // What nothing else consumed is what the run was for.
    let is_last = |task: &&TaskSummary| {
        let index = view
            .plan
            .as_ref()
            .and_then(|plan| plan.index_of(task.id.as_str()));
        index
            .zip(view.plan.as_ref())
            .is_none_or(|(at, plan)| plan.dependents(at).is_empty())
    };
    let all = || summary.tasks.iter().flat_map(|task| &task.artifacts);
    let last = summary
        .tasks
        .iter()
        .filter(is_last)
        .flat_map(|task| &task.artifacts);
    let mut shown = 0;
    for artifact in last.take(MAX_ARTIFACTS) {
        let place = match artifact.files.as_slice() {
            [file] if !artifact.directory => format!("{}/{}", view.dir, sanitize(&file.path)),
            files => words::count(files.len(), "file"),
        };
        let size = redact::bytes(artifact.bytes());
        writeln!(text, "    {}   {place}   {size}", sanitize(&artifact.name)).expect("string");
        shown += 1;
    }
    let more = all().count() - shown;
    if more > 0 {
        // The manifest is written when the run is over.
        let listed = match summary.ending {
            Some(_) => protocol::run_dir::MANIFEST,
            None => protocol::run_dir::ARTIFACTS,
        };
        let and = if shown > 0 { "… and " } else { "" };
        let more = words::count(more, "artifact");
        writeln!(text, "    {and}{more} in {}/{listed}", view.dir).expect("string");
    }
}

/// What to type next, most useful first.
#[must_use]
pub fn next_commands(summary: &RunSummary, view: &View) -> Vec<String> {
    let mut next = Vec::new();
    if let Some(task) = summary.first_failure() {
        let wrote = task
            .attempts
            .iter()
            .any(|attempt| attempt.log_bytes != [0, 0]);
        if wrote {
            next.push(view.run.command("logs", task.id.as_str()));
        } else {
            next.push(view.run.command("show", ""));
        }
    }
    if summary.ending.is_none() {
        next.push(view.run.command("resume", ""));
    } else {
        next.push(view.run.command("verify", ""));
    }
    next
}
