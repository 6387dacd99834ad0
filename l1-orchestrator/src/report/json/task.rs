//! Tasks and attempts in `report.json`.

use protocol::artifact::Artifact;
use protocol::outcome::Failure;
use protocol::plan::Plan;
use protocol::policy::{DeniedAction, Guarantee, ObservedWrite, SandboxLevel};
use schemars::JsonSchema;
use serde::Serialize;

use super::report::micros;
use crate::report::attempt::{Attempt, AttemptEnding};
use crate::report::max_attempts;
use crate::report::task::{Standing, TaskSummary};

#[derive(JsonSchema, Serialize)]
pub(super) struct TaskView<'a> {
    task: &'a str,
    /// What its fan-out item is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    /// As in expressions.
    status: &'static str,
    /// Its children, once it has expanded: it is a roll-up of them and no task of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    children: Option<Children>,
    /// The run that its result was carried over from.
    #[serde(skip_serializing_if = "Option::is_none")]
    reused_from: Option<String>,
    /// The attempt that it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<Waits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a Failure>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    tolerated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<&'a protocol::event::SkipCause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_attempts: Option<u32>,
    attempts: Vec<AttemptView<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    artifacts: &'a [Artifact],
}

#[derive(JsonSchema, Serialize)]
struct Waits {
    attempt: u32,
    not_before: String,
}

#[derive(JsonSchema, Serialize)]
struct Children {
    known: u64,
    passed: usize,
    failed: usize,
    tolerated: usize,
    skipped: usize,
    cancelled: usize,
}

impl Children {
    fn of(task: &TaskSummary) -> Option<Self> {
        let known = task.child_count()?;
        let tally = task.expansion.as_ref()?.children;
        Some(Self {
            known,
            passed: tally.passed,
            failed: tally.failed,
            tolerated: tally.tolerated,
            skipped: tally.skipped,
            cancelled: tally.cancelled,
        })
    }
}

#[derive(JsonSchema, Serialize)]
struct AttemptView<'a> {
    attempt: u32,
    how: String,
    started: String,
    wall_us: u64,
    cpu_us: u64,
    peak_rss_bytes: u64,
    /// Of all its processes, where a control group measured it.
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_memory_bytes: Option<u64>,
    /// Of workspace and home, where there is a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_disk_bytes: Option<u64>,
    /// Confinement that was in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<SandboxLevel>,
    /// Guarantees that it went without.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    degraded: Vec<Guarantee>,
    /// What the sandbox denied it.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    denied: &'a [DeniedAction],
    /// What was seen of the paths that its task declares to write.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    writes: &'a [ObservedWrite],
    #[serde(skip_serializing_if = "Option::is_none")]
    exit: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
}

impl<'a> TaskView<'a> {
    pub(super) fn of(task: &'a TaskSummary, plan: Option<&Plan>) -> Self {
        let mut view = Self {
            task: task.id.as_str(),
            label: task.label.as_deref(),
            status: task.standing.status(),
            children: Children::of(task),
            reused_from: task.reused.map(|run| run.to_string()),
            waits_for: task.due.map(|due| Waits {
                attempt: due.attempt,
                not_before: due.at.to_string(),
            }),
            failure: None,
            tolerated: false,
            skipped: None,
            because: None,
            duration_us: task.duration().map(micros),
            worker: task.worker.as_ref().map(protocol::ids::WorkerId::as_str),
            max_attempts: max_attempts(plan, task),
            attempts: task
                .attempts
                .iter()
                .map(|attempt| AttemptView::of(task, attempt))
                .collect(),
            artifacts: &task.artifacts,
        };
        match &task.standing {
            Standing::Failed { failure, tolerated } => {
                view.failure = Some(failure);
                view.tolerated = *tolerated;
            }
            Standing::Skipped { cause, because } => {
                view.skipped = Some(cause);
                view.because = because.as_ref().map(protocol::ids::TaskId::as_str);
            }
            _ => {}
        }
        view
    }
}

impl<'a> AttemptView<'a> {
    fn of(task: &TaskSummary, attempt: &'a Attempt) -> Self {
        let (failure, tail) = match &attempt.ending {
            AttemptEnding::Failed { failure, tail } => (Some(&**failure), tail.as_deref()),
            _ => (None, None),
        };
        Self {
            attempt: attempt.number,
            how: attempt.how(),
            started: attempt.started.to_string(),
            wall_us: micros(attempt.wall),
            cpu_us: micros(attempt.cpu),
            peak_rss_bytes: attempt.peak_rss_bytes,
            peak_memory_bytes: attempt.peak_memory_bytes,
            peak_disk_bytes: attempt.peak_disk_bytes,
            level: attempt.level,
            degraded: attempt.degraded.iter().collect(),
            denied: attempt.denied.as_deref().unwrap_or_default(),
            writes: attempt.writes.as_deref().unwrap_or_default(),
            exit: attempt.exit,
            signal: attempt.signal,
            failure,
            tail,
            log: attempt.telling_log(&task.id),
        }
    }
}
