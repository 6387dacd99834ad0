//! What an expression can see.

use serde_json::Value;

use crate::artifact::Artifact;

/// Answers the references of an expression. Implemented by the coordinator's state, and by tests.
pub trait Scope {
    /// The resolved value of an input.
    fn input(&self, name: &str) -> Option<&Value>;
    /// An output of a task that ended; none when it produced none.
    fn output(&self, task: &str, name: &str) -> Option<&Value>;
    /// An artifact of a task that ended; none when it produced none.
    fn artifact(&self, task: &str, name: &str) -> Option<&Artifact>;
    /// The word for a task's state, such as `done`.
    fn status(&self, task: &str) -> Option<&str>;
    /// Whether a need failed, or was skipped because of a failure: the value of `failure()`.
    fn failure(&self) -> bool;
}
