//! What follows from the state as it is, one step at a time: verdicts, dispatch, the end.

use protocol::event::{EventKind, Origin, SkipCause};
use protocol::expr::{NeedOutcome, Verdict, any_failure, verdict};
use protocol::ids::LeaseId;
use protocol::outcome::{Failure, FailureClass, RunOutcome};
use protocol::plan::TaskIndex;
use protocol::state::{Phase, TaskState};

use super::effect::{Decision, Effect, Gate, Note};
use super::render::{TaskScope, render};
use super::value::Machine;

/// Exit codes by outcome, as documented for the command line.
mod exit {
    pub(super) const COMPLETED: u8 = 0;
    pub(super) const FAILED: u8 = 1;
    pub(super) const INTERRUPTED: u8 = 130;
    pub(super) const TERMINATED: u8 = 143;
}

impl Machine {
    pub(super) fn settle(&self) -> Decision {
        let (is_running, is_cancelling) = (
            *self.run.phase() == Phase::Running,
            *self.run.phase() == Phase::Cancelling,
        );
        if !is_running && !is_cancelling {
            return Decision::default();
        }
        if is_running && self.config.fail_fast && self.has_failed() {
            return self.begin_cancel(Origin::FailFast);
        }
        if let Some(task) = self.schedule.next_verdict() {
            return self.judge(task, is_cancelling).note(Note::VerdictTaken);
        }
        if is_running
            && self.leases.in_flight() < self.window()
            && let Some(task) = self.schedule.next_ready()
        {
            return self.dispatch(task).note(Note::ReadyTaken);
        }
        match self.run.outcome() {
            Some(outcome) if self.leases.held.is_empty() => self.finish(outcome),
            _ => Decision::default(),
        }
    }

    fn has_failed(&self) -> bool {
        let counts = self.run.counts();
        counts.failed > counts.tolerated
    }

    /// All needs of the task are over: does it start?
    fn judge(&self, task: TaskIndex, is_cancelling: bool) -> Decision {
        if !self.is_waiting(task) {
            let is_open = self.run.task(task).state == TaskState::Pending;
            if !(is_cancelling && is_open && self.leases.is_free(task)) {
                return Decision::default();
            }
        }
        let planned = self.run.plan().task(task);
        let shown = planned.id().clone();
        let condition = planned.condition();
        let gate = condition
            .map(protocol::expr::Condition::gate)
            .unwrap_or_default();
        let skip = |cause, because| {
            let task = shown.clone();
            Decision::default().event(EventKind::TaskSkipped {
                task,
                cause,
                because,
            })
        };
        let name_of = |position: usize| {
            let need = self.run.plan().needs(task)[position];
            self.run.plan().task(need).id().clone()
        };
        match verdict(gate, self.need_outcomes(task), is_cancelling) {
            Verdict::Cancel => Decision::default().event(EventKind::TaskCancelled {
                task: shown.clone(),
            }),
            Verdict::SkipIf { because } => skip(SkipCause::If, because.map(name_of)),
            Verdict::SkipFailure { because } => skip(SkipCause::Failure, Some(name_of(because))),
            Verdict::Start => match condition.filter(|condition| !condition.is_gate_only()) {
                None => Decision::default().note(Note::Ready(task)),
                Some(condition) => match condition.evaluate(&self.scope(task)) {
                    Ok(true) => Decision::default().note(Note::Ready(task)),
                    Ok(false) => skip(SkipCause::If, None),
                    Err(error) => self.unstartable(task, format!("`if`: {error}")),
                },
            },
        }
    }

    fn dispatch(&self, task: TaskIndex) -> Decision {
        if !self.is_waiting(task) {
            return Decision::default();
        }
        let lease = LeaseId {
            epoch: self.run.epoch(),
            lease: self.leases.last + 1,
        };
        match render(
            &self.config,
            self.run.plan(),
            task,
            lease,
            &self.scope(task),
        ) {
            Ok(message) => {
                let gate = match self.schedule.after(task) {
                    0 => Gate::Written,
                    seq => Gate::Seq(seq),
                };
                Decision::default()
                    .note(Note::Published { task, lease })
                    .effect(
                        gate,
                        Effect::Publish {
                            task,
                            message: Box::new(message),
                        },
                    )
            }
            Err(problem) => self.unstartable(task, problem),
        }
    }

    fn unstartable(&self, task: TaskIndex, message: String) -> Decision {
        let planned = self.run.plan().task(task);
        Decision::default().event(EventKind::TaskFailed {
            task: planned.id().clone(),
            attempts: self.run.task(task).attempts,
            failure: Failure::new(FailureClass::InputMissing, message),
            tolerated: planned.continue_on_error(),
        })
    }

    fn finish(&self, outcome: RunOutcome) -> Decision {
        let exit_code = match (outcome, self.run.cancelled_by()) {
            (RunOutcome::Completed, _) => exit::COMPLETED,
            (RunOutcome::Failed, _) => exit::FAILED,
            (RunOutcome::Cancelled, Some(Origin::Interrupt)) => exit::INTERRUPTED,
            (RunOutcome::Cancelled, _) => exit::TERMINATED,
        };
        Decision::default()
            .event(EventKind::RunFinished {
                outcome,
                exit_code,
                outputs: serde_json::Map::new(),
            })
            .effect(Gate::Decision, Effect::Finished { outcome, exit_code })
    }

    fn need_outcomes(&self, task: TaskIndex) -> impl Iterator<Item = NeedOutcome> {
        self.run
            .plan()
            .needs(task)
            .iter()
            .map(|need| match &self.run.task(*need).state {
                TaskState::Done => NeedOutcome::Done,
                TaskState::Failed {
                    tolerated: true, ..
                } => NeedOutcome::FailedTolerated,
                TaskState::Failed {
                    tolerated: false, ..
                } => NeedOutcome::Failed,
                TaskState::Skipped {
                    cause: SkipCause::If,
                } => NeedOutcome::SkippedByIf,
                TaskState::Skipped {
                    cause: SkipCause::Failure | SkipCause::NotSelected,
                } => NeedOutcome::SkippedByFailure,
                // Only asked once all needs are over; an open one can only mean a cancelled run.
                TaskState::Cancelled
                | TaskState::Pending
                | TaskState::Leased { .. }
                | TaskState::Running { .. }
                | TaskState::Ended(_)
                | TaskState::Retrying { .. } => NeedOutcome::Cancelled,
            })
    }

    fn scope(&self, task: TaskIndex) -> TaskScope<'_> {
        TaskScope {
            run: &self.run,
            failure: any_failure(self.need_outcomes(task)),
        }
    }
}
