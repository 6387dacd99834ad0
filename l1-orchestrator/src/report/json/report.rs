//! `report.json`, `orchestra.report/v1`: the summary for machines, written as it is made, because a
//! run of a hundred thousand tasks has a long one.

use std::io::{self, Write};
use std::time::Duration;

use protocol::plan::Plan;
use protocol::policy::{Finding, Guarantee, SandboxLevel};
use schemars::JsonSchema;
use serde::Serialize;
use serde::ser::Serializer;
use serde_json::{Map, Value};

use super::models::Models;
use super::task::TaskView;
use crate::report::enforced;
use crate::report::stats::{ClassGroup, Spread, Stats};
use crate::report::summary::RunSummary;
use crate::report::task::TaskSummary;
use crate::report::words;

/// The `schema` of this version.
const SCHEMA: &str = "orchestra.report/v1";

/// `report.json`: a run's report for machines.
#[derive(JsonSchema, Serialize)]
struct Report<'a> {
    /// This version of the shape.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<Run<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<Approval<'a>>,
    wall_ms: u64,
    /// Of it, how long nobody drove the run, as far as its events can tell.
    undriven_ms: u64,
    slots: u32,
    resumed: usize,
    recovered: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_by: Option<&'a protocol::event::Origin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<&'a str>,
    counts: Counts,
    /// What was asked of models; absent where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    models: Option<Models<'a>>,
    enforcement: EnforcementView,
    /// What the policy had to say, the first of it.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    findings: &'a [Finding],
    finding_count: u64,
    /// What the scenario hands to the reader of the run.
    #[serde(skip_serializing_if = "Map::is_empty")]
    outputs: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_failure: Option<TaskView<'a>>,
    success_rate_percent: Option<u64>,
    attempts: Attempts,
    errors: Vec<ErrorGroup>,
    /// Every task that an event names, in the order in which they were first named.
    #[schemars(with = "Vec<TaskView<'static>>")]
    tasks: Tasks<'a>,
    last_seq: u64,
}

#[derive(JsonSchema, Serialize)]
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
    /// The run whose results this one carries over.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_of: Option<String>,
}

#[derive(JsonSchema, Serialize)]
struct Approval<'a> {
    plan: String,
    policy: String,
    by: &'a protocol::event::Origin,
    at: String,
}

#[derive(JsonSchema, Serialize)]
struct Counts {
    /// Tasks of the plan; what expanded counts as its children.
    planned: u64,
    passed: usize,
    /// Of these, carried over from the run that this one retries.
    reused: usize,
    failed: usize,
    tolerated: usize,
    skipped: usize,
    cancelled: usize,
    not_over: u64,
}

/// What the sandbox enforced over all attempts that ended.
#[derive(JsonSchema, Serialize)]
struct EnforcementView {
    levels: Vec<AtLevel>,
    degraded: Vec<Degraded>,
    /// Attempts of which something was denied.
    denied_attempts: u64,
}

#[derive(JsonSchema, Serialize)]
struct AtLevel {
    level: SandboxLevel,
    attempts: u64,
}

#[derive(JsonSchema, Serialize)]
struct Degraded {
    guarantee: Guarantee,
    /// Attempts that went without it.
    attempts: u64,
    cause: &'static str,
}

#[derive(JsonSchema, Serialize)]
struct Attempts {
    started: usize,
    succeeded: usize,
    /// Attempts that followed a failed one.
    retries: usize,
    /// Attempts that ended with the coordinator that had started them.
    interrupted: usize,
    worker_crashes: u32,
    late_results: u64,
    attempt_us: SpreadView,
    task_us: SpreadView,
    queue_wait_us: SpreadView,
    cpu_us: u64,
    peak_rss_bytes: u64,
}

#[derive(JsonSchema, Serialize)]
struct SpreadView {
    count: usize,
    mean: u64,
    p50: u64,
    p95: u64,
    max: u64,
}

#[derive(JsonSchema, Serialize)]
struct ErrorGroup {
    class: &'static str,
    advice: &'static str,
    attempts: usize,
    tasks: Vec<String>,
}

struct Tasks<'a>(&'a [TaskSummary], Option<&'a Plan>);

impl Serialize for Tasks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|task| TaskView::of(task, self.1)))
    }
}

/// The schema of `report.json`.
#[must_use]
pub fn schema() -> Value {
    protocol::schema::of_written::<Report<'static>>()
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
        schema: SCHEMA,
        verdict: words::verdict(summary),
        exit_code: summary.ending.map(|ending| ending.exit_code),
        run: run(summary),
        approval: summary.approval.as_ref().map(|approval| Approval {
            plan: approval.plan.to_string(),
            policy: approval.policy.to_string(),
            by: &approval.by,
            at: approval.at.to_string(),
        }),
        wall_ms: millis(summary.wall()),
        undriven_ms: millis(summary.undriven),
        slots: summary.slots(),
        resumed: summary.resumed.len(),
        recovered: summary.recovered.len(),
        cancelled_by: summary.cancelling.as_ref(),
        paused: summary.paused.as_deref(),
        counts: Counts {
            planned: summary.planned,
            passed: tally.passed,
            reused: tally.reused,
            failed: tally.failed,
            tolerated: tally.tolerated,
            skipped: tally.skipped,
            cancelled: tally.cancelled,
            not_over: summary.planned.saturating_sub(tally.over() as u64),
        },
        models: Models::of(summary),
        enforcement: enforcement(summary),
        findings: &summary.findings,
        finding_count: summary.finding_count,
        outputs: &summary.outputs,
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
        retry_of: started.retry_of.map(|run| run.to_string()),
    })
}

fn enforcement(summary: &RunSummary) -> EnforcementView {
    let sums = &summary.enforcement;
    let levels = sums.levels();
    let degraded = sums.degraded();
    let level = enforced::level(summary);
    EnforcementView {
        levels: levels
            .map(|(level, attempts)| AtLevel { level, attempts })
            .collect(),
        degraded: degraded
            .map(|(guarantee, attempts)| Degraded {
                guarantee,
                attempts,
                cause: enforced::cause(level, guarantee),
            })
            .collect(),
        denied_attempts: sums.denied,
    }
}

fn attempts(stats: &Stats, summary: &RunSummary) -> Attempts {
    Attempts {
        started: stats.attempts,
        succeeded: stats.attempts_succeeded,
        retries: stats.retries,
        interrupted: stats.interrupted,
        worker_crashes: stats.crashes,
        late_results: summary.late_results,
        attempt_us: SpreadView::of(&stats.attempt_time),
        task_us: SpreadView::of(&stats.task_time),
        queue_wait_us: SpreadView::of(&stats.queue_wait),
        cpu_us: micros(stats.cpu),
        peak_rss_bytes: stats.peak_rss_bytes,
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn micros(span: Duration) -> u64 {
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
    fn of(group: &ClassGroup) -> Self {
        Self {
            class: group.class.as_str(),
            advice: group.class.advice(),
            attempts: group.attempts,
            tasks: group.tasks.iter().map(ToString::to_string).collect(),
        }
    }
}
