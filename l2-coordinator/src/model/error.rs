//! Why there is no reply.

use std::time::Duration;

use protocol::budget::Used;
use protocol::outcome::FailureClass;
use serde::{Deserialize, Serialize};

/// What kind of failure a call ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// It may work later: overload, a rate limit, a broken connection, a stream that was cut.
    Transient,
    /// It will not work until somebody changes something: credentials, a model's name, a spend limit.
    Fatal,
    /// The request itself was refused: too large, or malformed.
    Refused,
    /// It took longer than allowed, or was silent for longer than allowed.
    TimedOut,
    /// A recording has no reply to this request.
    Miss,
    /// Somebody cancelled it.
    Cancelled,
}

/// A call without a reply.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ModelError {
    /// What kind.
    pub kind: ErrorKind,
    /// One line for people: never a key, never a whole body. A miss has a short diff below it.
    pub message: String,
    /// What a person can do, if there is something.
    pub help: Option<String>,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// The provider's own word, such as `overloaded_error`.
    pub code: Option<String>,
    /// The provider's id of the request.
    pub request_id: Option<String>,
    /// How long the provider asked to wait.
    pub retry_after: Option<Duration>,
    /// What the call used as far as it is known. `Some` also where the provider began to answer and
    /// nothing is known: such a call may be billed, and is not repeated behind anybody's back.
    pub used: Option<Vec<Used>>,
    /// Whether [`Self::used`] is the most it can have been: the provider broke off before it said.
    pub is_bound: bool,
}

impl ModelError {
    /// An error of this kind with nothing but its message.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            help: None,
            status: None,
            code: None,
            request_id: None,
            retry_after: None,
            used: None,
            is_bound: false,
        }
    }

    /// With what a person can do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether the same request may be sent again without anybody being asked: it may work later, and
    /// nothing was billed.
    #[must_use]
    pub const fn may_repeat(&self) -> bool {
        matches!(self.kind, ErrorKind::Transient) && self.used.is_none()
    }

    /// The failure class of a task or plan that ends with it.
    #[must_use]
    pub const fn class(&self) -> FailureClass {
        match self.kind {
            ErrorKind::Transient => FailureClass::ProviderTransient,
            ErrorKind::Fatal | ErrorKind::Refused => FailureClass::ProviderFatal,
            ErrorKind::Miss => FailureClass::ReplayMiss,
            ErrorKind::TimedOut => FailureClass::TimedOut,
            ErrorKind::Cancelled => FailureClass::Cancelled,
        }
    }
}
