//! `run.lock`: one coordinator a run, and who it is.
//!
//! The lock is the kernel's and dies with its holder; the content only tells people, and `cancel`,
//! whom to ask. A process is named by number, start time and boot, so that a recycled number is
//! never taken for it.

use std::io::{self, Read as _, Write as _};
use std::path::Path;

use fs_err::{File, OpenOptions};
use protocol::ids::CoordinatorId;
use protocol::run_dir;
use rustix::fs::FlockOperation;
use rustix::process::{Pid, PidfdFlags, Signal};
use serde::{Deserialize, Serialize};

/// Longest content that is read, bytes; ours has about 150.
const MAX_LOCK_BYTES: u64 = 4096;

/// Field of `/proc/<pid>/stat` behind the name in parentheses: the state.
const STAT_STATE: usize = 0;
/// The start time, field 22 of the whole line.
const STAT_START: usize = 19;

/// A process that holds, or held, a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// When it started, clock ticks since boot.
    pub start_time: u64,
    /// Which boot of which host.
    pub boot_id: String,
    /// Its coordinator.
    pub coordinator: CoordinatorId,
}

/// Why the run is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else drives it.
    #[error("run is held by {}", describe(holder.as_ref()))]
    Held {
        /// Who; unknown while it is still writing its name.
        holder: Option<Holder>,
    },
    /// The lock cannot be made.
    #[error("run cannot be locked")]
    Io(#[from] io::Error),
}

fn describe(holder: Option<&Holder>) -> String {
    match holder {
        Some(holder) => format!("process {}", holder.pid),
        None => "another process".to_owned(),
    }
}

/// What came of asking a run's holder to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It has the signal.
    Sent(Holder),
    /// Nobody holds the run.
    NotHeld,
    /// It is held, and the name in it is of another host; nothing was sent.
    Elsewhere(Holder),
    /// Its holder does not take such a request, or not yet; nothing was sent.
    Deaf(Holder),
}

/// How a run is to be paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pausing {
    /// Running attempts end by themselves.
    Gently,
    /// Running attempts are stopped.
    Now,
}

impl Pausing {
    /// The signal that says so.
    #[must_use]
    pub const fn signal(self) -> Signal {
        match self {
            Self::Gently => Signal::USR1,
            Self::Now => Signal::USR2,
        }
    }
}

/// The right to drive a run; given back when dropped, or by the kernel when the process dies.
#[derive(Debug)]
pub struct RunLock {
    file: File,
}

impl RunLock {
    /// Takes the lock of the run in `dir` without waiting, and writes down who has it.
    ///
    /// # Errors
    /// It is held, or cannot be made.
    pub fn acquire(dir: &Path, coordinator: &CoordinatorId) -> Result<Self, LockError> {
        let path = dir.join(run_dir::LOCK);
        let mut options = OpenOptions::new();
        // Not truncated: until the lock is ours, the content is somebody else's.
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let holder = parse(file)?;
                // Until the new holder has signed, the name may be that of a dead one.
                let alive = holder.as_ref().map(is_alive).transpose()?;
                return Err(LockError::Held {
                    holder: holder.filter(|_| alive == Some(true)),
                });
            }
            Err(error) => return Err(LockError::Io(error.into())),
        }
        let mut lock = Self { file };
        lock.sign(coordinator)?;
        Ok(lock)
    }

    fn sign(&mut self, coordinator: &CoordinatorId) -> io::Result<()> {
        let pid = std::process::id();
        let start_time = running_since(pid)?.ok_or(io::ErrorKind::NotFound)?;
        let holder = Holder {
            pid,
            start_time,
            boot_id: boot_id()?,
            coordinator: coordinator.clone(),
        };
        let mut text = serde_json::to_vec(&holder)?;
        text.push(b'\n');
        self.file.set_len(0)?;
        self.file.write_all(&text)
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // A name that stays behind is harmless: the process it names is dead or has let go.
        let _cleared = self.file.set_len(0);
    }
}

/// Who drives the run in `dir`, if that process is alive on this boot of this host.
///
/// # Errors
/// The lock or the process table cannot be read.
pub fn read_holder(dir: &Path) -> io::Result<Option<Holder>> {
    let Some(holder) = read_name(dir)? else {
        return Ok(None);
    };
    Ok(is_alive(&holder)?.then_some(holder))
}

/// Sends SIGTERM to whoever drives the run in `dir`, and to nobody else.
///
/// # Errors
/// The lock or the process table cannot be read, or the signal is not allowed.
pub fn terminate_holder(dir: &Path) -> io::Result<Asked> {
    signal_holder(dir, Signal::TERM, |_| Ok(true))
}

/// Sends SIGUSR1 or SIGUSR2 to whoever drives the run in `dir`, if that process listens to it:
/// otherwise the signal would end it.
///
/// # Errors
/// The lock or the process table cannot be read, or the signal is not allowed.
pub fn pause_holder(dir: &Path, how: Pausing) -> io::Result<Asked> {
    signal_holder(dir, how.signal(), |pid| catches(pid, how.signal()))
}

fn signal_holder(
    dir: &Path,
    signal: Signal,
    listens: impl FnOnce(u32) -> io::Result<bool>,
) -> io::Result<Asked> {
    let Some(holder) = read_name(dir)? else {
        return Ok(Asked::NotHeld);
    };
    if holder.boot_id != boot_id()? {
        // After a reboot the name of the dead stays; the kernel knows whether anybody is there.
        return Ok(if is_locked(dir)? {
            Asked::Elsewhere(holder)
        } else {
            Asked::NotHeld
        });
    }
    let pid = i32::try_from(holder.pid).ok().and_then(Pid::from_raw);
    let Some(pid) = pid else {
        return Ok(Asked::NotHeld);
    };
    // First a handle on whatever has the number now, then a look at when that started: once both
    // are of the holder, the number may be recycled without harm.
    let handle = match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => handle,
        Err(rustix::io::Errno::SRCH) => return Ok(Asked::NotHeld),
        Err(error) => return Err(error.into()),
    };
    if running_since(holder.pid)? != Some(holder.start_time) {
        return Ok(Asked::NotHeld);
    }
    if !listens(holder.pid)? {
        return Ok(Asked::Deaf(holder));
    }
    match rustix::process::pidfd_send_signal(&handle, signal) {
        Ok(()) => Ok(Asked::Sent(holder)),
        Err(rustix::io::Errno::SRCH) => Ok(Asked::NotHeld),
        Err(error) => Err(error.into()),
    }
}

/// Whether process `pid` has a handler for `signal`.
fn catches(pid: u32, signal: Signal) -> io::Result<bool> {
    let status = fs_err::read_to_string(format!("/proc/{pid}/status"))?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let bit = u32::try_from(signal.as_raw() - 1).map_err(io::Error::other)?;
    Ok(mask.is_some_and(|mask| mask >> bit & 1 == 1))
}

fn read_name(dir: &Path) -> io::Result<Option<Holder>> {
    match File::open(dir.join(run_dir::LOCK)) {
        Ok(file) => parse(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_locked(dir: &Path) -> io::Result<bool> {
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .open(dir.join(run_dir::LOCK))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// `None` for anything that is not a whole name: it is being written, or nobody is there.
fn parse(file: File) -> io::Result<Option<Holder>> {
    let mut bytes = Vec::new();
    file.take(MAX_LOCK_BYTES).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes).ok())
}

fn is_alive(holder: &Holder) -> io::Result<bool> {
    Ok(holder.boot_id == boot_id()? && running_since(holder.pid)? == Some(holder.start_time))
}

fn boot_id() -> io::Result<String> {
    let text = fs_err::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(text.trim().to_owned())
}

/// When process `pid` started, in clock ticks since boot; `None` when there is none or it is dead
/// and only waits to be reaped.
fn running_since(pid: u32) -> io::Result<Option<u64>> {
    let process = format!("/proc/{pid}");
    let stat = match fs_err::read(format!("{process}/stat")) {
        Ok(stat) => stat,
        // It may also end between opening and reading, which has an error of its own.
        Err(_) if !Path::new(&process).exists() => return Ok(None),
        Err(error) => return Err(error),
    };
    // The name is in parentheses and may hold anything, parentheses and spaces included.
    let stat = String::from_utf8_lossy(&stat);
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let fields: Vec<_> = fields.split_whitespace().collect();
    let state = fields.get(STAT_STATE).copied().unwrap_or("X");
    let start = fields.get(STAT_START).and_then(|field| field.parse().ok());
    Ok(start.filter(|_| !matches!(state, "Z" | "X" | "x")))
}
