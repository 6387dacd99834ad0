//! The words of `defaults`: keys of a task that every task gets unless it has its own entry.

use super::keys::{Shape, Table};
use super::words::key;
use super::words_limits::{RETRY_SHAPE, TIMEOUT_SHAPE};
use super::words_policy::EFFECTS;
use super::words_task::{CRASH_LIMIT, PRIORITY, WORKSPACE};

/// A task's own entry replaces the default whole. Tasks with `uses` take `priority` only: the nested
/// scenario has defaults of its own, and limits written beside `uses` would tighten them.
pub(super) static DEFAULTS: Table = Table {
    what: "defaults",
    keys: &[
        key(
            "timeout",
            TIMEOUT_SHAPE,
            "Time limit of each attempt of a task that names none.",
        ),
        key(
            "retry",
            RETRY_SHAPE,
            "Extra attempts of a task that says nothing about them.",
        ),
        key(
            "shell",
            Shape::Text,
            "Shell of `run` in tasks that name none.",
        ),
        key(
            "working_dir",
            Shape::Text,
            "Directory in the workspace to start in, for tasks that name none.",
        ),
        key(
            "workspace",
            WORKSPACE,
            "Where tasks run that do not say so: `scratch` or `project`.",
        ),
        key("priority", PRIORITY, "Priority of tasks that have none."),
        key(
            "crash_limit",
            CRASH_LIMIT,
            "Workers that may die under a task that says nothing about it.",
        ),
        key(
            "effects",
            Shape::Object(&EFFECTS),
            "What tasks touch that do not say so; narrows what the policy grants them.",
        ),
    ],
    later: &["model", "cache", "runs_on"],
    aliases: &[("working-directory", "working_dir")],
    hints: &[
        ("env", "write `env` at the top level"),
        (
            "continue_on_error",
            "write it in each task whose failure is tolerated",
        ),
        (
            "allow_failure",
            "write `continue_on_error` in each task whose failure is tolerated",
        ),
        ("needs", "write it in each task"),
        ("if", "write it in each task"),
        ("max_parallel", "write it at the top level"),
        ("retries", "write `retry`"),
        ("secrets", "write it in each task that needs one"),
        ("policy", "write `policy` at the top level"),
        ("limits", "write `policy: { limits: … }` at the top level"),
        ("network", "write `effects: { network: … }`"),
        ("dir", "write `working_dir`"),
        ("cwd", "write `working_dir`"),
        ("run", "write `shell` and `working_dir` here, without `run`"),
    ],
};
