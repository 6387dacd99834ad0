//! Hosts: two of each kind at most for the whole suite, each used by one case at a time.

use std::io::{BufRead as _, BufReader, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::Instant;

use protocol::policy::SandboxLevel;

use super::outcome::Outcome;
use super::policy::{Payload, Policy};
use super::universal;
use super::words::{Hello, Plain, Ran, Refused, Request};

/// Who the worker of a host is, and whether it may make user namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Root,
    Ordinary,
    RootDenied,
    OrdinaryDenied,
}

impl Kind {
    const ALL: [Self; 4] = [
        Self::Root,
        Self::Ordinary,
        Self::RootDenied,
        Self::OrdinaryDenied,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Ordinary => "ordinary",
            Self::RootDenied => "root-denied",
            Self::OrdinaryDenied => "ordinary-denied",
        }
    }
}

/// A running host, or why there is none.
pub struct Host {
    child: Child,
    answers: BufReader<ChildStdout>,
    requests: ChildStdin,
    pub hello: Hello,
    pub kind: Kind,
    /// What no sandbox may let through.
    pub secret: String,
    levels: Vec<SandboxLevel>,
}

/// Runs a case on a host of this kind; says so when there can be none.
pub fn on(kind: Kind, case: &str, run: impl FnOnce(&mut Host)) {
    let mut place = seat(kind);
    if place.as_mut().is_none_or(|host| !host.alive()) {
        *place = None;
        match Host::start(kind) {
            Ok(host) => *place = Some(host),
            Err(why) => {
                eprintln!("SKIPPED {case} as {}: {why}", kind.word());
                return;
            }
        }
    }
    let host = place.as_mut().expect("it was just started");
    let begun = Instant::now();
    run(host);
    let (kind, took) = (kind.word(), begun.elapsed().as_millis());
    eprintln!("HELD {case} as {kind} at {:?} in {took} ms", host.levels);
}

/// A free place for a host of this kind. Two cases of one user may run at once: cases are sorted by
/// users, and with one place they would wait for each other.
fn seat(kind: Kind) -> MutexGuard<'static, Option<Host>> {
    static HOSTS: [[Mutex<Option<Host>>; 2]; 4] = [const { [const { Mutex::new(None) }; 2] }; 4];
    let at = Kind::ALL.iter().position(|one| *one == kind).unwrap();
    // A case that fails leaves a host that is as good as before, or dead.
    let free = HOSTS[at].iter().find_map(|place| match place.try_lock() {
        Ok(free) => Some(free),
        Err(TryLockError::Poisoned(free)) => Some(free.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    });
    free.unwrap_or_else(|| HOSTS[at][0].lock().unwrap_or_else(PoisonError::into_inner))
}

/// The compiler's own directory, asked for once.
fn toolchain() -> Option<&'static str> {
    static SYSROOT: OnceLock<Option<String>> = OnceLock::new();
    let ask = || {
        let output = Command::new("rustc")
            .args(["--print", "sysroot"])
            .output()
            .ok()?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    };
    SYSROOT.get_or_init(ask).as_deref()
}

fn unique() -> String {
    let dir = tempfile::tempdir().unwrap();
    dir.path()
        .file_name()
        .unwrap()
        .to_string_lossy()
        .replace('.', "")
}

impl Host {
    fn start(kind: Kind) -> Result<Self, String> {
        let am_root = rustix::process::geteuid().is_root();
        if matches!(kind, Kind::Root | Kind::RootDenied) && !am_root {
            return Err("the tests do not run as root".into());
        }
        let dir = tempfile::Builder::new()
            .prefix("sandbox-host-")
            .tempdir()
            .unwrap();
        let secret = format!("canary-{}-{}", std::process::id(), unique());
        fs_err::write(dir.path().join("secret"), &secret).unwrap();
        // The keeper takes it away again; without one nothing is left in it.
        let dir: PathBuf = dir.keep();
        let mut command = Command::new("/bin/bash");
        // Descriptor 9 is open in the worker, and not marked close-on-exec.
        command
            .args(["-c", "exec 9< \"$1/secret\"; exec \"$0\" keeper \"$1\" \"$2\""])
            .arg(env!("CARGO_BIN_EXE_l3-worker-sandbox-host"))
            .arg(&dir)
            .arg(kind.word())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", dir.join("u/home"))
            .env("TMPDIR", dir.join("u/tmp"))
            .env("ORCH_CANARY", &secret)
            // The loader's own words, which no helper may be started with.
            .env("LD_BIND_NOW", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if let Some(toolchain) = toolchain() {
            command.env("ORCH_TEST_TOOLCHAIN", toolchain);
        }
        let mut child = command.spawn().unwrap();
        let requests = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        let Ok(hello) = serde_json::from_str::<Hello>(&line) else {
            child.wait().unwrap();
            let refused = serde_json::from_str::<Refused>(&line);
            return Err(refused.map_or(line, |refused| refused.refused));
        };
        let mut host = Self {
            child,
            answers,
            requests,
            hello,
            kind,
            secret,
            levels: Vec::new(),
        };
        host.levels = host.find_levels();
        Ok(host)
    }

    fn alive(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Levels that can be set up here.
    fn find_levels(&mut self) -> Vec<SandboxLevel> {
        let mut levels = vec![SandboxLevel::Landlock];
        if matches!(self.kind, Kind::Root | Kind::Ordinary) {
            levels.insert(0, SandboxLevel::Strict);
        }
        let mut found = Vec::new();
        for level in levels {
            let ran = self.run(&Policy::at(level), &Payload::program(&["/bin/true"]));
            match (ran.end.failure, ran.end.level) {
                (None, in_force) if in_force == level => found.push(level),
                (failure, _) => eprintln!("NO {level} as {}: {failure:?}", self.kind.word()),
            }
        }
        found
    }

    /// The levels to be shown.
    pub fn levels(&self) -> Vec<SandboxLevel> {
        self.levels.clone()
    }

    /// The same, and off: for what holds without a sandbox too.
    pub fn levels_and_off(&self) -> Vec<SandboxLevel> {
        let off = [SandboxLevel::None];
        self.levels.iter().copied().chain(off).collect()
    }

    fn ask<T: serde::de::DeserializeOwned>(&mut self, request: &Request) -> T {
        let mut line = serde_json::to_string(request).unwrap();
        line.push('\n');
        self.requests
            .write_all(line.as_bytes())
            .expect("U1: the worker listens");
        let mut answer = String::new();
        self.answers
            .read_line(&mut answer)
            .expect("U1: the worker answers");
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("U1: {error}: {answer:?}"))
    }

    fn run(&mut self, policy: &Policy, payload: &Payload) -> Ran {
        let mut task = policy.task(payload.argv(|text| self.fill(text)));
        for path in task.artifacts.values_mut() {
            *path = self.fill(path);
        }
        self.ask(&Request::Run(Box::new(task)))
    }

    /// One attempt, and everything that must hold after it.
    #[track_caller]
    pub fn sbx(&mut self, policy: &Policy, payload: &Payload) -> Outcome {
        let ran = self.run(policy, payload);
        let log = |name, kept: bool| match kept {
            true => fs_err::read(self.hello.run.join(format!("logs/t.1.{name}"))).unwrap(),
            false => Vec::new(),
        };
        let outcome = Outcome {
            stdout: log("out", ran.end.out.is_some()),
            stderr: log("err", ran.end.err.is_some()),
            end: ran.end.clone(),
            artifacts: ran.artifacts.clone(),
            wall_ms: ran.wall_ms,
            growth_kib: ran.growth_kib,
            seen: ran.seen.clone(),
            untouched: universal::untouched(&self.hello),
        };
        let held = catch_unwind(AssertUnwindSafe(|| {
            universal::check(&self.hello, &self.secret, policy.level, &ran);
        }));
        self.tidy();
        if let Err(broken) = held {
            eprintln!("{outcome}");
            resume_unwind(broken);
        }
        let trivial = policy.trivial();
        let next = self.run(&trivial, &Payload::program(&["/bin/true"]));
        let refused = outcome.end.failure.as_ref().map(|failure| failure.class)
            == Some(protocol::outcome::FailureClass::SandboxUnavailable);
        assert!(
            refused || next.end.failure.is_none(),
            "U1: then {:?}\n{outcome}",
            next.end
        );
        outcome
    }

    /// A payload without any engine.
    pub fn plain(&mut self, script: &str) -> Plain {
        let script = self.fill(script);
        self.ask(&Request::Plain(script))
    }

    /// Takes away what this attempt wrote down, and undoes what it broke with the sandbox off.
    fn tidy(&self) {
        for dir in ["logs", "artifacts"] {
            for entry in fs_err::read_dir(self.hello.run.join(dir))
                .into_iter()
                .flatten()
            {
                l3_worker::remove_tree(&entry.unwrap().path()).unwrap();
            }
        }
        if !universal::untouched(&self.hello) {
            let target = self.hello.out.join("target");
            for entry in fs_err::read_dir(&self.hello.out).unwrap() {
                l3_worker::remove_tree(&entry.unwrap().path()).unwrap();
            }
            fs_err::write(target, "original\n").unwrap();
            fs_err::write(self.hello.home.join(".bashrc"), "# mine\n").unwrap();
        }
    }

    /// Puts the host's places and numbers where a payload names them.
    fn fill(&self, text: &str) -> String {
        let hello = &self.hello;
        let words = [
            ("@HOME@", hello.home.display().to_string()),
            ("@OUT@", hello.out.display().to_string()),
            ("@SHARED@", hello.shared.display().to_string()),
            ("@TERMINAL@", hello.terminal.clone()),
            ("@WORKER@", hello.pid.to_string()),
            ("@VICTIM@", hello.victim.to_string()),
            ("@LAUNCHER@", hello.launcher.to_string()),
            ("@TCP@", hello.tcp.to_string()),
            ("@UDP@", hello.udp.to_string()),
            ("@DNS@", hello.dns.to_string()),
        ];
        let fill = |text: String, (word, value): &(&str, String)| text.replace(word, value);
        words.iter().fold(text.to_owned(), fill)
    }
}
