//! Why a run has no plan.

use protocol::diagnostic::Diagnostic;

use crate::coordinator::CoordinatorError;
use crate::model::{CallError, ModelError};
use crate::planner::Unplanned;
use protocol::budget::Exhausted;

/// There is no plan.
#[derive(Debug)]
pub enum NoPlan {
    /// No reply was one, after all rounds: what was wrong with the last.
    Rejected(Vec<Diagnostic>),
    /// The next call would not fit the budget.
    Exhausted(Exhausted),
    /// The model did not answer.
    Model(Box<ModelError>),
    /// What was asked or answered cannot be kept.
    Unkept(String),
    /// The journal cannot be written.
    Journal(CoordinatorError),
}

impl From<CoordinatorError> for NoPlan {
    fn from(error: CoordinatorError) -> Self {
        Self::Journal(error)
    }
}

impl From<Unplanned<CallError>> for NoPlan {
    fn from(unplanned: Unplanned<CallError>) -> Self {
        match unplanned {
            Unplanned::Rejected { reasons, .. } => Self::Rejected(reasons),
            Unplanned::Call { error, .. } => match error {
                CallError::Model(error) => Self::Model(Box::new(error)),
                CallError::Journal(crate::model::JournalError::Exhausted(exhausted)) => {
                    Self::Exhausted(exhausted)
                }
                other => Self::Unkept(other.to_string()),
            },
        }
    }
}
