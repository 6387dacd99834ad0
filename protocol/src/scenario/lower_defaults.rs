//! `defaults`: read once, filled into every task that has no entry of its own.

use crate::diagnostic::Problems;
use crate::plan::{DraftTask, Workspace};
use crate::policy::{Effects, RetryPolicy, Timeout};

use super::fields::{Fields, read};
use super::lower_task::kept;
use super::tree::Tree;
use super::words_defaults::DEFAULTS;

/// What a task and `defaults` can both have; none where nothing is written.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) timeout: Option<Timeout>,
    pub(super) retry: Option<RetryPolicy>,
    pub(super) shell: Option<String>,
    pub(super) working_dir: Option<String>,
    pub(super) workspace: Option<Workspace>,
    pub(super) priority: Option<i32>,
    pub(super) crash_limit: Option<u32>,
    pub(super) effects: Option<Effects>,
}

/// A scenario's `defaults`.
#[derive(Debug, Default)]
pub(super) struct Defaults(Kept);

impl Defaults {
    pub(super) fn read(tree: &Tree<'_>, top: &Fields, problems: &mut Problems) -> Self {
        let Some(map) = top.get("defaults") else {
            return Self::default();
        };
        let fields = read(tree, map, &DEFAULTS, problems);
        Self(kept(tree, &fields, problems))
    }

    /// Puts the task's own entries into it, and defaults where it has none and the key means something.
    /// An own entry that was refused counts: its default would be a surprise.
    pub(super) fn fill(
        &self,
        task: &mut DraftTask,
        own: Kept,
        given: impl Fn(&'static str) -> bool,
    ) {
        let Self(all) = self;
        let nested = task.uses.is_some();
        // Neither a nested scenario nor a question starts a program of its own.
        let starts = !nested && task.prompt.is_none();
        let may = |key: &'static str, means_something: bool| means_something && !given(key);
        let pick = |key: &'static str, means: bool| may(key, means).then_some(all);
        task.timeout = own
            .timeout
            .or_else(|| pick("timeout", !nested)?.timeout)
            .unwrap_or_default();
        task.retry = own.retry.or_else(|| pick("retry", !nested)?.retry.clone());
        task.shell = own
            .shell
            .or_else(|| pick("shell", task.run.is_some())?.shell.clone());
        task.working_dir = own
            .working_dir
            .or_else(|| pick("working_dir", starts)?.working_dir.clone());
        task.workspace = own
            .workspace
            .or_else(|| pick("workspace", starts)?.workspace)
            .unwrap_or_default();
        task.crash_limit = own
            .crash_limit
            .or_else(|| pick("crash_limit", !nested)?.crash_limit);
        task.effects = own
            .effects
            .or_else(|| pick("effects", starts)?.effects.clone());
        task.priority = own.priority.or_else(|| pick("priority", true)?.priority);
    }
}
