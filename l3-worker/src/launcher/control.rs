//! The worker's side of the launcher: start it, get slots from it.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use protocol::policy::SandboxLevel;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags};

use super::conn::{self, Conn};
use super::descriptors;
use super::entry::{LAUNCHER_WORD, WORD};
use super::frame;
use super::slot::SlotProcess;
use crate::sandbox::Confinement;

/// The small process that starts every attempt of every slot and outlives none of them.
///
/// Dropping it ends it, every slot process and all they run. Killed from outside, it is started
/// again when the next slot is asked for.
#[derive(Debug)]
pub struct Launcher {
    exe: PathBuf,
    current: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    conn: Conn,
    slots: u32,
}

/// The launcher ends everything first, and that takes this long at most, unless it is stopped or
/// stuck; then it is killed, and slot processes end their trees on their own.
const EXIT_DEADLINE: Duration = Duration::from_secs(65);

impl Launcher {
    /// Starts this binary again as a launcher; its `main` must call [`super::entry()`].
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn start() -> io::Result<Self> {
        Self::start_with(Path::new("/proc/self/exe"))
    }

    /// Starts another binary as launcher, for programs that are not the product.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn start_with(exe: &Path) -> io::Result<Self> {
        let running = Running::start(exe)?;
        Ok(Self {
            exe: exe.to_owned(),
            current: Mutex::new(Some(running)),
        })
    }

    /// The launcher's process id; `None` while it is being replaced.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().map(|running| running.child.id())
    }

    /// A new slot process whose attempts are confined like this. It is starting when this returns;
    /// requests wait for it, and are told when the confinement is not to be had.
    ///
    /// # Errors
    /// No launcher could be reached or started.
    pub fn slot(&self, confinement: &Confinement) -> io::Result<SlotProcess> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let (socket, theirs) = conn::pair()?;
        let (tomb, their_tomb) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let fds = [theirs.as_fd(), their_tomb.as_fd()];
        let confined = confinement.level != SandboxLevel::None;
        let asked = match &mut *current {
            Some(running) => running.ask(confined, &fds),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        let number = match asked {
            Ok(number) => number,
            Err(_) => {
                // Dropping the old one first reaps it and waits for what it was killing.
                *current = None;
                let running = current.insert(Running::start(&self.exe)?);
                running.ask(confined, &fds)?
            }
        };
        drop(current);
        drop((theirs, their_tomb));
        let slot = SlotProcess::new(number, Conn::new(socket), tomb);
        slot.set_up(confinement)?;
        Ok(slot)
    }

    /// Ends a slot process that does not answer (a payload can stop its parent), with all it runs.
    /// False: not everything could be proven dead.
    #[must_use]
    pub fn end(&self, slot: SlotProcess) -> bool {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = &*current {
            let number = slot.number().to_le_bytes();
            // A launcher that is gone takes its slot processes with it.
            let _sent = running.conn.send(frame::KILL_SLOT, &number, &[]);
        }
        drop(current);
        slot.bury()
    }
}

impl Running {
    fn start(exe: &Path) -> io::Result<Self> {
        let (ours, theirs): (OwnedFd, OwnedFd) = conn::pair()?;
        let mut command = Command::new(exe);
        command
            .arg0("orchestra")
            .args([WORD, LAUNCHER_WORD])
            .arg(descriptors::to_word(descriptors::at_start()))
            .env_clear()
            .current_dir("/");
        command.stdin(Stdio::from(theirs)).stdout(Stdio::null());
        let child = command.spawn()?;
        Ok(Self {
            child,
            conn: Conn::new(ours),
            slots: 0,
        })
    }

    fn ask(&mut self, confined: bool, fds: &[BorrowedFd<'_>]) -> io::Result<u32> {
        self.slots += 1;
        let start = frame::encode_start(self.slots, confined);
        self.conn.send(frame::START_SLOT, &start, fds)?;
        Ok(self.slots)
    }

    /// Whether the launcher has exited, waiting for at most this long.
    fn exited_within(&self, deadline: Duration) -> bool {
        let pid = Pid::from_child(&self.child);
        let Ok(pidfd) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else {
            return false;
        };
        let timeout = Timespec::try_from(deadline).expect("seconds fit");
        let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
        loop {
            match rustix::event::poll(&mut fds, Some(&timeout)) {
                Err(rustix::io::Errno::INTR) => {}
                ended => return ended.is_ok_and(|ready| ready > 0),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // End-of-file on its socket is the order to end everything; its exit says it has.
        let told = rustix::net::shutdown(&self.conn, rustix::net::Shutdown::Both);
        if told.is_err() || !self.exited_within(EXIT_DEADLINE) {
            let _killed = self.child.kill();
        }
        let _status = self.child.wait();
    }
}
