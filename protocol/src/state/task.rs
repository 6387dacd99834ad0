//! One task's state and the table of its transitions.

use serde_json::{Map, Value};

use crate::artifact::Artifact;
use crate::event::{EventKind, LeaseEnd, SkipCause};
use crate::ids::LeaseId;
use crate::outcome::{Failure, FailureClass};

/// Where a task is. Every state that waits names the event that ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// Waits for its needs, a slot or a delay: `task.leased`, `task.skipped`, `task.failed`,
    /// `task.cancelled`.
    Pending,
    /// A worker may start it: `attempt.started`, `lease.lost`.
    Leased {
        /// The current lease.
        lease: LeaseId,
    },
    /// An attempt runs: `attempt.finished`, `lease.lost`.
    Running {
        /// The current lease.
        lease: LeaseId,
        /// The attempt.
        attempt: u32,
    },
    /// An attempt ended and its consequence follows at once: `attempt.retrying`, `task.done`,
    /// `task.failed`, `task.cancelled`, or after a crash `lease.lost`.
    Ended(Box<Ended>),
    /// The worker waits in place for the next attempt: `attempt.started`, `lease.lost`.
    Retrying {
        /// The current lease.
        lease: LeaseId,
        /// The attempt to come.
        attempt: u32,
    },
    /// It has children instead of attempts. Once all of them are over: `task.done`, `task.failed`,
    /// `task.skipped`, `task.cancelled`.
    Expanded {
        /// Children that are not over.
        open: u32,
    },
    /// Succeeded; only `task.reopened` undoes it.
    Done,
    /// Failed for good.
    Failed {
        /// Why.
        class: FailureClass,
        /// Dependents run all the same.
        tolerated: bool,
    },
    /// Passed over.
    Skipped {
        /// Why.
        cause: SkipCause,
    },
    /// Open when the run was cancelled.
    Cancelled,
}

/// An attempt that ended, before its consequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The current lease.
    pub lease: LeaseId,
    /// The attempt.
    pub attempt: u32,
    /// Its exit code.
    pub exit: Option<i32>,
    /// Why it failed; `None` is success.
    pub failure: Option<Failure>,
}

impl TaskState {
    /// Done, failed, skipped or cancelled.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        match self {
            Self::Done | Self::Failed { .. } | Self::Skipped { .. } | Self::Cancelled => true,
            Self::Pending
            | Self::Leased { .. }
            | Self::Running { .. }
            | Self::Ended(_)
            | Self::Retrying { .. }
            | Self::Expanded { .. } => false,
        }
    }

    /// The lease that fences it now.
    #[must_use]
    pub fn lease(&self) -> Option<LeaseId> {
        match self {
            Self::Leased { lease } | Self::Running { lease, .. } | Self::Retrying { lease, .. } => {
                Some(*lease)
            }
            Self::Ended(ended) => Some(ended.lease),
            Self::Pending
            | Self::Expanded { .. }
            | Self::Done
            | Self::Failed { .. }
            | Self::Skipped { .. }
            | Self::Cancelled => None,
        }
    }

    /// The word in reports and expressions.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Leased { .. } => "leased",
            Self::Running { .. } | Self::Ended(_) => "running",
            Self::Retrying { .. } => "retrying",
            Self::Expanded { .. } => "expanded",
            Self::Done => "done",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a done task left behind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    /// Its outputs.
    pub outputs: Map<String, Value>,
    /// Its artifacts.
    pub artifacts: Vec<Artifact>,
}

/// A task's state and the counters that decide what follows.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRecord {
    /// Where it is.
    pub state: TaskState,
    /// Attempts started, through all leases.
    pub attempts: u32,
    /// Attempts that ended in a failure of their own; lost leases and attempts that somebody stopped
    /// are not among them.
    pub failed_attempts: u32,
    /// Leases whose worker died while the coordinator lived; counts towards `crash_limit`.
    pub crashes: u32,
    /// The delay before the next attempt, when the last one was handed back.
    pub retry_after_ms: u64,
    /// Outputs and artifacts, when it has any and is done.
    pub results: Option<Box<Results>>,
}

impl Default for TaskRecord {
    fn default() -> Self {
        Self {
            state: TaskState::Pending,
            attempts: 0,
            failed_attempts: 0,
            crashes: 0,
            retry_after_ms: 0,
            results: None,
        }
    }
}

/// The event does not fit the task's state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{event}` does not fit a task that is {state}")]
pub struct IllegalTransition {
    /// Name of the event.
    pub event: &'static str,
    /// Word of the state.
    pub state: &'static str,
}

impl TaskRecord {
    /// The transition table: what one event does to one task.
    ///
    /// # Errors
    /// The event does not fit the state; nothing changed then.
    pub fn apply(&mut self, kind: &EventKind) -> Result<(), IllegalTransition> {
        let next = self.next(kind).ok_or(IllegalTransition {
            event: kind.name(),
            state: self.state.word(),
        })?;
        match kind {
            EventKind::AttemptStarted { .. } => {
                self.attempts += 1;
                self.retry_after_ms = 0;
            }
            EventKind::AttemptFinished { end, .. } => {
                let counts = |failure: &Failure| failure.class != FailureClass::Cancelled;
                self.failed_attempts += u32::from(end.failure.as_ref().is_some_and(counts));
            }
            EventKind::AttemptRetrying {
                delay_ms,
                in_place: false,
                ..
            } => {
                self.retry_after_ms = *delay_ms;
            }
            EventKind::LeaseLost {
                cause: LeaseEnd::WorkerLost,
                ..
            } => self.crashes += 1,
            EventKind::TaskDone {
                outputs, artifacts, ..
            }
            | EventKind::TaskReused {
                outputs, artifacts, ..
            } if !outputs.is_empty() || !artifacts.is_empty() => {
                let results = Results {
                    outputs: outputs.clone(),
                    artifacts: artifacts.clone(),
                };
                self.results = Some(Box::new(results));
            }
            EventKind::TaskReopened { .. } => self.results = None,
            _ => {}
        }
        self.state = next;
        Ok(())
    }

    fn next(&self, kind: &EventKind) -> Option<TaskState> {
        use TaskState as S;
        match (kind, &self.state) {
            (EventKind::TaskLeased { lease, .. }, S::Pending) => Some(S::Leased { lease: *lease }),
            (EventKind::AttemptStarted { lease, attempt, .. }, S::Leased { lease: held })
                if lease == held && *attempt == self.attempts + 1 =>
            {
                Some(S::Running {
                    lease: *lease,
                    attempt: *attempt,
                })
            }
            (
                EventKind::AttemptStarted { lease, attempt, .. },
                S::Retrying {
                    lease: held,
                    attempt: due,
                },
            ) if lease == held && attempt == due => Some(S::Running {
                lease: *lease,
                attempt: *attempt,
            }),
            (
                EventKind::AttemptFinished {
                    lease,
                    attempt,
                    end,
                    ..
                },
                S::Running {
                    lease: held,
                    attempt: running,
                },
            ) if lease == held && attempt == running => Some(S::Ended(Box::new(Ended {
                lease: *lease,
                attempt: *attempt,
                exit: end.exit,
                failure: end.failure.clone(),
            }))),
            (
                EventKind::AttemptRetrying {
                    attempt, in_place, ..
                },
                S::Ended(ended),
            ) if ended.failure.is_some() && *attempt == ended.attempt + 1 => Some(if *in_place {
                S::Retrying {
                    lease: ended.lease,
                    attempt: *attempt,
                }
            } else {
                S::Pending
            }),
            (EventKind::LeaseLost { lease, .. }, held) if held.lease() == Some(*lease) => {
                Some(S::Pending)
            }
            // A late result changes nothing, whatever the state.
            (EventKind::ResultLate { .. }, any) => Some(any.clone()),
            (EventKind::TaskDone { attempt, .. }, S::Ended(ended))
                if ended.failure.is_none() && *attempt == ended.attempt =>
            {
                Some(S::Done)
            }
            (EventKind::TaskDone { attempt: 0, .. }, S::Expanded { open: 0 }) => Some(S::Done),
            (
                EventKind::TaskFailed {
                    failure, tolerated, ..
                },
                S::Pending | S::Ended(_) | S::Expanded { open: 0 },
            ) => Some(S::Failed {
                class: failure.class,
                tolerated: *tolerated,
            }),
            (EventKind::TaskSkipped { cause, .. }, S::Pending | S::Expanded { open: 0 }) => {
                Some(S::Skipped {
                    cause: cause.clone(),
                })
            }
            (
                EventKind::TaskCancelled { .. },
                S::Pending | S::Ended(_) | S::Expanded { open: 0 },
            ) => Some(S::Cancelled),
            (EventKind::TaskReused { .. }, S::Pending | S::Expanded { open: 0 }) => Some(S::Done),
            // What a task expands into is for the whole run to say.
            (EventKind::TaskReopened { .. }, S::Done) => Some(S::Pending),
            (
                EventKind::TaskLeased { .. }
                | EventKind::AttemptStarted { .. }
                | EventKind::AttemptFinished { .. }
                | EventKind::AttemptRetrying { .. }
                | EventKind::LeaseLost { .. }
                | EventKind::TaskDone { .. }
                | EventKind::TaskFailed { .. }
                | EventKind::TaskSkipped { .. }
                | EventKind::TaskCancelled { .. }
                | EventKind::TaskReopened { .. }
                | EventKind::TaskExpanded { .. }
                | EventKind::TaskReused { .. }
                | EventKind::RunStarted(_)
                | EventKind::PlanProposed { .. }
                | EventKind::FindingRaised(_)
                | EventKind::PlanRequested(_)
                | EventKind::PlanRejected(_)
                | EventKind::BudgetReserved(_)
                | EventKind::BudgetSettled(_)
                | EventKind::PlanApproved { .. }
                | EventKind::RunCancelling { .. }
                | EventKind::RunPaused { .. }
                | EventKind::RunResumed { .. }
                | EventKind::JournalRecovered { .. }
                | EventKind::RunFinished { .. },
                _,
            ) => None,
        }
    }
}
