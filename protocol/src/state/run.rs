//! The run's state: its phase, its tasks, its counts.

use std::sync::Arc;

use super::calls::is_about_calls;
use super::counts::Counts;
use super::expansion::{Children, Expansion, Expansions};
use super::illegal::IllegalEvent;
use super::task::{IllegalTransition, TaskRecord, TaskState};
use crate::budget::Ledger;
use crate::event::{Event, EventKind, Origin, RunStarted, SkipCause};
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

/// State of a run as told by its events.
#[derive(Clone, Debug)]
pub struct RunState {
    plan: Arc<Plan>,
    phase: Phase,
    started: Option<Box<RunStarted>>,
    cancelled_by: Option<Origin>,
    epoch: u32,
    last_seq: u64,
    findings: u64,
    pub(super) ledger: Ledger,
    counts: Counts,
    /// Tasks with children that are not over.
    open_parents: usize,
    /// Tasks with children that failed, and not tolerated.
    failed_parents: usize,
    /// Required tasks that a retry left out.
    left_out: usize,
    pub(super) tasks: Vec<TaskRecord>,
    expansions: Expansions,
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
            findings: 0,
            ledger: Ledger::default(),
            counts: Counts {
                total,
                ..Counts::default()
            },
            open_parents: 0,
            failed_parents: 0,
            left_out: 0,
            tasks: vec![TaskRecord::default(); total],
            expansions: Expansions::default(),
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

    /// How often the policy had something to say.
    #[must_use]
    pub const fn findings(&self) -> u64 {
        self.findings
    }

    /// What its calls of models used, and what is set aside for those in flight.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
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

    /// All tasks: those of the plan in its order, then what they expanded into.
    #[must_use]
    pub fn tasks(&self) -> &[TaskRecord] {
        &self.tasks
    }

    pub(super) const fn expansions(&self) -> &Expansions {
        &self.expansions
    }

    /// Whether nothing is left to happen to any task.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.counts.open() == 0 && self.open_parents == 0
    }

    /// Whether a failure is not tolerated.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.counts.failed > self.counts.tolerated || self.failed_parents > 0
    }

    /// How the run ends by its tasks, once none is open.
    #[must_use]
    pub fn outcome(&self) -> Option<RunOutcome> {
        let by = self.cancelled_by.as_ref();
        if !self.is_over() {
            None
        } else if by.is_some_and(Origin::is_failure) {
            Some(RunOutcome::Failed)
        } else if by.is_some_and(|by| *by != Origin::FailFast) {
            Some(RunOutcome::Cancelled)
        } else if self.has_failed() || self.left_out > 0 {
            // What a retry left out did not succeed, neither then nor now.
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
        match (&event.kind, event.kind.task()) {
            // What is asked and spent changes no task, whoever it is about; nor does a remark.
            (kind, _) if is_about_calls(kind) => self.apply_call(event)?,
            (EventKind::FindingRaised(_), _) | (_, None) => self.apply_run(event)?,
            (_, Some(task)) => self.apply_task(event, task)?,
        }
        self.last_seq = event.seq;
        Ok(())
    }

    fn apply_task(&mut self, event: &Event, task: &TaskId) -> Result<(), IllegalEvent> {
        if !self.is_open_to(&event.kind) {
            return Err(self.illegal(event));
        }
        let index = self
            .index_of(task.as_str())
            .ok_or_else(|| IllegalEvent::UnknownTask {
                seq: event.seq,
                task: task.clone(),
            })?;
        let applied = match event.kind {
            EventKind::TaskExpanded { .. } => self.expand(index, &event.kind),
            _ => self.change(index, &event.kind),
        };
        applied.map_err(|source| IllegalEvent::Task {
            seq: event.seq,
            task: task.clone(),
            source,
        })
    }

    /// Whether the run is in a phase for this event about a task. What a retry carries over comes
    /// before its plan is approved.
    const fn is_open_to(&self, kind: &EventKind) -> bool {
        match (&self.phase, kind) {
            (
                Phase::Planning,
                EventKind::TaskExpanded { .. }
                | EventKind::TaskReused { .. }
                | EventKind::TaskSkipped {
                    cause: SkipCause::NotSelected | SkipCause::If,
                    ..
                },
            ) => true,
            (Phase::Running | Phase::Paused | Phase::Cancelling, kind) => {
                !matches!(kind, EventKind::TaskReused { .. })
            }
            (Phase::Empty | Phase::Planning | Phase::Finished(_), _) => false,
        }
    }

    fn change(&mut self, index: TaskIndex, kind: &EventKind) -> Result<(), IllegalTransition> {
        let was_over = self.task(index).state.is_terminal();
        self.tallies(index)
            .into_iter()
            .flatten()
            .for_each(|n| *n -= 1);
        let applied = match kind {
            EventKind::TaskReopened { .. } if self.expansion(index).is_some() => {
                self.reopen_parent(index)
            }
            _ => self.tasks[index.get()].apply(kind),
        };
        self.tallies(index)
            .into_iter()
            .flatten()
            .for_each(|n| *n += 1);
        let is_over = self.task(index).state.is_terminal();
        let left_out = TaskState::Skipped {
            cause: SkipCause::NotSelected,
        };
        if !was_over && self.task(index).state == left_out && !self.is_tolerated(index) {
            self.left_out += 1;
        }
        if was_over != is_over
            && let Some(parent) = self.parent(index)
            && let TaskState::Expanded { open } = &mut self.tasks[parent.get()].state
        {
            *open = if is_over { *open - 1 } else { *open + 1 };
        }
        applied
    }

    /// What a task in its state counts towards.
    fn tallies(&mut self, index: TaskIndex) -> [Option<&mut usize>; 2] {
        let stands_for_children = self.expansions.of(index).is_some_and(|one| one.width() > 0);
        let state = &self.tasks[index.get()].state;
        let tolerated = matches!(
            state,
            TaskState::Failed {
                tolerated: true,
                ..
            }
        );
        if stands_for_children {
            return match state {
                TaskState::Expanded { .. } => [Some(&mut self.open_parents), None],
                TaskState::Failed { .. } if !tolerated => [Some(&mut self.failed_parents), None],
                _ => [None, None],
            };
        }
        match (state, tolerated) {
            (TaskState::Failed { .. }, true) => {
                let counts = &mut self.counts;
                [Some(&mut counts.failed), Some(&mut counts.tolerated)]
            }
            (other, _) => [self.counts.count(other), None],
        }
    }

    /// A task gets its children.
    pub(super) fn adopt(&mut self, parent: TaskIndex, children: Children) {
        let base = self.tasks.len();
        self.expansions.add(parent, base, children);
        let width = self.expansions.of(parent).map_or(0, Expansion::width);
        self.tasks.resize_with(base + width, TaskRecord::default);
        self.tasks[parent.get()].state = TaskState::Expanded {
            open: u32::try_from(width).expect("a run's tasks are bounded"),
        };
        if width > 0 {
            self.counts.total += width - 1;
            self.open_parents += 1;
        }
    }

    pub(super) const fn expansions_mut(&mut self) -> &mut Expansions {
        &mut self.expansions
    }

    fn apply_run(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        match (&event.kind, &self.phase) {
            (EventKind::RunStarted(started), Phase::Empty) => {
                self.started = Some(started.clone());
                self.epoch = 1;
                self.phase = Phase::Planning;
            }
            (EventKind::PlanProposed { .. }, Phase::Planning) => {}
            (EventKind::FindingRaised(_), phase)
                if !matches!(phase, Phase::Empty | Phase::Finished(_)) =>
            {
                self.findings += 1;
            }
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
                if self.is_over() && matches!(phase, Phase::Running | Phase::Cancelling)
                    // Nothing that was never planned succeeds.
                    || *phase == Phase::Planning && *outcome != RunOutcome::Completed =>
            {
                self.phase = Phase::Finished(*outcome);
            }
            _ => return Err(self.illegal(event)),
        }
        Ok(())
    }

    pub(super) fn illegal(&self, event: &Event) -> IllegalEvent {
        let phase = format!("{:?}", self.phase).to_lowercase();
        IllegalEvent::Run {
            seq: event.seq,
            event: event.kind.name(),
            phase,
        }
    }
}
