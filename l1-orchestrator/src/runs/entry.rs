//! One run directory by its name; what is in it is only looked at when asked for.

use std::path::{Path, PathBuf};

use protocol::ids::{RunId, ScenarioName};
use protocol::run_dir;

use super::record::RunRecord;
use crate::report::RunRef;

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
    /// The run a directory of this name holds, if it is the name of one. Nothing is opened.
    pub(super) fn of(dir: PathBuf, is_default: bool) -> Option<Self> {
        let name = dir.file_name()?.to_str()?.to_owned();
        let (minute, rest) = name.split_once('-')?;
        let (scenario, short) = rest.rsplit_once('-')?;
        let is_hex = short
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let is_minute = minute.len() == 14 && minute.is_ascii() && minute.ends_with('Z');
        let fits = is_minute && short.len() == 8 && is_hex;
        // What no scenario can be called would be somebody else's text on a terminal.
        let is_named = scenario.parse::<ScenarioName>().is_ok();
        let (minute, scenario, short) = (minute.into(), scenario.into(), short.into());
        (fits && is_named).then_some(Self {
            dir,
            minute,
            scenario,
            short,
            is_default,
        })
    }

    /// The run in a directory somebody named, whatever it is called; none where there are no traces
    /// of one. Without its journal it still is one, about which `verify` has something to say.
    pub(super) fn at(path: &Path) -> Option<Self> {
        if !has_traces(path) {
            return None;
        }
        // A copy may have another name; its record still says what it is.
        Self::of(path.to_owned(), false).or_else(|| {
            let record = RunRecord::read(path).ok();
            let (scenario, short) = record.map_or_else(
                || ("unknown".to_owned(), "unknown".to_owned()),
                |record| (record.scenario.to_string(), record.run_id.short()),
            );
            Some(Self {
                dir: path.to_owned(),
                minute: String::new(),
                scenario,
                short,
                is_default: false,
            })
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
#[must_use]
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Whether a directory is, or was, a run's: one of the files is there that only runs have.
#[must_use]
pub fn has_traces(dir: &Path) -> bool {
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
            "20261120T0751Z-a\u{1b}[2J-4be1c07a",
            "20261120T0751Z--4be1c07a",
            "20261120T075éZ-a-4be1c07a",
            ".removing-20261120T0751Z-a-4be1c07a",
        ] {
            assert!(entry(other).is_none(), "{other}");
        }
    }

    #[test]
    fn paths_become_one_word() {
        assert_eq!(quoted(Path::new("/a/b-c_1.d")), "/a/b-c_1.d");
        assert_eq!(quoted(Path::new("")), "''");
        assert_eq!(quoted(Path::new("/a b/it's")), "'/a b/it'\\''s'");
    }
}
