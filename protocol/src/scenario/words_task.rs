//! The words of a task: the second half of the one table of keys.

use crate::plan::OutputType;
use crate::policy::RetryPolicy;

use super::keys::{Shape, Table};
use super::words::{ENV, SEGMENT, TEXTS, key, required};

/// A task.
pub(super) static TASK: Table = Table {
    what: "a task",
    keys: &[
        key(
            "run",
            Shape::Text,
            "Shell text, run as `SHELL -c TEXT`. Values come in through `env`.",
        ),
        key(
            "command",
            TEXTS,
            "Program and arguments; arguments may hold `${{ … }}`.",
        ),
        key("needs", TEXTS, "Tasks that end before this one starts."),
        key(
            "if",
            Shape::Text,
            "Condition, an expression without `${{ }}`; may use `always()` and `failure()`.",
        ),
        key("env", ENV, "Environment; values may hold `${{ … }}`."),
        key(
            "outputs",
            Shape::MapOf {
                keys: SEGMENT,
                values: &Shape::Word {
                    now: OutputType::WORDS,
                    later: &[],
                },
            },
            "Small results by name and type, written as lines `name=value` to `$ORCHESTRA_OUTPUT`.",
        ),
        key(
            "artifacts",
            Shape::MapOf {
                keys: SEGMENT,
                values: &Shape::Text,
            },
            "Files to keep: name and path in the workspace; a final `/` keeps a directory.",
        ),
        key(
            "files",
            Shape::MapOf {
                keys: "^[^/~]",
                values: &Shape::Text,
            },
            "Files to stage: path in the workspace and `${{ tasks.ID.artifacts.NAME }}` or an input \
             of type `path`.",
        ),
        key(
            "timeout",
            Shape::Either(&Shape::Duration, &Shape::Object(&TIMEOUT)),
            "Time limit of each attempt.",
        ),
        key(
            "retry",
            Shape::Either(
                &Shape::Count {
                    min: 0,
                    max: RetryPolicy::MAX_EXTRA as i64,
                },
                &Shape::Object(&RETRY),
            ),
            "Extra attempts after a failure.",
        ),
        key(
            "continue_on_error",
            Shape::Flag,
            "Whether the run goes on as if this task had succeeded.",
        ),
        key(
            "working_dir",
            Shape::Text,
            "Directory in the workspace to start in.",
        ),
        key(
            "shell",
            Shape::Text,
            "Shell of `run`: a program's name or path; `sh` unless given.",
        ),
        key(
            "workspace",
            Shape::Word {
                now: &["scratch"],
                later: &["project", "guarded"],
            },
            "Where the task runs: `scratch` is a fresh directory for every attempt.",
        ),
    ],
    later: &[
        "prompt",
        "goal",
        "manual",
        "uses",
        "with",
        "for_each",
        "as",
        "matrix",
        "context",
        "output_schema",
        "model",
        "show",
        "edit",
        "retry_from",
        "approvers",
        "on_timeout",
        "review",
        "secrets",
        "cache",
        "policy",
        "budget",
        "runs_on",
        "refers",
        "effects",
        "priority",
        "crash_limit",
        "plan",
        "services",
        "concurrency",
        "notify",
    ],
    aliases: &[
        ("depends_on", "needs"),
        ("depends", "needs"),
        ("working-directory", "working_dir"),
        ("when", "if"),
        ("allow_failure", "continue_on_error"),
        ("foreach", "for_each"),
        ("response_schema", "output_schema"),
        ("runs-on", "runs_on"),
    ],
    hints: &[
        ("id", "a task's id is its key under `tasks`"),
        ("name", "a task's name is its key under `tasks`"),
        ("script", "write `run`"),
        ("cmd", "write `run`"),
        ("cmds", "write `run`"),
        ("type", "remove it: a task's kind is the key it carries"),
        ("action", "remove it: a task's kind is the key it carries"),
        ("args", "make them items of `command`"),
        ("deps", "write `needs`"),
        ("dependencies", "write `needs`"),
        ("after", "write `needs`"),
        ("params", "write `env`"),
        ("parameters", "write `env`"),
        ("vars", "write `env`"),
        ("variables", "write `env`"),
        ("environment", "write `env`"),
        ("dir", "write `working_dir`"),
        ("cwd", "write `working_dir`"),
        ("rules", "write `if`"),
        ("preconditions", "write `if`"),
        ("runIf", "write `if`"),
        ("condition", "write `if`"),
        (
            "timeout_sec",
            "write `timeout` with a unit, such as `timeout: 30s`",
        ),
        (
            "timeout-minutes",
            "write `timeout` with a unit, such as `timeout: 5m`",
        ),
        ("retries", "write `retry`"),
        ("retry_policy", "write `retry`"),
        ("attempts", "write `retry`: the attempts after the first"),
        ("on", "write `triggers`, which this build does not have yet"),
        (
            "schedule",
            "write `triggers`, which this build does not have yet",
        ),
        ("ignore_error", "write `continue_on_error`"),
        ("continueOn", "write `continue_on_error`"),
        ("output", "write `outputs`"),
        ("results", "write `outputs`"),
        ("outputFiles", "write `artifacts`"),
        ("upload", "write `artifacts`"),
        ("inputFiles", "write `files`"),
        (
            "withItems",
            "write `for_each`, which this build does not have yet",
        ),
        (
            "parallel",
            "write `for_each`, which this build does not have yet",
        ),
        (
            "strategy",
            "write `matrix`, which this build does not have yet",
        ),
        ("parallelism", "write `max_parallel` at the top level"),
        ("max_active", "write `max_parallel` at the top level"),
        (
            "messages",
            "write `prompt`, which this build does not have yet",
        ),
        ("llm", "write `prompt`, which this build does not have yet"),
        (
            "instructions",
            "write `prompt`, which this build does not have yet",
        ),
        (
            "approval",
            "write `manual`, which this build does not have yet",
        ),
        (
            "suspend",
            "write `manual`, which this build does not have yet",
        ),
        (
            "pause",
            "write `manual`, which this build does not have yet",
        ),
        ("wait", "write `manual`, which this build does not have yet"),
        (
            "sources",
            "write `cache`, which this build does not have yet",
        ),
        (
            "memoize",
            "write `cache`, which this build does not have yet",
        ),
        (
            "taskCache",
            "write `cache`, which this build does not have yet",
        ),
        (
            "permissions",
            "write `effects`, which this build does not have yet",
        ),
        (
            "volumes",
            "write `effects`, which this build does not have yet",
        ),
        (
            "limits",
            "write `policy` or `budget`, which this build does not have yet",
        ),
        (
            "tags",
            "write `runs_on`, which this build does not have yet",
        ),
        (
            "worker_selector",
            "write `runs_on`, which this build does not have yet",
        ),
        (
            "nodeSelector",
            "write `runs_on`, which this build does not have yet",
        ),
        (
            "relates_to",
            "write `refers`, which this build does not have yet",
        ),
        ("see", "write `refers`, which this build does not have yet"),
        ("checkout", "write `workspace`"),
        ("sandbox", "write `workspace`; rules belong into a policy"),
        (
            "weight",
            "write `priority`, which this build does not have yet",
        ),
        (
            "extends",
            "write `uses`, which this build does not have yet",
        ),
        ("call", "write `uses`, which this build does not have yet"),
        (
            "include",
            "write `uses`, which this build does not have yet",
        ),
    ],
};

/// The long form of `timeout`.
pub(super) static TIMEOUT: Table = Table {
    what: "a timeout",
    keys: &[
        key("wall", Shape::Duration, "From start to end of an attempt."),
        key("idle", Shape::Duration, "Without any output."),
    ],
    later: &[],
    aliases: &[],
    hints: &[("total", "write `wall`"), ("silence", "write `idle`")],
};

/// The long form of `retry`.
pub(super) static RETRY: Table = Table {
    what: "a retry",
    keys: &[
        required(
            "max",
            Shape::Count {
                min: 0,
                max: RetryPolicy::MAX_EXTRA as i64,
            },
            "Extra attempts after the first.",
        ),
        key(
            "delay",
            Shape::Duration,
            "Wait before the first extra attempt; `1s` unless given.",
        ),
        key(
            "backoff",
            Shape::Word {
                now: &["exponential", "fixed"],
                later: &[],
            },
            "How the wait grows; `exponential` unless given.",
        ),
        key(
            "max_delay",
            Shape::Duration,
            "Longest wait; `60s` unless given.",
        ),
        key(
            "when",
            Shape::ListOf(&Shape::Word {
                now: CLASSES,
                later: &[],
            }),
            "Failure classes that are repeated.",
        ),
        key(
            "exit_codes",
            Shape::ListOf(&Shape::Count { min: 1, max: 255 }),
            "Exit codes that are repeated; any unless given.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        ("on", "write `when`: YAML 1.1 reads `on` as true"),
        ("attempts", "write `max`: the attempts after the first"),
        ("count", "write `max`"),
        ("limit", "write `max`"),
        ("interval", "write `delay`"),
        ("wait", "write `delay`"),
    ],
};

/// The failure classes a scenario may name; a test compares it with the enum.
pub(super) const CLASSES: &[&str] = &[
    "tool_failed",
    "timed_out",
    "limit_exceeded",
    "tool_not_found",
    "policy_denied",
    "sandbox_unavailable",
    "input_missing",
    "artifact_missing",
    "artifact_corrupt",
    "worker_lost",
    "network",
    "interactive",
    "provider_transient",
    "provider_fatal",
    "invalid_output",
    "budget_exhausted",
    "rejected",
    "cancelled",
    "internal",
];
