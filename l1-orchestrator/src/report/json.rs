//! `report.json`, `orchestra.report/v1`: the summary for machines, written as it is made, because a
//! run of a hundred thousand tasks has a long one.

use std::io::{self, Write};
use std::time::Duration;

use protocol::artifact::Artifact;
use protocol::outcome::Failure;
use protocol::plan::Plan;
use serde::Serialize;
use serde::ser::Serializer;

use super::stats::{Spread, Stats};
use super::summary::RunSummary;
use super::task::{Attempt, AttemptEnding, Standing, TaskSummary};
use super::words;

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<Run<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<Approval<'a>>,
    wall_ms: u64,
    slots: u32,
    resumed: usize,
    recovered: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_by: Option<&'a protocol::event::Origin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<&'a str>,
    counts: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_failure: Option<TaskView<'a>>,
    success_rate_percent: Option<u64>,
    attempts: Attempts,
    errors: Vec<ErrorGroup>,
    tasks: Tasks<'a>,
    last_seq: u64,
}

#[derive(Serialize)]
struct Run<'a> {
    id: String,
    short_id: String,
    scenario: &'a str,
    started: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished: Option<String>,
    policy: &'a str,
    policy_digest: String,
    scenario_sha256: String,
    sandbox: String,
    sandbox_in_words: &'static str,
    trace_id: &'a str,
    orchestra: &'a str,
}

#[derive(Serialize)]
struct Approval<'a> {
    plan: String,
    policy: String,
    by: &'a protocol::event::Origin,
    at: String,
}

#[derive(Serialize)]
struct Counts {
    planned: u64,
    passed: usize,
    failed: usize,
    tolerated: usize,
    skipped: usize,
    cancelled: usize,
    not_over: u64,
}

#[derive(Serialize)]
struct Attempts {
    started: usize,
    succeeded: usize,
    retries: usize,
    worker_crashes: u32,
    late_results: u64,
    attempt_us: SpreadView,
    task_us: SpreadView,
    queue_wait_us: SpreadView,
    cpu_us: u64,
    peak_rss_bytes: u64,
}

#[derive(Serialize)]
struct SpreadView {
    count: usize,
    mean: u64,
    p50: u64,
    p95: u64,
    max: u64,
}

#[derive(Serialize)]
struct ErrorGroup {
    class: &'static str,
    advice: &'static str,
    attempts: usize,
    tasks: Vec<String>,
}

struct Tasks<'a>(&'a [TaskSummary], Option<&'a Plan>);

#[derive(Serialize)]
struct TaskView<'a> {
    task: &'a str,
    status: &'static str,
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

#[derive(Serialize)]
struct AttemptView<'a> {
    attempt: u32,
    how: String,
    started: String,
    wall_us: u64,
    cpu_us: u64,
    peak_rss_bytes: u64,
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

impl Serialize for Tasks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|task| TaskView::of(task, self.1)))
    }
}

/// Writes the report as one JSON object on one line.
///
/// # Errors
/// `out` does not take it.
pub fn write(summary: &RunSummary, plan: Option<&Plan>, out: &mut impl Write) -> io::Result<()> {
    let stats = Stats::of(summary, plan);
    let tally = &summary.tally;
    let finished = tally.passed + tally.failed + tally.tolerated;
    let report = Report {
        schema: "orchestra.report/v1",
        verdict: words::verdict(summary),
        exit_code: summary.ending.map(|ending| ending.exit_code),
        run: run(summary),
        approval: summary.approval.as_ref().map(|approval| Approval {
            plan: approval.plan.to_string(),
            policy: approval.policy.to_string(),
            by: &approval.by,
            at: approval.at.to_string(),
        }),
        wall_ms: u64::try_from(summary.wall().as_millis()).unwrap_or(u64::MAX),
        slots: summary.slots(),
        resumed: summary.resumed.len(),
        recovered: summary.recovered.len(),
        cancelled_by: summary.cancelling.as_ref(),
        paused: summary.paused.as_deref(),
        counts: Counts {
            planned: summary.planned,
            passed: tally.passed,
            failed: tally.failed,
            tolerated: tally.tolerated,
            skipped: tally.skipped,
            cancelled: tally.cancelled,
            not_over: summary.planned.saturating_sub(tally.over() as u64),
        },
        first_failure: summary.first_failure().map(|task| TaskView::of(task, plan)),
        success_rate_percent: (tally.passed * 100)
            .checked_div(finished)
            .map(|rate| rate as u64),
        attempts: attempts(&stats, summary),
        errors: stats.classes.iter().map(ErrorGroup::of).collect(),
        tasks: Tasks(&summary.tasks, plan),
        last_seq: summary.last_seq,
    };
    serde_json::to_writer(&mut *out, &report)?;
    out.write_all(b"\n")
}

fn run(summary: &RunSummary) -> Option<Run<'_>> {
    let (at, started) = summary.started.as_ref()?;
    Some(Run {
        id: started.run_id.to_string(),
        short_id: started.run_id.short(),
        scenario: started.scenario.as_str(),
        started: at.to_string(),
        finished: summary.ending.map(|ending| ending.at.to_string()),
        policy: &started.policy,
        policy_digest: started.policy_digest.to_string(),
        scenario_sha256: started.scenario_file.to_string(),
        sandbox: started.level.to_string(),
        sandbox_in_words: words::sandbox(started.level),
        trace_id: &started.trace_id,
        orchestra: &started.orchestra,
    })
}

fn attempts(stats: &Stats, summary: &RunSummary) -> Attempts {
    Attempts {
        started: stats.attempts,
        succeeded: stats.attempts_succeeded,
        retries: stats.retries,
        worker_crashes: stats.crashes,
        late_results: summary.late_results,
        attempt_us: SpreadView::of(&stats.attempt_time),
        task_us: SpreadView::of(&stats.task_time),
        queue_wait_us: SpreadView::of(&stats.queue_wait),
        cpu_us: micros(stats.cpu),
        peak_rss_bytes: stats.peak_rss_bytes,
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

impl SpreadView {
    fn of(spread: &Spread) -> Self {
        Self {
            count: spread.count,
            mean: micros(spread.mean),
            p50: micros(spread.p50),
            p95: micros(spread.p95),
            max: micros(spread.max),
        }
    }
}

impl ErrorGroup {
    fn of(group: &super::stats::ClassGroup) -> Self {
        Self {
            class: group.class.as_str(),
            advice: group.class.advice(),
            attempts: group.attempts,
            tasks: group.tasks.iter().map(ToString::to_string).collect(),
        }
    }
}

impl<'a> TaskView<'a> {
    fn of(task: &'a TaskSummary, plan: Option<&Plan>) -> Self {
        let mut view = Self {
            task: task.id.as_str(),
            status: task.standing.status(),
            failure: None,
            tolerated: false,
            skipped: None,
            because: None,
            duration_us: task.duration().map(micros),
            worker: task.worker.as_ref().map(protocol::ids::WorkerId::as_str),
            max_attempts: super::max_attempts(plan, task),
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
            exit: attempt.exit,
            signal: attempt.signal,
            failure,
            tail,
            log: attempt.telling_log(&task.id),
        }
    }
}
