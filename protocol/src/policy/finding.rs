//! What a policy has to say about a plan or an attempt.

use serde::{Deserialize, Serialize};

use crate::ids::TaskId;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FindingSeverity {
    /// Worth knowing.
    Info,
    /// It exceeds the policy, and a person approved exactly that.
    Granted,
    /// Worth a look; the run goes on.
    Warning,
    /// What it is about does not start, or did not work.
    Refused,
}

impl FindingSeverity {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Granted => "granted",
            Self::Warning => "warning",
            Self::Refused => "refused",
        }
    }
}

/// One thing a policy has to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct Finding {
    /// Stable id, kebab-case: `program-not-allowed`.
    pub code: String,
    /// How much it weighs.
    pub severity: FindingSeverity,
    /// One line, escaped.
    pub message: String,
    /// The task it is about; absent for the whole plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// What the person could change, one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggested_fix: Option<String>,
}

impl Finding {
    /// With what the person could change.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.suggested_fix = Some(fix.into());
        self
    }
}
