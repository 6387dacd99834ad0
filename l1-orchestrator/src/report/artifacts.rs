//! What a run leaves, in the order in which a reader looks for it: what the scenario hands out, then
//! files that nothing else consumed, then the others. Each file once: a task that expanded hands on
//! what one of its children made.

use std::collections::HashSet;

use protocol::artifact::Artifact;
use protocol::plan::Plan;
use serde_json::Value;

use super::planned::Planned;
use super::summary::RunSummary;
use super::task::TaskSummary;
use super::words;
use crate::ui::sanitize;

/// An artifact of a task.
#[derive(Clone, Copy, Debug)]
pub struct Left<'a> {
    /// Who made it, or handed it on.
    pub task: &'a TaskSummary,
    /// The artifact.
    pub artifact: &'a Artifact,
    /// Nothing else of the run consumes it, as far as the plan can tell.
    pub is_last: bool,
}

/// Every artifact once, the last ones first.
#[must_use]
pub fn left<'a>(summary: &'a RunSummary, plan: Option<&Plan>) -> Vec<Left<'a>> {
    let tasks = summary.tasks.iter();
    let tasks = tasks.filter(|task| !task.artifacts.is_empty());
    let all = tasks.flat_map(|task| {
        let is_last = plan
            .and_then(|plan| Planned::find(plan, &task.id))
            .is_none_or(|planned| planned.is_last());
        let artifacts = task.artifacts.iter();
        artifacts.map(move |artifact| Left {
            task,
            artifact,
            is_last,
        })
    });
    let mut all: Vec<Left<'a>> = all.collect();
    // A parent tells of its child's files in its own name: whoever made them is told before it.
    all.sort_by_key(|left| (!left.is_last, left.task.child_count().is_some()));
    let handed_on = all.iter().any(|left| left.task.child_count().is_some());
    if handed_on {
        let mut seen = HashSet::new();
        all.retain(|left| {
            let files = left.artifact.files.iter();
            let new = files.filter(|file| seen.insert(file.path.as_str())).count();
            new > 0 || left.artifact.files.is_empty()
        });
    }
    all
}

/// One of the scenario's outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is.
    pub value: Handed<'a>,
}

/// What an output is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handed<'a> {
    /// A value in words.
    Value(String),
    /// An artifact: its files within the run's directory, and their bytes.
    Files(Vec<&'a str>, u64),
}

/// The scenario's outputs, values cut after so many characters.
pub fn outputs(summary: &RunSummary, most: usize) -> impl Iterator<Item = Output<'_>> {
    summary.outputs.iter().map(move |(name, value)| {
        let value = files(value).unwrap_or_else(|| match value {
            Value::Null => Handed::Value("none".into()),
            _ => Handed::Value(sanitize(&words::short(value, most)).into_owned()),
        });
        Output { name, value }
    })
}

/// The files of a value that is an artifact.
fn files(value: &Value) -> Option<Handed<'_>> {
    let map = value.as_object()?;
    let size = map.get("size")?.as_u64()?;
    map.get("name")?.as_str()?;
    let paths = match (map.get("path"), map.get("paths"), map.len()) {
        (Some(path), None, 4) if map.contains_key("sha256") => vec![path.as_str()?],
        (None, Some(paths), 3) => {
            let paths = paths.as_array()?.iter().map(Value::as_str);
            paths.collect::<Option<Vec<_>>>()?
        }
        _ => return None,
    };
    Some(Handed::Files(paths, size))
}

/// The one place of some files: the file itself, or the folder that holds them all.
#[must_use]
pub fn place<'a>(files: impl IntoIterator<Item = &'a str>, is_folder: bool) -> String {
    let mut files = files.into_iter();
    let Some(first) = files.next() else {
        return String::new();
    };
    let rest: Vec<&str> = files.collect();
    if rest.is_empty() && !is_folder {
        return first.into();
    }
    let mut folder = first.rsplit_once('/').map_or("", |(folder, _)| folder);
    for file in rest {
        while !folder.is_empty() && !is_below(file, folder) {
            folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }
    format!("{folder}/")
}

fn is_below(file: &str, folder: &str) -> bool {
    let rest = file.strip_prefix(folder);
    rest.is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_files_or_what_holds_them() {
        assert_eq!(place(["artifacts/a/x.txt"], false), "artifacts/a/x.txt");
        assert_eq!(place(["artifacts/a/out/x"], true), "artifacts/a/out/");
        let many = ["artifacts/a/out/x/1", "artifacts/a/out/xy/2"];
        assert_eq!(place(many, true), "artifacts/a/out/");
        assert_eq!(place([], true), "");
    }

    #[test]
    fn outputs_are_values_or_files() {
        let value = |value: serde_json::Value| files(&value).is_some();
        let file =
            serde_json::json!({"name": "a", "path": "artifacts/t/a", "sha256": "x", "size": 1});
        assert!(value(file));
        assert!(value(
            serde_json::json!({"name": "a", "paths": ["artifacts/t/a/x"], "size": 1})
        ));
        assert!(!value(serde_json::json!({"name": "a", "size": 1})));
        assert!(!value(serde_json::json!(["a"])));
    }
}
