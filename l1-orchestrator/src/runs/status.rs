//! Where a run is, from a glance: the journal's last line and the lock. Not a verification.

use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use protocol::event::EventKind;
use protocol::outcome::RunOutcome;
use protocol::run_dir;
use protocol::time::Timestamp;
use serde::Deserialize;

use super::{never_began, open_regular};

/// The line of `run.finished` has about 200 bytes.
const TAIL_BYTES: u64 = 4096;

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
    /// Nobody drives it and it is not over: `orchestra resume`.
    Interrupted,
    /// Nobody drives it and nothing of it was started: `orchestra run` again.
    NeverBegan,
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
            Self::Interrupted => "interrupted",
            Self::NeverBegan => "never began",
        }
    }
}

#[derive(Deserialize)]
struct Stamp {
    ts: Timestamp,
}

/// Where the run in `dir` is.
#[must_use]
pub fn status(dir: &Path) -> Status {
    match last_event(dir) {
        Ok(Some((_, EventKind::RunFinished { outcome, .. }))) => match outcome {
            RunOutcome::Completed => Status::Passed,
            RunOutcome::Failed => Status::Failed,
            RunOutcome::Cancelled => Status::Cancelled,
        },
        _ => match l2_coordinator::read_holder(dir) {
            Ok(Some(holder)) => Status::Running { pid: holder.pid },
            _ if never_began(dir) => Status::NeverBegan,
            _ => Status::Interrupted,
        },
    }
}

/// When a finished run ended, by its last line.
#[must_use]
pub fn finished_at(dir: &Path) -> Option<Timestamp> {
    match last_event(dir) {
        Ok(Some((at, EventKind::RunFinished { .. }))) => Some(at),
        _ => None,
    }
}

fn last_event(dir: &Path) -> io::Result<Option<(Timestamp, EventKind)>> {
    let mut file = open_regular(&dir.join(run_dir::EVENTS))?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    let Some(last) = bytes.split(|b| *b == b'\n').rfind(|line| !line.is_empty()) else {
        return Ok(None);
    };
    let stamp: Option<Stamp> = serde_json::from_slice(last).ok();
    let kind: Option<EventKind> = serde_json::from_slice(last).ok();
    Ok(stamp.map(|stamp| stamp.ts).zip(kind))
}
