//! Between two attempts under one lease: whether the next may start.

use protocol::event::{AttemptEnd, EventKind, LeaseEnd};
use protocol::ids::{LeaseId, LeaseToken};
use protocol::message::{AttemptReply, AttemptReport};
use protocol::outcome::{Failure, FailureClass};
use protocol::plan::TaskIndex;
use protocol::state::{Phase, TaskState};

use super::effect::{Decision, Effect, Gate};
use super::input::RequestId;
use super::value::Machine;

impl Machine {
    pub(super) fn attempt(&self, id: RequestId, report: &AttemptReport) -> Decision {
        let stop =
            Decision::default().effect(Gate::Written, Effect::ReplyAttempt(id, AttemptReply::Stop));
        let worker = match report {
            AttemptReport::Ended { worker, .. } | AttemptReport::Starting { worker, .. } => worker,
        };
        // A remote worker outlives us: what it goes on from must be certain, or the next coordinator,
        // who knows nothing of it, would have the attempt run beside its own.
        let gate = if self.config.is_embedded(worker) {
            Gate::Written
        } else {
            Gate::Decision
        };
        let go_on = |decision: Decision| {
            decision.effect(gate, Effect::ReplyAttempt(id, AttemptReply::Continue))
        };
        let token = report.token();
        let Some(task) = self.current(token, worker) else {
            return stop;
        };
        let record = self.run.task(task);
        let is_cancelling = *self.run.phase() != Phase::Running;
        match (report, &record.state) {
            (
                AttemptReport::Ended {
                    attempt,
                    end,
                    delay_ms,
                    ..
                },
                TaskState::Running {
                    attempt: running, ..
                },
            ) if attempt == running => {
                if is_cancelling {
                    return self.cancel_ended(token, *attempt, end, stop);
                }
                let policy = self.run.bounds(task).retry.unwrap_or_default();
                let left = policy.max.saturating_sub(record.failed_attempts);
                if left == 0 || end.failure.is_none() {
                    return self.fail_ended(task, token, *attempt, end, stop);
                }
                go_on(self.ended(Decision::default(), token, *attempt, end).event(
                    EventKind::AttemptRetrying {
                        task: token.task.clone(),
                        attempt: attempt + 1,
                        delay_ms: (*delay_ms).min(policy.max_delay_ms),
                        in_place: true,
                    },
                ))
            }
            // Reported again because our answer was lost.
            (AttemptReport::Ended { attempt, .. }, TaskState::Retrying { attempt: due, .. })
                if attempt.checked_add(1) == Some(*due) =>
            {
                go_on(Decision::default())
            }
            (AttemptReport::Starting { attempt, .. }, TaskState::Retrying { attempt: due, .. })
                if attempt == due =>
            {
                if is_cancelling {
                    let mut decision = stop;
                    self.lose(task, LeaseEnd::HandedBack, &mut decision);
                    return decision;
                }
                go_on(Decision::default().event(EventKind::AttemptStarted {
                    task: token.task.clone(),
                    lease: token.lease,
                    attempt: *attempt,
                }))
            }
            (
                AttemptReport::Starting { attempt, .. },
                TaskState::Running {
                    attempt: running, ..
                },
            ) if attempt == running => go_on(Decision::default()),
            _ => {
                let mut decision = stop;
                if is_ahead(report, &record.state) {
                    self.lose(task, self.out_of_step(token.lease), &mut decision);
                }
                decision
            }
        }
    }

    /// Why a lease ends whose holder tells of an attempt that was never started here: a fault of the
    /// worker, or the start was lost with the old coordinator.
    pub(super) fn out_of_step(&self, lease: LeaseId) -> LeaseEnd {
        if lease.epoch < self.run.epoch() {
            LeaseEnd::CoordinatorRestarted
        } else {
            LeaseEnd::WorkerLost
        }
    }

    fn cancel_ended(
        &self,
        token: &LeaseToken,
        attempt: u32,
        end: &AttemptEnd,
        stop: Decision,
    ) -> Decision {
        if *self.run.phase() == Phase::Cancelling {
            self.ended(stop, token, attempt, end)
                .event(EventKind::TaskCancelled {
                    task: token.task.clone(),
                })
        } else {
            // Paused: the attempt is over, the next one follows after a resume.
            self.ended(stop, token, attempt, end)
                .event(EventKind::AttemptRetrying {
                    task: token.task.clone(),
                    attempt: attempt + 1,
                    delay_ms: 0,
                    in_place: false,
                })
        }
    }

    /// The worker wants more attempts than the plan grants.
    fn fail_ended(
        &self,
        task: TaskIndex,
        token: &LeaseToken,
        attempt: u32,
        end: &AttemptEnd,
        stop: Decision,
    ) -> Decision {
        let mut end = end.clone();
        let failure = end.failure.get_or_insert_with(|| {
            Failure::new(
                FailureClass::Internal,
                "a retry was reported without a failure",
            )
        });
        let failure = failure.clone();
        self.ended(stop, token, attempt, &end)
            .event(EventKind::TaskFailed {
                task: token.task.clone(),
                attempts: attempt,
                failure,
                tolerated: self.run.is_tolerated(task),
            })
    }
}

/// Whether a report tells of a later attempt than the one that runs or is due. Earlier ones are
/// what the bus told late.
fn is_ahead(report: &AttemptReport, state: &TaskState) -> bool {
    let (AttemptReport::Ended { attempt, .. } | AttemptReport::Starting { attempt, .. }) = report;
    match (report, state) {
        (AttemptReport::Ended { .. }, TaskState::Retrying { attempt: due, .. }) => attempt >= due,
        (_, TaskState::Running { attempt: at, .. } | TaskState::Retrying { attempt: at, .. }) => {
            *attempt > *at
        }
        // Nothing was granted that could be told of.
        (_, TaskState::Leased { .. }) => true,
        _ => false,
    }
}
