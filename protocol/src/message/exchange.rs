//! Claims, attempt reports, results and heartbeats.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::artifact::Artifact;
use crate::event::AttemptEnd;
use crate::ids::{Incarnation, LeaseToken, RunId, TaskId, WorkerId};
use crate::policy::SandboxLevel;

/// A worker asks for the permission to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct ClaimRequest {
    /// [`MESSAGE_VERSION`].
    pub version: u32,
    /// Which delivery of which task.
    pub token: LeaseToken,
    /// Who asks.
    pub worker: WorkerId,
    /// Which life of it.
    pub incarnation: Incarnation,
    /// How often the bus delivered the message.
    pub delivered: u32,
}

/// Why a claim was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Denial {
    /// The task is over.
    Done,
    /// A newer lease exists, or this one ended.
    Stale,
    /// The run is being cancelled or is paused.
    Cancelled,
    /// Another worker holds it.
    Busy,
    /// The coordinator does not own the run.
    Unknown,
}

/// Answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum ClaimReply {
    /// Start attempt `first_attempt` now; it is journaled as started.
    Granted {
        /// The fence for everything that follows.
        token: LeaseToken,
        /// Number of the attempt to start.
        first_attempt: u32,
        /// Attempts that may follow it, by the retry policy.
        attempts_left: u32,
        /// How long the lease holds without a heartbeat; absent in process.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lease_ms: Option<u64>,
    },
    /// Do not start.
    Denied {
        /// Why.
        why: Denial,
        /// With `busy`: when to ask again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
}

/// A worker reports between attempts, and goes on only when told so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum AttemptReport {
    /// An attempt ended and another is wanted in place after `delay_ms`.
    Ended {
        /// The fence.
        token: LeaseToken,
        /// Who reports.
        worker: WorkerId,
        /// The attempt that ended.
        attempt: u32,
        /// How.
        end: Box<AttemptEnd>,
        /// Chosen delay before the next attempt.
        delay_ms: u64,
    },
    /// The delay is over; the next attempt wants to start.
    Starting {
        /// The fence.
        token: LeaseToken,
        /// Who reports.
        worker: WorkerId,
        /// The attempt to come.
        attempt: u32,
    },
}

impl AttemptReport {
    /// The fence.
    #[must_use]
    pub const fn token(&self) -> &LeaseToken {
        match self {
            Self::Ended { token, .. } | Self::Starting { token, .. } => token,
        }
    }
}

/// Answer to an attempt report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttemptReply {
    /// It is journaled: go on.
    Continue,
    /// The token is not current, or the run is being cancelled: drop the task, report nothing more.
    Stop,
}

/// How a worker's hold on a task ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum TaskOutcome {
    /// The task succeeded.
    Done {
        /// The attempt that did it.
        attempt: u32,
        /// How it ended.
        end: Box<AttemptEnd>,
        /// Declared outputs.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        outputs: Map<String, Value>,
        /// Sealed files.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        artifacts: Vec<Artifact>,
    },
    /// The last attempt failed, or was cancelled (then the class says so).
    Failed {
        /// The attempt.
        attempt: u32,
        /// How it ended; `failure` is present.
        end: Box<AttemptEnd>,
    },
    /// An attempt failed and the next is due after a delay too long to wait in place.
    Yield {
        /// The attempt.
        attempt: u32,
        /// How it ended; `failure` is present.
        end: Box<AttemptEnd>,
        /// Chosen delay.
        retry_after_ms: u64,
    },
    /// The worker is shutting down; no attempt is running.
    HandedBack,
}

/// A worker's last word under one lease.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct TaskResult {
    /// [`MESSAGE_VERSION`].
    pub version: u32,
    /// The fence.
    pub token: LeaseToken,
    /// Who.
    pub worker: WorkerId,
    /// Which life of it.
    pub incarnation: Incarnation,
    /// What came of it.
    pub outcome: TaskOutcome,
}

/// A worker says that it lives and what it holds, once a second while it holds anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct Heartbeat {
    /// Who.
    pub worker: WorkerId,
    /// Which life of it.
    pub incarnation: Incarnation,
    /// What it holds of this coordinator's.
    pub tokens: Vec<LeaseToken>,
}

/// Answer to a heartbeat: which of the tokens to drop. The others are renewed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct HeartbeatReply {
    /// Their attempts are to be stopped and reported as cancelled.
    pub cancelled: Vec<LeaseToken>,
    /// Not current: kill, report nothing.
    pub stale: Vec<LeaseToken>,
}

/// A worker offers its slots, at start, whenever they change, and once a second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct WorkerHello {
    /// [`MESSAGE_VERSION`].
    pub version: u32,
    /// Who.
    pub worker: WorkerId,
    /// Which life of it.
    pub incarnation: Incarnation,
    /// Attempts it runs at once; 0 while it drains.
    pub slots: u32,
    /// Confinement it can give.
    pub level: SandboxLevel,
}

/// Told to every worker: stop the attempts of a run, or of one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct Cancel {
    /// The run.
    pub run_id: RunId,
    /// One task only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<TaskId>,
    /// Without grace: SIGKILL at once.
    pub kill: bool,
}
