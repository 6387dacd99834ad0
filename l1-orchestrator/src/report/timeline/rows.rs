//! The rows of a timeline. Time in which nobody drove the run is cut out: a night between two lives
//! would leave nothing to see of either.

use std::time::Duration;

use protocol::ids::TaskId;
use protocol::plan::Plan;

use crate::report::graph::Look;
use crate::report::planned::ready;
use crate::report::summary::RunSummary;
use crate::report::task::{Attempt, AttemptEnding, Standing, TaskSummary};

/// Most rows; more are counted.
const MAX_ROWS: usize = 200;
/// Unstarted tasks named.
const MAX_UNSTARTED: usize = 40;

/// One attempt. All instants are driven time since the run began.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// Its task.
    pub task: &'a TaskSummary,
    /// The attempt.
    pub attempt: &'a Attempt,
    /// Since when it could have run: the end of what it needed, or of the attempt before it.
    pub ready: Duration,
    /// Its start.
    pub start: Duration,
    /// Its end, or the last that is known.
    pub end: Duration,
    /// How it ended.
    pub look: Look,
}

impl Row<'_> {
    /// How long it waited for a slot or for its delay.
    #[must_use]
    pub fn wait(&self) -> Duration {
        self.start.saturating_sub(self.ready)
    }

    /// How long it ran.
    #[must_use]
    pub fn ran(&self) -> Duration {
        self.end.saturating_sub(self.start)
    }
}

/// Rows and what is not among them.
#[derive(Clone, Debug, Default)]
pub struct Timeline<'a> {
    /// By their starts.
    pub rows: Vec<Row<'a>>,
    /// Attempts that have no row.
    pub more: usize,
    /// From the first event to the last.
    pub span: Duration,
    /// Where a time without a driver was cut out.
    pub cuts: Vec<Duration>,
    /// Tasks without an attempt, and what became of them.
    pub unstarted: Vec<(String, &'static str)>,
    /// Further tasks without one.
    pub more_unstarted: usize,
}

/// The timeline of a run.
#[must_use]
pub fn timeline<'a>(summary: &'a RunSummary, plan: Option<&Plan>) -> Timeline<'a> {
    let mut rows = Vec::new();
    for task in &summary.tasks {
        let ready = ready(summary, plan, task);
        let mut ready =
            ready.unwrap_or_else(|| summary.started.as_ref().map_or(summary.last, |s| s.0));
        for attempt in &task.attempts {
            let end = attempt.finished.unwrap_or(summary.last);
            rows.push(Row {
                task,
                attempt,
                ready: summary.driven_until(ready.min(attempt.started)),
                start: summary.driven_until(attempt.started),
                end: summary.driven_until(end),
                look: look(attempt, task),
            });
            ready = end;
        }
    }
    let more = rows.len().saturating_sub(MAX_ROWS);
    if more > 0 {
        // What failed is looked for, and what took long; then in the order of time again.
        rows.sort_by_key(|row| (row.look, std::cmp::Reverse(row.ran())));
        rows.truncate(MAX_ROWS);
    }
    rows.sort_by_key(|row| (row.start, row.attempt.number));
    let (unstarted, more_unstarted) = unstarted(summary, plan);
    Timeline {
        rows,
        more,
        span: summary
            .driven_until(summary.last)
            .max(Duration::from_micros(1)),
        cuts: summary
            .gaps
            .iter()
            .map(|gap| summary.driven_until(gap.from))
            .collect(),
        unstarted,
        more_unstarted,
    }
}

const fn look(attempt: &Attempt, task: &TaskSummary) -> Look {
    match &attempt.ending {
        AttemptEnding::Succeeded => Look::Done,
        AttemptEnding::Failed { .. } => Look::Failed,
        AttemptEnding::Lost(_) => Look::Cancelled,
        AttemptEnding::Open if matches!(task.standing, Standing::Running) => Look::Running,
        AttemptEnding::Open => Look::Cancelled,
    }
}

fn unstarted(summary: &RunSummary, plan: Option<&Plan>) -> (Vec<(String, &'static str)>, usize) {
    let mut all: Vec<(String, &'static str)> = Vec::new();
    let mut count = 0;
    let mut add = |id: &TaskId, word| {
        count += 1;
        if all.len() < MAX_UNSTARTED {
            all.push((id.to_string(), word));
        }
    };
    let idle = |task: &TaskSummary| {
        let is_idle = task.attempts.is_empty() && task.child_count().is_none();
        is_idle && task.standing != Standing::Done
    };
    if let Some(plan) = plan {
        for (_, task) in plan.tasks() {
            match summary.task(task.id()) {
                None => add(task.id(), "WAIT"),
                Some(known) if idle(known) => add(task.id(), known.standing.word()),
                Some(_) => {}
            }
        }
    } else {
        for task in summary.tasks.iter().filter(|task| idle(task)) {
            add(&task.id, task.standing.word());
        }
        return (all, count - count.min(MAX_UNSTARTED));
    }
    let children = summary.tasks.iter().filter(|task| task.parent.is_some());
    for task in children.filter(|task| idle(task)) {
        add(&task.id, task.standing.word());
    }
    (all, count - count.min(MAX_UNSTARTED))
}
