//! Where the program of a command line is, as far as its path says so.

use super::effective::Policy;
use super::place::{Site, covers};

/// Where a program is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// One of the system's or of a toolchain's: it is what its name says.
    Named {
        /// The name.
        name: String,
    },
    /// In the workspace, or in the tree.
    Workspace,
    /// Anywhere else.
    Outside {
        /// Its absolute path, where it is known.
        path: Option<String>,
    },
}

/// Where only whoever administers the host can put programs.
const SYSTEM: &[&str] = &[
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
];

/// Where a program is. `real` is its path once symbolic links are followed: what it says counts, but a
/// program of the system keeps the name it is called by (`cc`, `awk`, the applets of busybox).
pub(super) fn locate(program: &str, real: Option<&str>, policy: &Policy, site: &Site) -> Location {
    let named = |path: &str| Location::Named {
        name: path.rsplit('/').next().unwrap_or_default().to_owned(),
    };
    let called = match program.contains('/') {
        true => by_path(program, policy, site),
        false => named(program),
    };
    let Some(real) = real.map(normal) else {
        return called;
    };
    let real = by_path(&real.unwrap_or_default(), policy, site);
    match (&called, real) {
        (Location::Named { .. }, Location::Named { .. }) => called,
        (_, real) => real,
    }
}

fn by_path(program: &str, policy: &Policy, site: &Site) -> Location {
    let Some(path) = normal(program) else {
        return Location::Outside { path: None };
    };
    if !path.starts_with('/') {
        return Location::Workspace;
    }
    let toolchains = policy.toolchains.values().flat_map(|chain| &chain.path);
    let mut toolchains = toolchains.flat_map(|dir| dir.existing(site));
    let is_system = SYSTEM.iter().any(|dir| covers(dir, &path));
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    if is_system || toolchains.any(|own| own == dir) {
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        return Location::Named { name };
    }
    let root = site.root.as_deref().map(|root| root.trim_end_matches('/'));
    match root.is_some_and(|root| !root.is_empty() && covers(root, &path)) {
        true => Location::Workspace,
        false => Location::Outside { path: Some(path) },
    }
}

/// A path without `.`, `..` and empty parts; `None` for a relative one that leads out of where it starts.
pub(super) fn normal(path: &str) -> Option<String> {
    let is_absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() && !is_absolute => return None,
            ".." => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    Some(if is_absolute {
        format!("/{joined}")
    } else {
        joined
    })
}

/// Sorted, without what is beneath another.
pub(super) fn outermost(mut paths: Vec<String>) -> Vec<String> {
    paths.sort_unstable();
    paths.dedup();
    let all = paths.clone();
    paths.retain(|path| !all.iter().any(|other| other != path && covers(other, path)));
    paths
}
