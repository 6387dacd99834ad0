//! From a task's constraints and the places of one slot to what its slot process sets up. Pure.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::policy::{Confine, Constraints, SandboxLevel};

/// What confines every attempt of one slot process. Two attempts that differ in it never share a
/// slot process, and so neither a network nor a process namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// How.
    pub level: SandboxLevel,
    /// What is open; paths are absolute.
    pub confine: Arc<Confine>,
    /// The slot's own directory: workspaces and homes are beneath it, and it stays while they come and
    /// go.
    pub work: PathBuf,
}

impl Confinement {
    /// What these constraints come down to.
    #[must_use]
    pub fn of(constraints: &Constraints, work: &Path) -> Self {
        Self {
            level: constraints.level,
            confine: Arc::clone(&constraints.confine),
            work: work.to_owned(),
        }
    }
}
