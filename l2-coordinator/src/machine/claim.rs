//! Claims: who may start.

use protocol::event::{EventKind, LeaseEnd};
use protocol::ids::{LeaseToken, WorkerId};
use protocol::message::{ClaimReply, ClaimRequest, Denial};
use protocol::plan::TaskIndex;
use protocol::state::{Phase, TaskState};

use super::config::{LEASE_LOST, Now, REDISPATCH_DELAY};
use super::effect::{Decision, Effect, Gate, Note};
use super::input::RequestId;
use super::leases::Held;
use super::pool::Pool;
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
            // A key, and what it buys, stays in this process.
            if self.has_prompts
                && Pool::of(&self.run, task) == Pool::Ai
                && !self.config.asks_models(&request.worker)
            {
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
            // The worker gave up waiting for our word between two attempts: the next one starts now.
            (Some(held), TaskState::Retrying { .. })
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
        let max = self.run.bounds(task).retry.unwrap_or_default().max;
        ClaimReply::Granted {
            token: request.token.clone(),
            first_attempt,
            attempts_left: max.saturating_sub(self.run.task(task).failed_attempts),
            lease_ms: (!is_embedded)
                .then(|| u64::try_from(LEASE_LOST.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    /// The task, if this worker's token for it is the current one.
    pub(super) fn current(&self, token: &LeaseToken, worker: &WorkerId) -> Option<TaskIndex> {
        let task = self.task_of(token)?;
        let held = self.leases.held.get(&task)?;
        (held.lease == token.lease && held.worker == *worker).then_some(task)
    }
}

/// After a resume nobody knows which life was granted the lease, until it sends a heartbeat: another
/// one may run under it still.
fn is_same_life(held: &Held, request: &ClaimRequest) -> bool {
    held.worker == request.worker && held.incarnation.as_ref() == Some(&request.incarnation)
}
