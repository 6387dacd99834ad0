//! Ids of spans and the W3C trace context. They follow from ids of the run, so that whoever folds its
//! events names the same spans as the machine did when it sent the tasks out. Nothing here records.

use crate::budget::CallId;
use crate::digest::Digest;
use crate::ids::{RunId, TaskId};

/// Id of a span: eight bytes, not all zero.
pub type SpanId = [u8; 8];

/// The span of a whole run.
#[must_use]
pub fn run_span(run: RunId) -> SpanId {
    span(&format!("run {run}"))
}

/// The span of a task, from when it could start to its end.
#[must_use]
pub fn task_span(run: RunId, task: &TaskId) -> SpanId {
    span(&format!("task {run} {task}"))
}

/// The span of one attempt.
#[must_use]
pub fn attempt_span(run: RunId, task: &TaskId, attempt: u32) -> SpanId {
    span(&format!("attempt {run} {task} {attempt}"))
}

/// The span of one model call.
#[must_use]
pub fn call_span(run: RunId, call: CallId) -> SpanId {
    span(&format!("call {run} {call}"))
}

/// What a task's program finds as `TRACEPARENT`: spans of its own belong beneath the task's.
#[must_use]
pub fn traceparent(trace_id: &str, run: RunId, task: &TaskId) -> String {
    let span = u64::from_be_bytes(task_span(run, task));
    format!("00-{trace_id}-{span:016x}-01")
}

fn span(name: &str) -> SpanId {
    let digest = Digest::of(name.as_bytes());
    let mut span = [0; 8];
    span.copy_from_slice(&digest.as_bytes()[..8]);
    // All zeroes would mean "no span".
    u64::from_be_bytes(span).max(1).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_task_and_attempt_has_its_own() {
        let runs = [1u8, 2].map(|n| {
            let id = format!("0193{n:04x}-0000-7000-8000-000000000000");
            id.parse::<RunId>().unwrap()
        });
        let tasks = ["a", "a[1]", "a/b"].map(|id| id.parse::<TaskId>().unwrap());
        let mut all = std::collections::BTreeSet::new();
        let mut count = 0;
        for run in runs {
            all.insert(run_span(run));
            all.extend([1, 2].map(|call| call_span(run, CallId(call))));
            count += 3;
            for task in &tasks {
                all.insert(task_span(run, task));
                all.extend([1, 2].map(|attempt| attempt_span(run, task, attempt)));
                count += 3;
            }
        }
        assert_eq!(all.len(), count);
    }

    #[test]
    fn the_context_names_the_tasks_span() {
        let run: RunId = "01930000-0000-7000-8000-000000000000".parse().unwrap();
        let task: TaskId = "a".parse().unwrap();
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let text = traceparent(trace, run, &task);
        let span = u64::from_be_bytes(task_span(run, &task));
        assert_eq!(text, format!("00-{trace}-{span:016x}-01"));
        assert_eq!(text.len(), 55);
    }
}
