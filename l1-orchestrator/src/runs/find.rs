//! The directory that holds runs, and the one run that a RUN argument means: id, unique prefix,
//! `@last`, `@failed` or a path. Looks at names; opens `run.json` only to tell equals apart.

use std::io;
use std::path::{Path, PathBuf};

use super::entry::{RunEntry, has_traces};
use super::newest::Newest;
use super::status::{Status, status};
use crate::cli::error::CliError;

/// Candidates named when an argument fits several.
const MAX_CANDIDATES: usize = 5;

/// A directory that holds runs.
#[derive(Clone, Debug)]
pub struct Runs {
    dir: PathBuf,
    /// Whether a short id alone finds runs here again: nobody named another directory.
    is_default: bool,
}

impl Runs {
    /// The runs in `dir`.
    #[must_use]
    pub const fn new(dir: PathBuf, is_default: bool) -> Self {
        Self { dir, is_default }
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The entry of a run that has just been made here.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<RunEntry> {
        RunEntry::of(self.dir.join(name), self.is_default)
    }

    /// Every run, newest first.
    ///
    /// # Errors
    /// The directory exists and cannot be read.
    pub fn newest(&self) -> Result<Newest, CliError> {
        let listing = match fs_err::read_dir(&self.dir) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Newest::new(Vec::new()));
            }
            Err(error) => return Err(self.unreadable(error)),
        };
        let mut entries = Vec::new();
        for item in listing {
            let item = item.map_err(|error| self.unreadable(error))?;
            // A file of such a name is no run; a link to a directory may be one.
            let is_file = item.file_type().is_ok_and(|kind| kind.is_file());
            if !is_file {
                entries.extend(RunEntry::of(item.path(), self.is_default));
            }
        }
        Ok(Newest::new(entries))
    }

    /// The run that `text` means.
    ///
    /// # Errors
    /// None, or several.
    pub fn resolve(&self, text: &str) -> Result<RunEntry, CliError> {
        if text.contains('/') || has_traces(Path::new(text)) {
            return resolve_path(Path::new(text));
        }
        let mut entries = self.newest()?;
        if entries.is_empty() {
            let message = format!("there are no runs in {}", self.dir.display());
            return Err(CliError::usage("unknown-run", message)
                .hint("name another place with `--runs-dir`, or the run directory's path"));
        }
        match text {
            "@last" => Ok(entries.next().expect("checked to be not empty")),
            "@failed" => {
                let failed = entries.find(|run| status(&run.dir) == Status::Failed);
                failed.ok_or_else(|| self.unknown("no run has failed".into()))
            }
            other if other.starts_with('@') => {
                let near = protocol::nearest::nearest(other, ["@last", "@failed"]);
                let hint = near.map_or_else(
                    || "`@last` and `@failed` are the only names of this kind".into(),
                    |near| format!("did you mean `{near}`?"),
                );
                Err(CliError::usage("unknown-run", format!("`{other}` names no run")).hint(hint))
            }
            prefix => self.by_prefix(prefix, entries),
        }
    }

    fn by_prefix(&self, prefix: &str, entries: Newest) -> Result<RunEntry, CliError> {
        let id_starts = |run: &RunEntry| {
            run.id()
                .is_some_and(|id| id.to_string().starts_with(prefix))
        };
        let name_is = |run: &RunEntry| run.dir.file_name().is_some_and(|name| name == prefix);
        let mut found: Vec<RunEntry> = entries
            .filter(|run| run.short.starts_with(prefix) || name_is(run) || id_starts(run))
            .collect();
        match found.len() {
            0 => Err(self.unknown(format!("no run matches `{prefix}`"))),
            1 => Ok(found.remove(0)),
            several => {
                let mut names: Vec<String> = found
                    .iter()
                    .take(MAX_CANDIDATES)
                    .map(|run| format!("{} ({}, {})", run.short, run.scenario, run.minute))
                    .collect();
                if several > MAX_CANDIDATES {
                    names.push("…".into());
                }
                let message = format!("`{prefix}` fits {several} runs");
                Err(CliError::usage("ambiguous-run", message).hint(names.join(", ")))
            }
        }
    }

    fn unknown(&self, what: String) -> CliError {
        CliError::usage("unknown-run", format!("{what} in {}", self.dir.display()))
            .hint("`orchestra list` shows what there is")
    }

    fn unreadable(&self, error: io::Error) -> CliError {
        let hint = (error.kind() == io::ErrorKind::NotADirectory)
            .then(|| "name the directory that holds the runs with `--runs-dir`".into());
        let message = format!("{} cannot be read", self.dir.display());
        CliError::not_ready("runs-unreadable", message)
            .because(error)
            .maybe_hint(hint)
    }
}

fn resolve_path(path: &Path) -> Result<RunEntry, CliError> {
    RunEntry::at(path).ok_or_else(|| {
        let message = format!("{} is no run directory", path.display());
        CliError::usage("unknown-run", message)
            .hint("a run directory holds events.jsonl and run.json")
    })
}
