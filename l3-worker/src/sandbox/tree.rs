//! All that one attempt started: whether something of it is left, and its end.
//!
//! Without a process namespace of their own, what payloads leave behind becomes a child of the slot
//! process, a subreaper; with one, of its first process.

use std::io;

use rustix::process::{Pid, Signal, WaitOptions};

use super::init::Init;
use crate::launcher::{Left, Processes, reap};

/// The attempts' processes of one slot.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(super) processes: Processes,
    pub(super) init: Option<Init>,
}

impl Tree {
    /// Whether nothing is left; only once the payload was reaped.
    pub(crate) fn is_gone(&self) -> io::Result<bool> {
        match &self.init {
            Some(init) => init.is_alone(),
            None => Ok(reap() == Left::Nothing),
        }
    }

    /// SIGTERM to all of it; returns how many were hit.
    pub(crate) fn terminate(&self) -> io::Result<u32> {
        let spared = self.init.as_ref().map(Init::pid);
        self.processes.signal_descendants(Signal::TERM, spared)
    }

    /// SIGKILL to all of it.
    pub(crate) fn kill(&self) -> io::Result<()> {
        match &self.init {
            Some(init) => init.kill_all(),
            None => self
                .processes
                .signal_descendants(Signal::KILL, None)
                .map(|_| ()),
        }
    }

    /// Reaps ended children other than the payload, whose resource usage is still wanted.
    pub(crate) fn reap_orphans(&self, payload: Pid) -> io::Result<()> {
        if self.init.is_some() {
            return Ok(());
        }
        for pid in self.processes.children()? {
            if pid != payload {
                // Still running, or gone meanwhile: both are fine.
                let _status = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
            }
        }
        Ok(())
    }
}
