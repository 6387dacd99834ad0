//! What came out of one attempt.

use std::fmt;

use protocol::artifact::Artifact;
use protocol::event::AttemptEnd;
use protocol::outcome::{Bound, FailureClass};
use protocol::policy::Guarantee;

use super::words::Seen;

pub struct Outcome {
    pub end: AttemptEnd,
    pub artifacts: Vec<Artifact>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub wall_ms: u64,
    pub growth_kib: u64,
    pub seen: Seen,
    /// What must stay as it is outside has done so.
    pub untouched: bool,
}

impl Outcome {
    /// Standard output as text.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    pub fn class(&self) -> Option<FailureClass> {
        self.end.failure.as_ref().map(|failure| failure.class)
    }

    pub fn bound(&self) -> Option<Bound> {
        self.end.failure.as_ref().and_then(|failure| failure.bound)
    }

    pub fn message(&self) -> &str {
        let failure = self.end.failure.as_ref();
        failure.map_or("", |failure| failure.message.as_str())
    }

    pub fn degrades(&self, guarantee: Guarantee) -> bool {
        self.end.degraded.contains(&guarantee)
    }

    pub fn says(&self, text: &str) -> bool {
        self.out().contains(text) || self.err().contains(text)
    }

    /// The first line of the output that begins so, without that beginning.
    pub fn line(&self, start: &str) -> Option<String> {
        let text = self.out();
        let line = text.lines().find_map(|line| line.strip_prefix(start));
        line.map(|rest| rest.trim().to_owned())
    }

    /// A payload that says what it tried: this was refused, by one of these errors.
    #[track_caller]
    pub fn refuses(&self, what: &str, errors: &[&str]) {
        let said = self.line(&format!("{what} "));
        let said = said.unwrap_or_else(|| panic!("nothing is said of `{what}`: {self}"));
        assert!(
            errors.iter().any(|error| said == *error),
            "`{what}` gave `{said}`, expected one of {errors:?}: {self}"
        );
    }

    /// It did this.
    #[track_caller]
    pub fn does(&self, what: &str) {
        let said = self.line(&format!("{what} DONE"));
        assert!(said.is_some(), "`{what}` did not work: {self}");
    }

    /// It is over, with nothing wrong.
    #[track_caller]
    pub fn succeeds(&self) {
        assert!(self.end.failure.is_none(), "{self}");
    }

    #[track_caller]
    pub fn fails(&self, class: FailureClass, bound: Option<Bound>) {
        assert_eq!((self.class(), self.bound()), (Some(class), bound), "{self}");
    }

    /// Paths of sealed files beneath the task's own directory.
    pub fn sealed(&self) -> Vec<&str> {
        let files = self.artifacts.iter().flat_map(|artifact| &artifact.files);
        let paths = files.map(|file| file.path.as_str());
        paths
            .map(|path| path.strip_prefix("artifacts/t/").unwrap_or(path))
            .collect()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { end, seen, .. } = self;
        let shown = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.chars().take(4000).collect::<String>()
        };
        write!(
            f,
            "\nlevel {}, exit {:?}, signal {:?}, failure {:?}, degraded {:?}, denied {:?}, \
             {} ms\narrived: {seen:?}\n--- stdout\n{}\n--- stderr\n{}\n---",
            end.level,
            end.exit,
            end.signal,
            end.failure,
            end.degraded,
            end.denied,
            self.wall_ms,
            shown(&self.stdout),
            shown(&self.stderr),
        )
    }
}
