//! Settings that people keep in files: their own, and a project's.
//!
//! A project's file comes with a clone, so it holds only what is cosmetic or what tightens; a key
//! beyond that is an error there.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use protocol::scenario::find_root;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::paths;
use crate::cli::args::{LogLevel, Progress};
use crate::cli::error::CliError;
use crate::ui::ColorChoice;

/// Longest file that is read, bytes; a handful of keys with comments.
const MAX_BYTES: u64 = 64 * 1024;
/// The project's file, in its root.
const PROJECT: &str = "orchestra.yaml";

/// What one file says.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    /// The file, as people see it.
    pub path: PathBuf,
    /// Where runs are kept.
    pub runs_dir: Option<PathBuf>,
    /// Attempts at once.
    pub max_parallel: Option<u32>,
    /// When to color.
    pub color: Option<ColorChoice>,
    /// Progress on stderr.
    pub progress: Option<Progress>,
    /// Detail of `log.jsonl`.
    pub log_level: Option<LogLevel>,
}

/// All files, the later ones over the earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The user's.
    pub user: Layer,
    /// The project's.
    pub project: Layer,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct UserFile {
    runs_dir: Option<PathBuf>,
    max_parallel: Option<u32>,
    color: Option<String>,
    progress: Option<String>,
    log_level: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ProjectFile {
    max_parallel: Option<u32>,
    color: Option<String>,
    progress: Option<String>,
    log_level: Option<String>,
}

/// A scenario may bear the project file's name; then it is no settings file.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Probe {
    tasks: Option<IgnoredAny>,
}

impl Files {
    /// Reads those that there are; `working_dir` leads to the project.
    ///
    /// # Errors
    /// One of them is not a settings file.
    pub fn load(working_dir: &Path) -> Result<Self, CliError> {
        let user = match paths::user_settings() {
            Some(path) => user(path)?,
            None => Layer::default(),
        };
        let root = find_root(&working_dir.join(PROJECT));
        let project = project(root.join(PROJECT))?;
        Ok(Self { user, project })
    }
}

fn user(path: PathBuf) -> Result<Layer, CliError> {
    let Some(text) = read(&path)? else {
        return Ok(Layer::default());
    };
    let file: UserFile = parse(&path, &text)?;
    Ok(Layer {
        runs_dir: file.runs_dir,
        max_parallel: at_least_one(&path, file.max_parallel)?,
        color: word(&path, "color", file.color)?,
        progress: word(&path, "progress", file.progress)?,
        log_level: word(&path, "log_level", file.log_level)?,
        path,
    })
}

fn project(path: PathBuf) -> Result<Layer, CliError> {
    let Some(text) = read(&path)? else {
        return Ok(Layer::default());
    };
    let probe: Result<Probe, _> = serde_saphyr::from_str(&text);
    if probe.is_ok_and(|probe| probe.tasks.is_some()) {
        return Ok(Layer::default());
    }
    let file: ProjectFile = parse(&path, &text)?;
    Ok(Layer {
        runs_dir: None,
        max_parallel: at_least_one(&path, file.max_parallel)?,
        color: word(&path, "color", file.color)?,
        progress: word(&path, "progress", file.progress)?,
        log_level: word(&path, "log_level", file.log_level)?,
        path,
    })
}

fn read(path: &Path) -> Result<Option<String>, CliError> {
    let file = match fs_err::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(path, "cannot be read").because(error)),
    };
    let mut text = String::new();
    file.take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| wrong(path, "cannot be read").because(error))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(wrong(path, "is too long for settings"));
    }
    Ok(Some(text))
}

fn parse<T: DeserializeOwned + Default>(path: &Path, text: &str) -> Result<T, CliError> {
    // Nothing but comments is a file without settings, which YAML reads as null.
    let parsed: Result<Option<T>, _> = serde_saphyr::from_str(text);
    parsed.map(Option::unwrap_or_default).map_err(|error| {
        let first = error.to_string();
        let first = first.lines().next().unwrap_or_default();
        let first = first.trim_start_matches("error: ");
        wrong(path, &format!("is no settings file: {first}"))
    })
}

fn at_least_one(path: &Path, number: Option<u32>) -> Result<Option<u32>, CliError> {
    match number {
        Some(number) if !(1..=4096).contains(&number) => {
            let message = format!("has `max_parallel: {number}`; it is between 1 and 4096");
            Err(wrong(path, &message))
        }
        fits => Ok(fits),
    }
}

fn word<T: ValueEnum>(path: &Path, key: &str, text: Option<String>) -> Result<Option<T>, CliError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let found = T::from_str(&text, false).map(Some);
    found.map_err(|_| {
        let names: Vec<String> = T::value_variants()
            .iter()
            .filter_map(|variant| Some(variant.to_possible_value()?.get_name().to_owned()))
            .collect();
        let names = names.join(", ");
        wrong(path, &format!("has `{key}: {text}`; it is one of {names}"))
    })
}

fn wrong(path: &Path, what: &str) -> CliError {
    CliError::invalid("settings-invalid", format!("{} {what}", path.display()))
}
