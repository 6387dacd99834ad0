//! The slot process: starts the attempts of one slot, one after the other, and ends their trees.
//!
//! Single-threaded and a child subreaper: whatever an attempt leaves behind (`setsid`, double fork,
//! cleared environment) becomes a child of this process, so "no children" is the proof that a tree
//! is dead, and costs one system call. When the worker or the launcher goes away, the tree is
//! killed and the process ends.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};
use wait4::Wait4 as _;

use super::conn::{Conn, Frame};
use super::frame;
use super::outcome::{Exit, encode_degraded};
use super::request::Spawn;
use super::setup;
use super::tree::{self, Left};

/// Orphans that ended while the payload still runs are reaped this often: zombies stay few, and a
/// short attempt never wakes up for it.
const REAP_EVERY: Duration = Duration::from_millis(250);
/// Between looks at a tree that is ending; each look in the kill phase reads `/proc`.
const STOPPING_TICK: Duration = Duration::from_millis(5);
/// Only uninterruptible sleep survives SIGKILL; after this long the slot reports it and gives up.
const KILL_DEADLINE: Duration = Duration::from_secs(30);

/// Serves until the worker or the launcher goes away.
pub(super) fn serve() -> io::Result<()> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let conn = Conn::new(io::stdin().as_fd().try_clone_to_owned()?);
    let lifeline = io::stdout().as_fd().try_clone_to_owned()?;
    let mut slot = Slot { conn, lifeline };
    while let Some(frame) = slot.next_command()? {
        match frame.kind {
            frame::SETUP => slot.set_up(&frame)?,
            frame::SPAWN => slot.attempt(frame)?,
            // A stop can cross the report of an attempt that ended by itself: it is answered
            // already.
            _ => {}
        }
    }
    Ok(())
}

struct Slot {
    conn: Conn,
    lifeline: OwnedFd,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Running,
    Terminating { kill_at: Instant },
    Killing { give_up_at: Instant },
}

impl Phase {
    fn killing() -> Self {
        Self::Killing {
            give_up_at: Instant::now() + KILL_DEADLINE,
        }
    }
}

/// What a wait ended with.
#[derive(Default)]
struct Woken {
    message: bool,
    orphaned: bool,
    exited: bool,
}

impl Slot {
    fn next_command(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.conn.next_frame()? {
                return Ok(Some(frame));
            }
            let woken = self.wait(None, None)?;
            if woken.orphaned || (woken.message && !self.conn.receive()?) {
                return Ok(None);
            }
        }
    }

    /// Sets up what confines every attempt, once, and says what it cannot promise.
    fn set_up(&self, frame: &Frame) -> io::Result<()> {
        let confinement = setup::decode(&frame.body)
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        match crate::sandbox::set_up(&confinement) {
            Ok(degraded) => self
                .conn
                .send(frame::READY, &encode_degraded(&degraded), &[]),
            Err(unavailable) => {
                self.conn
                    .send(frame::UNAVAILABLE, &unavailable.encode(), &[])?;
                Err(io::Error::other(unavailable.message))
            }
        }
    }

    fn attempt(&mut self, frame: Frame) -> io::Result<()> {
        let (child, grace) = match start(frame) {
            Ok(started) => started,
            Err(errno) => {
                return self
                    .conn
                    .send(frame::SPAWN_FAILED, &errno.to_le_bytes(), &[]);
            }
        };
        let (exit, owner_alive) = self.watch(child, grace)?;
        if owner_alive {
            self.conn.send(frame::EXITED, &exit.encode(), &[])?;
        }
        if exit.tree_dead && owner_alive {
            return Ok(());
        }
        // What survived falls to the launcher.
        Err(io::Error::other("slot is no longer usable"))
    }

    /// Until the payload and all it started are gone.
    fn watch(&mut self, mut child: Child, leftover_grace: Duration) -> io::Result<(Exit, bool)> {
        let pid = Pid::from_child(&child);
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
        let mut running = true;
        let mut owner_alive = true;
        let mut phase = Phase::Running;
        let mut exit = Exit {
            tree_dead: true,
            ..Exit::default()
        };
        loop {
            if !running {
                if tree::reap() == Left::Nothing {
                    return Ok((exit, owner_alive));
                }
                if phase == Phase::Running {
                    exit.leftovers = tree::signal_descendants(Signal::TERM)?;
                    phase = Phase::Terminating {
                        kill_at: Instant::now() + leftover_grace,
                    };
                }
            }
            if let Phase::Killing { give_up_at } = phase {
                tree::signal_descendants(Signal::KILL)?;
                if Instant::now() >= give_up_at {
                    exit.tree_dead = false;
                    return Ok((exit, owner_alive));
                }
            }
            let pidfd = running.then_some(&pidfd);
            let lifelines = owner_alive;
            let woken = self.wait_while(pidfd, lifelines, Some(patience(phase, running)))?;
            if woken.exited {
                let usage = child
                    .try_wait4()?
                    .ok_or_else(|| io::Error::other("payload not over"))?;
                running = false;
                exit.status = std::os::unix::process::ExitStatusExt::into_raw(usage.status);
                exit.user_us = u64::try_from(usage.rusage.utime.as_micros()).unwrap_or(u64::MAX);
                exit.system_us = u64::try_from(usage.rusage.stime.as_micros()).unwrap_or(u64::MAX);
                exit.peak_rss_bytes = usage.rusage.maxrss;
            } else if running {
                reap_orphans(pid)?;
            }
            if woken.orphaned || (woken.message && !self.conn.receive()?) {
                owner_alive = false;
                phase = Phase::killing();
            }
            while let Some(frame) = self.conn.next_frame()? {
                phase = obey(&frame, phase)?;
            }
            if matches!(phase, Phase::Terminating { kill_at } if Instant::now() >= kill_at) {
                phase = Phase::killing();
            }
        }
    }

    fn wait(&self, pidfd: Option<&OwnedFd>, timeout: Option<Duration>) -> io::Result<Woken> {
        self.wait_while(pidfd, true, timeout)
    }

    fn wait_while(
        &self,
        pidfd: Option<&OwnedFd>,
        lifelines: bool,
        timeout: Option<Duration>,
    ) -> io::Result<Woken> {
        let nothing = PollFlags::empty();
        let readable = |wanted| if wanted { PollFlags::IN } else { nothing };
        let mut fds = Vec::with_capacity(3);
        if lifelines {
            fds.push(PollFd::new(&self.conn, readable(true)));
            fds.push(PollFd::new(&self.lifeline, readable(true)));
        }
        fds.extend(pidfd.map(|pidfd| PollFd::new(pidfd, readable(true))));
        let timeout = timeout.map(|timeout| Timespec::try_from(timeout).expect("seconds fit"));
        match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(Woken::default()),
            Err(error) => return Err(error.into()),
        }
        let ready: Vec<bool> = fds.iter().map(|fd| fd.revents() != nothing).collect();
        let at = |index: usize| ready.get(index).copied().unwrap_or(false);
        Ok(match lifelines {
            true => Woken {
                message: at(0),
                orphaned: at(1),
                exited: at(2),
            },
            false => Woken {
                message: false,
                orphaned: false,
                exited: at(0),
            },
        })
    }
}

fn patience(phase: Phase, running: bool) -> Duration {
    match phase {
        Phase::Running => REAP_EVERY,
        Phase::Terminating { kill_at } if running => {
            REAP_EVERY.min(kill_at.saturating_duration_since(Instant::now()))
        }
        Phase::Terminating { .. } | Phase::Killing { .. } => STOPPING_TICK,
    }
}

/// A stop only ever tightens.
fn obey(frame: &Frame, phase: Phase) -> io::Result<Phase> {
    match (frame.kind, phase) {
        (_, Phase::Killing { .. }) => Ok(phase),
        (frame::KILL, _) => Ok(Phase::killing()),
        (frame::TERMINATE, Phase::Running) => {
            let grace = frame::decode_u32(&frame.body).unwrap_or(0);
            tree::signal_descendants(Signal::TERM)?;
            let kill_at = Instant::now() + Duration::from_millis(grace.into());
            Ok(Phase::Terminating { kill_at })
        }
        _ => Ok(phase),
    }
}

/// Reaps ended children other than the payload, whose resource usage is still wanted.
fn reap_orphans(payload: Pid) -> io::Result<()> {
    for pid in tree::children()? {
        if pid != payload {
            // Still running, or gone meanwhile: both are fine.
            let _status = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }
    Ok(())
}

/// Starts the payload. std takes the `posix_spawn` path: the program has a slash, no uid changes,
/// no `pre_exec`. Every other descriptor of this process closes on exec.
fn start(frame: Frame) -> Result<(Child, Duration), i32> {
    const EIO: i32 = rustix::io::Errno::IO.raw_os_error();
    let spawn = Spawn::decode(&frame.body).ok_or(EIO)?;
    let Ok([stdout, stderr]) = <[OwnedFd; 2]>::try_from(frame.fds) else {
        return Err(EIO);
    };
    let Some((arg0, args)) = spawn.argv.split_first() else {
        return Err(EIO);
    };
    let mut command = Command::new(&spawn.program);
    command
        .arg0(arg0)
        .args(args)
        .env_clear()
        .envs(spawn.env)
        .current_dir(&spawn.cwd);
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr);
    match command.spawn() {
        Ok(child) => Ok((child, spawn.leftover_grace)),
        // A NUL byte inside a string has no errno of its own.
        Err(error) => Err(error
            .raw_os_error()
            .unwrap_or(rustix::io::Errno::INVAL.raw_os_error())),
    }
}
