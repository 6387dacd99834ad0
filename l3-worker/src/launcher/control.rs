//! The worker's side of the launcher: start it, get slots from it.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use super::conn::{self, Conn};
use super::entry::WORD;
use super::frame;
use super::slot::SlotProcess;

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
}

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

    /// A new slot process. It is starting when this returns; requests wait for it.
    ///
    /// # Errors
    /// No launcher could be reached or started.
    pub fn slot(&self) -> io::Result<SlotProcess> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let (socket, theirs) = conn::pair()?;
        let (tomb, their_tomb) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let fds = [theirs.as_fd(), their_tomb.as_fd()];
        let asked = match &*current {
            Some(running) => running.conn.send(frame::START_SLOT, &[], &fds),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        if asked.is_err() {
            // Dropping the old one first reaps it and waits for what it was killing.
            *current = None;
            let running = Running::start(&self.exe)?;
            running.conn.send(frame::START_SLOT, &[], &fds)?;
            *current = Some(running);
        }
        Ok(SlotProcess::new(Conn::new(socket), tomb))
    }
}

impl Running {
    fn start(exe: &Path) -> io::Result<Self> {
        let (ours, theirs): (OwnedFd, OwnedFd) = conn::pair()?;
        let mut command = Command::new(exe);
        command
            .arg0("orchestra")
            .arg(WORD)
            .env_clear()
            .current_dir("/");
        command.stdin(Stdio::from(theirs)).stdout(Stdio::null());
        let child = command.spawn()?;
        Ok(Self {
            child,
            conn: Conn::new(ours),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // End-of-file on its socket is the order to end everything; its exit says it has.
        if rustix::net::shutdown(&self.conn, rustix::net::Shutdown::Both).is_ok() {
            let _status = self.child.wait();
        }
    }
}
