//! Answers what a filter asks, one question at a time, in the slot process.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use protocol::policy::DeniedAction;

use super::caller::Process;
use super::judge::judge;
use super::listener;
use super::open::Open;
use super::tally::Tally;

/// What the attempts of one slot were denied.
#[derive(Debug)]
pub(crate) struct Watch {
    proc: OwnedFd,
    open: Open,
    tally: Tally,
}

impl Watch {
    /// `proc`: the directory of processes in which this process finds those of attempts.
    pub(crate) fn new(proc: OwnedFd, open: Open) -> Self {
        Self {
            proc,
            open,
            tally: Tally::default(),
        }
    }

    /// Answers one question; call it when the listener is readable.
    ///
    /// # Errors
    /// The listener is broken; then what was asked stays denied.
    pub(crate) fn answer(&mut self, questions: BorrowedFd<'_>) -> io::Result<()> {
        let Some(call) = listener::receive(questions)? else {
            return Ok(());
        };
        let caller = Process {
            proc: self.proc.as_fd(),
            pid: call.pid,
        };
        let judgement = judge(&call, &caller, &self.open);
        // What was read was another process's, if this one is gone and its number in use again.
        if let Some((action, target)) = judgement.denied
            && listener::still_asked(questions, call.id)
        {
            self.tally.count(action, &target);
        }
        listener::answer(questions, call.id, judgement.errno)
    }

    /// What was denied since the last time.
    pub(crate) fn take(&mut self) -> Vec<DeniedAction> {
        self.tally.take()
    }
}
