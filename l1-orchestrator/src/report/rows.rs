//! The table of tasks, the same in every report: failures first, what expanded as one row and, of its
//! children, what a reader looks for.

use protocol::plan::Plan;

use super::graph::Look;
use super::outline::{outline, told};
use super::planned;
use super::redact::Redactor;
use super::summary::RunSummary;
use super::task::TaskSummary;
use super::words;

/// Rows of a table of tasks.
const MAX_ROWS: usize = 2_000;
/// Tasks of a run whose children all have rows of their own.
const MAX_UNROLLED: usize = 60;

/// One row.
#[derive(Clone, Debug)]
pub struct TaskRow<'a> {
    /// The task.
    pub task: &'a TaskSummary,
    /// The word of its standing.
    pub word: &'static str,
    /// Its color.
    pub look: Look,
    /// `run`, `command`, `uses`, and how often.
    pub kind: String,
    /// Number of attempts; none of what expanded, whose children have them.
    pub attempts: String,
    /// Since the run began.
    pub start: String,
    /// How long it took.
    pub took: String,
    /// Why, or how.
    pub how: String,
}

/// Rows, and how many tasks have none.
#[derive(Clone, Debug)]
pub struct TaskRows<'a> {
    /// Failures first.
    pub rows: Vec<TaskRow<'a>>,
    /// Tasks that passed or were passed over and are told by the row of what they belong to.
    pub rolled_up: usize,
    /// Tasks beyond the bound.
    pub more: usize,
    /// Tasks of the plan that nothing happened to.
    pub unseen: usize,
}

/// The rows of a run.
#[must_use]
pub fn rows<'a>(summary: &'a RunSummary, plan: Option<&Plan>, redact: Redactor) -> TaskRows<'a> {
    let mut tasks = told(outline(summary), MAX_UNROLLED);
    let rolled_up = summary.tasks.len() - tasks.len();
    let more = tasks.len().saturating_sub(MAX_ROWS);
    tasks.truncate(MAX_ROWS);
    let is_leaf = |task: &&TaskSummary| task.child_count().is_none();
    let seen = summary.tasks.iter().filter(is_leaf).count();
    TaskRows {
        rows: tasks
            .into_iter()
            .map(|task| row(summary, plan, task, redact))
            .collect(),
        rolled_up,
        more,
        unseen: usize::try_from(summary.planned)
            .unwrap_or(usize::MAX)
            .saturating_sub(seen),
    }
}

fn row<'a>(
    summary: &'a RunSummary,
    plan: Option<&Plan>,
    task: &'a TaskSummary,
    redact: Redactor,
) -> TaskRow<'a> {
    let run_began = summary.started.as_ref().map_or(summary.last, |(at, _)| *at);
    let mut kind = planned::kind(plan, &task.id).to_owned();
    let mut attempts = task.attempts.len().to_string();
    let mut how = words::how(summary, task, plan, redact);
    if let Some(expansion) = task.expansion.as_ref().filter(|own| own.is_complete) {
        // Its children have them.
        attempts = String::new();
        if expansion.is_nested {
            kind = "uses".into();
        } else {
            kind = format!("{kind} × {}", expansion.items);
        }
        if !task.is_failed() {
            how = words::tally(&expansion.children, ", ");
        }
    }
    TaskRow {
        task,
        word: task.word(),
        look: Look::of(Some(task)),
        kind,
        attempts,
        start: task
            .begun()
            .map(|begun| redact.offset(begun.since(run_began)))
            .unwrap_or_default(),
        took: task
            .duration()
            .map(|span| redact.duration(span))
            .unwrap_or_default(),
        how,
    }
}
