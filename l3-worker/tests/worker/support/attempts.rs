//! Attempts of one slot process, without an executor.

use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use l3_worker::launcher::{Exit, Launcher, Report, SlotProcess, Spawn};
use l3_worker::sandbox::Confinement;
use protocol::policy::{Confine, Limits, SandboxLevel};

/// Nothing but the system's own files and `work`.
pub fn strict(work: &Path) -> Confinement {
    with(work, Confine::CLOSED)
}

pub fn with(work: &Path, confine: Confine) -> Confinement {
    Confinement {
        level: SandboxLevel::Strict,
        confine: Arc::new(confine),
        work: work.to_owned(),
    }
}

/// A shell's script, somewhere.
pub fn script(script: &str, cwd: &Path, env: &[(&str, &str)]) -> Spawn {
    let env = env.iter().map(|(name, value)| (name.into(), value.into()));
    Spawn {
        program: "/bin/sh".into(),
        argv: ["sh", "-c", script].map(Into::into).to_vec(),
        env: env.collect(),
        cwd: cwd.into(),
        leftover_grace: Duration::from_millis(100),
        limits: Limits::default(),
    }
}

pub struct Running {
    pub slot: SlotProcess,
    pub out: fs_err::File,
    pub err: OwnedFd,
}

impl Running {
    pub fn start(slot: SlotProcess, spawn: &Spawn) -> Self {
        let flags = rustix::pipe::PipeFlags::CLOEXEC;
        let (out, out_write) = rustix::pipe::pipe_with(flags).unwrap();
        let (err, err_write) = rustix::pipe::pipe_with(flags).unwrap();
        slot.spawn(spawn, out_write.as_fd(), err_write.as_fd())
            .unwrap();
        let out = fs_err::File::from_parts(std::fs::File::from(out), "stdout");
        Self { slot, out, err }
    }

    pub fn report(&mut self) -> Report {
        loop {
            if let Some(report) = self.slot.report() {
                return report;
            }
        }
    }

    pub fn exit(&mut self) -> Exit {
        match self.report() {
            Report::Exited(exit) => exit,
            other => panic!("{other:?}"),
        }
    }

    /// Reads one line that the script says while it runs.
    pub fn line(&mut self) -> String {
        let (mut line, mut byte) = (Vec::new(), [0]);
        while self.out.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
            line.push(byte[0]);
        }
        String::from_utf8(line).unwrap()
    }

    pub fn said(&mut self) -> String {
        let mut text = String::new();
        self.out.read_to_string(&mut text).unwrap();
        text
    }
}

/// One slot and the attempts in it.
pub struct Slot {
    pub process: Option<SlotProcess>,
}

impl Slot {
    pub fn new(launcher: &Launcher, confinement: &Confinement) -> Self {
        let process = Some(launcher.slot(confinement).unwrap());
        Self { process }
    }

    /// Runs to the end: how it ended, what it said on both streams.
    pub fn run(&mut self, spawn: &Spawn) -> (Exit, String) {
        let mut running = Running::start(self.process.take().unwrap(), spawn);
        let exit = running.exit();
        let mut said = running.said();
        let mut err = std::fs::File::from(running.err);
        err.read_to_string(&mut said).unwrap();
        self.process = Some(running.slot);
        (exit, said)
    }
}
