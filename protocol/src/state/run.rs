//! The run's state: its phase, its tasks, its counts.

use std::sync::Arc;

use super::task::{IllegalTransition, TaskRecord, TaskState};
use crate::digest::Digest;
use crate::event::{Event, EventKind, Origin, RunStarted};
use crate::ids::TaskId;
use crate::outcome::RunOutcome;
use crate::plan::{Plan, TaskIndex};

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No event yet: `run.started`.
    Empty,
    /// Started, without an approved plan: `plan.proposed`, `plan.approved`.
    Planning,
    /// Tasks run: `run.cancelling`, `run.paused`, `run.finished`.
    Running,
    /// Nothing is dispatched: `run.resumed`.
    Paused,
    /// Attempts are being stopped: `run.finished`.
    Cancelling,
    /// Over.
    Finished(RunOutcome),
}

/// Tasks by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All tasks of the plan.
    pub total: usize,
    /// Succeeded.
    pub done: usize,
    /// Failed, tolerated ones included.
    pub failed: usize,
    /// Failed with `continue_on_error`.
    pub tolerated: usize,
    /// Passed over.
    pub skipped: usize,
    /// Cancelled.
    pub cancelled: usize,
}

impl Counts {
    /// Tasks that are not over.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.total - self.done - self.failed - self.skipped - self.cancelled
    }

    fn count(&mut self, state: &TaskState) -> Option<&mut usize> {
        match state {
            TaskState::Done => Some(&mut self.done),
            TaskState::Failed { .. } => Some(&mut self.failed),
            TaskState::Skipped { .. } => Some(&mut self.skipped),
            TaskState::Cancelled => Some(&mut self.cancelled),
            TaskState::Pending
            | TaskState::Leased { .. }
            | TaskState::Running { .. }
            | TaskState::Ended(_)
            | TaskState::Retrying { .. } => None,
        }
    }
}

/// An event that cannot follow; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalEvent {
    /// It does not fit its task.
    #[error("event {seq}, task `{task}`")]
    Task {
        /// Position.
        seq: u64,
        /// The task.
        task: TaskId,
        /// What does not fit.
        #[source]
        source: IllegalTransition,
    },
    /// The plan has no such task.
    #[error("event {seq} names task `{task}`, which the plan does not have")]
    UnknownTask {
        /// Position.
        seq: u64,
        /// The task.
        task: TaskId,
    },
    /// It does not fit the run.
    #[error("event {seq}: `{event}` does not fit a run that is {phase}")]
    Run {
        /// Position.
        seq: u64,
        /// Name of the event.
        event: &'static str,
        /// The run's phase.
        phase: String,
    },
    /// The journal belongs to another plan.
    #[error("event {seq} approves plan {found}, not {expected}")]
    OtherPlan {
        /// Position.
        seq: u64,
        /// Digest in the journal.
        found: Digest,
        /// Digest of the plan at hand.
        expected: Digest,
    },
}

/// State of a run as told by its events.
#[derive(Clone, Debug)]
pub struct RunState {
    plan: Arc<Plan>,
    phase: Phase,
    started: Option<Box<RunStarted>>,
    cancelled_by: Option<Origin>,
    epoch: u32,
    last_seq: u64,
    counts: Counts,
    tasks: Vec<TaskRecord>,
}

impl RunState {
    /// Before the first event.
    #[must_use]
    pub fn new(plan: Arc<Plan>) -> Self {
        let total = plan.len();
        Self {
            phase: Phase::Empty,
            started: None,
            cancelled_by: None,
            epoch: 0,
            last_seq: 0,
            counts: Counts {
                total,
                ..Counts::default()
            },
            tasks: vec![TaskRecord::default(); total],
            plan,
        }
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Where the run is.
    #[must_use]
    pub const fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The first event's payload, once applied.
    #[must_use]
    pub fn started(&self) -> Option<&RunStarted> {
        self.started.as_deref()
    }

    /// Who asked for its end, if somebody did.
    #[must_use]
    pub const fn cancelled_by(&self) -> Option<&Origin> {
        self.cancelled_by.as_ref()
    }

    /// Of the coordinator that drives it; 0 before the first event.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Position of the last event applied.
    #[must_use]
    pub const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Tasks by state.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// One task.
    #[must_use]
    pub fn task(&self, index: TaskIndex) -> &TaskRecord {
        &self.tasks[index.get()]
    }

    /// All tasks, in the plan's order.
    #[must_use]
    pub fn tasks(&self) -> &[TaskRecord] {
        &self.tasks
    }

    /// How the run ends by its tasks, once none is open.
    #[must_use]
    pub fn outcome(&self) -> Option<RunOutcome> {
        if self.counts.open() > 0 {
            None
        } else if self
            .cancelled_by
            .as_ref()
            .is_some_and(|by| *by != Origin::FailFast)
        {
            Some(RunOutcome::Cancelled)
        } else if self.counts.failed > self.counts.tolerated {
            Some(RunOutcome::Failed)
        } else {
            Some(RunOutcome::Completed)
        }
    }

    /// Takes one event in. The only mutation.
    ///
    /// # Errors
    /// The event cannot follow; nothing changed then.
    pub fn apply(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        match event.kind.task() {
            Some(task) => self.apply_task(event, task)?,
            None => self.apply_run(event)?,
        }
        self.last_seq = event.seq;
        Ok(())
    }

    fn apply_task(&mut self, event: &Event, task: &TaskId) -> Result<(), IllegalEvent> {
        if !matches!(
            self.phase,
            Phase::Running | Phase::Paused | Phase::Cancelling
        ) {
            return Err(self.illegal(event));
        }
        let index = self
            .plan
            .index_of(task.as_str())
            .ok_or_else(|| IllegalEvent::UnknownTask {
                seq: event.seq,
                task: task.clone(),
            })?;
        let record = &mut self.tasks[index.get()];
        let was_tolerated = matches!(
            record.state,
            TaskState::Failed {
                tolerated: true,
                ..
            }
        );
        if let Some(count) = self.counts.count(&record.state) {
            *count -= 1;
        }
        let applied = record.apply(&event.kind);
        if let Some(count) = self.counts.count(&record.state) {
            *count += 1;
        }
        let is_tolerated = matches!(
            record.state,
            TaskState::Failed {
                tolerated: true,
                ..
            }
        );
        self.counts.tolerated += usize::from(is_tolerated);
        self.counts.tolerated -= usize::from(was_tolerated);
        applied.map_err(|source| IllegalEvent::Task {
            seq: event.seq,
            task: task.clone(),
            source,
        })
    }

    fn apply_run(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        match (&event.kind, &self.phase) {
            (EventKind::RunStarted(started), Phase::Empty) => {
                self.started = Some(started.clone());
                self.epoch = 1;
                self.phase = Phase::Planning;
            }
            (EventKind::PlanProposed { .. }, Phase::Planning) => {}
            (EventKind::PlanApproved { plan, .. }, Phase::Planning) => {
                if *plan != self.plan.digest() {
                    return Err(IllegalEvent::OtherPlan {
                        seq: event.seq,
                        found: *plan,
                        expected: self.plan.digest(),
                    });
                }
                self.phase = Phase::Running;
            }
            (EventKind::RunCancelling { by }, Phase::Planning | Phase::Running | Phase::Paused) => {
                self.cancelled_by = Some(by.clone());
                self.phase = Phase::Cancelling;
            }
            (EventKind::RunPaused { .. }, Phase::Running) => self.phase = Phase::Paused,
            // A cancelled run that lost its coordinator is resumed only to finish its cancellation.
            (EventKind::RunPaused { .. }, Phase::Cancelling) => {}
            (EventKind::RunResumed { epoch, .. }, phase)
                if *epoch == self.epoch + 1
                    && matches!(
                        phase,
                        Phase::Planning | Phase::Running | Phase::Paused | Phase::Cancelling
                    ) =>
            {
                self.epoch = *epoch;
                if self.phase == Phase::Paused {
                    self.phase = Phase::Running;
                }
            }
            (EventKind::JournalRecovered { .. }, phase) if *phase != Phase::Empty => {}
            (EventKind::RunFinished { outcome, .. }, phase)
                if self.counts.open() == 0
                    && matches!(phase, Phase::Running | Phase::Cancelling) =>
            {
                self.phase = Phase::Finished(*outcome);
            }
            _ => return Err(self.illegal(event)),
        }
        Ok(())
    }

    fn illegal(&self, event: &Event) -> IllegalEvent {
        let phase = format!("{:?}", self.phase).to_lowercase();
        IllegalEvent::Run {
            seq: event.seq,
            event: event.kind.name(),
            phase,
        }
    }
}
