//! Where a run is, from a glance: the end of its journal and the lock, a bounded read whatever the
//! run's size. Not a verification.

use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use protocol::event::EventKind;
use protocol::outcome::RunOutcome;
use protocol::run_dir;
use protocol::time::Timestamp;
use serde::Deserialize;

use super::{never_began, open_regular};

/// Bytes of the journal's end that are read. The line of `run.finished` has about 200; attempts that
/// end after a pause have to fit behind it.
const TAIL_BYTES: u64 = 16 * 1024;
/// Longest first line that is looked at; that of `run.started` has about 800 bytes.
const HEAD_BYTES: u64 = 16 * 1024;

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Every required task succeeded.
    Passed,
    /// A required task failed.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// A process drives it.
    Running {
        /// Its number.
        pid: u32,
    },
    /// Nobody drives it and it is not over, because it was paused: `orchestra resume`.
    Paused,
    /// Nobody drives it and it is not over: `orchestra resume`.
    Interrupted,
    /// Nobody drives it and nothing of it was started: `orchestra run` again.
    NeverBegan,
    /// It has the name of a run, and its journal is missing or none: `orchestra verify` says more.
    Damaged,
}

impl Status {
    /// The word people and machines see.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Running { .. } => "running",
            Self::Paused => "paused",
            Self::Interrupted => "interrupted",
            Self::NeverBegan => "never began",
            Self::Damaged => "damaged",
        }
    }

    /// Whether `run.finished` is written.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Passed | Self::Failed | Self::Cancelled)
    }
}

#[derive(Deserialize)]
struct Stamp {
    ts: Timestamp,
}

/// Where the run in `dir` is.
#[must_use]
pub fn status(dir: &Path) -> Status {
    glance(dir).0
}

/// Where the run in `dir` is, and when it ended if it is over.
#[must_use]
pub fn glance(dir: &Path) -> (Status, Option<Timestamp>) {
    let tail = tail(dir);
    if let Ok(lines) = &tail
        && let Some((at, EventKind::RunFinished { outcome, .. })) = lines.first()
    {
        let status = match outcome {
            RunOutcome::Completed => Status::Passed,
            RunOutcome::Failed => Status::Failed,
            RunOutcome::Cancelled => Status::Cancelled,
        };
        return (status, Some(*at));
    }
    let status = match l2_coordinator::read_holder(dir) {
        Ok(Some(holder)) => Status::Running { pid: holder.pid },
        _ if never_began(dir) => Status::NeverBegan,
        _ if tail.is_err() || begun(dir).is_none() => Status::Damaged,
        _ if tail.is_ok_and(|lines| is_paused(&lines)) => Status::Paused,
        _ => Status::Interrupted,
    };
    (status, None)
}

/// The last thing said about dispatching was that it stopped.
fn is_paused(newest_first: &[(Timestamp, EventKind)]) -> bool {
    let mut said = newest_first.iter().filter_map(|(_, kind)| match kind {
        EventKind::RunPaused { .. } => Some(true),
        EventKind::RunResumed { .. } | EventKind::TaskLeased { .. } => Some(false),
        _ => None,
    });
    said.next().unwrap_or(false)
}

/// The events of the journal's end, newest first. A run that is over ends with its first one, so
/// further lines are read only of others. An end that is torn is left out.
fn tail(dir: &Path) -> io::Result<Vec<(Timestamp, EventKind)>> {
    let mut file = open_regular(&dir.join(run_dir::EVENTS))?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    let mut lines = bytes
        .rsplit(|b| *b == b'\n')
        .filter(|line| !line.is_empty());
    let last = lines.next().map(event);
    if let Some(Some(last @ (_, EventKind::RunFinished { .. }))) = last {
        return Ok(vec![last]);
    }
    Ok(last.into_iter().chain(lines.map(event)).flatten().collect())
}

fn event(line: &[u8]) -> Option<(Timestamp, EventKind)> {
    let stamp: Stamp = serde_json::from_slice(line).ok()?;
    let kind: EventKind = serde_json::from_slice(line).ok()?;
    Some((stamp.ts, kind))
}

/// When the run in `dir` began, by its journal.
#[must_use]
pub fn begun(dir: &Path) -> Option<Timestamp> {
    let mut bytes = Vec::new();
    let file = open_regular(&dir.join(run_dir::EVENTS)).ok()?;
    file.take(HEAD_BYTES).read_to_end(&mut bytes).ok()?;
    match bytes.split(|b| *b == b'\n').next().and_then(event)? {
        (at, EventKind::RunStarted(_)) => Some(at),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir_with(journal: Option<&[u8]>) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        if let Some(bytes) = journal {
            fs_err::write(dir.path().join(run_dir::EVENTS), bytes).unwrap();
        }
        // Something was left by attempts, so it did begin.
        fs_err::create_dir(dir.path().join(run_dir::LOGS)).unwrap();
        fs_err::write(dir.path().join(run_dir::LOGS).join("a.1.out"), "x").unwrap();
        dir
    }

    #[test]
    fn what_is_no_journal_is_damage() {
        let flood = [b'x'; 40_000];
        let cases: [Option<&[u8]>; 5] =
            [None, Some(b""), Some(b"{}\n"), Some(b"\n\n"), Some(&flood)];
        for journal in cases {
            let dir = dir_with(journal);
            assert_eq!(status(dir.path()), Status::Damaged, "{journal:?}");
        }
    }

    #[test]
    fn a_pause_holds_until_something_is_dispatched_again() {
        let paused = || EventKind::RunPaused { cause: "x".into() };
        let resumed = EventKind::RunResumed {
            epoch: 2,
            coordinator: "c".parse().unwrap(),
            slots: 1,
        };
        let done = EventKind::TaskCancelled {
            task: "a".parse().unwrap(),
        };
        let of = |kinds: Vec<EventKind>| {
            let newest_first: Vec<_> = kinds
                .into_iter()
                .map(|kind| (Timestamp::default(), kind))
                .collect();
            is_paused(&newest_first)
        };
        assert!(of(vec![paused()]));
        assert!(of(vec![done, paused()]), "attempts end after a pause");
        assert!(!of(vec![resumed, paused()]));
        assert!(!of(Vec::new()));
    }
}
