//! Which runs somebody wants to see. Cheap tests come first: a name costs nothing, a record one
//! small file, a status the end of a journal.

use std::path::{Path, PathBuf};

use protocol::time::Timestamp;

use super::entry::{RunEntry, has_traces};
use super::record::RunRecord;
use super::status::{Status, begun, glance};

/// Which runs; empty lists and `None` let everything through.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of one of these scenarios: names, or files as absolute paths.
    pub scenarios: Vec<Wanted>,
    /// In one of these states, by word.
    pub statuses: Vec<&'static str>,
    /// Begun at or after.
    pub since: Option<Timestamp>,
}

/// A scenario somebody named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// By its name.
    Name(String),
    /// By its file, absolute.
    File(PathBuf),
}

impl Wanted {
    /// What a word on the command line means: with a slash or the ending of a file it is one.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let is_file = text.contains('/') || text.ends_with(".yaml") || text.ends_with(".yml");
        if is_file {
            let path = Path::new(text);
            Self::File(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
        } else {
            Self::Name(text.to_owned())
        }
    }
}

/// A run that was looked at.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its directory.
    pub entry: RunEntry,
    /// What its `run.json` says; none when it is missing or damaged.
    pub record: Option<RunRecord>,
    /// Where it is.
    pub status: Status,
    /// When it ended.
    pub finished: Option<Timestamp>,
}

impl Seen {
    /// Looks at a run.
    #[must_use]
    pub fn of(entry: RunEntry) -> Self {
        let record = entry.record();
        let (status, finished) = glance(&entry.dir);
        Self {
            entry,
            record,
            status,
            finished,
        }
    }

    /// Whether it is a directory of its own, not a link, with something in it that only runs have.
    #[must_use]
    pub fn is_run_directory(&self) -> bool {
        let dir = &self.entry.dir;
        fs_err::symlink_metadata(dir).is_ok_and(|found| found.is_dir()) && has_traces(dir)
    }

    /// When it began: by its record, else by its name.
    #[must_use]
    pub fn started(&self) -> Option<Timestamp> {
        let recorded = self.record.as_ref().map(|record| record.started);
        recorded.or_else(|| named_minute(&self.entry.minute))
    }

    /// From its first event to its last, as everywhere. Reads the first one.
    #[must_use]
    pub fn took(&self) -> Option<std::time::Duration> {
        let finished = self.finished?;
        let begun = begun(&self.entry.dir).or(self.started());
        Some(finished.since(begun?))
    }
}

impl Filter {
    /// Looks at a run as far as needed; `None`: it is not wanted.
    #[must_use]
    pub fn take(&self, entry: RunEntry) -> Option<Seen> {
        let is_file = |wanted: &Wanted| matches!(wanted, Wanted::File(_));
        let by_name = |wanted: &Wanted| *wanted == Wanted::Name(entry.scenario.clone());
        let is_named = self.scenarios.is_empty() || self.scenarios.iter().any(by_name);
        if !is_named && !self.scenarios.iter().any(is_file) {
            return None;
        }
        // A whole minute passes that holds the bound; the record decides within it.
        let minute = named_minute(&entry.minute);
        if let (Some(since), Some(minute)) = (self.since, minute)
            && minute.plus(std::time::Duration::from_secs(60)) <= since
        {
            return None;
        }
        let seen = Seen::of(entry);
        let path = seen.record.as_ref().map(|record| &record.scenario_path);
        let is_of_file = path.is_some_and(|path| {
            let file = Wanted::File(PathBuf::from(path));
            self.scenarios.contains(&file)
        });
        let is_recent = self
            .since
            .is_none_or(|since| seen.started().is_none_or(|at| at >= since));
        let word = seen.status.word();
        let fits = self.statuses.is_empty() || self.statuses.contains(&word);
        (fits && is_recent && (is_named || is_of_file)).then_some(seen)
    }
}

/// `20261120T0751Z` as an instant.
fn named_minute(minute: &str) -> Option<Timestamp> {
    let part = |range: std::ops::Range<usize>| minute.get(range);
    let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
    let (hour, minute) = (part(9..11)?, part(11..13)?);
    format!("{year}-{month}-{day}T{hour}:{minute}:00Z")
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_of_names() {
        let at = named_minute("20261120T0751Z").unwrap();
        assert_eq!(at, "2026-11-20T07:51:00Z".parse().unwrap());
        for wrong in ["", "20261120T", "20261399T0751Z", "éééééééééé"] {
            assert_eq!(named_minute(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn words_are_names_or_files() {
        assert_eq!(Wanted::of("hello"), Wanted::Name("hello".into()));
        assert_eq!(Wanted::of("/a/b.yaml"), Wanted::File("/a/b.yaml".into()));
        assert!(matches!(Wanted::of("b.yaml"), Wanted::File(path) if path.is_absolute()));
    }
}
