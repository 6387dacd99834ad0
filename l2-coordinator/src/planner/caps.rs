//! How large a planned part may get, whatever the model writes.

/// Bounds of one plan, or of one sub-plan beneath a task. How deep sub-plans may stand within each other
/// is for whoever asks for them: they do not ask again beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Tasks.
    pub tasks: usize,
    /// Tasks of the longest chain of needs.
    pub chain: usize,
    /// Needs of all tasks together.
    pub edges: usize,
}

impl Default for Caps {
    fn default() -> Self {
        // More than a person reads before approving; every plan of a goal that was worth it had fewer.
        Self {
            tasks: 64,
            chain: 24,
            edges: 512,
        }
    }
}

impl Caps {
    /// The same with no more tasks than are left of some total.
    #[must_use]
    pub fn with_tasks_left(self, left: usize) -> Self {
        Self {
            tasks: self.tasks.min(left),
            ..self
        }
    }
}
