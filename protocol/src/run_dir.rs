//! Names inside a run directory, `runs/<utc-time>-<scenario>-<short id>/`. Sole owner of them.

use crate::digest::Digest;
use crate::ids::{RunId, ScenarioName, TaskId};
use crate::time::Timestamp;

/// What was asked: settings with origins, versions.
pub const RUN_JSON: &str = "run.json";
/// The scenario, byte for byte.
pub const SCENARIO: &str = "scenario.yaml";
/// The effective policy.
pub const POLICY: &str = "policy.json";
/// The checked plan that runs.
pub const PLAN: &str = "plan.json";
/// Held by whoever drives the run.
pub const LOCK: &str = "run.lock";
/// The journal.
pub const EVENTS: &str = "events.jsonl";
/// Room to say that the disk is full.
pub const RESERVE: &str = "events.reserve";
/// Damaged ends of the journal: this, a dot and a number.
pub const TORN_PREFIX: &str = "events.torn";
/// Closes a finished journal.
pub const SEAL: &str = "seal.json";
/// Sealed outputs, one directory a task.
pub const ARTIFACTS: &str = "artifacts";
/// Manifest of all sealed outputs.
pub const MANIFEST: &str = "artifacts.json";
/// Output of attempts.
pub const LOGS: &str = "logs";
/// Requests and replies of model calls, each by its digest.
pub const CALLS: &str = "calls";
/// Diagnostics of orchestra itself.
pub const LOG: &str = "log.jsonl";
/// Workspaces of running attempts; empty when the run is over.
pub const WORK: &str = "work";
/// For people.
pub const REPORT_MD: &str = "report.md";
/// For machines.
pub const REPORT_JSON: &str = "report.json";
/// For a browser.
pub const REPORT_HTML: &str = "report.html";
/// For servers that read test results.
pub const JUNIT: &str = "junit.xml";
/// What is written when a run is over, as a function of its journal and plan.
pub const REPORTS: [&str; 5] = [MANIFEST, REPORT_JSON, REPORT_MD, REPORT_HTML, JUNIT];

/// Name of a run's directory, such as `20261120T0751Z-release-notes-4be1c07a`.
#[must_use]
pub fn name(started: Timestamp, scenario: &ScenarioName, run: &RunId) -> String {
    // 2026-11-20T07:51:… → 20261120T0751Z
    let minute: String = started
        .to_string()
        .chars()
        .filter(|c| !matches!(c, '-' | ':'))
        .take(13)
        .collect();
    format!("{minute}Z-{scenario}-{}", run.short())
}

/// `calls/<digest>.json` in the run directory: SHA-256 of the file's bytes.
#[must_use]
pub fn call_file(digest: Digest) -> String {
    format!("{CALLS}/{digest}.json")
}

/// `logs/<task>.<attempt>.out` in the run directory.
#[must_use]
pub fn stdout_log(task: &TaskId, attempt: u32) -> String {
    format!("{LOGS}/{}.{attempt}.out", task.wire())
}

/// `logs/<task>.<attempt>.err` in the run directory.
#[must_use]
pub fn stderr_log(task: &TaskId, attempt: u32) -> String {
    format!("{LOGS}/{}.{attempt}.err", task.wire())
}

/// `artifacts/<task>` in the run directory.
#[must_use]
pub fn artifact_dir(task: &TaskId) -> String {
    format!("{ARTIFACTS}/{}", task.wire())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let started: Timestamp = "2026-11-20T07:51:33Z".parse().unwrap();
        let run: RunId = "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a".parse().unwrap();
        let name = name(started, &"release-notes".parse().unwrap(), &run);
        assert_eq!(name, "20261120T0751Z-release-notes-4be1c07a");
        let task: TaskId = "a/b[3]".parse().unwrap();
        assert_eq!(stdout_log(&task, 2), "logs/a-b-3.2.out");
    }
}
