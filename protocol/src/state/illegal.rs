//! Why an event does not fit the run that it is said to belong to.

use super::task::IllegalTransition;
use crate::budget::LedgerError;
use crate::digest::Digest;
use crate::ids::TaskId;

/// An event that cannot follow; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalEvent {
    /// It does not fit its task.
    #[error("event {seq}, task `{task}`")]
    Task {
        /// Position.
        seq: u64,
        /// The task.
        task: TaskId,
        /// What does not fit.
        #[source]
        source: IllegalTransition,
    },
    /// Neither the plan nor anything that expanded has such a task.
    #[error("event {seq} names task `{task}`, which the plan does not have")]
    UnknownTask {
        /// Position.
        seq: u64,
        /// The task.
        task: TaskId,
    },
    /// It does not fit the calls before it.
    #[error("event {seq}")]
    Call {
        /// Position.
        seq: u64,
        /// What does not fit.
        #[source]
        source: LedgerError,
    },
    /// It does not fit the run.
    #[error("event {seq}: `{event}` does not fit a run that is {phase}")]
    Run {
        /// Position.
        seq: u64,
        /// Name of the event.
        event: &'static str,
        /// The run's phase.
        phase: String,
    },
    /// The journal belongs to another plan.
    #[error("event {seq} approves plan {found}, not {expected}")]
    OtherPlan {
        /// Position.
        seq: u64,
        /// Digest in the journal.
        found: Digest,
        /// Digest of the plan at hand.
        expected: Digest,
    },
}
