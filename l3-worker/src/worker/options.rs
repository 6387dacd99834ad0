//! What a worker is told about itself.

use std::time::Duration;

use protocol::ids::{Incarnation, WorkerId};

/// How often a worker says that it lives, to everybody and to those whose leases it holds.
pub const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);
/// Without an answered heartbeat for this long, by its own clock, a worker kills what it runs under
/// a lease with a deadline: a second before the coordinator gives the lease away.
pub const FENCE_AFTER: Duration = Duration::from_secs(4);

/// One worker.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its name, the same over restarts.
    pub worker: WorkerId,
    /// This life of it.
    pub incarnation: Incarnation,
    /// The pool it pulls from.
    pub pool: String,
    /// Attempts at once; the executor has room for as many.
    pub slots: usize,
    /// Seed of the retries' jitter.
    pub seed: u64,
}
