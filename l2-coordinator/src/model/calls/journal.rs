//! Who journals calls: the planner before the machine runs, the driver afterwards.

use async_trait::async_trait;
use protocol::budget::{CallId, Exhausted, Reserved, Settled};

/// Why a call may not be made, or its end not be told.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It may not fit the budget: nothing was journaled.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// The journal takes nothing any more: the run is over, or its disk is full.
    #[error("the call cannot be journaled: {0}")]
    Closed(String),
}

/// Takes calls into a run's journal.
#[async_trait]
pub trait CallJournal: Send + Sync {
    /// Decides by the budget, gives the call the next number, and returns once `budget.reserved` is
    /// synced. Decision, number and line are one step: no other reservation comes in between. The
    /// number in `ask` is ignored.
    ///
    /// # Errors
    /// The call may not be made.
    async fn reserve(&self, ask: Reserved) -> Result<CallId, JournalError>;

    /// Returns once `budget.settled` is synced.
    ///
    /// # Errors
    /// It could not be written; a later life of the run settles the call in full.
    async fn settle(&self, settled: Settled) -> Result<(), JournalError>;
}
