//! Why an attempt or a task ended: one enum of failure classes and what each means for retries
//! and for the person who reads about it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! failure_classes {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, retried: $retried:literal, advice: $advice:literal;)*) => {
        /// Why an attempt failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum FailureClass {
            $($(#[doc = $doc])* $variant,)*
        }

        impl FailureClass {
            /// Every class, in the order of this table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in journals, reports and `retry.when`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Whether `retry: N` repeats it without being told so by `when`.
            #[must_use]
            pub const fn retried_by_default(self) -> bool {
                match self { $(Self::$variant => $retried,)* }
            }

            /// What it means, a sentence or two.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*).trim(),)* }
            }

            /// What the person should do, one sentence.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice,)* }
            }
        }
    };
}

failure_classes! {
    /// The program ended with a code other than 0, or by a signal nobody here sent.
    ToolFailed = "tool_failed", retried: true,
        advice: "read the end of its stderr; run the command by hand with the same inputs";
    /// The attempt ran, or was silent, for longer than allowed.
    TimedOut = "timed_out", retried: true,
        advice: "raise `timeout`, or find out what it waits for";
    /// The attempt used more of a resource than allowed.
    LimitExceeded = "limit_exceeded", retried: false,
        advice: "raise the named limit, or make the task smaller";
    /// The program does not exist or cannot be executed.
    ToolNotFound = "tool_not_found", retried: false,
        advice: "install the program, or name it by its full path";
    /// The policy does not allow what the task asked for.
    PolicyDenied = "policy_denied", retried: false,
        advice: "ask for less, or run under a policy that grants it";
    /// The sandbox could not give a guarantee that the policy requires.
    SandboxUnavailable = "sandbox_unavailable", retried: false,
        advice: "prepare the machine, or choose another sandbox level yourself";
    /// A declared input, or a value an expression needs, is not there.
    InputMissing = "input_missing", retried: false,
        advice: "check `files`, `needs` and the expressions of the task";
    /// A declared artifact was not produced, or is not a regular file.
    ArtifactMissing = "artifact_missing", retried: false,
        advice: "make the task write the declared path in its workspace";
    /// An artifact's content does not have the recorded digest.
    ArtifactCorrupt = "artifact_corrupt", retried: false,
        advice: "something changed the run directory; run the producer again";
    /// The process that ran the attempt was killed, or the workers that held the task died,
    /// `crash_limit` times.
    WorkerLost = "worker_lost", retried: true,
        advice: "look for what killed it, such as too little memory; it may be the task itself";
    /// The network was at fault, as far as the output tells.
    Network = "network", retried: true,
        advice: "check connectivity and what the policy allows, then retry";
    /// The program asked a question that nobody can answer.
    Interactive = "interactive", retried: false,
        advice: "pass the flag that makes the program non-interactive";
    /// The model's provider had a passing problem.
    ProviderTransient = "provider_transient", retried: true,
        advice: "retry later";
    /// The model's provider refused for good.
    ProviderFatal = "provider_fatal", retried: false,
        advice: "check credentials, model name and spend limits";
    /// A recording, or a script of replies, has none to what a model was asked.
    ReplayMiss = "replay_miss", retried: false,
        advice: "replay it with what was recorded, or record it anew";
    /// Outputs do not match their declaration.
    InvalidOutput = "invalid_output", retried: true,
        advice: "make the task write each declared output with its type";
    /// A budget is used up.
    BudgetExhausted = "budget_exhausted", retried: false,
        advice: "raise the budget, then resume";
    /// A person declined.
    Rejected = "rejected", retried: false,
        advice: "read the reason given at the gate";
    /// The run was cancelled while the attempt ran.
    Cancelled = "cancelled", retried: false,
        advice: "nothing: somebody asked for it";
    /// A fault of orchestra itself.
    Internal = "internal", retried: false,
        advice: "report it with the run directory's log.jsonl";
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no failure class.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a failure class")]
pub struct UnknownClass(pub String);

impl FromStr for FailureClass {
    type Err = UnknownClass;

    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        let found = Self::ALL
            .iter()
            .copied()
            .find(|class| class.as_str() == text);
        found.ok_or_else(|| UnknownClass(text.chars().take(80).collect()))
    }
}

/// Which bound an attempt ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Elapsed time of the attempt.
    Wall,
    /// Time without any output.
    Idle,
    /// Memory of the process tree.
    Memory,
    /// Processor time.
    Cpu,
    /// Number of processes.
    Pids,
    /// Bytes of captured output.
    Output,
    /// Bytes written to the workspace or to artifacts.
    Disk,
    /// Number of files.
    Files,
    /// Bytes of one file.
    FileSize,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wall => "wall",
            Self::Idle => "idle",
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Pids => "pids",
            Self::Output => "output",
            Self::Disk => "disk",
            Self::Files => "files",
            Self::FileSize => "file_size",
        })
    }
}

/// A failure as data: the class, the bound where one was hit, and one line for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct Failure {
    /// The class.
    pub class: FailureClass,
    /// With `timed_out` and `limit_exceeded`: which bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
    /// One line, escaped, at most [`Failure::MAX_MESSAGE`] bytes.
    pub message: String,
}

impl Failure {
    /// Longest message kept.
    pub const MAX_MESSAGE: usize = 1024;

    /// A failure without a bound; the message is cut to its maximum.
    #[must_use]
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            class,
            bound: None,
            message: cut(message.into(), Self::MAX_MESSAGE),
        }
    }

    /// A failure at a bound; the message is cut to its maximum.
    #[must_use]
    pub fn at_bound(class: FailureClass, bound: Bound, message: impl Into<String>) -> Self {
        Self {
            class,
            bound: Some(bound),
            message: cut(message.into(), Self::MAX_MESSAGE),
        }
    }
}

/// Cut to at most `max` bytes, on a character, and marked where it was.
pub(crate) fn cut(mut text: String, max: usize) -> String {
    if text.len() > max {
        let mut end = max - '…'.len_utf8();
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Every required task succeeded.
    Completed,
    /// A required task failed.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip_through_serde_and_from_str() {
        for class in FailureClass::ALL {
            let json = serde_json::to_string(class).unwrap();
            assert_eq!(json, format!("\"{}\"", class.as_str()));
            assert_eq!(class.as_str().parse::<FailureClass>().unwrap(), *class);
            assert!(!class.advice().is_empty());
        }
        assert!("oops".parse::<FailureClass>().is_err());
    }

    #[test]
    fn long_messages_are_cut_on_a_character() {
        let failure = Failure::new(FailureClass::Internal, "é".repeat(1000));
        assert!(failure.message.len() <= Failure::MAX_MESSAGE);
        assert!(failure.message.ends_with('…'));
    }
}
