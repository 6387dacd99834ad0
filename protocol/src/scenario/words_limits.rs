//! The words of limits, the third part of the one table of keys: the long forms of `timeout` and `retry`.

use crate::policy::RetryPolicy;

use super::keys::{Shape, Table};
use super::words::{key, required};

/// `5m`, or the long form.
pub(super) const TIMEOUT_SHAPE: Shape = Shape::Either(&Shape::Duration, &Shape::Object(&TIMEOUT));
/// `2`, or the long form.
pub(super) const RETRY_SHAPE: Shape = Shape::Either(
    &Shape::Count {
        min: 0,
        max: RetryPolicy::MAX_EXTRA as i64,
    },
    &Shape::Object(&RETRY),
);

const SUM: Shape = Shape::Count {
    min: 1,
    max: 1_000_000_000,
};

/// What a run may use.
pub(super) static BUDGET: Table = Table {
    what: "a budget",
    keys: &[
        key(
            "usd",
            Shape::Dollars,
            "Dollars of all model calls together; a model without a known price is refused then.",
        ),
        key(
            "tokens",
            SUM,
            "Tokens of all model calls together, prompts and replies.",
        ),
        key("calls", SUM, "Model calls."),
        key(
            "wall",
            Shape::Duration,
            "Time after which the run is stopped, as failed. Until a resume no time passes.",
        ),
        key("tasks", SUM, "Tasks, those that are expanded included."),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        ("dollars", "write `usd`"),
        ("cost", "write `usd`"),
        ("money", "write `usd`"),
        ("max_tokens", "write `tokens`"),
        ("time", "write `wall`"),
        ("timeout", "write `wall`"),
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
            "Wait before the first extra attempt, less up to a quarter of it by chance, so that tasks that \
             failed together do not come back together; `1s` unless given.",
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
    "replay_miss",
    "invalid_output",
    "budget_exhausted",
    "rejected",
    "cancelled",
    "internal",
];
