//! What a machine knows from its start, and the instants its inputs carry.

use std::sync::Arc;
use std::time::Duration;

use protocol::budget::Budget;
use protocol::ids::{CoordinatorId, Incarnation, RunId, WorkerId};
use protocol::policy::Dispatch;
use protocol::time::Timestamp;

/// When an input happened: on the monotonic clock for deadlines, on the wall clock for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Since the coordinator started.
    pub mono: Duration,
    /// For event timestamps.
    pub wall: Timestamp,
}

/// The in-process worker, which shares the coordinator's fate: its leases have no deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// Its name.
    pub worker: WorkerId,
    /// Its life.
    pub incarnation: Incarnation,
}

/// Everything constant about one run under one coordinator.
#[derive(Clone, Debug)]
pub struct Config {
    /// This coordinator.
    pub coordinator: CoordinatorId,
    /// The run.
    pub run: RunId,
    /// W3C trace id, 32 hex digits.
    pub trace_id: String,
    /// Attempts at once over all workers, where the user or the scenario said so.
    pub max_parallel: Option<u32>,
    /// Slots of the in-process worker, for the record.
    pub slots: u32,
    /// Cancel the run at the first failure that is not tolerated.
    pub fail_fast: bool,
    /// What tasks may do.
    pub policy: Arc<Dispatch>,
    /// The in-process worker, if there is one.
    pub embedded: Option<Embedded>,
    /// Workers that may die under one task before it is failed as poison, where the task says nothing.
    pub crash_limit: u32,
    /// Root of the scenario's own tree on this host, absolute, for tasks that work in it.
    pub project: Option<String>,
    /// What calls of models may add up to, and how long the run may take.
    pub budget: Budget,
    /// The in-process worker that asks models for tasks with a prompt, if there is one.
    pub models: Option<Embedded>,
}

/// Default of [`Config::crash_limit`].
pub const CRASH_LIMIT: u32 = 3;

/// A remote lease without a heartbeat for this long is lost. The worker fences itself a second
/// earlier by its own clock.
pub const LEASE_LOST: Duration = Duration::from_secs(5);
/// After a lost lease the task waits this long, so that the old worker is fenced for certain.
pub const REDISPATCH_DELAY: Duration = Duration::from_secs(1);
/// After this long by its own clock without an answered heartbeat a worker kills what it runs.
pub const FENCE: Duration = Duration::from_secs(4);
/// A published task that nobody claimed for this long is published anew: longer than all of a
/// message's deliveries take, so that it is lost or set aside by then.
pub const CLAIM_PATIENCE: Duration = Duration::from_secs(180);

impl Config {
    /// Whether this worker asks models.
    #[must_use]
    pub fn asks_models(&self, worker: &WorkerId) -> bool {
        let models = self.models.as_ref();
        models.is_some_and(|models| models.worker == *worker)
    }

    /// Whether leases of this worker have no deadline.
    #[must_use]
    pub fn is_embedded(&self, worker: &WorkerId) -> bool {
        let own = self.embedded.iter().chain(&self.models);
        own.into_iter().any(|embedded| embedded.worker == *worker)
    }
}
