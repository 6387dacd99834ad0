//! The slot process: starts the attempts of one slot, one after the other, and ends their trees.
//!
//! Single-threaded. It is told once what confines its attempts, and sets it up for all of them. When
//! the worker or the launcher goes away, the tree is killed and the process ends.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

use super::conn::{Conn, Frame};
use super::frame;
use super::outcome::{Exit, Unavailable, encode_degraded};
use super::request::Spawn;
use super::setup;
use super::watch::{Phase, Wait};
use crate::sandbox::{Engine, Started, Unstarted, wait4};

/// Serves until the worker or the launcher goes away.
pub(super) fn serve(number: u32) -> io::Result<()> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let conn = Conn::new(io::stdin().as_fd().try_clone_to_owned()?);
    let lifeline = io::stdout().as_fd().try_clone_to_owned()?;
    let mut slot = Slot { conn, lifeline };
    let mut engine = None;
    while let Some(frame) = slot.next_command()? {
        match (frame.kind, &mut engine) {
            (frame::SETUP, None) => engine = Some(slot.set_up(&frame, number)?),
            (frame::SPAWN, Some(Ok(engine))) => slot.attempt(frame, engine)?,
            (frame::SPAWN, Some(Err(unavailable))) => slot.unavailable(unavailable)?,
            (frame::SETUP, Some(_)) | (frame::SPAWN, None) => {
                return Err(io::ErrorKind::InvalidData.into());
            }
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

impl Slot {
    fn next_command(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.conn.next_frame()? {
                return Ok(Some(frame));
            }
            let woken = self.lifelines(true).wait(None)?;
            if woken.orphaned || (woken.message && !self.conn.receive()?) {
                return Ok(None);
            }
        }
    }

    /// Sets up what confines every attempt, and says what it cannot promise. When it is not to be
    /// had, every attempt is answered with that.
    fn set_up(&self, frame: &Frame, number: u32) -> io::Result<Result<Engine, Unavailable>> {
        let confinement = setup::decode(&frame.body);
        let confinement = confinement.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        Ok(match Engine::set_up(&confinement, number) {
            Ok((engine, degraded)) => {
                let degraded = encode_degraded(&degraded);
                self.conn.send(frame::READY, &degraded, &[])?;
                Ok(engine)
            }
            Err(unavailable) => Err(unavailable),
        })
    }

    fn unavailable(&self, unavailable: &Unavailable) -> io::Result<()> {
        let body = unavailable.encode();
        self.conn.send(frame::UNAVAILABLE, &body, &[])
    }

    fn attempt(&mut self, frame: Frame, engine: &mut Engine) -> io::Result<()> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let spawn = Spawn::decode(&frame.body).ok_or_else(invalid)?;
        let [stdout, stderr] = <[OwnedFd; 2]>::try_from(frame.fds).map_err(|_| invalid())?;
        let started = engine.spawn(&spawn, [stdout.as_fd(), stderr.as_fd()]);
        // The payload has its own.
        drop((stdout, stderr));
        let started = match started {
            Ok(started) => started,
            Err(Unstarted::Errno(errno)) => {
                let errno = errno.to_le_bytes();
                return self.conn.send(frame::SPAWN_FAILED, &errno, &[]);
            }
            Err(Unstarted::Unavailable(unavailable)) => return self.unavailable(&unavailable),
            Err(Unstarted::Lost) => return Err(io::Error::other("slot is no longer usable")),
        };
        let (mut exit, owner_alive) = self.watch(&started, engine, spawn.leftover_grace)?;
        let usage = engine.usage();
        exit.peak_memory_bytes = usage.peak_memory;
        exit.out_of_memory = usage.oom_kills > 0;
        exit.out_of_pids = usage.pids_denied > 0;
        exit.denied = engine.denied();
        if owner_alive {
            self.conn.send(frame::EXITED, &exit.encode(), &[])?;
        }
        if exit.tree_dead && owner_alive {
            engine.tidy();
            return Ok(());
        }
        // What survived falls to the launcher.
        Err(io::Error::other("slot is no longer usable"))
    }

    /// Until the payload and all it started are gone.
    fn watch(
        &mut self,
        payload: &Started,
        engine: &mut Engine,
        leftover_grace: Duration,
    ) -> io::Result<(Exit, bool)> {
        let mut running = true;
        let mut owner_alive = true;
        let mut phase = Phase::Running;
        let mut exit = Exit {
            tree_dead: true,
            ..Exit::default()
        };
        loop {
            if !running {
                if engine.tree().is_gone()? {
                    return Ok((exit, owner_alive));
                }
                if phase == Phase::Running {
                    exit.leftovers = engine.tree().terminate()?;
                    phase = Phase::terminating(leftover_grace);
                }
            }
            if let Phase::Killing { give_up_at } = phase {
                engine.tree().kill()?;
                if Instant::now() >= give_up_at {
                    exit.tree_dead = false;
                    return Ok((exit, owner_alive));
                }
            }
            let patience = phase.patience(running);
            let wait = Wait {
                payload: running.then_some(payload.pidfd.as_fd()),
                listener: engine.questions(),
                ..self.lifelines(owner_alive)
            };
            let woken = wait.wait(Some(patience))?;
            if woken.asked {
                engine.answer()?;
            }
            if woken.exited {
                let ended = wait4(payload.pid)?;
                running = false;
                exit.status = ended.status;
                exit.user_us = ended.user_us;
                exit.system_us = ended.system_us;
                exit.peak_rss_bytes = ended.peak_rss_bytes;
            } else if running {
                engine.tree().reap_orphans(payload.pid)?;
            }
            if woken.orphaned || (woken.message && !self.conn.receive()?) {
                owner_alive = false;
                phase = Phase::killing();
            }
            while let Some(frame) = self.conn.next_frame()? {
                phase = phase.obey(&frame, engine.tree())?;
            }
            phase = phase.now();
        }
    }

    /// The worker, and the launcher behind it, while they are there.
    fn lifelines(&self, alive: bool) -> Wait<'_> {
        Wait {
            conn: alive.then_some(self.conn.as_fd()),
            lifeline: alive.then_some(self.lifeline.as_fd()),
            ..Wait::default()
        }
    }
}
