//! After recovery: what a new coordinator owes to a run that another one left.

use protocol::event::{EventKind, LeaseEnd};
use protocol::ids::is_local_worker;
use protocol::outcome::FailureClass;
use protocol::plan::TaskIndex;
use protocol::state::{Ended, Phase, TaskState};

use super::config::Now;
use super::effect::{Decision, Note};
use super::value::Machine;

impl Machine {
    /// Takes an unfinished run over: a new epoch, then the ends of what died with the old
    /// coordinator. Leases of remote workers stay for one lease period from now.
    ///
    /// Call once, after the journal's events were applied; [`super::Input::Settle`] goes on from there.
    #[must_use]
    pub fn resume(&self, _now: Now) -> Decision {
        let mut decision = Decision::default().event(EventKind::RunResumed {
            epoch: self.run.epoch() + 1,
            coordinator: self.config.coordinator.clone(),
            slots: self.config.slots,
        });
        if *self.run.phase() == Phase::Cancelling {
            // Items that nobody looked at yet are in no queue but that of the ready.
            decision.notes.push(Note::CancelAll);
        }
        for (index, record) in self.run.tasks().iter().enumerate() {
            let task = TaskIndex::new(index);
            match &record.state {
                TaskState::Ended(ended) => self.conclude(task, ended, &mut decision),
                TaskState::Leased { .. }
                | TaskState::Running { .. }
                | TaskState::Retrying { .. } => {
                    let held = self.leases.held.get(&task);
                    if held.is_some_and(|held| is_local_worker(&held.worker)) {
                        self.lose(task, LeaseEnd::CoordinatorRestarted, &mut decision);
                    }
                }
                // The journal was cut between the last crash and its consequence.
                TaskState::Pending
                    if record.crashes >= self.crash_limit(task)
                        && *self.run.phase() != Phase::Cancelling =>
                {
                    decision.events.push(self.poisonous(task, record.crashes));
                }
                TaskState::Pending
                | TaskState::Expanded { .. }
                | TaskState::Done
                | TaskState::Failed { .. }
                | TaskState::Skipped { .. }
                | TaskState::Cancelled => {}
            }
        }
        decision
    }

    /// The journal was cut between the end of an attempt and its consequence.
    fn conclude(&self, task: TaskIndex, ended: &Ended, decision: &mut Decision) {
        let shown = self.run.id(task);
        let Some(failure) = &ended.failure else {
            // It had succeeded, but what it produced was not recorded: it runs again.
            self.lose(task, LeaseEnd::CoordinatorRestarted, decision);
            return;
        };
        if *self.run.phase() == Phase::Cancelling {
            decision
                .events
                .push(EventKind::TaskCancelled { task: shown });
            return;
        }
        let failed = self.run.task(task).failed_attempts;
        // A cancelled attempt of a run that goes on was stopped by a pause: it follows at once.
        let delay = if failure.class == FailureClass::Cancelled {
            Some(std::time::Duration::ZERO)
        } else {
            let retry = self.run.bounds(task).retry.unwrap_or_default();
            retry.next(failure.class, ended.exit, failed, 0)
        };
        decision.events.push(match delay {
            Some(delay) => EventKind::AttemptRetrying {
                task: shown,
                attempt: ended.attempt + 1,
                delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
                in_place: false,
            },
            None => EventKind::TaskFailed {
                task: shown,
                attempts: ended.attempt,
                failure: failure.clone(),
                tolerated: self.run.is_tolerated(task),
            },
        });
    }
}
