//! Upper bounds of a plan, each with its reason.

/// What a plan may hold. The defaults are what the engine is measured with; a policy may lower them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tasks.
    pub tasks: usize,
    /// Needs of all tasks together.
    pub edges: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // Twice the size the memory and time floors are measured at.
        Self {
            tasks: 200_000,
            edges: 2_000_000,
        }
    }
}

/// Bytes of a plan as JSON.
pub(crate) const MAX_PLAN_BYTES: usize = 128 * 1024 * 1024;
/// Bytes of a shell text or of one argument: Linux passes at most 128 KiB in one argument.
pub(crate) const MAX_ARGUMENT_BYTES: usize = 120 * 1024;
/// Arguments of a command; together with their size far below the kernel's total.
pub(crate) const MAX_ARGUMENTS: usize = 4096;
/// Entries of one map of a task: env, outputs, artifacts.
pub(crate) const MAX_ENTRIES: usize = 1024;
/// Staged files of a task; a fan-in over ten thousand artifacts is honest.
pub(crate) const MAX_FILES: usize = 20_000;
/// Bytes of a relative path: what a file system takes after the run directory's own path.
pub(crate) const MAX_PATH_BYTES: usize = 1024;
/// Bytes of a goal: it goes into every request for a plan.
pub(crate) const MAX_GOAL_BYTES: usize = 16 * 1024;
/// Bytes of a prompt: a task's message holds two of them, values included.
pub(crate) const MAX_PROMPT_BYTES: usize = 48 * 1024;
/// What one prompt's `context` may name; more is a directory, or a fan-out.
pub(crate) const MAX_CONTEXT: usize = 256;
/// Tokens that a model may get to see: the largest window of any model.
pub(crate) const MAX_CONTEXT_TOKENS: u32 = 1_000_000;
/// Tokens of a reply: the most that any model writes.
pub(crate) const MAX_REPLY_TOKENS: u32 = 128_000;
/// Bytes of a reply's schema: it goes into every request.
pub(crate) const MAX_SCHEMA_BYTES: usize = 32 * 1024;
/// Levels of a reply's schema, references followed.
pub(crate) const MAX_SCHEMA_DEPTH: usize = 32;
/// Bytes of a description.
pub(crate) const MAX_DESCRIPTION_BYTES: usize = 64 * 1024;
/// Bytes of a task's description: it is shown on one line, beside its id.
pub(crate) const MAX_TASK_DESCRIPTION_BYTES: usize = 1024;
/// Milliseconds of a time limit: 365 days.
pub(crate) const MAX_TIMEOUT_MS: u64 = 365 * 24 * 60 * 60 * 1000;
/// Items of one fan-out.
pub const MAX_ITEMS: usize = 100_000;
/// Scenarios within each other by `uses`.
pub const MAX_DEPTH: usize = 8;
/// Tasks of one run, those that fan-outs and nested scenarios add included.
pub const MAX_RUN_TASKS: usize = 1_000_000;
/// Tasks at once: more threads than any machine here serves.
pub(crate) const MAX_PARALLEL: u32 = 4096;
/// How far a priority may be from 0.
pub(crate) const MAX_PRIORITY: i32 = 1000;
/// Workers one task may kill: far more than anyone lends it.
pub(crate) const MAX_CRASH_LIMIT: u32 = 100;
/// Integers beyond this lose digits in readers that use doubles.
pub(crate) const MAX_INTEGER: i64 = (1 << 53) - 1;
