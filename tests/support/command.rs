//! Runs the real binary and renders what came of it in one text: exit status, stdout, stderr.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Output, Stdio};

use super::hints;
use super::place::Place;

/// The variable of `--sandbox`.
const SANDBOX: &str = "ORCHESTRA_SANDBOX";

/// A command line that has not run yet.
#[must_use]
pub struct Command {
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    work: PathBuf,
    stdout: Option<PathBuf>,
}

impl Command {
    pub(super) fn new<S: AsRef<OsStr>>(place: &Place, args: impl IntoIterator<Item = S>) -> Self {
        let pair = |name: &str, value: OsString| (OsString::from(name), value);
        let mut env = vec![
            pair("PATH", std::env::var_os("PATH").unwrap_or_default()),
            pair("HOME", place.dir("home").into()),
            pair("XDG_CONFIG_HOME", place.dir("config").into()),
            pair("XDG_STATE_HOME", place.dir("state").into()),
            pair("__ORCHESTRA_REDACT", "1".into()),
            // What these tests look at is not the sandbox; payloads speak to them through files.
            pair(SANDBOX, "none".into()),
        ];
        // Where the binary leaves what it counted, when coverage is measured.
        let counted = std::env::var_os("LLVM_PROFILE_FILE");
        env.extend(counted.map(|place| pair("LLVM_PROFILE_FILE", place)));
        let args = args
            .into_iter()
            .map(|arg| arg.as_ref().to_owned())
            .collect();
        Self {
            args,
            env,
            work: place.work(),
            stdout: None,
        }
    }

    /// With a variable.
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// With the level that the policy says.
    pub fn sandboxed(mut self) -> Self {
        self.env.retain(|(name, _)| name != SANDBOX);
        self
    }

    /// From a folder beneath the working directory.
    pub fn in_folder(mut self, name: &str) -> Self {
        self.work = self.work.join(name);
        self
    }

    /// Without placeholders for ids, times and durations.
    pub fn unredacted(mut self) -> Self {
        self.env.retain(|(name, _)| name != "__ORCHESTRA_REDACT");
        self
    }

    fn command(&self) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_orchestra"));
        command.args(&self.args).current_dir(&self.work);
        command
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        if let Some(path) = &self.stdout {
            let file = fs_err::OpenOptions::new().write(true).open(path).unwrap();
            command.stdout(file.into_parts().0);
        }
        command
    }

    /// With this file as its stdout.
    pub fn stdout(mut self, path: impl Into<PathBuf>) -> Self {
        self.stdout = Some(path.into());
        self
    }

    /// Runs it to its end. Every command it proposes must be one of this build.
    #[must_use]
    pub fn run(self) -> Outcome {
        let outcome = Outcome::of(self.command().output().unwrap());
        let mut wrong = hints::unparsable(&outcome.stderr);
        wrong.extend(hints::unparsable(&outcome.stdout));
        assert!(wrong.is_empty(), "proposes what does not parse: {wrong:?}");
        outcome
    }

    /// Starts it as a shell would on this terminal, which becomes its own.
    pub fn start_on(self, terminal: OwnedFd) -> Child {
        let plain = self.command();
        let mut command = std::process::Command::new("setsid");
        command.arg("--ctty").arg(plain.get_program());
        command.args(plain.get_args()).current_dir(&self.work);
        command
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        let copy = || terminal.try_clone().unwrap();
        command.stdin(copy()).stdout(copy()).stderr(copy());
        command.spawn().unwrap()
    }

    /// Starts it with this as its stderr, and nothing else to be read.
    pub fn start_with_stderr(self, stderr: Stdio) -> Child {
        let mut command = self.command();
        command.stdout(Stdio::null()).stderr(stderr);
        command.spawn().unwrap()
    }

    /// Starts it and lets it run.
    pub fn start(self) -> Child {
        self.command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

/// What came of a command line.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code; a signal would be a bug of the test or of the product.
    pub code: i32,
    /// Data.
    pub stdout: String,
    /// For eyes.
    pub stderr: String,
}

impl Outcome {
    /// Of a process that ended.
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("ended by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Everything in one text.
    pub fn render(&self) -> String {
        let mut text = format!("exit {}", self.code);
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                text.push_str(&format!("\n--- {name}\n{}", stream.trim_end_matches('\n')));
            }
        }
        text
    }

    /// Checks the exit code and shows everything when it is another.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.render());
        self
    }

    /// The one JSON object on stdout.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(
            self.stdout.trim_end().lines().count(),
            1,
            "{}",
            self.render()
        );
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// One JSON object a line on stdout.
    pub fn jsonl(&self) -> Vec<serde_json::Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}
