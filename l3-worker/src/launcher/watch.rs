//! What a slot process waits for while an attempt runs, and how it stops one.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

use super::conn::Frame;
use super::frame;
use crate::sandbox::Tree;

/// Orphans that ended while the payload still runs are reaped this often: zombies stay few, and a
/// short attempt never wakes up for it.
const REAP_EVERY: Duration = Duration::from_millis(250);
/// Between looks at a tree that is ending; each look in the kill phase reads `/proc`.
const STOPPING_TICK: Duration = Duration::from_millis(5);
/// Only uninterruptible sleep survives SIGKILL; after this long the slot reports it and gives up.
const KILL_DEADLINE: Duration = Duration::from_secs(30);

/// How far an attempt is told to go.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Phase {
    Running,
    Terminating { kill_at: Instant },
    Killing { give_up_at: Instant },
}

impl Phase {
    pub(super) fn killing() -> Self {
        Self::Killing {
            give_up_at: Instant::now() + KILL_DEADLINE,
        }
    }

    pub(super) fn terminating(grace: Duration) -> Self {
        Self::Terminating {
            kill_at: Instant::now() + grace,
        }
    }

    /// What it comes to when the time is up.
    pub(super) fn now(self) -> Self {
        match self {
            Self::Terminating { kill_at } if Instant::now() >= kill_at => Self::killing(),
            other => other,
        }
    }

    /// For how long nothing has to be looked at.
    pub(super) fn patience(self, running: bool) -> Duration {
        match self {
            Self::Running => REAP_EVERY,
            Self::Terminating { kill_at } if running => {
                REAP_EVERY.min(kill_at.saturating_duration_since(Instant::now()))
            }
            Self::Terminating { .. } | Self::Killing { .. } => STOPPING_TICK,
        }
    }

    /// A stop only ever tightens.
    pub(super) fn obey(self, frame: &Frame, tree: &Tree) -> io::Result<Self> {
        match (frame.kind, self) {
            (_, Self::Killing { .. }) => Ok(self),
            (frame::KILL, _) => Ok(Self::killing()),
            (frame::TERMINATE, Self::Running) => {
                let grace = frame::decode_u32(&frame.body).unwrap_or(0);
                tree.terminate()?;
                Ok(Self::terminating(Duration::from_millis(grace.into())))
            }
            _ => Ok(self),
        }
    }
}

/// What a wait ended with.
#[derive(Clone, Copy, Default)]
pub(super) struct Woken {
    pub(super) message: bool,
    pub(super) orphaned: bool,
    pub(super) exited: bool,
    pub(super) asked: bool,
}

/// What can end one; what is absent never does.
#[derive(Clone, Copy, Default)]
pub(super) struct Wait<'a> {
    pub(super) conn: Option<BorrowedFd<'a>>,
    pub(super) lifeline: Option<BorrowedFd<'a>>,
    pub(super) payload: Option<BorrowedFd<'a>>,
    pub(super) listener: Option<BorrowedFd<'a>>,
}

impl Wait<'_> {
    pub(super) fn wait(self, timeout: Option<Duration>) -> io::Result<Woken> {
        let watched = [self.conn, self.lifeline, self.payload, self.listener];
        let mut fds = Vec::with_capacity(watched.len());
        for fd in watched.iter().flatten() {
            fds.push(PollFd::from_borrowed_fd(*fd, PollFlags::IN));
        }
        let timeout = timeout.map(|timeout| Timespec::try_from(timeout).expect("seconds fit"));
        match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(Woken::default()),
            Err(error) => return Err(error.into()),
        }
        let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
        let mut next = |watched: Option<BorrowedFd<'_>>| {
            watched.is_some_and(|_| ready.next().unwrap_or(false))
        };
        Ok(Woken {
            message: next(self.conn),
            orphaned: next(self.lifeline),
            exited: next(self.payload),
            asked: next(self.listener),
        })
    }
}
