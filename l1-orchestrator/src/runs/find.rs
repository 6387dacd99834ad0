//! Run directories by name, and the one that a RUN argument means: id, unique prefix, `@last`,
//! `@failed` or a path. Looks at names; opens `run.json` only to tell equals apart.

use std::cmp::Reverse;
use std::io;
use std::path::{Path, PathBuf};

use protocol::ids::RunId;
use protocol::run_dir;

use super::record::RunRecord;
use super::status::{Status, status};
use crate::cli::error::CliError;
use crate::report::RunRef;

/// Candidates named when an argument fits several.
const MAX_CANDIDATES: usize = 5;

/// A directory that holds runs.
#[derive(Clone, Debug)]
pub struct Runs {
    dir: PathBuf,
    /// Whether a short id alone finds runs here again: nobody named another directory.
    is_default: bool,
}

/// One run directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEntry {
    /// Where it is, as reached from the working directory.
    pub dir: PathBuf,
    /// UTC minute of its start, as in its name.
    pub minute: String,
    /// Its scenario.
    pub scenario: String,
    /// Its short id.
    pub short: String,
    is_default: bool,
}

impl RunEntry {
    fn of(dir: PathBuf, is_default: bool) -> Option<Self> {
        let name = dir.file_name()?.to_str()?.to_owned();
        let (minute, rest) = name.split_once('-')?;
        let (scenario, short) = rest.rsplit_once('-')?;
        let is_hex = short
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let fits = minute.len() == 14 && minute.ends_with('Z') && short.len() == 8 && is_hex;
        let (minute, scenario, short) = (minute.into(), scenario.into(), short.into());
        fits.then_some(Self {
            dir,
            minute,
            scenario,
            short,
            is_default,
        })
    }

    /// What its `run.json` says; none when it is missing or damaged.
    #[must_use]
    pub fn record(&self) -> Option<RunRecord> {
        RunRecord::read(&self.dir).ok()
    }

    /// The full id, from `run.json`.
    #[must_use]
    pub fn id(&self) -> Option<RunId> {
        self.record().map(|record| record.run_id)
    }

    /// How commands name it.
    #[must_use]
    pub fn reference(&self) -> RunRef {
        if self.is_default {
            RunRef(self.short.clone())
        } else {
            RunRef(quoted(&self.dir))
        }
    }
}

/// A path as one word of a shell.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
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
    pub fn entries(&self) -> Result<Vec<RunEntry>, CliError> {
        let listing = match fs_err::read_dir(&self.dir) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.unreadable(error)),
        };
        let mut entries = Vec::new();
        for item in listing {
            let path = item.map_err(|error| self.unreadable(error))?.path();
            entries.extend(RunEntry::of(path, self.is_default));
        }
        // Within a minute the id decides: it starts with the millisecond.
        entries
            .sort_by_cached_key(|run| Reverse((run.minute.clone(), run.id(), run.short.clone())));
        Ok(entries)
    }

    /// The run that `text` means.
    ///
    /// # Errors
    /// None, or several.
    pub fn resolve(&self, text: &str) -> Result<RunEntry, CliError> {
        if text.contains('/') || has_traces(Path::new(text)) {
            return resolve_path(Path::new(text));
        }
        let entries = self.entries()?;
        if entries.is_empty() {
            let message = format!("there are no runs in {}", self.dir.display());
            return Err(CliError::usage("unknown-run", message)
                .hint("name another place with `--runs-dir`, or the run directory's path"));
        }
        match text {
            "@last" => Ok(entries.into_iter().next().expect("checked to be not empty")),
            "@failed" => {
                let failed = entries
                    .into_iter()
                    .find(|run| status(&run.dir) == Status::Failed);
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

    fn by_prefix(&self, prefix: &str, entries: Vec<RunEntry>) -> Result<RunEntry, CliError> {
        let id_starts = |run: &RunEntry| {
            run.id()
                .is_some_and(|id| id.to_string().starts_with(prefix))
        };
        let name_is = |run: &RunEntry| run.dir.file_name().is_some_and(|name| name == prefix);
        let mut found: Vec<RunEntry> = entries
            .into_iter()
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
    let not_a_run = || {
        let message = format!("{} is no run directory", path.display());
        CliError::usage("unknown-run", message)
            .hint("a run directory holds events.jsonl and run.json")
    };
    // Without its journal it still is one, about which `verify` has something to say.
    if !has_traces(path) {
        return Err(not_a_run());
    }
    let named = RunEntry::of(path.to_owned(), false);
    // A copy may have another name; its record still says what it is.
    Ok(named.unwrap_or_else(|| {
        let record = RunRecord::read(path).ok();
        let (scenario, short) = record.map_or_else(
            || ("unknown".to_owned(), "unknown".to_owned()),
            |record| (record.scenario.to_string(), record.run_id.short()),
        );
        RunEntry {
            dir: path.to_owned(),
            minute: String::new(),
            scenario,
            short,
            is_default: false,
        }
    }))
}

/// Whether a directory is, or was, a run's: one of the files is there that only runs have.
fn has_traces(dir: &Path) -> bool {
    [run_dir::EVENTS, run_dir::RUN_JSON, run_dir::SEAL]
        .into_iter()
        .any(|name| dir.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_names_are_read_back() {
        let entry = |name: &str| RunEntry::of(Path::new("runs").join(name), true);
        let run = entry("20261120T0751Z-release-notes-4be1c07a").unwrap();
        assert_eq!(run.scenario, "release-notes");
        assert_eq!(run.short, "4be1c07a");
        assert_eq!(
            run.reference().command("logs", "build"),
            "orchestra logs 4be1c07a build"
        );
        for other in [
            "README.md",
            "20261120T0751Z-x",
            "x-y-4be1c07a",
            "20261120T0751Z-a-4BE1C07A",
        ] {
            assert!(entry(other).is_none(), "{other}");
        }
    }

    #[test]
    fn paths_become_one_word() {
        assert_eq!(quoted(Path::new("/a/b-c_1.d")), "/a/b-c_1.d");
        assert_eq!(quoted(Path::new("/a b/it's")), "'/a b/it'\\''s'");
    }
}
