//! The events themselves, their names, and which of them are promises.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::payload::{AttemptEnd, LeaseEnd, Origin, RunStarted, Signed, SkipCause};
use super::planning::{PlanRejected, PlanRequested};
use crate::artifact::Artifact;
use crate::budget::{Reserved, Settled};
use crate::digest::Digest;
use crate::ids::{CoordinatorId, LeaseId, RunId, TaskId, WorkerId};
use crate::outcome::{Failure, RunOutcome};
use crate::policy::Finding;

/// Version of the journal's vocabulary, in `run.started`.
pub const JOURNAL_VERSION: u32 = 1;

/// What happened. Every event about a task carries `task`, its shown id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(tag = "type")]
pub enum EventKind {
    /// The run exists. Always the first event.
    #[serde(rename = "run.started")]
    RunStarted(Box<RunStarted>),
    /// A model is about to be asked for a plan.
    #[serde(rename = "plan.requested")]
    PlanRequested(Box<PlanRequested>),
    /// What a model answered is no plan that may be proposed.
    #[serde(rename = "plan.rejected")]
    PlanRejected(Box<PlanRejected>),
    /// A model is about to be asked: the most that may cost is set aside.
    #[serde(rename = "budget.reserved")]
    BudgetReserved(Box<Reserved>),
    /// A model's call is over: what it used, instead of what was set aside.
    #[serde(rename = "budget.settled")]
    BudgetSettled(Box<Settled>),
    /// A plan was made.
    #[serde(rename = "plan.proposed")]
    PlanProposed {
        /// Its digest.
        plan: Digest,
        /// Its number of tasks.
        tasks: u64,
    },
    /// The plan may run under the policy.
    #[serde(rename = "plan.approved")]
    PlanApproved {
        /// Digest of the plan.
        plan: Digest,
        /// SHA-256 of `plan.json` as bytes.
        plan_file: Digest,
        /// Digest of the effective policy.
        policy: Digest,
        /// SHA-256 of `policy.json` as bytes; journals of earlier builds do without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        policy_file: Option<Digest>,
        /// SHA-256 of `scenario.yaml` as bytes.
        scenario_file: Digest,
        /// Who approved.
        by: Origin,
        /// Whose key opened the run, over all of this; journals of earlier builds do without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Box<Signed>>,
    },
    /// The policy has something to say: about the plan, before its approval, or about what a task did.
    #[serde(rename = "finding.raised")]
    FindingRaised(Finding),
    /// A worker was granted the task.
    #[serde(rename = "task.leased")]
    TaskLeased {
        /// The task.
        task: TaskId,
        /// The lease.
        lease: LeaseId,
        /// The worker.
        worker: WorkerId,
    },
    /// An attempt may start; written before its process does.
    #[serde(rename = "attempt.started")]
    AttemptStarted {
        /// The task.
        task: TaskId,
        /// Under which lease.
        lease: LeaseId,
        /// Number, from 1, through all leases.
        attempt: u32,
    },
    /// An attempt ended.
    #[serde(rename = "attempt.finished")]
    AttemptFinished {
        /// The task.
        task: TaskId,
        /// Under which lease.
        lease: LeaseId,
        /// Number.
        attempt: u32,
        /// How.
        end: Box<AttemptEnd>,
    },
    /// Another attempt follows.
    #[serde(rename = "attempt.retrying")]
    AttemptRetrying {
        /// The task.
        task: TaskId,
        /// Number of the attempt to come.
        attempt: u32,
        /// Delay chosen, milliseconds.
        delay_ms: u64,
        /// The worker waits in place under its lease; otherwise it handed the task back.
        in_place: bool,
    },
    /// A lease ended without a result.
    #[serde(rename = "lease.lost")]
    LeaseLost {
        /// The task.
        task: TaskId,
        /// The lease.
        lease: LeaseId,
        /// Why.
        cause: LeaseEnd,
    },
    /// A result came whose token is not current; recorded and ignored.
    #[serde(rename = "result.late")]
    ResultLate {
        /// The task.
        task: TaskId,
        /// The stale lease.
        lease: LeaseId,
        /// Who sent it.
        worker: WorkerId,
    },
    /// The task succeeded; its artifacts are on disk.
    #[serde(rename = "task.done")]
    TaskDone {
        /// The task.
        task: TaskId,
        /// Attempt that succeeded; 0 for a task with children, which has none of its own.
        attempt: u32,
        /// Small results, ≤ 64 KiB.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        outputs: Map<String, Value>,
        /// Sealed files.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        artifacts: Vec<Artifact>,
    },
    /// The task failed for good.
    #[serde(rename = "task.failed")]
    TaskFailed {
        /// The task.
        task: TaskId,
        /// Attempts made; 0 for a task with children, or that could not start.
        attempts: u32,
        /// Why.
        failure: Failure,
        /// `continue_on_error`: dependents run all the same.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        tolerated: bool,
    },
    /// The task will not run.
    #[serde(rename = "task.skipped")]
    TaskSkipped {
        /// The task.
        task: TaskId,
        /// Why.
        cause: SkipCause,
        /// The needed task that decided it, if one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<TaskId>,
    },
    /// The task has children: one for each item, or the tasks of a nested scenario. Big sets of items
    /// come in chunks of at most 64 KiB; a set without its last chunk never was.
    #[serde(rename = "task.expanded")]
    TaskExpanded {
        /// The parent.
        task: TaskId,
        /// Index of the first item of this chunk; 0 begins the set anew.
        first: u32,
        /// Items in index order; absent for a nested scenario.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        items: Option<Vec<Value>>,
        /// Resolved inputs of a nested scenario; absent for a fan-out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Map<String, Value>>,
        /// This is the last chunk.
        complete: bool,
    },
    /// The task's result was carried over from the run that this one retries. Only before
    /// `plan.approved`, whose promise covers it.
    #[serde(rename = "task.reused")]
    TaskReused {
        /// The task.
        task: TaskId,
        /// The run that did it.
        run: RunId,
        /// Its small results.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        outputs: Map<String, Value>,
        /// Its sealed files, copied into this run's directory.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        artifacts: Vec<Artifact>,
    },
    /// The task was open when the run was cancelled.
    #[serde(rename = "task.cancelled")]
    TaskCancelled {
        /// The task.
        task: TaskId,
    },
    /// A done task is open again, because what it produced is no longer what it sealed.
    #[serde(rename = "task.reopened")]
    TaskReopened {
        /// The task.
        task: TaskId,
        /// The file that does not match.
        path: String,
    },
    /// No new attempt starts; running ones are stopped.
    #[serde(rename = "run.cancelling")]
    RunCancelling {
        /// Who asked.
        by: Origin,
    },
    /// Dispatching stopped; a later `resume` goes on.
    #[serde(rename = "run.paused")]
    RunPaused {
        /// Why, one line.
        cause: String,
    },
    /// A coordinator took the run up again.
    #[serde(rename = "run.resumed")]
    RunResumed {
        /// Raised by one; fences everything older.
        epoch: u32,
        /// Who.
        coordinator: CoordinatorId,
        /// Its slots.
        slots: u32,
    },
    /// The journal had a damaged end, which was kept aside.
    #[serde(rename = "journal.recovered")]
    JournalRecovered {
        /// Bytes moved to `file`.
        torn_bytes: u64,
        /// Name of the file in the run directory.
        file: String,
    },
    /// The run is over. Always the last event of a finished run.
    #[serde(rename = "run.finished")]
    RunFinished {
        /// How.
        outcome: RunOutcome,
        /// The process's exit code by this outcome.
        exit_code: u8,
        /// The scenario's `outputs`; an artifact is a map of its name, digest, size and paths.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        outputs: Map<String, Value>,
    },
}

impl EventKind {
    /// The dotted name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RunStarted(_) => "run.started",
            Self::PlanRequested(_) => "plan.requested",
            Self::PlanRejected(_) => "plan.rejected",
            Self::BudgetReserved(_) => "budget.reserved",
            Self::BudgetSettled(_) => "budget.settled",
            Self::PlanProposed { .. } => "plan.proposed",
            Self::PlanApproved { .. } => "plan.approved",
            Self::FindingRaised(_) => "finding.raised",
            Self::TaskLeased { .. } => "task.leased",
            Self::AttemptStarted { .. } => "attempt.started",
            Self::AttemptFinished { .. } => "attempt.finished",
            Self::AttemptRetrying { .. } => "attempt.retrying",
            Self::LeaseLost { .. } => "lease.lost",
            Self::ResultLate { .. } => "result.late",
            Self::TaskDone { .. } => "task.done",
            Self::TaskFailed { .. } => "task.failed",
            Self::TaskSkipped { .. } => "task.skipped",
            Self::TaskExpanded { .. } => "task.expanded",
            Self::TaskReused { .. } => "task.reused",
            Self::TaskCancelled { .. } => "task.cancelled",
            Self::TaskReopened { .. } => "task.reopened",
            Self::RunCancelling { .. } => "run.cancelling",
            Self::RunPaused { .. } => "run.paused",
            Self::RunResumed { .. } => "run.resumed",
            Self::JournalRecovered { .. } => "journal.recovered",
            Self::RunFinished { .. } => "run.finished",
        }
    }

    /// The task it is about.
    #[must_use]
    pub const fn task(&self) -> Option<&TaskId> {
        match self {
            Self::TaskLeased { task, .. }
            | Self::AttemptStarted { task, .. }
            | Self::AttemptFinished { task, .. }
            | Self::AttemptRetrying { task, .. }
            | Self::LeaseLost { task, .. }
            | Self::ResultLate { task, .. }
            | Self::TaskDone { task, .. }
            | Self::TaskFailed { task, .. }
            | Self::TaskSkipped { task, .. }
            | Self::TaskCancelled { task }
            | Self::TaskExpanded { task, .. }
            | Self::TaskReused { task, .. }
            | Self::TaskReopened { task, .. } => Some(task),
            Self::FindingRaised(finding) => finding.task.as_ref(),
            Self::PlanRequested(requested) => requested.task.as_ref(),
            Self::PlanRejected(rejected) => rejected.task.as_ref(),
            Self::BudgetReserved(reserved) => reserved.task.as_ref(),
            Self::BudgetSettled(settled) => settled.task.as_ref(),
            Self::RunStarted(_)
            | Self::PlanProposed { .. }
            | Self::PlanApproved { .. }
            | Self::RunCancelling { .. }
            | Self::RunPaused { .. }
            | Self::RunResumed { .. }
            | Self::JournalRecovered { .. }
            | Self::RunFinished { .. } => None,
        }
    }

    /// Whether it is on the promise list: synced to disk before its effects.
    #[must_use]
    pub const fn is_promise(&self) -> bool {
        matches!(
            self,
            Self::RunStarted(_)
                | Self::BudgetReserved(_)
                | Self::BudgetSettled(_)
                | Self::PlanApproved { .. }
                | Self::TaskDone { .. }
                | Self::TaskFailed { .. }
                | Self::TaskReopened { .. }
                | Self::TaskExpanded { .. }
                | Self::TaskReused { .. }
                | Self::RunResumed { .. }
                | Self::JournalRecovered { .. }
                | Self::RunFinished { .. }
        )
    }
}
