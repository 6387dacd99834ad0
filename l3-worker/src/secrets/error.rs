//! Why a secret cannot be had. Names and remedies, never a value.

use std::time::Duration;

use protocol::outcome::{Failure, FailureClass};

use super::secret::MAX_SECRET_BYTES;
use crate::capture::{MIN_SECRET_BYTES, escape};

/// A secret cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("secret `{name}`: {why}")]
pub struct SecretError {
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with a secret or its source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Nobody said where it comes from.
    #[error("no source is declared; name one under `secrets`")]
    Undeclared,
    /// No such variable.
    #[error("the variable `{0}` is not set where orchestra runs; export it")]
    Unset(String),
    /// No such file, or it cannot be read.
    #[error("`{path}` cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// As the system says it.
        error: String,
    },
    /// A relative path that leads elsewhere.
    #[error("`{0}` leaves the scenario's root; name the file by its absolute path")]
    Outside(String),
    /// A path in a home that is not known.
    #[error("`{0}` is in a home, and `HOME` is not set")]
    Homeless(String),
    /// A directory, a pipe, a device.
    #[error("`{0}` is not a regular file")]
    NotAFile(String),
    /// A program beneath the scenario's root.
    #[error(
        "`{0}` is not run: a task could have changed it; name it absolutely, or by a name on PATH"
    )]
    Relative(String),
    /// The program cannot be started.
    #[error("`{program}` cannot be started: {error}")]
    NotStarted {
        /// As written.
        program: String,
        /// As the system says it.
        error: String,
    },
    /// Nobody waits for it any more.
    #[error("is not needed any more")]
    Stopped,
    /// The program took too long.
    #[error("`{program}` did not end within {} s", wall.as_secs_f64())]
    TimedOut {
        /// As written.
        program: String,
        /// How long anybody waited: never longer than the task that needs it may take.
        wall: Duration,
    },
    /// The program failed.
    #[error(
        "`{program}` failed ({status}); its stderr is withheld, since it could hold the value; run it by hand"
    )]
    Failed {
        /// As written.
        program: String,
        /// How it ended.
        status: String,
    },
    /// It would be found everywhere.
    #[error(
        "has fewer than {MIN_SECRET_BYTES} bytes, too few to be found in output; use a longer one"
    )]
    TooShort,
    /// It is longer than anything of the kind.
    #[error("has more than {MAX_SECRET_BYTES} bytes; grant a file's path instead")]
    TooLong,
    /// NUL, or not UTF-8.
    #[error("is not text: NUL bytes and invalid UTF-8 cannot be in an environment")]
    NotText,
    /// A run has too many, or too much of them.
    #[error("a run may have {count} secrets of {bytes} bytes in all", count = super::guard::MAX_SECRETS, bytes = super::guard::MAX_TOTAL_BYTES)]
    TooMany,
}

impl SecretError {
    pub(super) fn new(name: &str, why: Why) -> Self {
        let name = name.to_owned();
        Self { name, why }
    }

    /// How the attempt ends that needs it.
    #[must_use]
    pub fn failure(&self) -> Failure {
        if self.why == Why::Stopped {
            return Failure::new(FailureClass::Cancelled, "cancelled");
        }
        let message = escape(self.to_string().as_bytes());
        Failure::new(FailureClass::InputMissing, message)
    }
}
