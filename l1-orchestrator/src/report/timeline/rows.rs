//! The rows of a timeline. Time in which nobody drove the run is cut out: a night between two lives
//! would leave nothing to see of either.

use std::collections::HashMap;
use std::time::Duration;

use protocol::ids::TaskId;
use protocol::plan::Plan;
use protocol::time::Timestamp;

use crate::report::attempt::{Attempt, AttemptEnding};
use crate::report::graph::Look;
use crate::report::planned::ready;
use crate::report::summary::RunSummary;
use crate::report::task::{Standing, TaskSummary};

/// Most rows; more are counted.
const MAX_ROWS: usize = 200;
/// Tasks of a run whose children all have rows of their own.
const MAX_UNROLLED: usize = 60;
/// Unstarted tasks named.
const MAX_UNSTARTED: usize = 40;

/// One attempt, or all that went well of a task that expanded. All instants are driven time since the
/// run began.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// Its task.
    pub task: &'a TaskSummary,
    /// Number of the attempt; none for a roll-up.
    pub attempt: Option<u32>,
    /// How it ended; of a roll-up, how many of how many passed.
    pub how: String,
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
    let unroll = summary.tasks.len() <= MAX_UNROLLED;
    let mut rows = Vec::new();
    let mut begun: HashMap<u32, Timestamp> = HashMap::new();
    for task in &summary.tasks {
        let parent = task.parent.filter(|_| !unroll);
        if let (Some(parent), Some(first)) = (parent, task.attempts.first()) {
            let begun = begun.entry(parent).or_insert(first.started);
            *begun = first.started.min(*begun);
        }
        // What went well is told by the row of what it belongs to.
        if parent.is_none() || task.is_failed() || task.standing == Standing::Running {
            attempts(summary, plan, task, &mut rows);
        }
    }
    for (parent, first) in begun {
        rows.extend(roll_up(summary, &summary.tasks[parent as usize], first));
    }
    let more = rows.len().saturating_sub(MAX_ROWS);
    if more > 0 {
        // What failed is looked for, and what took long; then in the order of time again.
        rows.sort_by(|a, b| {
            let key = |row: &Row<'_>| (row.look, std::cmp::Reverse(row.ran()));
            (key(a), &a.task.id, a.attempt).cmp(&(key(b), &b.task.id, b.attempt))
        });
        rows.truncate(MAX_ROWS);
    }
    rows.sort_by(|a, b| (a.start, &a.task.id, a.attempt).cmp(&(b.start, &b.task.id, b.attempt)));
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

fn attempts<'a>(
    summary: &RunSummary,
    plan: Option<&Plan>,
    task: &'a TaskSummary,
    rows: &mut Vec<Row<'a>>,
) {
    let ready = ready(summary, plan, task);
    let mut ready = ready
        .or_else(|| summary.started.as_ref().map(|(began, _)| *began))
        .unwrap_or(summary.last);
    for attempt in &task.attempts {
        let end = attempt.finished.unwrap_or(summary.last);
        rows.push(Row {
            task,
            attempt: Some(attempt.number),
            how: attempt.how(),
            ready: summary.driven_until(ready.min(attempt.started)),
            start: summary.driven_until(attempt.started),
            end: summary.driven_until(end),
            look: look(attempt, task),
        });
        ready = end;
    }
}

fn roll_up<'a>(summary: &RunSummary, task: &'a TaskSummary, first: Timestamp) -> Option<Row<'a>> {
    let own = task.expansion.as_ref()?;
    let end = task.ended.unwrap_or(summary.last);
    Some(Row {
        task,
        attempt: None,
        how: format!("{}/{}", own.children.passed, own.items),
        ready: summary.driven_until(own.at.min(first)),
        start: summary.driven_until(first),
        end: summary.driven_until(end),
        look: Look::of(Some(task)),
    })
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
