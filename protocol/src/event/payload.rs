//! What events carry: how attempts and leases end, who asked, what a run begins with.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ids::{CoordinatorId, RunId, ScenarioName};
use crate::outcome::Failure;
use crate::policy::{DeniedAction, DeniedTool, Finding, Guarantee, ObservedWrite, SandboxLevel};

/// Output of one stream of one attempt, as kept in `logs/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct LogRef {
    /// Bytes kept.
    pub bytes: u64,
    /// SHA-256 of the bytes kept.
    pub sha256: Digest,
    /// More was written than kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// How one attempt ended. Without `failure` it succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct AttemptEnd {
    /// Confinement that was in force.
    pub level: SandboxLevel,
    /// Guarantees that were not given, or given only in part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<Guarantee>,
    /// What it tried and the sandbox denied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<DeniedAction>,
    /// Tools that an agent CLI was denied, by its own word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agent_denied: Vec<DeniedTool>,
    /// A model was asked and no program was run: nothing was confined, and nothing of it measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Box<ModelEnd>>,
    /// What was seen of the paths that its task declares to write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<ObservedWrite>,
    /// Exit code of the program, when it exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Signal that ended the program, when one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Elapsed time from staging to proven death, microseconds, by the worker's monotonic clock.
    pub wall_us: u64,
    /// Processor time of the program and the children it waited for, user and system, microseconds.
    pub cpu_us: u64,
    /// Largest resident set of any one process among them, bytes.
    pub peak_rss_bytes: u64,
    /// Largest memory of all of them together, bytes, where a control group measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
    /// Most bytes seen on disk in workspace and home, where there is a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_disk_bytes: Option<u64>,
    /// Kept standard output; absent when nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<LogRef>,
    /// Kept standard error; absent when nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub err: Option<LogRef>,
    /// On failure: the end of the output, redacted and escaped, ≤ 20 lines and ≤ 4 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<String>,
}

/// What an attempt that asked a model came to. Tokens and dollars are in the calls' own events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct ModelEnd {
    /// The model that was asked last, as its provider spells it.
    pub model: String,
    /// Calls, with those that an earlier life of the run had paid for.
    pub calls: u32,
    /// What is worth a remark: context that was left out, words that address a model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// Why a task was passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SkipCause {
    /// Its own `if` was false, or a needed task was skipped by its `if`.
    If,
    /// A needed task failed or was skipped by a failure.
    Failure,
    /// A retry left it out: it did not succeed before and is not among the tasks to repeat. To its
    /// dependents it counts as a failure.
    NotSelected,
}

/// Why a lease ended without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LeaseEnd {
    /// The worker stopped answering, or its owner saw it die. Counts towards `crash_limit`.
    WorkerLost,
    /// The coordinator restarted; its in-process workers went with it. Never counts.
    CoordinatorRestarted,
    /// The worker is shutting down and gave the task back unbegun or between attempts.
    HandedBack,
}

/// Who asked for something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The policy, which wants nobody asked about plans of this kind.
    Default,
    /// Somebody at a terminal, asked about this plan.
    Person,
    /// `--yes`.
    Yes,
    /// Whoever named the plan by its digest: with `--approve`, or by running a saved plan.
    Digest,
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal went away.
    Hangup,
    /// `orchestra cancel` on a run that nobody held.
    Cancel,
    /// `--fail-fast`, after the first failure.
    FailFast,
    /// The budget of time, which is over.
    Budget,
    /// Attempts that asked models and failed the same way too often in a row.
    SameFailure,
}

impl Origin {
    /// Whether a run that ends by it failed, whatever became of its tasks: nobody asked for its end.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        matches!(self, Self::Budget | Self::SameFailure)
    }
}

/// What is known when a run begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct RunStarted {
    /// [`JOURNAL_VERSION`] of the writer.
    pub version: u32,
    /// The run.
    pub run_id: RunId,
    /// Name of the scenario.
    pub scenario: ScenarioName,
    /// SHA-256 of `run.json` as bytes; journals of earlier builds do without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_file: Option<Digest>,
    /// SHA-256 of `scenario.yaml` as bytes.
    pub scenario_file: Digest,
    /// Effective policy, `pack@version`.
    pub policy: String,
    /// Digest of the effective policy.
    pub policy_digest: Digest,
    /// The coordinator; it begins with epoch 1.
    pub coordinator: CoordinatorId,
    /// Slots of its own worker.
    pub slots: u32,
    /// Confinement of every attempt.
    pub level: SandboxLevel,
    /// W3C trace id, 32 hex digits.
    pub trace_id: String,
    /// Version of orchestra.
    pub orchestra: String,
    /// The run whose results this one carries over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<RunId>,
    /// What it goes on from if it stops before it has a plan; none where the plan was there first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unplanned: Option<Box<Unplanned>>,
}

/// The files of a run that has a goal and no tasks yet. Its signature is a warrant for this plan, which
/// executes nothing: it says who opened the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct Unplanned {
    /// Digest of the plan without tasks.
    pub plan: Digest,
    /// SHA-256 of `plan.json` as bytes, before there are tasks in it.
    pub plan_file: Digest,
    /// SHA-256 of `policy.json` as bytes, before anything is granted.
    pub policy_file: Digest,
    /// By the key of whoever opened the run.
    pub signed: Signed,
}

/// A signature and whose it is. What is signed is said where it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct Signed {
    /// The public key, 64 lower-case hex digits.
    pub public_key: String,
    /// Ed25519, 128 lower-case hex digits.
    pub signature: String,
}
