//! Settings that people keep in files: their own, and a project's.
//!
//! A project's file comes with a clone, so it may change looks and tighten; a value beyond that is an
//! error until `orchestra trust` accepted exactly it.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::diagnostic::{Diagnostic, Problems};
use protocol::digest::Digest;
use protocol::source::SourceFile;

use super::origin::Origin;
use super::paths;
use super::reader::{self, Entries, Entry};
use super::table::{Key, Shape};
use super::trust::Trust;
use crate::cli::error::CliError;
use crate::policy::is_pack_file;
use crate::runs::{open_regular, quoted};

/// Longest file that is read, bytes; a handful of keys with comments.
const MAX_BYTES: u64 = 64 * 1024;
/// The project's file, in its folder.
pub const PROJECT: &str = "orchestra.yaml";

/// What one file says.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    /// The file, as people see it.
    pub path: PathBuf,
    /// Its text, for places.
    source: Option<Arc<SourceFile>>,
    entries: Entries,
}

impl Layer {
    /// The value of a setting, as it is written.
    #[must_use]
    pub fn value(&self, key: &Key) -> Option<&str> {
        self.entries.get(key.name).map(|entry| &*entry.value)
    }

    /// Where its values come from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin::File(self.path.clone())
    }

    /// Line and column of a setting's value.
    #[must_use]
    pub fn place(&self, key: &Key) -> Option<(u32, u32)> {
        let at = self.entries.get(key.name)?.span.start;
        let at = self.source.as_ref()?.location(at);
        Some((at.line, at.column))
    }

    /// Whether there is such a file.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.source.is_some()
    }

    /// What a project may only say when it is trusted.
    pub fn widening(&self) -> impl Iterator<Item = (&'static Key, &Entry)> {
        let known = self
            .entries
            .iter()
            .filter_map(|(name, entry)| Some((Key::find(name)?, entry)));
        // A map takes away only.
        known.filter(|(key, entry)| !entry.is_block && key.widens(&entry.value))
    }

    /// The value of a setting that is no map.
    #[must_use]
    pub fn word(&self, key: &Key) -> Option<&str> {
        let entry = self.entries.get(key.name).filter(|entry| !entry.is_block)?;
        Some(&entry.value)
    }

    /// The file, where this setting is a map in it.
    #[must_use]
    pub fn with_block(&self, key: &Key) -> Option<&SourceFile> {
        self.entries.get(key.name).filter(|entry| entry.is_block)?;
        self.source.as_deref()
    }
}

/// All files, the later ones over the earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The user's.
    pub user: Layer,
    /// The project's.
    pub project: Layer,
}

impl Files {
    /// Reads those that there are; `working_dir` leads to the project.
    ///
    /// # Errors
    /// One of them is not a settings file, or asks for more than it may.
    pub fn load(working_dir: &Path) -> Result<Self, CliError> {
        let user = match paths::user_settings() {
            Some(path) => user(path)?,
            None => Layer::default(),
        };
        let project = match project_dir(working_dir)? {
            Some(dir) => project(&dir)?,
            None => Layer::default(),
        };
        Ok(Self { user, project })
    }

    /// From the one that wins to the one that loses.
    pub fn last_first(&self) -> [&Layer; 2] {
        [&self.project, &self.user]
    }
}

/// The folder whose `orchestra.yaml` holds for `working_dir`: the nearest one up to the repository's
/// root. A scenario of that name is no settings file.
///
/// # Errors
/// A file on the way cannot be read.
pub fn project_dir(working_dir: &Path) -> Result<Option<PathBuf>, CliError> {
    for dir in working_dir.ancestors() {
        let text = read(&dir.join(PROJECT))?;
        if text.is_some_and(|text| !reader::is_scenario(&text)) {
            return Ok(Some(dir.to_owned()));
        }
        if dir.join(".git").exists() {
            break;
        }
    }
    Ok(None)
}

/// The project's file in `dir`, whatever it asks for.
///
/// # Errors
/// It is not a settings file.
pub fn project_as_written(dir: &Path) -> Result<Layer, CliError> {
    layer(dir.join(PROJECT), |_| Ok(Vec::new()))
}

/// A pack beside the user's settings is named from there: anywhere else it would be whatever a clone
/// has in that place.
fn user(path: PathBuf) -> Result<Layer, CliError> {
    let dir = path.parent().unwrap_or(&path).to_owned();
    let mut layer = layer(path, |_| Ok(Vec::new()))?;
    let named = layer.entries.get_mut("policy");
    let file = named.filter(|entry| !entry.is_block && is_pack_file(&entry.value));
    if let Some(entry) = file
        && let Some(path) = dir.join(&entry.value).to_str()
    {
        entry.value = path.to_owned();
    }
    Ok(layer)
}

fn project(dir: &Path) -> Result<Layer, CliError> {
    layer(dir.join(PROJECT), |layer| {
        let mut beyond = Vec::new();
        let mut trust = None;
        for (key, entry) in layer.widening() {
            // Read at first need: most projects ask for nothing.
            let trust = match &mut trust {
                Some(trust) => trust,
                empty => empty.insert(Trust::load()?),
            };
            if !trust.accepts(dir, key, &bound(dir, key, entry)) {
                beyond.push(untrusted(dir, key, entry));
            }
        }
        Ok(beyond)
    })
    .map(|mut layer| {
        relative_to(dir, &mut layer);
        layer
    })
}

/// A trusted project's relative paths start in its folder, wherever somebody stands.
fn relative_to(dir: &Path, layer: &mut Layer) {
    let is_path = |entry: &Entry, shape| match shape {
        Shape::Path => true,
        Shape::Policy => !entry.is_block && is_pack_file(&entry.value),
        _ => false,
    };
    for (name, entry) in &mut layer.entries {
        let is_path = Key::find(name).is_some_and(|key| is_path(entry, key.shape));
        if is_path && let Some(path) = dir.join(&entry.value).to_str() {
            entry.value = path.to_owned();
        }
    }
}

/// What trust in a value accepts: of a pack in a file, its content as well, which a pull could change.
#[must_use]
pub fn bound(dir: &Path, key: &Key, entry: &Entry) -> String {
    if !matches!(key.shape, Shape::Policy) || !is_pack_file(&entry.value) {
        return entry.value.clone();
    }
    let content = read(&dir.join(&entry.value)).ok().flatten();
    match content {
        Some(text) => format!("{} {}", entry.value, Digest::of(text.as_bytes())),
        None => format!("{} (unreadable)", entry.value),
    }
}

fn untrusted(dir: &Path, key: &Key, entry: &Entry) -> Diagnostic {
    let message = format!(
        "a project may not set `{}: {}` unless you trust it",
        key.name, entry.value
    );
    Diagnostic::error("untrusted-setting", message)
        .at(entry.key_span)
        .help(format!(
            "read the file, then accept it with `orchestra trust {}`",
            quoted(dir)
        ))
}

/// Reads a file and everything wrong with it, `judge`'s findings included.
fn layer(
    path: PathBuf,
    judge: impl FnOnce(&Layer) -> Result<Vec<Diagnostic>, CliError>,
) -> Result<Layer, CliError> {
    let Some(text) = read(&path)? else {
        return Ok(Layer::default());
    };
    let source = Arc::new(SourceFile::new(path.display().to_string(), text));
    let mut problems = Problems::default();
    let entries = reader::read(&source, &mut problems);
    let layer = Layer {
        path,
        source: Some(Arc::clone(&source)),
        entries,
    };
    for problem in judge(&layer)? {
        problems.push(problem);
    }
    if problems.has_errors() {
        let mut list = problems.into_vec();
        list.sort_by_key(|problem| problem.span.map_or(u32::MAX, |span| span.start));
        return Err(CliError::problems(source, list));
    }
    Ok(layer)
}

/// The text of a file; none when there is no such file.
fn read(path: &Path) -> Result<Option<String>, CliError> {
    // A pipe that came with a clone must not make us wait for its writer.
    let file = match open_regular(path) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(unreadable(path, error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, error))?;
    if bytes.len() as u64 > MAX_BYTES {
        let kib = MAX_BYTES / 1024;
        let error = io::Error::other(format!("it is longer than the {kib} KiB that are read"));
        return Err(unreadable(path, error));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| unreadable(path, io::Error::other("it holds bytes that are not UTF-8")))?;
    Ok(Some(text))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn unreadable(path: &Path, error: io::Error) -> CliError {
    CliError::invalid(
        "settings-unreadable",
        format!("{} cannot be read", path.display()),
    )
    .because(error)
}
