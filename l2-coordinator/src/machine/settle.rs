//! What follows from the state as it is, one step at a time: verdicts, dispatch, the end.

use protocol::event::{EventKind, Origin, SkipCause};
use protocol::expr::{Condition, NeedOutcome, Verdict, verdict};
use protocol::ids::LeaseId;
use protocol::outcome::{FailureClass, RunOutcome};
use protocol::plan::TaskIndex;
use protocol::state::{Phase, Role, TaskState};

use super::calls::in_full;
use super::config::Now;
use super::effect::{Decision, Effect, Gate, Note};
use super::items::names_item;
use super::order::Place;
use super::pool::Pool;
use super::render::Unready;
use super::value::Machine;

/// Exit codes by outcome, as documented for the command line.
mod exit {
    pub(super) const COMPLETED: u8 = 0;
    pub(super) const FAILED: u8 = 1;
    pub(super) const LIMIT: u8 = 6;
    pub(super) const NOT_READY: u8 = 7;
    pub(super) const INTERRUPTED: u8 = 130;
    pub(super) const TERMINATED: u8 = 143;
}

impl Machine {
    pub(super) fn settle(&self, now: Now) -> Decision {
        if let Some(decision) = self.settle_calls(now) {
            return decision;
        }
        let (is_running, is_cancelling) = (
            *self.run.phase() == Phase::Running,
            *self.run.phase() == Phase::Cancelling,
        );
        if !is_running && !is_cancelling {
            return Decision::default();
        }
        if is_running && self.config.fail_fast && self.run.has_failed() {
            return self.begin_cancel(Origin::FailFast);
        }
        if is_running && let Some(failure) = self.calls.repeated() {
            return self.stop_asking(failure);
        }
        if let Some(task) = self.schedule.next_verdict() {
            return self.judge(task, is_cancelling).note(Note::VerdictTaken);
        }
        let next = |pool: Pool| {
            let has_room = self.leases.in_flight_of(pool) < self.window(pool);
            self.schedule.next_ready(pool).filter(|_| has_room)
        };
        if is_running && let Some(place) = Pool::ALL.into_iter().find_map(next) {
            return self.take_turn(place);
        }
        match self.run.outcome() {
            Some(outcome) if self.leases.held.is_empty() => self.last_calls(outcome),
            _ => Decision::default(),
        }
    }

    /// All needs of the task are over: does it start?
    fn judge(&self, task: TaskIndex, is_cancelling: bool) -> Decision {
        match self.run.task(task).state {
            TaskState::Expanded { open: 0 } => return self.conclude_parent(task),
            TaskState::Expanded { .. } if self.is_let_through(task) => {
                return Decision::default().note(Note::Released(task));
            }
            _ => {}
        }
        if !self.is_waiting(task) {
            let is_open = self.run.task(task).state == TaskState::Pending;
            if !(is_cancelling && is_open && self.leases.is_free(task)) {
                return Decision::default();
            }
        } else if !is_cancelling && let Some(behind) = self.held_behind(task) {
            return Decision::default().note(Note::HeldBack { task, behind });
        }
        // An item has no needs of its own: its fan-out's were judged.
        let planned = self.run.planned(task);
        let gate = planned
            .condition()
            .filter(|_| !self.run.is_item(task))
            .map(Condition::gate)
            .unwrap_or_default();
        let skip = |cause, because| {
            Decision::default().event(EventKind::TaskSkipped {
                task: self.run.id(task),
                cause,
                because,
            })
        };
        let name_of = |position: usize| {
            let need = self.run.needs(task).nth(position);
            need.map(|need| self.run.id(need))
        };
        let needs = self.run.needs(task).map(|need| self.need_outcome(need));
        match verdict(gate, needs, is_cancelling) {
            Verdict::Cancel => Decision::default().event(EventKind::TaskCancelled {
                task: self.run.id(task),
            }),
            Verdict::SkipIf { because } => skip(SkipCause::If, because.and_then(name_of)),
            Verdict::SkipFailure { because } => skip(SkipCause::Failure, name_of(because)),
            Verdict::Start => self
                .stop_by_condition(task)
                .unwrap_or_else(|| Decision::default().note(Note::Ready(task))),
        }
    }

    /// What happens instead of a start, if the task's own condition does not hold.
    fn stop_by_condition(&self, task: TaskIndex) -> Option<Decision> {
        let condition = self.run.planned(task).condition()?;
        let is_for_items = matches!(self.run.role(task), Role::FanOut(_)) && names_item(condition);
        if condition.is_gate_only() || is_for_items {
            return None;
        }
        match condition.evaluate(&self.scope(task)) {
            Ok(true) => None,
            Ok(false) => Some(Decision::default().event(EventKind::TaskSkipped {
                task: self.run.id(task),
                cause: SkipCause::If,
                because: None,
            })),
            Err(error) => {
                let problem = Unready::Missing(format!("`if`: {error}"));
                Some(self.unstartable(task, &problem))
            }
        }
    }

    /// Who is first in the queue goes out, or elsewhere.
    fn take_turn(&self, place: Place) -> Decision {
        let Place { task, pool, .. } = place;
        if !self.is_waiting(task) {
            return Decision::default().note(Note::ReadyTaken(pool));
        }
        if let Some(behind) = self.held_behind(task) {
            return Decision::default().note(Note::ReadyHeldBack { pool, behind });
        }
        if let Some(full) = self.schedule.gauges.full(self.run.ancestors(task)) {
            return Decision::default().note(Note::ReadyParked { pool, full });
        }
        // Items that were never looked at come here without a verdict.
        let stopped = place.leads.then(|| self.stop_by_condition(task)).flatten();
        let decision = stopped.unwrap_or_else(|| match self.run.role(task) {
            Role::FanOut(fan_out) => self.fan_out(task, fan_out),
            Role::Nested(uses) => self.nest(task, uses),
            Role::Work => self.dispatch(task),
        });
        decision.note(Note::ReadyTaken(pool))
    }

    fn dispatch(&self, task: TaskIndex) -> Decision {
        let lease = LeaseId {
            epoch: self.run.epoch(),
            lease: self.leases.last + 1,
        };
        match self.message(task, lease) {
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
            Err(problem) => self.unstartable(task, &problem),
        }
    }

    fn unstartable(&self, task: TaskIndex, problem: &Unready) -> Decision {
        let decision = match problem {
            Unready::Denied(finding) => self.remark(Decision::default(), finding),
            Unready::Missing(_) => Decision::default(),
        };
        decision.event(EventKind::TaskFailed {
            task: self.run.id(task),
            attempts: self.run.task(task).attempts,
            failure: problem.failure(),
            tolerated: self.run.is_tolerated(task),
        })
    }

    /// Before the run ends, every call has: nobody waits for what is in flight.
    fn last_calls(&self, outcome: RunOutcome) -> Decision {
        match self.run.ledger().in_flight().next() {
            Some(reserved) => Decision::default().event(in_full(reserved)),
            None => self.finish(outcome),
        }
    }

    fn finish(&self, outcome: RunOutcome) -> Decision {
        let exit_code = match (outcome, self.run.cancelled_by()) {
            (RunOutcome::Completed, _) => exit::COMPLETED,
            (RunOutcome::Failed, Some(Origin::Budget)) => exit::LIMIT,
            // What was asked otherwise than it was recorded says nothing about the rest.
            (RunOutcome::Failed, _) if self.failed_by(FailureClass::ReplayMiss) => exit::NOT_READY,
            // A budget was too small for a task that was to succeed.
            (RunOutcome::Failed, _) if self.failed_by(FailureClass::BudgetExhausted) => exit::LIMIT,
            (RunOutcome::Failed, _) if self.could_not_start() => exit::NOT_READY,
            (RunOutcome::Failed, _) => exit::FAILED,
            (RunOutcome::Cancelled, Some(Origin::Interrupt)) => exit::INTERRUPTED,
            (RunOutcome::Cancelled, _) => exit::TERMINATED,
        };
        Decision::default()
            .event(EventKind::RunFinished {
                outcome,
                exit_code,
                outputs: self.run_outputs(),
            })
            .effect(Gate::Decision, Effect::Finished { outcome, exit_code })
    }

    /// Whether a task that was to succeed failed by this.
    fn failed_by(&self, by: FailureClass) -> bool {
        self.run.tasks().iter().any(|task| {
            matches!(
                task.state,
                TaskState::Failed { class, tolerated: false, .. } if class == by
            )
        })
    }

    /// Whether no task ran because the sandbox that the policy requires cannot be had here.
    fn could_not_start(&self) -> bool {
        let mut unavailable = false;
        for task in self.run.tasks() {
            match &task.state {
                TaskState::Failed {
                    class: FailureClass::SandboxUnavailable,
                    ..
                } => unavailable = true,
                TaskState::Done | TaskState::Failed { .. } => return false,
                _ => {}
            }
        }
        unavailable
    }

    /// How the needs of a task ended; an item's are those of its fan-out.
    pub(super) fn need_outcomes(&self, task: TaskIndex) -> impl Iterator<Item = NeedOutcome> {
        let of = match self.run.parent(task) {
            Some(parent) if self.run.is_item(task) => parent,
            _ => task,
        };
        self.run.needs(of).map(|need| self.need_outcome(need))
    }

    fn need_outcome(&self, need: TaskIndex) -> NeedOutcome {
        match &self.run.task(need).state {
            TaskState::Done => NeedOutcome::Done,
            // What an ancestor tolerates is a failure all the same to what is beside it.
            TaskState::Failed { .. } if self.run.planned(need).continue_on_error() => {
                NeedOutcome::FailedTolerated
            }
            TaskState::Failed { .. } => NeedOutcome::Failed,
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
            | TaskState::Retrying { .. }
            | TaskState::Expanded { .. } => NeedOutcome::Cancelled,
        }
    }
}
