//! What the renderers of one run share: how to name it, and what to type next.

use std::sync::Arc;
use std::time::Duration;

use protocol::event::SkipCause;
use protocol::ids::TaskId;
use protocol::outcome::RunOutcome;
use protocol::plan::Plan;
use protocol::time::Timestamp;

use super::attempt::Attempt;
use super::modelled;
use super::planned::max_attempts;
use super::redact::Redactor;
use super::summary::RunSummary;
use super::task::{Standing, TaskSummary};
use super::words;
use crate::ui::Tone;

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
    /// The present, while some process drives the run.
    pub driven: Option<Timestamp>,
    /// Placeholders for snapshots.
    pub redact: Redactor,
}

/// A task as one word of a shell, which brackets of an item mean something to.
#[must_use]
pub fn task_word(task: &TaskId) -> String {
    let id = task.as_str();
    if id.contains('[') {
        format!("'{id}'")
    } else {
        id.to_owned()
    }
}

/// The verdict of a run that some process drives.
pub const RUNNING: &str = "RUNNING";

impl View {
    /// The verdict in capitals, and how long it took or has taken so far.
    #[must_use]
    pub fn verdict(&self, summary: &RunSummary) -> (&'static str, Duration) {
        let begun = summary.started.as_ref().map(|(at, _)| *at);
        match (self.driven.filter(|_| summary.ending.is_none()), begun) {
            (Some(now), Some(begun)) => (RUNNING, now.since(begun)),
            (Some(_), None) => (RUNNING, Duration::ZERO),
            (None, _) => (words::verdict(summary), summary.wall()),
        }
    }
}

/// What to type next, most useful first.
#[must_use]
pub fn next_commands(summary: &RunSummary, view: &View) -> Vec<String> {
    let command = |verb: &str, rest: &str| view.run.command(verb, rest);
    let mut next = Vec::new();
    if let Some(task) = summary.first_failure() {
        let wrote = |attempt: &Attempt| attempt.log_bytes != [0, 0];
        let id = task_word(&task.id);
        if task.attempts.iter().any(wrote) {
            next.push(command("logs", &id));
        }
        if summary.ending.is_some() {
            next.push(command("explain", &id));
        }
    }
    match (summary.ending, view.driven) {
        (Some(_), _) => match again(summary) {
            Some(rest) => next.push(command("retry", &rest)),
            None => next.push(command("verify", "")),
        },
        (None, Some(_)) => {
            next.push(command("watch", ""));
            if summary.first_failure().is_none() {
                next.push(command("logs", "--follow"));
            }
            if summary.cancelling.is_none() {
                next.extend([command("pause", ""), command("cancel", "")]);
            }
        }
        (None, None) => next.push(command("resume", "")),
    }
    next
}

/// Tasks that a retry left out: they ran in no run.
#[must_use]
pub(super) fn left_out(summary: &RunSummary) -> usize {
    let left_out = |task: &&TaskSummary| {
        let cause = SkipCause::NotSelected;
        matches!(&task.standing, Standing::Skipped { cause: own, .. } if *own == cause)
    };
    summary.tasks.iter().filter(left_out).count()
}

/// What is worth running again of a run that is over: the one task that failed with what follows from it,
/// or all that did not succeed.
fn again(summary: &RunSummary) -> Option<String> {
    if modelled::is_unplanned(summary) {
        return None;
    }
    match summary.ending?.outcome {
        RunOutcome::Completed => (left_out(summary) > 0).then(String::new),
        RunOutcome::Cancelled => Some(String::new()),
        RunOutcome::Failed => {
            let is_required =
                |task: &&TaskSummary| task.standing.rank() == 0 && task.fails_itself();
            // What was left out or stopped has to run as well.
            let is_alone = summary.tally.cancelled == 0 && left_out(summary) == 0;
            let mut failed = summary.tasks.iter().filter(is_required);
            match (failed.next(), failed.next()) {
                (Some(one), None) if is_alone => {
                    Some(format!("{} --downstream", task_word(&one.id)))
                }
                _ => Some(String::new()),
            }
        }
    }
}

/// `attempt 2 of 3`, as far as the plan is known.
pub(super) fn attempt_of(number: u32, task: &TaskSummary, view: &View) -> String {
    match max_attempts(view.plan.as_deref(), task) {
        Some(most) if most >= number => format!("attempt {number} of {most}"),
        _ => format!("attempt {number}"),
    }
}

/// The color of a standing; its word says the same.
pub(super) const fn tone_of(standing: &Standing) -> Tone {
    match standing {
        Standing::Done => Tone::Good,
        Standing::Failed {
            tolerated: false, ..
        } => Tone::Bad,
        Standing::Failed { .. } | Standing::Cancelled => Tone::Warn,
        Standing::Skipped { .. } | Standing::Waiting | Standing::Running => Tone::Dim,
    }
}
