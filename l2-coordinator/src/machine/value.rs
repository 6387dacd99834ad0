//! The machine: the fold of the journal, plus what is not journaled, behind `decide` and `apply`.

use std::sync::Arc;
use std::time::Duration;

use protocol::event::{Event, EventKind, LeaseEnd};
use protocol::ids::LeaseToken;
use protocol::plan::{Plan, TaskIndex};
use protocol::state::{IllegalEvent, Phase, RunState, TaskState};

use super::calls::Calls;
use super::config::{CLAIM_PATIENCE, Config, FENCE, LEASE_LOST, Now, REDISPATCH_DELAY};
use super::effect::Note;
use super::input::Deadline;
use super::leases::{Held, Leases, Published};
use super::order::Place;
use super::pool::has_prompts;
use super::schedule::Schedule;

/// The run's state machine: a value without clock, randomness or I/O.
///
/// [`Machine::decide`] never changes it; [`Machine::apply`] takes events in, live and from the
/// journal alike; [`Machine::note`] takes in what is not journaled.
#[derive(Debug)]
pub struct Machine {
    pub(super) config: Arc<Config>,
    pub(super) run: RunState,
    pub(super) schedule: Schedule,
    pub(super) leases: Leases,
    pub(super) calls: Calls,
    /// Whether any task may ask a model: without one, nobody looks which pool a task is for.
    pub(super) has_prompts: bool,
}

impl Machine {
    /// Before the first event.
    #[must_use]
    pub fn new(config: Arc<Config>, plan: Arc<Plan>) -> Self {
        let (schedule, has_prompts) = (Schedule::new(&plan), has_prompts(&plan));
        Self {
            config,
            schedule,
            run: RunState::new(plan),
            leases: Leases::default(),
            calls: Calls::default(),
            has_prompts,
        }
    }

    /// The fold.
    #[must_use]
    pub const fn run(&self) -> &RunState {
        &self.run
    }

    /// Leases held and tasks on their way, together.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.leases.in_flight()
    }

    /// Whether the run is paused and nothing of it runs any more.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        *self.run.phase() == Phase::Paused && self.leases.held.is_empty()
    }

    /// Takes one event in: the only change of journaled state.
    ///
    /// # Errors
    /// The event cannot follow; the machine is unchanged then.
    pub fn apply(&mut self, now: Now, event: &Event) -> Result<(), IllegalEvent> {
        self.run.apply(event)?;
        self.apply_to_calls(now, event);
        let Some(task) = event
            .kind
            .task()
            .and_then(|id| self.run.index_of(id.as_str()))
        else {
            if let EventKind::RunResumed { .. } = event.kind {
                self.leases.last = 0;
            }
            return Ok(());
        };
        let was_free = self.leases.is_free(task);
        match &event.kind {
            EventKind::TaskLeased { lease, worker, .. } => {
                self.leases.published.remove(&task);
                if lease.epoch == self.run.epoch() {
                    self.leases.last = self.leases.last.max(lease.lease);
                }
                let held = Held {
                    lease: *lease,
                    worker: worker.clone(),
                    incarnation: None,
                    deadline: (!self.config.is_embedded(worker)).then_some(now.mono + LEASE_LOST),
                };
                self.leases.held.insert(task, held);
            }
            EventKind::LeaseLost { cause, .. } => match cause {
                LeaseEnd::WorkerLost => {
                    self.leases.held.remove(&task);
                    self.delay(task, now, event, REDISPATCH_DELAY);
                }
                LeaseEnd::CoordinatorRestarted => {
                    self.leases.held.remove(&task);
                    self.schedule.push_verdict(task);
                }
                LeaseEnd::HandedBack => {
                    self.settle_lease(task);
                    self.schedule.push_verdict(task);
                }
            },
            EventKind::AttemptRetrying {
                delay_ms,
                in_place: false,
                ..
            } => {
                self.settle_lease(task);
                self.delay(task, now, event, Duration::from_millis(*delay_ms));
            }
            EventKind::TaskExpanded { complete: true, .. } => {
                self.schedule.adopt(&self.run, task, event.seq);
            }
            EventKind::TaskDone { .. }
            | EventKind::TaskReused { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskSkipped { .. }
            | EventKind::TaskCancelled { .. } => self.end(task, event.seq),
            EventKind::ResultLate { lease, .. } => {
                self.leases.late.insert((task, *lease));
            }
            EventKind::TaskReopened { .. } => {
                self.schedule.need_reopened(&self.run, task);
            }
            _ => {}
        }
        self.gauge(task, was_free);
        Ok(())
    }

    /// Takes in a change that is not journaled.
    pub fn note(&mut self, now: Now, note: &Note) {
        match note {
            Note::VerdictTaken => self.schedule.pop_verdict(),
            Note::ReadyTaken(pool) => self.ready_taken(*pool),
            Note::Ready(task) => {
                self.schedule.push_ready(Place::of(&self.run, *task, false));
            }
            Note::ReadyParked { pool, full } => {
                if let Some(place) = self.schedule.pop_ready(*pool) {
                    self.schedule.gauges.park(*full, place);
                    self.refill(place.task);
                }
            }
            Note::ReadyHeldBack { pool, behind } => {
                if let Some(place) = self.schedule.pop_ready(*pool) {
                    self.schedule.hold_back(*behind, place);
                    self.refill(place.task);
                }
            }
            Note::HeldBack { task, behind } => {
                let place = Place::of(&self.run, *task, false);
                self.schedule.hold_back(*behind, place);
            }
            Note::Released(behind) => self.schedule.release(*behind),
            Note::Published { task, lease } => {
                self.leases.last = lease.lease;
                let was_free = self.leases.is_free(*task);
                let published = Published {
                    lease: *lease,
                    since: now.mono,
                    seq: None,
                };
                self.leases.published.insert(*task, published);
                self.gauge(*task, was_free);
            }
            Note::Stored { task, lease, seq } => {
                if let Some(published) = self.leases.published.get_mut(task)
                    && published.lease == *lease
                {
                    published.seq = Some(*seq);
                }
            }
            Note::Unpublished(task) => {
                let was_free = self.leases.is_free(*task);
                self.leases.published.remove(task);
                self.gauge(*task, was_free);
                self.schedule.push_verdict(*task);
            }
            Note::Due(task) => {
                self.schedule.end_delay(*task);
                self.schedule.push_verdict(*task);
            }
            Note::Granted { task, incarnation } => {
                if let Some(held) = self.leases.held.get_mut(task) {
                    held.incarnation = Some(incarnation.clone());
                }
            }
            Note::Renewed { tasks, until } => {
                for task in tasks {
                    if let Some(held) = self.leases.held.get_mut(task)
                        && held.deadline.is_some()
                    {
                        held.deadline = Some(*until);
                    }
                }
            }
            Note::WorkerSeen(hello) => self.see_worker(now, hello),
            Note::WorkerGone(worker) => {
                self.leases.workers.remove(worker);
            }
            Note::CancelAll => self.cancel_all(),
            Note::Halted => self.leases.halted = true,
            Note::AskWaits(id, ask) => self.calls.wait(*id, ask),
            Note::AskAnswered(id) => self.calls.answered(*id),
            Note::AsksLooked => self.calls.looked(),
        }
    }

    /// When [`super::Input::Tick`] has something to do next.
    #[must_use]
    pub fn next_deadline(&self) -> Deadline {
        let lease = self
            .leases
            .held
            .values()
            .filter_map(|held| held.deadline)
            .min();
        let patience = self
            .leases
            .published
            .values()
            .map(|p| p.since + CLAIM_PATIENCE)
            .min();
        let silence = self
            .leases
            .workers
            .iter()
            .filter(|(id, _)| !self.config.is_embedded(id))
            .map(|(_, worker)| worker.seen + LEASE_LOST)
            .min();
        let due = self.schedule.next_due();
        [due, lease, patience, silence, self.time_ends()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The task of a token of this run.
    pub(super) fn task_of(&self, token: &LeaseToken) -> Option<TaskIndex> {
        if token.run != self.config.run {
            return None;
        }
        self.run.index_of(token.task.as_str())
    }

    /// Whether the task can still be looked at: open, not held, not on its way, not delayed.
    pub(super) fn is_waiting(&self, task: TaskIndex) -> bool {
        self.run.task(task).state == TaskState::Pending
            && self.schedule.has_needs(task)
            && self.leases.is_free(task)
            && !self.schedule.is_delayed(task)
    }

    /// The ancestor whose need was reopened, if there is one: what runs beneath it goes on, nothing
    /// new starts.
    pub(super) fn held_behind(&self, task: TaskIndex) -> Option<TaskIndex> {
        let mut line = self.run.ancestors(task);
        line.find(|at| !self.schedule.has_needs(*at))
    }

    /// Whether descendants that were held back may go on.
    pub(super) fn is_let_through(&self, task: TaskIndex) -> bool {
        self.schedule.holds_back(task) && self.schedule.has_needs(task)
    }

    /// The lease ended with its worker's last word: hearing it again is nothing new.
    fn settle_lease(&mut self, task: TaskIndex) {
        if let Some(held) = self.leases.held.remove(&task) {
            self.leases.settled.insert(task, held.lease);
        }
    }

    /// `delay` counts from the event's wall time, so that a resume waits for the rest only.
    fn delay(&mut self, task: TaskIndex, now: Now, event: &Event, delay: Duration) {
        if *self.run.phase() == Phase::Cancelling {
            self.schedule.push_verdict(task);
            return;
        }
        let passed = now.wall.since(event.ts);
        self.schedule
            .delay(task, now.mono + delay.saturating_sub(passed));
    }

    fn see_worker(&mut self, now: Now, hello: &protocol::message::WorkerHello) {
        let fenced = now.mono + FENCE;
        let others: Vec<_> = self
            .leases
            .of_other_lives(&hello.worker, &hello.incarnation)
            .map(|(task, _)| task)
            .collect();
        for task in others {
            if let Some(held) = self.leases.held.get_mut(&task) {
                held.deadline = Some(held.deadline.map_or(now.mono, |at| at.min(fenced)));
            }
        }
        self.leases.see(hello, now.mono);
    }

    fn end(&mut self, task: TaskIndex, seq: u64) {
        self.settle_lease(task);
        self.leases.published.remove(&task);
        self.schedule.end_delay(task);
        self.schedule.need_over(&self.run, task, seq);
        if let Some(parent) = self.run.parent(task)
            && self.run.task(parent).state == (TaskState::Expanded { open: 0 })
        {
            self.schedule.push_verdict(parent);
        }
    }

    fn cancel_all(&mut self) {
        for task in (0..self.run.tasks().len()).map(TaskIndex::new) {
            if self.run.task(task).state == TaskState::Pending
                && !self.leases.held.contains_key(&task)
            {
                let was_free = self.leases.is_free(task);
                self.leases.published.remove(&task);
                self.gauge(task, was_free);
                self.schedule.end_delay(task);
                self.schedule.push_verdict(task);
            }
        }
    }
}
