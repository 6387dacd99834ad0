//! Lets canaries fly, level by level, and tells what came of it.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::policy::{Confine, Guarantee, Limits, SandboxLevel};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::pipe::PipeFlags;

use super::payload::{ALL, DAEMONIZE, HOG_BYTES, MEMORY, THREADS};
use super::scene::{Arrived, Scene};
use super::verdict::{self, Probe};
use crate::launcher::{Exit, Launcher, PROBE_WORD, Report, SlotProcess, Spawn, Unavailable, WORD};
use crate::sandbox::Confinement;

/// A canary that takes longer is ended: none does anything slow.
const PATIENCE: Duration = Duration::from_secs(5);
/// What was left behind ends within this after its attempt, or it lives.
const ECHO: Duration = Duration::from_millis(50);
/// Of what one prints: a few dozen lines.
const OUTPUT_BYTES: usize = 16 * 1024;
/// Enough for the program itself, and less than the canary takes.
const MEMORY_BYTES: u64 = 48 * 1024 * 1024;
const PIDS: u32 = 8;
/// What is passed, so that it is seen to arrive and to be all.
const GIVEN: &str = "ORCHESTRA_DOCTOR";

/// What canaries could do at one level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Flight {
    pub written: bool,
    pub read: bool,
    pub arrived: Arrived,
    /// All the threads it wanted.
    pub crowded: bool,
    /// All the memory it wanted.
    pub hogged: bool,
    /// Something was left behind when its attempt was over, and ended; or it lives.
    pub daemon: Option<Daemon>,
    /// Environment and descriptors were what it was given.
    pub clean: bool,
    /// What the level does not promise here.
    pub degraded: Vec<Guarantee>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Daemon {
    Ended,
    Lives,
}

/// Tries levels on this machine, the strongest first, until one is `enough`, in some tens of
/// milliseconds each: this program, started again, is what tries. Writes to a private temporary directory, which is gone afterwards.
///
/// # Errors
/// No canary could be made ready, or the launcher cannot be started.
pub fn probe(enough: impl Fn(&[Probe]) -> bool) -> io::Result<Vec<Probe>> {
    probe_with(&Launcher::start()?, &std::env::current_exe()?, enough)
}

/// The same by a launcher that is there: `exe` is what it runs, by a path that can be shown inside.
///
/// # Errors
/// As [`probe`].
pub fn probe_with(
    launcher: &Launcher,
    exe: &Path,
    enough: impl Fn(&[Probe]) -> bool,
) -> io::Result<Vec<Probe>> {
    let scene = Scene::set()?;
    let fly = |level: SandboxLevel| {
        let crew = Crew::aboard(&scene, launcher, exe, level)?;
        crew.fly()
    };
    let control = match fly(SandboxLevel::None)? {
        Ok(control) => control,
        Err(unavailable) => return Err(io::Error::other(unavailable.message)),
    };
    let mut probes = Vec::new();
    for level in [SandboxLevel::Strict, SandboxLevel::Landlock] {
        let tried = verdict::of(level, &control, fly(level)?);
        let last = enough(&tried);
        probes.extend(tried);
        if last {
            break;
        }
    }
    Ok(probes)
}

/// One level's slot process, and what runs in it.
struct Crew<'a> {
    scene: &'a Scene,
    exe: &'a Path,
    level: SandboxLevel,
    work: PathBuf,
    slot: SlotProcess,
}

/// One attempt.
struct Ran {
    exit: Exit,
    said: String,
    /// Its output came to an end.
    silent: bool,
}

impl<'a> Crew<'a> {
    fn aboard(
        scene: &'a Scene,
        launcher: &Launcher,
        exe: &'a Path,
        level: SandboxLevel,
    ) -> io::Result<Self> {
        let work = scene.work(level.as_str())?;
        let confinement = Confinement {
            level,
            confine: Arc::new(Confine {
                read: vec![exe.display().to_string()],
                ..Confine::CLOSED
            }),
            work: work.clone(),
        };
        Ok(Self {
            scene,
            exe,
            level,
            work,
            slot: launcher.slot(&confinement)?,
        })
    }

    fn fly(mut self) -> io::Result<Result<Flight, Unavailable>> {
        let limited = self.level != SandboxLevel::None;
        let limits = |limits: Limits| if limited { limits } else { Limits::default() };
        let pids = limits(Limits {
            pids: Some(PIDS),
            ..Limits::default()
        });
        let place = self.scene.place.encode();
        let all = match self.run(&[ALL.into(), place], pids)? {
            Ok(ran) => ran,
            Err(unavailable) => return Ok(Err(unavailable)),
        };
        let (written, arrived) = self.scene.look()?;
        let degraded = self.slot.degraded().to_vec();
        let says = |line: &str| all.said.lines().any(|one| one == line);
        if !all.said.contains("threads ") {
            return Err(io::Error::other(format!(
                "a canary ended early (status {:#x}): {:?}",
                all.exit.status, all.said
            )));
        }
        let memory = limits(Limits {
            memory_bytes: Some(MEMORY_BYTES),
            ..Limits::default()
        });
        let hogged = match limited && degraded.contains(&Guarantee::MemLimit) {
            // Nothing limits it: it need not be shown.
            true => true,
            false => match self.run(&[MEMORY.into()], memory)? {
                Ok(ran) => ran.said.trim() == format!("memory {HOG_BYTES}"),
                Err(unavailable) => return Ok(Err(unavailable)),
            },
        };
        let daemon = match self.run(&[DAEMONIZE.into()], Limits::default())? {
            Ok(ran) if ran.exit.leftovers == 0 => None,
            Ok(ran) if ran.silent && ran.exit.tree_dead => Some(Daemon::Ended),
            Ok(_) => Some(Daemon::Lives),
            Err(unavailable) => return Ok(Err(unavailable)),
        };
        Ok(Ok(Flight {
            written: written || says("write true"),
            read: says("read true"),
            arrived,
            crowded: says(&format!("threads {THREADS}")),
            hogged,
            daemon,
            clean: clean(&all.said),
            degraded,
        }))
    }

    fn run(&mut self, args: &[OsString], limits: Limits) -> io::Result<Result<Ran, Unavailable>> {
        let (output, theirs) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        let null = fs_err::OpenOptions::new().write(true).open("/dev/null")?;
        let name = self.exe.as_os_str().to_owned();
        let words = [WORD, PROBE_WORD].map(OsString::from);
        let spawn = Spawn {
            program: self.exe.to_owned(),
            argv: [name]
                .into_iter()
                .chain(words)
                .chain(args.iter().cloned())
                .collect(),
            env: vec![(GIVEN.into(), "1".into())],
            cwd: self.work.clone(),
            leftover_grace: Duration::ZERO,
            limits,
        };
        self.slot
            .spawn(&spawn, theirs.as_fd(), null.file().as_fd())?;
        drop(theirs);
        match self.report()? {
            Report::Exited(exit) => {
                let (said, silent) = hear(&output)?;
                Ok(Ok(Ran { exit, said, silent }))
            }
            Report::Unavailable(unavailable) => Ok(Err(unavailable)),
            Report::SpawnFailed { errno } => Err(io::Error::from_raw_os_error(errno)),
            Report::Lost => Err(io::Error::other("the slot process is gone")),
        }
    }

    fn report(&mut self) -> io::Result<Report> {
        let end = Instant::now() + PATIENCE;
        loop {
            if !readable(self.slot.as_fd(), end)? {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if let Some(report) = self.slot.report() {
                return Ok(report);
            }
        }
    }
}

fn readable(fd: rustix::fd::BorrowedFd<'_>, end: Instant) -> io::Result<bool> {
    let left = end.saturating_duration_since(Instant::now());
    let timeout = Timespec::try_from(left).expect("seconds fit");
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    match rustix::event::poll(&mut fds, Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// What was said, and whether nobody is left who could say more.
fn hear(output: &OwnedFd) -> io::Result<(String, bool)> {
    let mut said = Vec::new();
    let end = Instant::now() + ECHO;
    let mut piece = [0; 4096];
    while said.len() < OUTPUT_BYTES {
        if !readable(output.as_fd(), end)? {
            return Ok((String::from_utf8_lossy(&said).into_owned(), false));
        }
        match rustix::io::read(output, &mut piece)? {
            0 => break,
            read => said.extend_from_slice(&piece[..read]),
        }
    }
    Ok((String::from_utf8_lossy(&said).into_owned(), true))
}

/// Exactly the variable that was given, and exactly standard streams: the one more is the list of
/// descriptors itself.
fn clean(said: &str) -> bool {
    let of = |what: &str| -> Vec<String> {
        let lines = said.lines().filter_map(|line| line.strip_prefix(what));
        let mut found: Vec<String> = lines.map(str::to_owned).collect();
        found.sort();
        found
    };
    of("env ") == [GIVEN] && of("fd ") == ["0", "1", "2", "3"]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_beyond_what_was_given_is_seen() {
        let exact = "env ORCHESTRA_DOCTOR\nfd 0\nfd 1\nfd 2\nfd 3\nthreads 3\n";
        assert!(clean(exact));
        for more in ["env HOME\n", "fd 9\n"] {
            assert!(!clean(&format!("{exact}{more}")));
        }
        assert!(!clean("fd 0\nfd 1\nfd 2\nfd 3\n"), "and what is not");
    }
}
