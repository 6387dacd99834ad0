//! Facts in words, the same in every report.

use protocol::artifact::Artifact;
use protocol::event::Origin;
use protocol::outcome::RunOutcome;
use protocol::plan::Plan;
use protocol::policy::SandboxLevel;

use super::planned::max_attempts;
use super::redact::Redactor;
use super::summary::RunSummary;
use super::tally::Tally;
use super::task::{Standing, TaskSummary};

/// What confined the tasks.
#[must_use]
pub const fn sandbox(level: SandboxLevel) -> &'static str {
    match level {
        SandboxLevel::Strict => "strict: namespaces, Landlock and seccomp; no capability",
        SandboxLevel::Landlock => "landlock: Landlock and seccomp, no namespaces",
        SandboxLevel::None => "no sandbox: tasks ran with your user's rights",
    }
}

/// The same before they run.
#[must_use]
pub const fn sandbox_ahead(level: SandboxLevel) -> &'static str {
    match level {
        SandboxLevel::Strict | SandboxLevel::Landlock => sandbox(level),
        SandboxLevel::None => "no sandbox: tasks run with your user's rights",
    }
}

/// What a level leaves open to tasks, for whoever is about to start them; none where that is as little
/// as can be.
#[must_use]
pub const fn left_open(level: SandboxLevel) -> Option<&'static str> {
    match level {
        SandboxLevel::Strict => None,
        SandboxLevel::Landlock => {
            Some("tasks see all processes, and can change modes, owners and times of your files")
        }
        SandboxLevel::None => Some("files, network and processes are open to every task"),
    }
}

/// Who asked for something.
#[must_use]
pub const fn origin(by: &Origin) -> &'static str {
    match by {
        Origin::Default => "default (written tasks only, inside the policy)",
        Origin::Person => "you, at the terminal",
        Origin::Yes => "you, with --yes",
        Origin::Digest => "you, by the plan's digest",
        Origin::Interrupt => "Ctrl-C",
        Origin::Terminate => "SIGTERM, which `orchestra cancel` sends",
        Origin::Hangup => "SIGHUP",
        Origin::Cancel => "orchestra cancel",
        Origin::FailFast => "--fail-fast",
        Origin::Budget => "its budget of time, which is over",
        Origin::SameFailure => "the same failure of one call after another",
    }
}

/// The verdict in capitals.
#[must_use]
pub fn verdict(summary: &RunSummary) -> &'static str {
    match summary.ending.map(|ending| ending.outcome) {
        Some(RunOutcome::Completed) => "PASSED",
        Some(RunOutcome::Failed) => "FAILED",
        Some(RunOutcome::Cancelled) => "CANCELLED",
        None if summary.paused.is_some() => "PAUSED",
        None => "UNFINISHED",
    }
}

/// `6 passed · 1 failed · 2 skipped`, joined by `separator`; zeros are left out.
#[must_use]
pub fn tally(tally: &Tally, separator: &str) -> String {
    let parts = [
        (tally.passed, "passed"),
        (tally.failed, "failed"),
        (tally.tolerated, "failed and tolerated"),
        (tally.skipped, "skipped"),
        (tally.cancelled, "cancelled"),
        (tally.running, "running"),
        (tally.waiting, "waiting to run again"),
    ];
    let parts = parts
        .iter()
        .filter(|(count, word)| *count > 0 || *word == "passed");
    let parts: Vec<String> = parts
        .map(|(count, word)| match (*word, tally.reused) {
            ("passed", 1..) => format!("{count} {word} ({} reused)", tally.reused),
            _ => format!("{count} {word}"),
        })
        .collect();
    parts.join(separator)
}

/// Why a task did not run, or why it failed, in one short line.
#[must_use]
pub fn reason(summary: &RunSummary, task: &TaskSummary) -> String {
    match &task.standing {
        Standing::Skipped { because, cause } => {
            use protocol::event::SkipCause;
            match (cause, because, summary.root_cause(task)) {
                (SkipCause::Failure, _, Some(root)) => format!("because {} failed", root.id),
                (SkipCause::Failure, Some(because), None) => format!("because of {because}"),
                (SkipCause::Failure, None, None) => "because of a failure".into(),
                (SkipCause::If, Some(because), _) => format!("because {because} was skipped"),
                (SkipCause::If, None, _) => "its `if` was false".into(),
                (SkipCause::NotSelected, _, _) => "not part of this retry".into(),
            }
        }
        Standing::Failed { failure, tolerated } => {
            let how = match task.last_attempt() {
                _ if !task.fails_itself() => failed_children(task),
                Some(attempt) if attempt.finished.is_some() => attempt.how(),
                _ => failure.class.to_string(),
            };
            let tolerated = if *tolerated { "; tolerated" } else { "" };
            format!("{how}{tolerated}")
        }
        Standing::Done if task.reused.is_some() => "reused".into(),
        _ => String::new(),
    }
}

/// `8 items`: what a task has expanded into.
#[must_use]
pub fn children(task: &TaskSummary) -> Option<String> {
    let items = usize::try_from(task.child_count()?).unwrap_or(usize::MAX);
    Some(count(items, noun(task)))
}

/// `1 of 3 items failed`.
fn failed_children(task: &TaskSummary) -> String {
    let failed = task.failed_children();
    match children(task) {
        Some(all) => format!("{failed} of {all} failed"),
        None => format!("{} failed", count(failed, noun(task))),
    }
}

fn noun(task: &TaskSummary) -> &'static str {
    let is_nested = task.expansion.as_ref().is_some_and(|own| own.is_nested);
    if is_nested { "task" } else { "item" }
}

/// What its logs do not hold.
#[must_use]
pub fn cut(task: &TaskSummary) -> Option<&'static str> {
    let mut attempts = task.attempts.iter();
    attempts
        .any(|attempt| attempt.truncated)
        .then_some("its log is cut: it wrote more than is kept")
}

/// Why, or how, in the lists of tasks.
#[must_use]
pub fn how(
    summary: &RunSummary,
    task: &TaskSummary,
    plan: Option<&Plan>,
    redact: Redactor,
) -> String {
    let how = standing(summary, task, plan, redact);
    match cut(task) {
        Some(cut) if how.is_empty() => cut.into(),
        Some(cut) => format!("{how}; {cut}"),
        None => how,
    }
}

fn standing(
    summary: &RunSummary,
    task: &TaskSummary,
    plan: Option<&Plan>,
    redact: Redactor,
) -> String {
    match &task.standing {
        Standing::Done if task.attempts.len() > 1 => format!("after {}", repeats(task)),
        Standing::Done => match &task.reused {
            Some(run) => format!("reused from {}", redact.run(run)),
            None => children(task).unwrap_or_default(),
        },
        Standing::Waiting if task.child_count().is_some() => children(task).unwrap_or_default(),
        Standing::Waiting => waiting(task, plan, redact),
        _ => reason(summary, task),
    }
}

/// Why a task has more than one attempt, in a few words: only what followed a failure is a retry.
#[must_use]
pub fn repeats(task: &TaskSummary) -> String {
    use protocol::event::LeaseEnd;
    let said = |number: usize, one: &str, many: &str| match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{number} {many}")),
    };
    let parts = [
        said(task.retries(), "retry", "retries"),
        said(
            task.lost(LeaseEnd::CoordinatorRestarted),
            "interruption",
            "interruptions",
        ),
        said(
            task.lost(LeaseEnd::WorkerLost),
            "lost worker",
            "lost workers",
        ),
        said(task.lost(LeaseEnd::HandedBack), "hand-over", "hand-overs"),
        said(task.reopened as usize, "reopening", "reopenings"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What a task that has begun waits for: `waits for attempt 2 of 3, due 07:51:00 UTC`.
#[must_use]
pub fn waiting(task: &TaskSummary, plan: Option<&Plan>, redact: Redactor) -> String {
    if !task.is_between_attempts() {
        return String::new();
    }
    let begun = task.last_attempt().map_or(0, |attempt| attempt.number);
    let next = task.due.map_or(begun + 1, |due| due.attempt);
    let most = max_attempts(plan, task).filter(|most| *most >= next);
    let most = most.map_or_else(String::new, |most| format!(" of {most}"));
    match task.due {
        Some(due) => {
            let at = redact.clock(due.at);
            format!("waits for attempt {next}{most}, due {at} UTC")
        }
        None => format!("waits for attempt {next}{most}"),
    }
}

/// What of a declared directory was no file, in a few words.
#[must_use]
pub fn left_out(artifact: &Artifact) -> Option<String> {
    let count = usize::try_from(artifact.left_out).unwrap_or(usize::MAX);
    (count > 0).then(|| {
        let what = if count == 1 { "entry" } else { "entries" };
        format!("{count} {what} left out (links, pipes or devices)")
    })
}

/// A value as JSON, or its beginning.
#[must_use]
pub fn short(value: &serde_json::Value, most: usize) -> String {
    let text = value.to_string();
    if text.chars().count() <= most {
        return text;
    }
    let mut cut: String = text.chars().take(most).collect();
    cut.push('…');
    cut
}

/// A path of ours as a relative link: what has a meaning in one is encoded.
#[must_use]
pub fn href(path: &str) -> String {
    use std::fmt::Write as _;
    let mut link = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => {
                link.push(char::from(byte));
            }
            other => write!(link, "%{other:02X}").expect("into a string"),
        }
    }
    link
}

/// `1 task`, `2 tasks`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

/// How many tasks a plan has, and whether a model wrote them.
#[must_use]
pub fn tasks(number: usize, is_planned: bool) -> String {
    let tasks = count(number, "task");
    match (is_planned, number) {
        (false, _) => tasks,
        (true, 1) => format!("{tasks}, planned"),
        (true, _) => format!("{tasks}, all planned"),
    }
}
