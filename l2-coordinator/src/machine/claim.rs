//! Claims and attempt reports: who may start, and who may go on.

use protocol::event::{AttemptEnd, EventKind, LeaseEnd};
use protocol::ids::{LeaseId, LeaseToken, WorkerId};
use protocol::message::{AttemptReply, AttemptReport, ClaimReply, ClaimRequest, Denial};
use protocol::outcome::{Failure, FailureClass};
use protocol::plan::TaskIndex;
use protocol::state::{Phase, TaskState};

use super::config::{LEASE_LOST, Now, REDISPATCH_DELAY};
use super::effect::{Decision, Effect, Gate, Note};
use super::input::RequestId;
use super::leases::Held;
use super::value::Machine;

impl Machine {
    pub(super) fn claim(&self, now: Now, id: RequestId, request: &ClaimRequest) -> Decision {
        let deny = |why, retry_after_ms| {
            let reply = ClaimReply::Denied {
                why,
                retry_after_ms,
            };
            Decision::default().effect(Gate::Written, Effect::ReplyClaim(id, reply))
        };
        let Some(task) = self.task_of(&request.token) else {
            return deny(Denial::Unknown, None);
        };
        let record = self.run.task(task);
        if record.state.is_terminal() {
            return deny(Denial::Done, None);
        }
        let lease = request.token.lease;
        if *self.run.phase() != Phase::Running {
            let mut decision = deny(Denial::Cancelled, None);
            let held = self.leases.held.get(&task);
            let is_holder =
                held.is_some_and(|held| held.lease == lease && is_same_life(held, request));
            // It asks because it never heard that it holds the lease, and will not ask again.
            if is_holder && *self.run.phase() == Phase::Cancelling {
                self.lose(task, LeaseEnd::HandedBack, &mut decision);
            }
            return decision;
        }
        if self
            .leases
            .published
            .get(&task)
            .is_some_and(|published| published.lease == lease)
        {
            // A word of a life that is over must not hold a lease that no silence ends.
            if self.config.is_embedded(&request.worker) && !self.lives(request) {
                let soon = u64::try_from(REDISPATCH_DELAY.as_millis()).unwrap_or(u64::MAX);
                return deny(Denial::Busy, Some(soon));
            }
            return self.grant(id, task, request);
        }
        match (self.leases.held.get(&task), &record.state) {
            // Asked again because our answer was lost: the same answer.
            (Some(held), TaskState::Running { attempt, .. })
                if held.lease == lease && is_same_life(held, request) =>
            {
                self.grant_again(now, id, task, request, *attempt)
            }
            // The journal was cut between the lease and its attempt, or the worker gave up waiting for
            // our word between two attempts: the next one starts now.
            (Some(held), TaskState::Leased { .. } | TaskState::Retrying { .. })
                if held.lease == lease && is_same_life(held, request) =>
            {
                let attempt = record.attempts + 1;
                let mut decision = self.grant_again(now, id, task, request, attempt);
                decision.events.push(EventKind::AttemptStarted {
                    task: request.token.task.clone(),
                    lease,
                    attempt,
                });
                decision
            }
            (Some(held), _) if held.lease == lease && held.worker != request.worker => {
                let wait = u64::try_from(LEASE_LOST.as_millis()).unwrap_or(u64::MAX);
                deny(Denial::Busy, Some(wait))
            }
            _ => deny(Denial::Stale, None),
        }
    }

    /// Whether the claim comes from the life of its worker that said hello last.
    fn lives(&self, request: &ClaimRequest) -> bool {
        let known = self.leases.workers.get(&request.worker);
        known.is_some_and(|worker| worker.incarnation == request.incarnation)
    }

    fn grant(&self, id: RequestId, task: TaskIndex, request: &ClaimRequest) -> Decision {
        let lease = request.token.lease;
        let shown = &request.token.task;
        let attempt = self.run.task(task).attempts + 1;
        let reply = self.granted(task, request, attempt);
        Decision::default()
            .event(EventKind::TaskLeased {
                task: shown.clone(),
                lease,
                worker: request.worker.clone(),
            })
            .event(EventKind::AttemptStarted {
                task: shown.clone(),
                lease,
                attempt,
            })
            .note(Note::Granted {
                task,
                incarnation: request.incarnation.clone(),
            })
            .effect(self.grant_gate(request), Effect::ReplyClaim(id, reply))
    }

    fn grant_again(
        &self,
        now: Now,
        id: RequestId,
        task: TaskIndex,
        request: &ClaimRequest,
        attempt: u32,
    ) -> Decision {
        let reply = self.granted(task, request, attempt);
        Decision::default()
            .note(Note::Granted {
                task,
                incarnation: request.incarnation.clone(),
            })
            .note(Note::Renewed {
                tasks: vec![task],
                until: now.mono + LEASE_LOST,
            })
            .effect(self.grant_gate(request), Effect::ReplyClaim(id, reply))
    }

    /// A remote worker may start only under a lease that survives a power cut; an in-process one
    /// dies with us.
    fn grant_gate(&self, request: &ClaimRequest) -> Gate {
        if self.config.is_embedded(&request.worker) {
            Gate::Written
        } else {
            Gate::Decision
        }
    }

    fn granted(&self, task: TaskIndex, request: &ClaimRequest, first_attempt: u32) -> ClaimReply {
        let is_embedded = self.config.is_embedded(&request.worker);
        let max = self.run.plan().task(task).retry().max;
        ClaimReply::Granted {
            token: request.token.clone(),
            first_attempt,
            attempts_left: max.saturating_sub(self.run.task(task).failed_attempts),
            lease_ms: (!is_embedded)
                .then(|| u64::try_from(LEASE_LOST.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    pub(super) fn attempt(&self, id: RequestId, report: &AttemptReport) -> Decision {
        let stop =
            Decision::default().effect(Gate::Written, Effect::ReplyAttempt(id, AttemptReply::Stop));
        let go_on = |decision: Decision| {
            decision.effect(
                Gate::Written,
                Effect::ReplyAttempt(id, AttemptReply::Continue),
            )
        };
        let worker = match report {
            AttemptReport::Ended { worker, .. } | AttemptReport::Starting { worker, .. } => worker,
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
                let policy = self.run.plan().task(task).retry();
                let left = policy.max.saturating_sub(record.failed_attempts);
                if left == 0 || end.failure.is_none() {
                    return self.fail_ended(task, token, *attempt, end, stop);
                }
                go_on(
                    Decision::default()
                        .event(finished(token, *attempt, end))
                        .event(EventKind::AttemptRetrying {
                            task: token.task.clone(),
                            attempt: attempt + 1,
                            delay_ms: (*delay_ms).min(policy.max_delay_ms),
                            in_place: true,
                        }),
                )
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
            stop.event(finished(token, attempt, end))
                .event(EventKind::TaskCancelled {
                    task: token.task.clone(),
                })
        } else {
            // Paused: the attempt is over, the next one follows after a resume.
            stop.event(finished(token, attempt, end))
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
        stop.event(finished(token, attempt, &end))
            .event(EventKind::TaskFailed {
                task: token.task.clone(),
                attempts: attempt,
                failure,
                tolerated: self.run.plan().task(task).continue_on_error(),
            })
    }

    /// The task, if this worker's token for it is the current one.
    pub(super) fn current(&self, token: &LeaseToken, worker: &WorkerId) -> Option<TaskIndex> {
        let task = self.task_of(token)?;
        let held = self.leases.held.get(&task)?;
        (held.lease == token.lease && held.worker == *worker).then_some(task)
    }
}

fn is_same_life(held: &Held, request: &ClaimRequest) -> bool {
    held.worker == request.worker
        && held
            .incarnation
            .as_ref()
            .is_none_or(|life| *life == request.incarnation)
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

pub(super) fn finished(token: &LeaseToken, attempt: u32, end: &AttemptEnd) -> EventKind {
    EventKind::AttemptFinished {
        task: token.task.clone(),
        lease: token.lease,
        attempt,
        end: Box::new(end.clone()),
    }
}
