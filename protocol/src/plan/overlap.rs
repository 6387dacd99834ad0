//! Paths of one task that get in each other's way: what is staged at `x` leaves no room for `x/y`.

use crate::diagnostic::{Diagnostic, Place, Problems};

use super::draft::DraftTask;
use super::paths::check_relative;

/// Targets of `files`: each is put in place whole, so none may lie beneath another. Artifacts: a
/// directory, written with its final `/`, may be kept beside one of its own files.
pub(super) fn check_overlaps(task: &DraftTask, problems: &mut Problems) {
    let targets = task.files.keys().map(|path| (path.as_str(), path.as_str()));
    for (_, inner, outer) in overlaps(targets.collect()) {
        let problem = if bare(inner) == bare(outer) {
            let message = format!("`{outer}` and `{inner}` are one target");
            Diagnostic::error("file-target", message).help("keep one of them")
        } else {
            let message = format!("`{inner}` lies beneath `{outer}`, which is a target, too");
            Diagnostic::error("file-target", message)
                .help("stage them side by side, such as at `a` and `b`")
        };
        problems.push(problem.in_place(Place::task(&task.id).field("files").key_name(inner)));
    }
    let kept = task.artifacts.iter();
    let kept = kept.map(|(name, path)| (name.as_str(), path.as_str()));
    for (name, inner, outer) in overlaps(kept.collect()) {
        if outer.ends_with('/') || bare(inner) == bare(outer) {
            continue;
        }
        let message = format!("`{inner}` lies beneath `{outer}`, which is an artifact, too");
        problems.push(
            Diagnostic::error("artifact-path", message)
                .in_place(Place::task(&task.id).field("artifacts").key(name))
                .help(format!("write `{}/` if that is a directory", bare(outer))),
        );
    }
}

/// Each path with a name that is, or lies beneath, an earlier one: its name, itself, that one.
fn overlaps<'a>(mut paths: Vec<(&'a str, &'a str)>) -> Vec<(&'a str, &'a str, &'a str)> {
    if paths.len() < 2 {
        return Vec::new();
    }
    paths.retain(|(_, path)| check_relative(path).is_ok());
    // Part by part, so that all that lies beneath a path follows it at once.
    paths.sort_by(|a, b| bare(a.1).split('/').cmp(bare(b.1).split('/')));
    let mut found = Vec::new();
    let mut outer: Option<&str> = None;
    for (name, path) in paths {
        let beneath = |outer: &&str| {
            let rest = path.strip_prefix(bare(outer));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match outer.filter(beneath) {
            Some(outer) => found.push((name, path, outer)),
            None => outer = Some(path),
        }
    }
    found
}

fn bare(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}
