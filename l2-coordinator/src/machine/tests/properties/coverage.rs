//! What the suite must have seen at least once. A transition that no longer happens is either dead
//! code or a hole in the fleet.

use crate::testing::Fired;

const EXPECTED: &[&str] = &[
    "attempt.finished when running",
    "attempt.retrying when ended",
    "attempt.started when leased",
    "attempt.started when retrying",
    "input attempt",
    "input claim",
    "input corrupt",
    "input heartbeat",
    "input result",
    "input stored",
    "input worker gone",
    "lease.lost when ended",
    "lease.lost when leased",
    "lease.lost when retrying",
    "lease.lost when running",
    "plan of 200 tasks",
    "plan.approved",
    "plan.proposed",
    "reply cancelled",
    "reply continue",
    "reply denied Busy",
    "reply denied Cancelled",
    "reply denied Done",
    "reply denied Stale",
    "reply granted",
    "reply stale",
    "reply stop",
    "result.late",
    "run.cancelling",
    "run.finished",
    "run.paused",
    "run.resumed",
    "run.started",
    "task.cancelled when ended",
    "task.cancelled when expanded",
    "task.cancelled when pending",
    "task.done when ended",
    "task.done when expanded",
    "task.expanded when pending",
    "task.failed when ended",
    "task.failed when expanded",
    "task.failed when pending",
    "task.leased when pending",
    "task.reopened when done",
    "task.reopened when failed",
    "task.skipped when pending",
    "unpublish",
];

pub(super) fn check(fired: &Fired) {
    for (name, count) in fired {
        println!("{count:>8}  {name}");
    }
    let missing: Vec<_> = EXPECTED
        .iter()
        .filter(|name| fired.get(**name).is_none_or(|count| *count == 0))
        .collect();
    assert!(missing.is_empty(), "never happened: {missing:?}");
}
