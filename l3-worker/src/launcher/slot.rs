//! The worker's side of one slot process: start an attempt, stop it, learn how it ended.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use protocol::policy::Guarantee;
use rustix::event::{PollFd, PollFlags, Timespec};

use super::conn::Conn;
use super::frame;
use super::outcome::{Exit, Unavailable, decode_degraded};
use super::request::Spawn;
use super::setup;
use crate::sandbox::Confinement;

/// Longest wait for the launcher to end what a dead slot process left behind.
const BURIAL_DEADLINE: Duration = Duration::from_secs(60);

/// What a slot process says about the attempt it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The payload ended, and so did all it started.
    Exited(Exit),
    /// Nothing was started.
    SpawnFailed {
        /// Why, as the kernel says it.
        errno: i32,
    },
    /// Nothing was started, and nothing can be: the confinement asked for is not to be had here.
    Unavailable(Unavailable),
    /// The slot process is gone; its tree is dead once [`SlotProcess::bury`] returns true.
    Lost,
}

/// A process that runs one attempt at a time.
#[derive(Debug)]
pub struct SlotProcess {
    number: u32,
    conn: Conn,
    tomb: OwnedFd,
    degraded: Vec<Guarantee>,
}

impl SlotProcess {
    pub(super) fn new(number: u32, conn: Conn, tomb: OwnedFd) -> Self {
        Self {
            number,
            conn,
            tomb,
            degraded: Vec::new(),
        }
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// Tells it what confines every attempt; first and once.
    pub(super) fn set_up(&self, confinement: &Confinement) -> io::Result<()> {
        self.conn
            .send(frame::SETUP, &setup::encode(confinement), &[])
    }

    /// What its confinement cannot promise here; known once it reported on an attempt.
    #[must_use]
    pub fn degraded(&self) -> &[Guarantee] {
        &self.degraded
    }

    /// Starts an attempt whose output goes to these descriptors.
    ///
    /// # Errors
    /// The request is too large (`ArgumentListTooLong`), or the slot process is gone.
    pub fn spawn(
        &self,
        spawn: &Spawn,
        stdout: BorrowedFd<'_>,
        stderr: BorrowedFd<'_>,
    ) -> io::Result<()> {
        self.conn
            .send(frame::SPAWN, &spawn.encode(), &[stdout, stderr])
    }

    /// SIGTERM to the whole tree now, SIGKILL after `grace`.
    ///
    /// # Errors
    /// The slot process is gone.
    pub fn terminate(&self, grace: Duration) -> io::Result<()> {
        let grace = u32::try_from(grace.as_millis()).unwrap_or(u32::MAX);
        self.conn.send(frame::TERMINATE, &grace.to_le_bytes(), &[])
    }

    /// SIGKILL to the whole tree now.
    ///
    /// # Errors
    /// The slot process is gone.
    pub fn kill(&self) -> io::Result<()> {
        self.conn.send(frame::KILL, &[], &[])
    }

    /// Reads one report; waits for bytes, so call it when [`AsFd`] is readable. `None`: not whole
    /// yet.
    pub fn report(&mut self) -> Option<Report> {
        if !self.conn.receive().unwrap_or(false) {
            return Some(Report::Lost);
        }
        loop {
            let frame = match self.conn.next_frame() {
                Ok(None) => return None,
                Ok(Some(frame)) => frame,
                Err(_) => return Some(Report::Lost),
            };
            let report = match frame.kind {
                frame::READY => match decode_degraded(&frame.body) {
                    Some(degraded) => {
                        self.degraded = degraded;
                        continue;
                    }
                    None => None,
                },
                frame::EXITED => Exit::decode(&frame.body).map(Report::Exited),
                frame::UNAVAILABLE => Unavailable::decode(&frame.body).map(Report::Unavailable),
                frame::SPAWN_FAILED => {
                    frame::decode_u32(&frame.body).map(|errno| Report::SpawnFailed {
                        errno: errno.cast_signed(),
                    })
                }
                _ => None,
            };
            return Some(report.unwrap_or(Report::Lost));
        }
    }

    /// Waits until the launcher has ended everything a lost slot process ran. False: it took
    /// longer than any kill should.
    #[must_use]
    pub fn bury(self) -> bool {
        drop(self.conn);
        let mut fds = [PollFd::new(&self.tomb, PollFlags::IN)];
        let timeout = Timespec::try_from(BURIAL_DEADLINE).expect("seconds fit");
        loop {
            match rustix::event::poll(&mut fds, Some(&timeout)) {
                Err(rustix::io::Errno::INTR) => {}
                ended => return ended.is_ok_and(|ready| ready > 0),
            }
        }
    }
}

impl AsFd for SlotProcess {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.conn.as_fd()
    }
}
