//! Whose turn it is: how many tasks may be under way, how many are, and who moves up.

use protocol::plan::TaskIndex;
use protocol::state::TaskState;

use super::order::Place;
use super::pool::Pool;
use super::value::Machine;

impl Machine {
    /// Tasks of the pool that may be published or held at once. `max_parallel` is about programs: what
    /// asks a model waits for others, and is bounded by its worker's slots.
    pub(super) fn window(&self, pool: Pool) -> usize {
        let asks = |worker: &_| self.config.asks_models(worker);
        let slots = match pool {
            Pool::Cpu => self.leases.slots(|worker| !asks(worker)),
            Pool::Ai => self.leases.slots(asks),
        };
        let ahead = slots + slots.div_ceil(4);
        let window = match self.config.max_parallel {
            Some(most) if most < slots && pool == Pool::Cpu => most,
            _ => ahead,
        };
        window as usize
    }

    /// Keeps count of what is under way: of each pool, and beneath tasks with `max_parallel`.
    pub(super) fn gauge(&mut self, task: TaskIndex, was_free: bool) {
        let is_free = self.leases.is_free(task);
        if was_free == is_free {
            return;
        }
        if self.has_prompts && Pool::of(&self.run, task) == Pool::Ai {
            let asking = self.leases.asking;
            self.leases.asking = if is_free { asking - 1 } else { asking + 1 };
        }
        if self.schedule.gauges.is_empty() {
            return;
        }
        if is_free {
            self.schedule.gauges.leave(self.run.ancestors(task));
            self.refill(task);
        } else {
            self.schedule.gauges.enter(self.run.ancestors(task));
        }
    }

    /// The first of the queue was looked at: the next item takes the place of one that led others.
    pub(super) fn ready_taken(&mut self, pool: Pool) {
        let Some(place) = self.schedule.pop_ready(pool) else {
            return;
        };
        if place.leads
            && let Some(next) = self.next_item(place.task)
        {
            self.schedule.push_ready(Place::of(&self.run, next, true));
        }
        self.refill(place.task);
    }

    fn next_item(&self, item: TaskIndex) -> Option<TaskIndex> {
        let expansion = self.run.expansion(self.run.parent(item)?)?;
        let waits = |item: &TaskIndex| self.run.task(*item).state == TaskState::Pending;
        let mut behind =
            (expansion.place(item) + 1..expansion.width()).map(|at| expansion.child(at));
        behind.find(waits)
    }

    /// Whoever waits beneath the same ancestors moves up where there is room.
    pub(super) fn refill(&mut self, task: TaskIndex) {
        if self.schedule.gauges.is_empty() {
            return;
        }
        for place in self.schedule.gauges.next(self.run.ancestors(task)) {
            self.schedule.push_ready(place);
        }
    }
}
