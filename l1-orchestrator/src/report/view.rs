//! What the renderers of one run share: how to name it, and what to type next.

use std::sync::Arc;

use protocol::outcome::RunOutcome;
use protocol::plan::Plan;
use protocol::time::Timestamp;

use super::planned::max_attempts;
use super::redact::Redactor;
use super::summary::RunSummary;
use super::task::{Standing, TaskSummary};
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
    if let Some(rest) = again(summary) {
        next.push(view.run.command("retry", &rest));
    }
    let verb = match (summary.ending, view.driven) {
        (Some(_), _) => "verify",
        (None, Some(_)) => "cancel",
        (None, None) => "resume",
    };
    next.push(view.run.command(verb, ""));
    next
}

/// What is worth running again of a run that is over: the one task that failed with what follows from it,
/// or all that did not succeed.
fn again(summary: &RunSummary) -> Option<String> {
    match summary.ending?.outcome {
        RunOutcome::Completed => None,
        RunOutcome::Cancelled => Some(String::new()),
        RunOutcome::Failed => {
            let is_required = |task: &&TaskSummary| {
                matches!(
                    task.standing,
                    Standing::Failed {
                        tolerated: false,
                        ..
                    }
                )
            };
            let mut failed = summary.tasks.iter().filter(is_required);
            match (failed.next(), failed.next()) {
                (Some(one), None) => Some(format!("{} --downstream", one.id)),
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
