//! What a worker holds: one lease per busy slot, and the order to stop it.
//!
//! All of a slot's stops go through here under one lock, so an order meant for one task can never
//! reach the next one in the same slot.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::bus::Acker;
use protocol::ids::{CoordinatorId, LeaseToken};
use protocol::message::Cancel;
use tokio::time::Instant;

use crate::stop::{Stop, StopLevel};

/// Leases this life remembers as over: what the bus tells again comes again soon.
const MAX_OVER: usize = 256;

/// Shared by the slots, which take and release, and the keeper, which renews and stops.
pub(super) struct Holds {
    stops: Vec<Arc<Stop>>,
    held: Mutex<BTreeMap<usize, Hold>>,
    /// Oldest first.
    over: Mutex<VecDeque<LeaseToken>>,
}

/// Whether a delivery is a slot's to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Taken {
    /// It is.
    Mine,
    /// Another slot holds this very lease, so the bus told again what is being done.
    Elsewhere,
    /// This life said its last word under it; a coordinator that has not read that yet would grant
    /// it again.
    Over,
}

/// One lease, from before its claim until its delivery is answered.
pub(super) struct Hold {
    pub(super) token: LeaseToken,
    pub(super) coordinator: CoordinatorId,
    pub(super) acker: Arc<dyn Acker>,
    /// Renewed by heartbeats; in-process leases have no deadline.
    pub(super) renewed: Option<Instant>,
    /// Lost: whatever comes of it is reported to nobody.
    pub(super) is_lost: bool,
}

impl Holds {
    pub(super) fn new(slots: usize) -> io::Result<Self> {
        let stops = (0..slots)
            .map(|_| Stop::new().map(Arc::new))
            .collect::<io::Result<_>>()?;
        Ok(Self {
            stops,
            held: Mutex::new(BTreeMap::new()),
            over: Mutex::default(),
        })
    }

    pub(super) fn stop(&self, slot: usize) -> &Stop {
        &self.stops[slot]
    }

    pub(super) fn take(&self, slot: usize, hold: Hold) -> Taken {
        let mut held = self.lock();
        let is_same = |token: &LeaseToken| token.lease == hold.token.lease && *token == hold.token;
        if held.values().any(|other| is_same(&other.token)) {
            return Taken::Elsewhere;
        }
        if self.over().iter().any(is_same) {
            return Taken::Over;
        }
        self.stops[slot].reset();
        held.insert(slot, hold);
        Taken::Mine
    }

    /// Nothing more is done under the slot's lease in this life.
    pub(super) fn end(&self, slot: usize) {
        if let Some(hold) = self.lock().get(&slot) {
            let mut over = self.over();
            if over.len() >= MAX_OVER {
                over.pop_front();
            }
            over.push_back(hold.token.clone());
        }
    }

    fn over(&self) -> MutexGuard<'_, VecDeque<LeaseToken>> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The claim was granted, with or without a deadline. `asked` is when it was sent.
    pub(super) fn granted(&self, slot: usize, asked: Instant, has_deadline: bool) {
        if let Some(hold) = self.lock().get_mut(&slot) {
            hold.renewed = has_deadline.then_some(asked);
        }
    }

    /// Gives the slot's lease up.
    pub(super) fn release(&self, slot: usize) {
        self.lock().remove(&slot);
    }

    pub(super) fn is_lost(&self, slot: usize) -> bool {
        self.lock().get(&slot).is_some_and(|hold| hold.is_lost)
    }

    /// Whoever is meant by it stops.
    pub(super) fn cancel(&self, cancel: &Cancel) {
        let level = if cancel.kill {
            StopLevel::Kill
        } else {
            StopLevel::Terminate
        };
        self.stop_where(level, |hold| {
            hold.token.run == cancel.run_id
                && cancel
                    .task_id
                    .as_ref()
                    .is_none_or(|task| *task == hold.token.task)
        });
    }

    /// One lease's attempts stop, and are reported.
    pub(super) fn cancel_lease(&self, token: &LeaseToken) {
        self.stop_where(StopLevel::Terminate, |hold| hold.token == *token);
    }

    /// Everything stops.
    pub(super) fn stop_all(&self, level: StopLevel) {
        self.stop_where(level, |_| true);
    }

    fn stop_where(&self, level: StopLevel, meant: impl Fn(&Hold) -> bool) {
        for (slot, _) in self.lock().iter().filter(|(_, hold)| meant(hold)) {
            self.stops[*slot].raise(level);
        }
    }

    /// This lease is somebody else's by now: killed, reported to nobody.
    pub(super) fn lose(&self, token: &LeaseToken) {
        self.lose_where(|hold| hold.token == *token);
    }

    /// As [`Self::lose`], for every lease that no coordinator renewed in time.
    pub(super) fn fence(&self, now: Instant, after: Duration) {
        self.lose_where(|hold| hold.renewed.is_some_and(|renewed| now >= renewed + after));
    }

    fn lose_where(&self, lost: impl Fn(&Hold) -> bool) {
        for (slot, hold) in self.lock().iter_mut().filter(|(_, hold)| !hold.is_lost) {
            if lost(hold) {
                tracing::warn!(task = %hold.token.task, lease = %hold.token.lease, "lease lost");
                hold.is_lost = true;
                self.stops[*slot].raise(StopLevel::Kill);
            }
        }
    }

    /// These leases hold from `asked` on.
    pub(super) fn renew(&self, tokens: &[LeaseToken], asked: Instant) {
        for hold in self
            .lock()
            .values_mut()
            .filter(|hold| tokens.contains(&hold.token))
        {
            hold.renewed = hold.renewed.map(|before| before.max(asked));
        }
    }

    /// Leases with a deadline, by coordinator.
    pub(super) fn to_renew(&self) -> BTreeMap<CoordinatorId, Vec<LeaseToken>> {
        let mut by_coordinator: BTreeMap<CoordinatorId, Vec<LeaseToken>> = BTreeMap::new();
        for hold in self
            .lock()
            .values()
            .filter(|hold| hold.renewed.is_some() && !hold.is_lost)
        {
            by_coordinator
                .entry(hold.coordinator.clone())
                .or_default()
                .push(hold.token.clone());
        }
        by_coordinator
    }

    /// The deliveries to keep alive.
    pub(super) fn ackers(&self) -> Vec<Arc<dyn Acker>> {
        self.lock()
            .values()
            .map(|hold| Arc::clone(&hold.acker))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Hold>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
