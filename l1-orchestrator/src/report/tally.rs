//! Tasks by where they stand.

use super::task::{Standing, TaskSummary};

/// Tasks by where they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Succeeded.
    pub passed: usize,
    /// Of these, carried over from the run that this one retries.
    pub reused: usize,
    /// Failed, tolerated ones not counted.
    pub failed: usize,
    /// Failed, and their dependents ran all the same.
    pub tolerated: usize,
    /// Passed over.
    pub skipped: usize,
    /// Open when the run was cancelled.
    pub cancelled: usize,
    /// With a running attempt.
    pub running: usize,
    /// Begun, and between two attempts.
    pub waiting: usize,
}

/// One of the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Passed,
    Reused,
    Failed,
    Tolerated,
    Skipped,
    Cancelled,
    Running,
    Waiting,
}

impl Tally {
    /// Tasks that are over.
    #[must_use]
    pub const fn over(&self) -> usize {
        self.passed + self.failed + self.tolerated + self.skipped + self.cancelled
    }

    /// Tasks that have begun, or never will.
    #[must_use]
    pub const fn told(&self) -> usize {
        self.over() + self.running + self.waiting
    }

    /// One task stands elsewhere now.
    pub(super) fn moves(&mut self, from: Option<Slot>, to: Option<Slot>) {
        if let Some(from) = from {
            self.each(from, |count| *count -= 1);
        }
        if let Some(to) = to {
            self.each(to, |count| *count += 1);
        }
    }

    fn each(&mut self, slot: Slot, change: impl Fn(&mut usize)) {
        match slot {
            Slot::Passed => change(&mut self.passed),
            Slot::Reused => {
                change(&mut self.passed);
                change(&mut self.reused);
            }
            Slot::Failed => change(&mut self.failed),
            Slot::Tolerated => change(&mut self.tolerated),
            Slot::Skipped => change(&mut self.skipped),
            Slot::Cancelled => change(&mut self.cancelled),
            Slot::Running => change(&mut self.running),
            Slot::Waiting => change(&mut self.waiting),
        }
    }
}

impl TaskSummary {
    /// Where a run counts it: what expanded is counted by its children, unless it failed and they did
    /// not.
    pub(super) fn slot(&self) -> Option<Slot> {
        let counts = self.child_count().is_none() || self.fails_itself();
        self.slot_as_child().filter(|_| counts)
    }

    /// Where its parent counts it.
    pub(super) fn slot_as_child(&self) -> Option<Slot> {
        match &self.standing {
            Standing::Waiting if self.is_between_attempts() => Some(Slot::Waiting),
            Standing::Waiting => None,
            Standing::Running => Some(Slot::Running),
            Standing::Done if self.reused.is_some() => Some(Slot::Reused),
            Standing::Done => Some(Slot::Passed),
            Standing::Failed {
                tolerated: true, ..
            } => Some(Slot::Tolerated),
            Standing::Failed { .. } => Some(Slot::Failed),
            Standing::Skipped { .. } => Some(Slot::Skipped),
            Standing::Cancelled => Some(Slot::Cancelled),
        }
    }
}
