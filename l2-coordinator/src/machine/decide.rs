//! From state and input to what follows. Pure: nothing here changes the machine.

use protocol::event::{EventKind, LeaseEnd, Origin};
use protocol::ids::{Incarnation, WorkerId};
use protocol::message::{Heartbeat, HeartbeatReply, WorkerHello};
use protocol::outcome::{Failure, FailureClass};
use protocol::plan::TaskIndex;
use protocol::state::{Phase, Role, TaskState};

use super::config::{CLAIM_PATIENCE, LEASE_LOST, Now};
use super::effect::{Decision, Effect, Gate, Note};
use super::input::{Input, RequestId};
use super::value::Machine;

impl Machine {
    /// What follows from one input.
    #[must_use]
    pub fn decide(&self, now: Now, input: &Input) -> Decision {
        match input {
            Input::Settle => self.settle(now),
            Input::Claim(id, request) => self.claim(now, *id, request),
            Input::Attempt(id, report) => self.attempt(*id, report),
            Input::Result(id, result) => self.result(*id, result),
            Input::Heartbeat(id, heartbeat) => self.heartbeat(now, *id, heartbeat),
            Input::Reserve(id, ask) => self.reserve(now, *id, ask),
            Input::Settled(id, settled) => self.call_over(*id, settled),
            Input::Unasked(call) => self.unasked(*call),
            Input::Hello(hello) => self.hello(hello),
            Input::WorkerGone(worker, incarnation) => self.worker_gone(worker, incarnation),
            Input::Stored { task, lease, seq } => self.stored(*task, *lease, *seq),
            Input::Cancel(by) => self.cancel(by),
            Input::Pause(cause) => self.pause(cause),
            Input::Halt => self.halt(),
            Input::Corrupt { task, path } => self.corrupt(task, path),
            Input::Tick => self.tick(now),
        }
    }

    fn hello(&self, hello: &WorkerHello) -> Decision {
        let known = self.leases.workers.get(&hello.worker);
        let same_life = known.is_some_and(|worker| worker.incarnation == hello.incarnation);
        let mut decision = Decision::default().note(Note::WorkerSeen(hello.clone()));
        // A life of an in-process worker ends before the next begins: what it held is lost now.
        if self.config.is_embedded(&hello.worker) && !same_life {
            for (task, _) in self
                .leases
                .of_other_lives(&hello.worker, &hello.incarnation)
            {
                self.lose(task, LeaseEnd::WorkerLost, &mut decision);
            }
        }
        decision
    }

    fn worker_gone(&self, worker: &WorkerId, incarnation: &Incarnation) -> Decision {
        let current = self.leases.workers.get(worker);
        if current.is_some_and(|known| known.incarnation != *incarnation) {
            return Decision::default();
        }
        let mut decision = Decision::default().note(Note::WorkerGone(worker.clone()));
        for (task, held) in &self.leases.held {
            if held.worker == *worker {
                self.lose(*task, LeaseEnd::WorkerLost, &mut decision);
            }
        }
        decision
    }

    fn heartbeat(&self, now: Now, id: RequestId, heartbeat: &Heartbeat) -> Decision {
        let mut reply = HeartbeatReply::default();
        let mut renewed = Vec::new();
        let mut decision = Decision::default();
        for token in &heartbeat.tokens {
            let held = self
                .task_of(token)
                .and_then(|task| Some((task, self.leases.held.get(&task)?)));
            match held {
                Some((task, held))
                    if held.lease == token.lease
                        && held.worker == heartbeat.worker
                        && held
                            .incarnation
                            .as_ref()
                            .is_none_or(|i| *i == heartbeat.incarnation) =>
                {
                    if held.incarnation.is_none() {
                        let incarnation = heartbeat.incarnation.clone();
                        decision = decision.note(Note::Granted { task, incarnation });
                    }
                    renewed.push(task);
                    if *self.run.phase() == Phase::Cancelling || self.leases.halted {
                        reply.cancelled.push(token.clone());
                    }
                }
                _ => reply.stale.push(token.clone()),
            }
        }
        if !renewed.is_empty() {
            decision = decision.note(Note::Renewed {
                tasks: renewed,
                until: now.mono + LEASE_LOST,
            });
        }
        decision.effect(Gate::Written, Effect::ReplyHeartbeat(id, reply))
    }

    fn stored(&self, task: TaskIndex, lease: protocol::ids::LeaseId, seq: u64) -> Decision {
        let waits = self
            .leases
            .published
            .get(&task)
            .is_some_and(|p| p.lease == lease);
        let claimed = self
            .leases
            .held
            .get(&task)
            .is_some_and(|held| held.lease == lease);
        if waits {
            Decision::default().note(Note::Stored { task, lease, seq })
        } else if claimed || self.leases.settled.get(&task) == Some(&lease) {
            Decision::default()
        } else {
            // Taken back, or overtaken by a cancel, before the bus had said where it was.
            Decision::default().effect(Gate::Written, Effect::Unpublish { seq })
        }
    }

    fn cancel(&self, by: &Origin) -> Decision {
        match self.run.phase() {
            Phase::Empty | Phase::Finished(_) => Decision::default(),
            Phase::Cancelling => {
                let kill = Effect::Cancel {
                    task: None,
                    kill: true,
                };
                Decision::default().effect(Gate::Written, kill)
            }
            Phase::Planning | Phase::Running | Phase::Paused => self.begin_cancel(by.clone()),
        }
    }

    /// Stops dispatch and all attempts of a run that is not being cancelled yet.
    pub(super) fn begin_cancel(&self, by: Origin) -> Decision {
        let mut decision = Decision::default()
            .event(EventKind::RunCancelling { by })
            .note(Note::CancelAll)
            .effect(
                Gate::Written,
                Effect::Cancel {
                    task: None,
                    kill: false,
                },
            );
        for published in self.leases.published.values() {
            if let Some(seq) = published.seq {
                decision = decision.effect(Gate::Written, Effect::Unpublish { seq });
            }
        }
        decision
    }

    fn pause(&self, cause: &str) -> Decision {
        match self.run.phase() {
            Phase::Running => Decision::default().event(EventKind::RunPaused {
                cause: cause.to_owned(),
            }),
            // What is being cancelled ends.
            Phase::Empty
            | Phase::Planning
            | Phase::Paused
            | Phase::Cancelling
            | Phase::Finished(_) => Decision::default(),
        }
    }

    /// What is stopped here is handed back and runs again after a resume.
    fn halt(&self) -> Decision {
        if *self.run.phase() != Phase::Paused {
            return Decision::default();
        }
        let stop = Effect::Cancel {
            task: None,
            kill: false,
        };
        Decision::default()
            .note(Note::Halted)
            .effect(Gate::Written, stop)
    }

    /// A done task is open again, and with it what it is part of: the outermost first, so that nothing
    /// that is over holds a task that is open.
    fn corrupt(&self, task: &protocol::ids::TaskId, path: &str) -> Decision {
        let index = self.run.index_of(task.as_str());
        let is_done = |index: &TaskIndex| {
            let is_work = matches!(self.run.role(*index), Role::Work);
            is_work && self.run.task(*index).state == TaskState::Done
        };
        let Some(index) = index.filter(is_done) else {
            return Decision::default();
        };
        if !matches!(self.run.phase(), Phase::Running | Phase::Paused) {
            return Decision::default();
        }
        let state = |at: &TaskIndex| &self.run.task(*at).state;
        // What was left out or cancelled as a whole hands nothing on.
        let is_closed =
            |at: TaskIndex| matches!(state(&at), TaskState::Skipped { .. } | TaskState::Cancelled);
        if self.run.ancestors(index).any(is_closed) {
            return Decision::default();
        }
        let is_over = |at: &TaskIndex| state(at).is_terminal();
        let mut line: Vec<_> = self.run.ancestors(index).filter(is_over).collect();
        line.reverse();
        line.push(index);
        let reopened = |at| EventKind::TaskReopened {
            task: self.run.id(at),
            path: path.to_owned(),
        };
        Decision {
            events: line.into_iter().map(reopened).collect(),
            ..Decision::default()
        }
    }

    fn tick(&self, now: Now) -> Decision {
        let mut decision = match self.time_is_over(now) {
            true => self.begin_cancel(Origin::Budget),
            false => Decision::default(),
        };
        for task in self.schedule.due(now.mono) {
            decision.notes.push(Note::Due(task));
        }
        for (task, held) in &self.leases.held {
            if held.deadline.is_some_and(|deadline| deadline <= now.mono) {
                // Who never spoke to this coordinator may have died with, or because of, the old one.
                let cause = match held.incarnation {
                    Some(_) => LeaseEnd::WorkerLost,
                    None => LeaseEnd::CoordinatorRestarted,
                };
                self.lose(*task, cause, &mut decision);
            }
        }
        for (task, published) in &self.leases.published {
            if published.since + CLAIM_PATIENCE <= now.mono {
                decision.notes.push(Note::Unpublished(*task));
                if let Some(seq) = published.seq {
                    decision
                        .effects
                        .push((Gate::Written, Effect::Unpublish { seq }));
                }
            }
        }
        for (id, worker) in &self.leases.workers {
            if !self.config.is_embedded(id) && worker.seen + LEASE_LOST <= now.mono {
                decision.notes.push(Note::WorkerGone(id.clone()));
            }
        }
        decision
    }

    /// A lease ends without a result; the task goes on, unless it has killed too many workers.
    pub(super) fn lose(&self, task: TaskIndex, cause: LeaseEnd, decision: &mut Decision) {
        let Some(held) = self.leases.held.get(&task) else {
            return;
        };
        let id = self.run.id(task);
        decision.events.push(EventKind::LeaseLost {
            task: id.clone(),
            lease: held.lease,
            cause,
        });
        let record = self.run.task(task);
        let crashes = record.crashes + u32::from(cause == LeaseEnd::WorkerLost);
        if *self.run.phase() == Phase::Cancelling {
            decision.events.push(EventKind::TaskCancelled { task: id });
        } else if cause == LeaseEnd::WorkerLost && crashes >= self.crash_limit(task) {
            decision.events.push(self.poisonous(task, crashes));
        }
    }

    /// Workers that may die under the task before it is failed.
    pub(super) fn crash_limit(&self, task: TaskIndex) -> u32 {
        let own = self.run.bounds(task).crash_limit;
        own.unwrap_or(self.config.crash_limit)
    }

    /// The task has killed too many workers.
    pub(super) fn poisonous(&self, task: TaskIndex, crashes: u32) -> EventKind {
        let message = format!("{crashes} workers died while they ran this task");
        EventKind::TaskFailed {
            task: self.run.id(task),
            attempts: self.run.task(task).attempts,
            failure: Failure::new(FailureClass::WorkerLost, message),
            tolerated: self.run.is_tolerated(task),
        }
    }
}
