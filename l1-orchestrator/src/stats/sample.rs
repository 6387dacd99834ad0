//! What one finished run says about its tasks: from its `report.json`, which is quick to read, or
//! from the fold of its journal where there is no report.

use std::collections::BTreeSet;
use std::io;

use protocol::budget::{Spend, Usage};
use protocol::ids::TaskId;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::report::{RunSummary, Standing, TaskSummary};

/// What a run says about its tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Tasks that were attempted, or failed before they could be.
    pub tasks: Vec<TaskSample>,
    /// What its calls of models came to, where it made any.
    pub spend: Option<Spend>,
}

/// What a run says about one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSample {
    /// Its id, items of a fan-out together as `id[*]`.
    pub id: String,
    /// How it failed, if it did.
    pub failed: Option<String>,
    /// Attempts that failed before its last one.
    pub retries: u64,
    /// From its first start to its end, microseconds.
    pub duration_us: Option<u64>,
}

#[derive(Deserialize)]
struct Report {
    tasks: Vec<Task>,
    #[serde(default)]
    models: Option<Models>,
}

#[derive(Deserialize)]
struct Models {
    calls: u64,
    usage: Usage,
    usd: String,
    unpriced: u64,
    estimated: u64,
}

impl Models {
    /// None for sums that no orchestra writes.
    fn spend(self) -> Option<Spend> {
        Some(Spend {
            calls: self.calls,
            usage: self.usage,
            usd: self.usd.parse().ok()?,
            unpriced: self.unpriced,
            estimated: self.estimated,
        })
        .filter(|spend| spend.calls > 0)
    }
}

#[derive(Deserialize)]
struct Task {
    task: TaskId,
    status: String,
    #[serde(default)]
    failure: Option<Failure>,
    #[serde(default)]
    duration_us: Option<u64>,
    #[serde(default)]
    attempts: Vec<Attempt>,
}

#[derive(Deserialize)]
struct Failure {
    class: String,
}

#[derive(Deserialize)]
struct Attempt {
    #[serde(default)]
    failure: Option<IgnoredAny>,
    #[serde(default)]
    how: String,
}

/// Reads a `report.json`.
///
/// # Errors
/// It cannot be read, or is no report.
pub fn of_report(source: impl io::Read) -> io::Result<Sample> {
    let report: Report = serde_json::from_reader(source)?;
    let spend = report.models.and_then(Models::spend);
    let parents = parents(report.tasks.iter().map(|task| &task.task));
    let kept = report.tasks.into_iter().filter_map(|task| {
        let is_done = task.status == "done";
        if !is_done && task.status != "failed" {
            return None;
        }
        // What was carried over from another run, or is a roll-up of its children, did not run.
        if task.attempts.is_empty() && (is_done || parents.contains(task.task.as_str())) {
            return None;
        }
        let followed = task.attempts.len().saturating_sub(1);
        let retries = task.attempts.iter().take(followed);
        let retries = retries.filter(|attempt| attempt.failure.is_some()).count();
        let how = || {
            let last = task.attempts.last().map(|attempt| attempt.how.clone());
            let class = task.failure.as_ref().map(|failure| failure.class.clone());
            last.or(class).unwrap_or_else(|| "failed".into())
        };
        Some(TaskSample {
            id: rolled_up(&task.task),
            failed: (!is_done).then(how),
            retries: retries as u64,
            duration_us: task.duration_us,
        })
    });
    Ok(Sample {
        tasks: kept.collect(),
        spend,
    })
}

/// The same from the fold of a journal.
#[must_use]
pub fn of_summary(summary: &RunSummary) -> Sample {
    let parents = parents(summary.tasks.iter().map(|task| &task.id));
    let kept = summary.tasks.iter().filter_map(|task| {
        let failed = match &task.standing {
            Standing::Done => None,
            Standing::Failed { failure, .. } => Some(failure),
            _ => return None,
        };
        if task.attempts.is_empty() && (failed.is_none() || parents.contains(task.id.as_str())) {
            return None;
        }
        let duration = task.duration();
        Some(TaskSample {
            id: rolled_up(&task.id),
            failed: failed.map(|failure| match task.last_attempt() {
                Some(last) => last.how(),
                None => failure.class.to_string(),
            }),
            retries: TaskSummary::retries(task) as u64,
            duration_us: duration.map(|span| u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
        })
    });
    let spend = summary.calls.spend();
    Sample {
        tasks: kept.collect(),
        spend: (spend.calls > 0).then_some(spend),
    }
}

/// Every task that another one is a child of, by their ids.
fn parents<'a>(ids: impl Iterator<Item = &'a TaskId>) -> BTreeSet<String> {
    let mut parents = BTreeSet::new();
    for id in ids {
        let mut rest = id.as_str();
        while let Some(at) = rest.rfind(['/', '[']) {
            rest = &rest[..at];
            if !parents.insert(rest.to_owned()) {
                break;
            }
        }
    }
    parents
}

/// `a/b[3]` as `a/b[*]`.
fn rolled_up(id: &TaskId) -> String {
    let mut text = String::new();
    let mut rest = id.as_str();
    while let Some((before, behind)) = rest.split_once('[') {
        text.push_str(before);
        text.push_str("[*]");
        rest = behind.split_once(']').map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_as_far_as_it_counts() {
        let report = r#"{
            "schema": "orchestra.report/v1", "more": [1],
            "tasks": [
                { "task": "once", "status": "done", "duration_us": 5,
                  "attempts": [{ "attempt": 1, "how": "ok" }] },
                { "task": "flaky", "status": "done", "duration_us": 9, "attempts": [
                    { "attempt": 1, "how": "exit 3", "failure": { "class": "tool_failed" } },
                    { "attempt": 2, "how": "interrupted" },
                    { "attempt": 3, "how": "ok" }] },
                { "task": "bad", "status": "failed", "failure": { "class": "tool_failed" },
                  "attempts": [
                    { "attempt": 1, "how": "exit 3", "failure": { "class": "tool_failed" } }] },
                { "task": "unstarted", "status": "failed",
                  "failure": { "class": "input_missing" }, "attempts": [] },
                { "task": "all[0]", "status": "done", "duration_us": 1,
                  "attempts": [{ "attempt": 1, "how": "ok" }] },
                { "task": "all", "status": "done", "attempts": [] },
                { "task": "carried", "status": "done", "attempts": [] },
                { "task": "passed_over", "status": "skipped", "attempts": [] }
            ] }"#;
        let sample = of_report(report.as_bytes()).unwrap();
        let shown: Vec<String> = sample
            .tasks
            .iter()
            .map(|task| {
                let TaskSample {
                    id,
                    failed,
                    retries,
                    duration_us,
                } = task;
                format!("{id} {failed:?} {retries} {duration_us:?}")
            })
            .collect();
        let expected = [
            "once None 0 Some(5)",
            "flaky None 1 Some(9)",
            "bad Some(\"exit 3\") 0 None",
            "unstarted Some(\"input_missing\") 0 None",
            "all[*] None 0 Some(1)",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for bytes in ["", "[]", "{\"tasks\":1}", "{\"tasks\":[{}]}", "\u{0}"] {
            assert!(of_report(bytes.as_bytes()).is_err(), "{bytes}");
        }
    }

    #[test]
    fn items_are_counted_together_and_parents_known() {
        let id = |text: &str| text.parse::<TaskId>().unwrap();
        assert_eq!(rolled_up(&id("a/b[3]")), "a/b[*]");
        assert_eq!(rolled_up(&id("a[12]/b[3]")), "a[*]/b[*]");
        let ids = [id("a[1]/b"), id("c")];
        let found: Vec<_> = parents(ids.iter()).into_iter().collect();
        assert_eq!(found, ["a", "a[1]"]);
    }
}
