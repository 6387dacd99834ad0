//! Spans as functions of the fold: a run, a task with its attempts. Names, numbers and classes of
//! failures; no output, no values, no texts that a program chose.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Event, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use protocol::event::RunStarted;
use protocol::ids::TaskId;
use protocol::outcome::RunOutcome;
use protocol::plan::Plan;
use protocol::time::Timestamp;
use protocol::trace::{attempt_span, run_span, task_span};

use crate::report::{
    Attempt, AttemptEnding, Ending, RunSummary, Standing, TaskSummary, parent_of, ready,
};

/// The trace that a run is part of.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    /// Its id.
    pub(super) id: TraceId,
    /// The span of whoever started the run, where there is one.
    pub(super) caller: Option<SpanId>,
}

/// The whole run, once it is over.
pub(super) fn of_run(trace: &Trace, summary: &RunSummary) -> Option<SpanData> {
    let (at, started) = summary.started.as_ref()?;
    let Ending {
        outcome,
        exit_code,
        at: end,
    } = summary.ending?;
    let mut span = Draft {
        id: run_span(started.run_id),
        parent: trace.caller,
        name: format!("run {}", started.scenario).into(),
        from: *at,
        to: end,
    }
    .span(trace);
    span.parent_span_is_remote = trace.caller.is_some();
    span.attributes = vec![
        KeyValue::new("orchestra.run.id", started.run_id.to_string()),
        KeyValue::new("orchestra.scenario", started.scenario.to_string()),
        KeyValue::new("orchestra.run.outcome", outcome.to_string()),
        KeyValue::new("orchestra.run.exit_code", i64::from(exit_code)),
        KeyValue::new("orchestra.run.tasks", count(summary.planned)),
    ];
    if outcome != RunOutcome::Completed {
        span.status = Status::error(outcome.to_string());
    }
    Some(span)
}

/// A task that is over, and its attempts. None for one that was done by an earlier run.
pub(super) fn of_task(
    trace: &Trace,
    summary: &RunSummary,
    plan: Option<&Plan>,
    id: &TaskId,
) -> Vec<SpanData> {
    let (Some((_, started)), Some(task)) = (&summary.started, summary.task(id)) else {
        return Vec::new();
    };
    let Some(end) = task.ended.filter(|_| task.reused.is_none()) else {
        return Vec::new();
    };
    let begun = task.attempts.first().map(|attempt| attempt.started);
    let ready = ready(summary, plan, task).or(begun).unwrap_or(end).min(end);
    let parent = parent_of(id).filter(|parent| summary.task(parent).is_some());
    let mut span = Draft {
        id: task_span(started.run_id, id),
        parent: Some(SpanId::from_bytes(match &parent {
            Some(parent) => task_span(started.run_id, parent),
            None => run_span(started.run_id),
        })),
        name: id.to_string().into(),
        from: ready.min(begun.unwrap_or(end)),
        to: end,
    }
    .span(trace);
    span.attributes = about(task, ready);
    if let Some(leased) = task.leased {
        let leased = Event::new("leased", instant(leased), Vec::new(), 0);
        span.events = SpanEvents::default();
        span.events.events.push(leased);
    }
    if let Standing::Failed { failure, .. } = &task.standing {
        span.status = Status::error(failure.class.as_str());
    }
    let attempts = task.attempts.iter();
    let mut spans: Vec<_> = attempts
        .map(|attempt| of_attempt(trace, started, id, attempt, end))
        .collect();
    spans.push(span);
    spans
}

fn about(task: &TaskSummary, ready: Timestamp) -> Vec<KeyValue> {
    let attempts = i64::try_from(task.attempts.len()).unwrap_or(i64::MAX);
    let mut all = vec![
        KeyValue::new("orchestra.task.id", task.id.to_string()),
        KeyValue::new("orchestra.task.status", task.standing.status()),
        KeyValue::new("orchestra.task.attempts", attempts),
    ];
    if let Some(leased) = task.leased {
        let waited = count(leased.since(ready).as_millis());
        all.push(KeyValue::new("orchestra.task.queue_wait_ms", waited));
    }
    if let Some(worker) = &task.worker {
        all.push(KeyValue::new("orchestra.worker", worker.to_string()));
    }
    if let Some(items) = task.child_count() {
        all.push(KeyValue::new("orchestra.task.children", count(items)));
    }
    if let Standing::Failed { failure, .. } = &task.standing {
        all.push(KeyValue::new("error.type", failure.class.as_str()));
    }
    all
}

fn of_attempt(
    trace: &Trace,
    started: &RunStarted,
    task: &TaskId,
    attempt: &Attempt,
    task_end: Timestamp,
) -> SpanData {
    let mut span = Draft {
        id: attempt_span(started.run_id, task, attempt.number),
        parent: Some(SpanId::from_bytes(task_span(started.run_id, task))),
        name: format!("attempt {}", attempt.number).into(),
        from: attempt.started,
        to: attempt.finished.unwrap_or(task_end),
    }
    .span(trace);
    let cpu = count(attempt.cpu.as_millis());
    span.attributes = vec![
        KeyValue::new("orchestra.task.id", task.to_string()),
        KeyValue::new("orchestra.attempt.number", i64::from(attempt.number)),
        KeyValue::new("orchestra.attempt.cpu_ms", cpu),
        KeyValue::new(
            "orchestra.attempt.peak_rss_bytes",
            count(attempt.peak_rss_bytes),
        ),
    ];
    if let Some(exit) = attempt.exit {
        let exit = KeyValue::new("process.exit.code", i64::from(exit));
        span.attributes.push(exit);
    }
    if let Some(signal) = attempt.signal {
        let signal = KeyValue::new("orchestra.attempt.signal", i64::from(signal));
        span.attributes.push(signal);
    }
    let class = match &attempt.ending {
        AttemptEnding::Succeeded | AttemptEnding::Open => return span,
        AttemptEnding::Failed { failure, .. } => failure.class.as_str().to_owned(),
        AttemptEnding::Lost(_) => attempt.how(),
    };
    span.status = Status::error(class.clone());
    span.attributes.push(KeyValue::new("error.type", class));
    span
}

/// What every span has.
pub(super) struct Draft {
    pub(super) id: protocol::trace::SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) name: Cow<'static, str>,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

impl Draft {
    pub(super) fn span(self, trace: &Trace) -> SpanData {
        let id = SpanId::from_bytes(self.id);
        let flags = TraceFlags::SAMPLED;
        SpanData {
            span_context: SpanContext::new(trace.id, id, flags, false, TraceState::default()),
            parent_span_id: self.parent.unwrap_or(SpanId::INVALID),
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: self.name,
            start_time: instant(self.from),
            end_time: instant(self.to.max(self.from)),
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: scope(),
        }
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("orchestra")
        .with_version(env!("CARGO_PKG_VERSION"))
        .build()
}

fn instant(at: Timestamp) -> SystemTime {
    // Timestamps lie between the years 1970 and 9999.
    let micros = u64::try_from(at.as_micros()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}

/// Attributes know no number beyond this.
pub(super) fn count(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
