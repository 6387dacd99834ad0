//! What was seen of a task's declared `effects` while it ran. Only what can be seen is told: reads, programs
//! and an open network cannot.

use serde::{Deserialize, Serialize};

/// Whether a path that a task may write was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Nothing at or beneath it changed while the attempt ran.
    Unchanged,
    /// It holds too much to be looked at, or could not be.
    NotObserved,
    /// Something changed, by this attempt or by somebody at the same time.
    Changed,
}

/// A path that a task declared it writes, and what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct ObservedWrite {
    /// Beneath the scenario's root where it is, else absolute.
    pub path: String,
    /// What was seen.
    pub seen: Seen,
}
