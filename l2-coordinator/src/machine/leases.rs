//! Who holds which task, what is on its way to a worker, and which workers there are.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use protocol::ids::{Incarnation, LeaseId, WorkerId};
use protocol::message::WorkerHello;
use protocol::plan::TaskIndex;

use super::pool::Pool;

/// Slots believed of one worker: more than any host runs at once, and small enough that sums over
/// [`MAX_WORKERS`] fit.
const MAX_SLOTS: u32 = 1024;
/// Workers remembered at once; more are not counted until silent ones are forgotten.
const MAX_WORKERS: usize = 4096;
/// Late results remembered, so that each is recorded once; further ones are acknowledged only.
pub(super) const MAX_LATE: usize = 10_000;

/// A granted lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) lease: LeaseId,
    pub(super) worker: WorkerId,
    /// Unknown after a resume, until the worker speaks.
    pub(super) incarnation: Option<Incarnation>,
    /// When it is lost without a heartbeat; in-process leases have none.
    pub(super) deadline: Option<Duration>,
}

/// A task on the bus that nobody claimed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) lease: LeaseId,
    pub(super) since: Duration,
    /// Position in the stream, once the bus said so.
    pub(super) seq: Option<u64>,
}

/// A worker that offers slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Worker {
    pub(super) incarnation: Incarnation,
    pub(super) slots: u32,
    pub(super) seen: Duration,
}

/// The tables; ordered where they are walked, so that decisions are deterministic.
#[derive(Debug, Default)]
pub(super) struct Leases {
    /// Number of the last lease handed out in this epoch.
    pub(super) last: u32,
    pub(super) held: BTreeMap<TaskIndex, Held>,
    pub(super) published: BTreeMap<TaskIndex, Published>,
    /// The lease under which a task got its last result.
    pub(super) settled: HashMap<TaskIndex, LeaseId>,
    /// Stale leases whose result came and was recorded.
    pub(super) late: BTreeSet<(TaskIndex, LeaseId)>,
    pub(super) workers: BTreeMap<WorkerId, Worker>,
    /// Tasks that ask models and are published or held.
    pub(super) asking: usize,
    /// Attempts of the paused run are being stopped.
    pub(super) halted: bool,
}

impl Leases {
    /// Slots of all workers of which this holds.
    pub(super) fn slots(&self, counts: impl Fn(&WorkerId) -> bool) -> u32 {
        let workers = self.workers.iter().filter(|(id, _)| counts(id));
        workers.map(|(_, worker)| worker.slots).sum()
    }

    /// Tasks that are published or held.
    pub(super) fn in_flight(&self) -> usize {
        self.held.len() + self.published.len()
    }

    /// The same, of one pool.
    pub(super) fn in_flight_of(&self, pool: Pool) -> usize {
        match pool {
            Pool::Cpu => self.in_flight() - self.asking,
            Pool::Ai => self.asking,
        }
    }

    /// Neither held nor on its way.
    pub(super) fn is_free(&self, task: TaskIndex) -> bool {
        !self.held.contains_key(&task) && !self.published.contains_key(&task)
    }

    pub(super) fn see(&mut self, hello: &WorkerHello, now: Duration) {
        if self.workers.len() >= MAX_WORKERS && !self.workers.contains_key(&hello.worker) {
            return;
        }
        let worker = Worker {
            incarnation: hello.incarnation.clone(),
            slots: hello.slots.min(MAX_SLOTS),
            seen: now,
        };
        self.workers.insert(hello.worker.clone(), worker);
    }

    /// Tasks held by any life of this worker but `current`.
    pub(super) fn of_other_lives(
        &self,
        worker: &WorkerId,
        current: &Incarnation,
    ) -> impl Iterator<Item = (TaskIndex, &Held)> {
        self.held
            .iter()
            .filter(move |(_, held)| {
                held.worker == *worker && held.incarnation.as_ref().is_some_and(|i| i != current)
            })
            .map(|(task, held)| (*task, held))
    }
}
