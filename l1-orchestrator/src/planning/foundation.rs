//! What a plan rests on outside of itself: the files behind its inputs of type `path`. A saved plan
//! binds them by content, and a run looks for those it will copy before it begins.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use protocol::digest::{Digest, Hasher};
use protocol::expr::{Condition, Target};
use protocol::plan::{Plan, PlanTask};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Files of one directory that are bound; as many as the worker stages.
const MAX_FILES: usize = 100_000;
/// Bytes of all that is bound: more would take longer to read than a person waits for a plan.
const MAX_BYTES: u64 = 4 * 1024 * 1024 * 1024;
const CHUNK_BYTES: usize = 128 * 1024;

/// What is behind one input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Foundation {
    /// The input.
    pub input: String,
    /// Its value.
    pub path: String,
    /// What is there.
    pub content: Content,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// A regular file.
    File {
        /// SHA-256 of its bytes.
        sha256: Digest,
    },
    /// A directory that tasks get a copy of.
    Directory {
        /// Digest of names and contents of the regular files in it.
        sha256: Digest,
        /// How many they are.
        files: u64,
    },
    /// Anything else: tasks get the path as a text, and nothing is said about what is there.
    Path,
}

/// A file that a task gets a copy of and that is not there.
#[derive(Debug)]
pub struct Missing {
    /// The input that names it.
    pub input: String,
    /// Its value.
    pub path: String,
    /// The first such task.
    pub task: String,
    /// Why it cannot be read.
    pub source: io::Error,
}

/// Files that tasks of the outermost plan get a copy of and that are not there. Tasks whose `if` is
/// false by inputs alone do not count.
#[must_use]
pub fn missing(plan: &Plan) -> Vec<Missing> {
    let mut missing = Vec::new();
    for (input, task) in staged(plan) {
        if let Some(Value::String(path)) = plan.inputs().get(input)
            && let Err(source) = fs_err::metadata(path)
        {
            missing.push(Missing {
                input: input.to_owned(),
                path: path.clone(),
                task: task.id().to_string(),
                source,
            });
        }
    }
    missing
}

/// Inputs whose files tasks copy or show to a model, each with the first such task.
fn staged(plan: &Plan) -> BTreeMap<&str, &PlanTask> {
    let mut staged = BTreeMap::new();
    for (_, task) in plan.tasks() {
        if task
            .condition()
            .is_some_and(|condition| is_off(plan, condition))
        {
            continue;
        }
        for name in task.inputs_given() {
            staged.entry(name).or_insert(task);
        }
    }
    staged
}

/// Whether inputs alone make the condition false.
fn is_off(plan: &Plan, condition: &Condition) -> bool {
    let only_inputs = condition.references().is_ok_and(|references| {
        let is_input = |target: &Target| matches!(target, Target::Input { .. });
        references
            .iter()
            .all(|reference| is_input(&reference.target))
    });
    only_inputs && condition.evaluate(&super::known::Known::new(plan)) == Ok(false)
}

/// What the inputs of type `path` name now.
///
/// # Errors
/// Something is there that cannot be read, or there is too much of it.
pub fn lay(plan: &Plan, paths: &BTreeSet<String>) -> io::Result<Vec<Foundation>> {
    let staged = staged(plan);
    let mut left = MAX_BYTES;
    let named = paths
        .iter()
        .filter_map(|name| match plan.inputs().get(name) {
            Some(Value::String(path)) => Some((name, path)),
            _ => None,
        });
    named
        .map(|(name, path)| {
            Ok(Foundation {
                input: name.clone(),
                path: path.clone(),
                content: content(
                    Path::new(path),
                    staged.contains_key(name.as_str()),
                    &mut left,
                )?,
            })
        })
        .collect()
}

/// The first of them that is not what it was.
///
/// # Errors
/// Something is there that cannot be read, or there is too much of it.
pub fn shaken(laid: &[Foundation]) -> io::Result<Option<&Foundation>> {
    let mut left = MAX_BYTES;
    for foundation in laid {
        let is_copied = match foundation.content {
            Content::Path => continue,
            Content::Directory { .. } => true,
            Content::File { .. } => false,
        };
        let path = Path::new(&foundation.path);
        if content(path, is_copied, &mut left)? != foundation.content {
            return Ok(Some(foundation));
        }
    }
    Ok(None)
}

fn content(path: &Path, is_copied: bool, left: &mut u64) -> io::Result<Content> {
    let found = match fs_err::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::Path),
        Err(error) => return Err(error),
    };
    if found.is_file() {
        let sha256 = hash(path, left)?;
        return Ok(Content::File { sha256 });
    }
    if !found.is_dir() || !is_copied {
        return Ok(Content::Path);
    }
    let files = walk(path)?;
    let mut hasher = Hasher::new();
    for file in &files {
        hasher.update(file.as_os_str().as_encoded_bytes());
        hasher.update(&[0]);
        hasher.update(hash(&path.join(file), left)?.as_bytes());
    }
    Ok(Content::Directory {
        sha256: hasher.finish(),
        files: files.len() as u64,
    })
}

/// Regular files beneath a directory, sorted; links are not followed, as when they are staged.
fn walk(top: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut queue = vec![PathBuf::new()];
    while let Some(inner) = queue.pop() {
        for entry in fs_err::read_dir(top.join(&inner))? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let path = inner.join(entry.file_name());
            if kind.is_dir() {
                queue.push(path);
            } else if kind.is_file() {
                files.push(path);
            }
            if files.len() + queue.len() > MAX_FILES {
                let message = format!("{} holds more than {MAX_FILES} files", top.display());
                return Err(io::Error::other(message));
            }
        }
    }
    files.sort();
    Ok(files)
}

fn hash(path: &Path, left: &mut u64) -> io::Result<Digest> {
    let mut file = fs_err::File::open(path)?;
    let mut hasher = Hasher::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok(hasher.finish());
        }
        *left = left.checked_sub(read as u64).ok_or_else(|| {
            let gib = MAX_BYTES >> 30;
            io::Error::other(format!(
                "the files behind the inputs hold more than {gib} GiB"
            ))
        })?;
        hasher.update(&chunk[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copied_directory_is_its_files_and_any_other_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path();
        fs_err::create_dir(top.join("a")).unwrap();
        fs_err::write(top.join("a/x"), "1").unwrap();
        let look = |is_copied| content(top, is_copied, &mut u64::MAX.clone()).unwrap();
        assert_eq!(look(false), Content::Path);
        let before = look(true);
        fs_err::create_dir(top.join("empty")).unwrap();
        assert_eq!(look(true), before);
        fs_err::rename(top.join("a/x"), top.join("a/y")).unwrap();
        let renamed = look(true);
        assert_ne!(renamed, before);
        fs_err::write(top.join("a/y"), "2").unwrap();
        assert_ne!(look(true), renamed);
        let nothing = content(&top.join("none"), true, &mut 9).unwrap();
        assert_eq!(nothing, Content::Path);
    }

    #[test]
    fn what_is_read_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x");
        fs_err::write(&file, "123").unwrap();
        assert!(content(&file, false, &mut 3).is_ok());
        assert!(content(&file, false, &mut 2).is_err());
    }
}
