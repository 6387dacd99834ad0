//! What an expression can see.

use std::borrow::Cow;

use serde_json::Value;

use crate::artifact::Artifact;

/// Answers the references of an expression. Implemented by the coordinator's state, and by tests.
pub trait Scope {
    /// The resolved value of an input.
    fn input(&self, name: &str) -> Option<&Value>;
    /// An output of a task that ended; none when it produced none.
    /// Of a fan-out: the list of its items' values, in index order.
    fn output(&self, task: &str, name: &str) -> Option<Cow<'_, Value>>;
    /// An artifact of a task that ended; none when it produced none.
    fn artifact(&self, task: &str, name: &str) -> Option<&Artifact>;
    /// The word for a task's state, such as `done`.
    fn status(&self, task: &str) -> Option<&str>;
    /// The value of a name that only some tasks have: `item`, `matrix`, or what `as` says.
    fn variable(&self, name: &str) -> Option<&Value>;
    /// Whether a need failed, or was skipped because of a failure: the value of `failure()`.
    fn failure(&self) -> bool;
    /// Whether this is a look ahead of the run, which knows inputs and no results: what refers to more
    /// than it knows then stays as it is written.
    fn is_ahead(&self) -> bool {
        false
    }
}

/// Answers nothing: for expressions that refer to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Scope for Nothing {
    fn input(&self, _: &str) -> Option<&Value> {
        None
    }
    fn output(&self, _: &str, _: &str) -> Option<Cow<'_, Value>> {
        None
    }
    fn artifact(&self, _: &str, _: &str) -> Option<&Artifact> {
        None
    }
    fn status(&self, _: &str) -> Option<&str> {
        None
    }
    fn variable(&self, _: &str) -> Option<&Value> {
        None
    }
    fn failure(&self) -> bool {
        false
    }
}
