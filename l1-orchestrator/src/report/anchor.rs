//! Names of places within `report.html`: `task-assemble` is a task, `task-assemble-2` its second
//! attempt.

use protocol::ids::TaskId;

/// Of a task.
#[must_use]
pub fn of_task(task: &TaskId) -> String {
    format!("task-{}", task.wire())
}

/// Of one of its attempts.
#[must_use]
pub fn of_attempt(task: &TaskId, attempt: u32) -> String {
    format!("task-{}-{attempt}", task.wire())
}
