//! How many tasks are in which state.

use super::task::TaskState;

/// Tasks by state. A task with children is not among them: they stand for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All tasks known so far.
    pub total: usize,
    /// Succeeded.
    pub done: usize,
    /// Failed, tolerated ones included.
    pub failed: usize,
    /// Failed with `continue_on_error`.
    pub tolerated: usize,
    /// Passed over.
    pub skipped: usize,
    /// Cancelled.
    pub cancelled: usize,
}

impl Counts {
    /// Tasks that are not over.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.total - self.done - self.failed - self.skipped - self.cancelled
    }

    /// What a task without children counts towards in a state.
    pub(super) const fn count(&mut self, state: &TaskState) -> Option<&mut usize> {
        match state {
            TaskState::Done => Some(&mut self.done),
            TaskState::Failed { .. } => Some(&mut self.failed),
            TaskState::Skipped { .. } => Some(&mut self.skipped),
            TaskState::Cancelled => Some(&mut self.cancelled),
            TaskState::Pending
            | TaskState::Leased { .. }
            | TaskState::Running { .. }
            | TaskState::Ended(_)
            | TaskState::Retrying { .. }
            | TaskState::Expanded { .. } => None,
        }
    }
}
