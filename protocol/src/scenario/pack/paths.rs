//! Paths and toolchains of a pack.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Problems};
use crate::policy::{PolicyPath, Toolchain, credentials_in};

use super::super::fields::{Fields, fits, read};
use super::super::keys::Shape;
use super::super::tree::{NodeId, Tree};
use super::terms::{names, strings};
use super::words_more::TOOLCHAIN;

/// In one list. Each becomes a mount that every attempt copies; what is more belongs in one directory.
const MAX_PATHS: usize = 1000;

/// What a list of paths is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Write,
    Protect,
    Toolchain,
}

/// The paths of a list; those that are none are reported and left out.
pub(super) fn list(
    tree: &Tree<'_>,
    list: NodeId,
    purpose: Purpose,
    problems: &mut Problems,
) -> Vec<PolicyPath> {
    let mut paths = Vec::new();
    let count = tree.children(list).len();
    if count > MAX_PATHS {
        let message = format!("a list of {count} paths; at most {MAX_PATHS} are read");
        let problem = Diagnostic::error("too-many-entries", message);
        let help = "name the directory around them, or a pattern such as `tree/data/*/cache`";
        problems.push(problem.at(tree.span(list)).help(help));
        return paths;
    }
    for item in tree.children(list) {
        let Some(text) = tree.text(*item) else {
            continue;
        };
        let shown: String = text.chars().take(60).collect();
        let path = match text.parse::<PolicyPath>() {
            Ok(path) => path,
            Err(why) => {
                let message = format!("the path `{}` {why}", shown.escape_debug());
                let help = "write `tree/x`, `~/x` or `/x`";
                problems.push(
                    Diagnostic::error("invalid-path", message)
                        .at(tree.span(*item))
                        .help(help),
                );
                continue;
            }
        };
        match problem(&path, purpose) {
            Some(problem) => {
                let is_error = problem.is_error();
                problems.push(problem.at(tree.span(*item)));
                if !is_error {
                    paths.push(path);
                }
            }
            None => paths.push(path),
        }
    }
    paths
}

fn problem(path: &PolicyPath, purpose: Purpose) -> Option<Diagnostic> {
    if path.is_of_workspace() && purpose != Purpose::Write {
        let message = format!("`{path}` says something under `write` only");
        let help = "a workspace can always be read; what is in the tree is `tree/x`";
        return Some(Diagnostic::error("invalid-path", message).help(help));
    }
    if purpose == Purpose::Protect || path.is_of_workspace() {
        return None;
    }
    let place = credentials_in(path)?;
    if purpose == Purpose::Toolchain {
        let message = format!("a toolchain never reaches credentials: `{path}` and `{place}`");
        let help = "name the directories it needs beside them, such as `~/.cargo/registry`";
        return Some(Diagnostic::error("credential-path", message).help(help));
    }
    let message = format!("`{path}` opens credentials to every task: `{place}`");
    Some(Diagnostic::warning("credential-path", message).help("name what tasks need beside them"))
}

/// A set of paths under a key.
pub(super) fn set(
    tree: &Tree<'_>,
    fields: &Fields,
    key: &'static str,
    purpose: Purpose,
    problems: &mut Problems,
) -> Option<BTreeSet<PolicyPath>> {
    let id = fields.get(key)?;
    Some(list(tree, id, purpose, problems).into_iter().collect())
}

/// Toolchains: a map in a pack, names in a project's settings.
pub(super) fn toolchains(
    tree: &Tree<'_>,
    fields: &Fields,
    problems: &mut Problems,
) -> Option<BTreeMap<String, Toolchain>> {
    let id = fields.get("toolchains")?;
    if tree.entries(id).next().is_none() {
        let names = names(tree, fields, "toolchains", problems)?;
        return Some(
            names
                .into_iter()
                .map(|name| (name, Toolchain::default()))
                .collect(),
        );
    }
    let mut chains = BTreeMap::new();
    for (key, value) in tree.entries(id) {
        let Some(name) = tree.text(key) else { continue };
        if fits(tree, value, &Shape::Object(&TOOLCHAIN), name, problems) {
            chains.insert(name.to_owned(), toolchain(tree, value, problems));
        }
    }
    Some(chains)
}

fn toolchain(tree: &Tree<'_>, map: NodeId, problems: &mut Problems) -> Toolchain {
    let fields = read(tree, map, &TOOLCHAIN, problems);
    let mut paths = |key| {
        let id = fields.get(key);
        id.map(|id| list(tree, id, Purpose::Toolchain, problems))
            .unwrap_or_default()
    };
    let (read, path) = (paths("read"), paths("path"));
    Toolchain {
        read: read.into_iter().collect(),
        path,
        env: strings(tree, &fields, "env"),
    }
}
