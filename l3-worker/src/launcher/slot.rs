//! The worker's side of one slot process: start an attempt, stop it, learn how it ended.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};

use super::conn::Conn;
use super::frame::{self, Exit, Spawn};

/// Longest wait for the launcher to end what a dead slot process left behind.
const BURIAL_DEADLINE: Duration = Duration::from_secs(60);

/// What a slot process says about the attempt it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The payload ended, and so did all it started.
    Exited(Exit),
    /// Nothing was started.
    SpawnFailed {
        /// Why, as the kernel says it.
        errno: i32,
    },
    /// The slot process is gone; its tree is dead once [`SlotProcess::bury`] returns true.
    Lost,
}

/// A process that runs one attempt at a time.
#[derive(Debug)]
pub struct SlotProcess {
    number: u32,
    conn: Conn,
    tomb: OwnedFd,
}

impl SlotProcess {
    pub(super) fn new(number: u32, conn: Conn, tomb: OwnedFd) -> Self {
        Self { number, conn, tomb }
    }

    pub(super) fn number(&self) -> u32 {
        self.number
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
        match self.conn.next_frame() {
            Ok(None) => None,
            Ok(Some(frame)) => Some(match frame.kind {
                frame::EXITED => Exit::decode(&frame.body).map_or(Report::Lost, Report::Exited),
                frame::SPAWN_FAILED => {
                    frame::decode_u32(&frame.body).map_or(Report::Lost, |errno| {
                        Report::SpawnFailed {
                            errno: errno.cast_signed(),
                        }
                    })
                }
                _ => Report::Lost,
            }),
            Err(_) => Some(Report::Lost),
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
