//! What `watch` and `logs --follow` share: a run that another process drives, looked at again and again.
//! Nothing is written, nobody is disturbed.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use l2_coordinator::read_holder;
use protocol::event::Event;

use super::context::Context;
use super::error::CliError;
use crate::report::RunSummary;
use crate::runs::{Follower, RunEntry, Status, Stored, not_begun, status};

/// Between two looks.
pub(super) const LOOK: Duration = Duration::from_millis(100);
/// From a run's last event to its seal: reports of a very large run take seconds.
const CLOSING: Duration = Duration::from_secs(30);
/// From the lock to the journal, when a run is only beginning.
const BEGINNING: Duration = Duration::from_secs(10);

/// A run that is followed.
pub(super) struct Followed {
    dir: PathBuf,
    follower: Follower,
    /// Who drives it, as far as is known.
    pid: Option<u32>,
}

/// Where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Somebody drives it.
    Goes,
    /// Its last event was seen.
    Over,
    /// Nobody drives it, and it is not over.
    Left,
}

impl Followed {
    /// The run in this directory, once it has a journal.
    ///
    /// # Errors
    /// It never began, or what is there is no journal.
    pub(super) fn open(entry: &RunEntry) -> Result<Self, CliError> {
        let begun = Instant::now();
        loop {
            if let Some(follower) = Follower::open(&entry.dir)? {
                return Ok(Self {
                    dir: entry.dir.clone(),
                    follower,
                    pid: None,
                });
            }
            let is_beginning = matches!(status(&entry.dir), Status::Running { .. });
            if !is_beginning || begun.elapsed() > BEGINNING {
                // Says what is the matter with it.
                return Err(Stored::load(&entry.dir)
                    .err()
                    .unwrap_or_else(|| not_begun(&entry.dir)));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Calls `each` for every new event, and says where the run is.
    ///
    /// # Errors
    /// The journal cannot be read, or is damaged.
    pub(super) fn look(&mut self, mut each: impl FnMut(&Event)) -> Result<Look, CliError> {
        let came = self.follower.read(&mut each)?;
        if self.follower.is_over() {
            return Ok(Look::Over);
        }
        let holder = read_holder(&self.dir).map_err(|error| {
            CliError::not_ready("holder-unknown", "nobody knows who drives the run").because(error)
        })?;
        if let Some(holder) = holder {
            self.pid = Some(holder.pid);
            return Ok(Look::Goes);
        }
        // It may have ended between the two looks.
        if came > 0 || self.follower.read(&mut each)? > 0 {
            return Ok(if self.follower.is_over() {
                Look::Over
            } else {
                Look::Goes
            });
        }
        Ok(Look::Left)
    }

    /// Waits until whoever drove a run that is over has written its reports and let go of it.
    pub(super) fn wait_for_seal(&self) {
        let begun = Instant::now();
        while begun.elapsed() < CLOSING && matches!(read_holder(&self.dir), Ok(Some(_))) {
            std::thread::sleep(LOOK);
        }
    }

    /// Why nothing more comes of a run that nobody drives and nobody paused.
    pub(super) fn left(
        &self,
        context: &Context,
        entry: &RunEntry,
        summary: &RunSummary,
    ) -> CliError {
        let resume = context.reference(entry).command("resume", "");
        let hint = format!("`{resume}` goes on");
        if summary.approval.is_none() {
            return not_begun(&self.dir);
        }
        let message = match self.pid {
            Some(pid) => format!("process {pid}, which drove the run, is gone"),
            None => "nobody on this machine drives the run".to_owned(),
        };
        CliError::not_ready("run-left", message).hint(hint)
    }
}
