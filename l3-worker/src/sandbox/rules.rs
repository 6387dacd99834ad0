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

/// What every confined attempt can read, as far as the host has it: programs, libraries, what comes with
/// them. Of `/etc` it sees a selection, see [`super::engine`].
pub(crate) const SYSTEM: [&str; 9] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix/store",
];

/// Where an attempt looks for programs: what the policy puts first, then those of the worker's own
/// directories that it can see.
pub(crate) fn search_path(constraints: &Constraints, own: &str) -> String {
    if constraints.level == SandboxLevel::None {
        return own.to_owned();
    }
    let confine = &constraints.confine;
    let open = || {
        confine
            .read
            .iter()
            .chain(&confine.write)
            .chain(&confine.path)
    };
    let is_seen = |dir: &&str| {
        let open = SYSTEM.into_iter().chain(open().map(String::as_str));
        open.into_iter()
            .any(|open| Path::new(dir).starts_with(open))
    };
    let own = own.split(':').filter(is_seen);
    let mut path: Vec<&str> = Vec::new();
    for dir in confine.path.iter().map(String::as_str).chain(own) {
        if !path.contains(&dir) {
            path.push(dir);
        }
    }
    path.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_looked_for_where_they_can_be_seen() {
        let own = "/home/u/.cargo/bin:/home/u/bin:/usr/local/bin:/usr/bin:/bin:/usr/bin:/srv/x";
        let mut constraints = Constraints::unconfined();
        assert_eq!(search_path(&constraints, own), own);
        constraints.level = SandboxLevel::Strict;
        assert_eq!(
            search_path(&constraints, own),
            "/usr/local/bin:/usr/bin:/bin"
        );
        constraints.confine = Arc::new(Confine {
            read: vec!["/home/u/.rustup".into(), "/srv".into()],
            path: vec!["/home/u/.cargo/bin".into()],
            ..Confine::CLOSED
        });
        assert_eq!(
            search_path(&constraints, own),
            "/home/u/.cargo/bin:/usr/local/bin:/usr/bin:/bin:/srv/x"
        );
    }
}
