//! The two work queues every bus has: tasks for workers, results for coordinators.

use std::time::Duration;

use crate::bus::{ConsumerSpec, StreamSpec};
use crate::ids::CoordinatorId;
use crate::subject::{Priority, ResultSubject, TaskSubject};

/// Name of the stream that holds published tasks.
pub const TASKS: &str = "TASKS";
/// Name of the stream that holds results.
pub const RESULTS: &str = "RESULTS";

/// How long an unanswered delivery stays with its receiver.
pub const ACK_WAIT: Duration = Duration::from_secs(30);
/// How often a holder says that it is still at it; a third of [`ACK_WAIT`], so two may be lost.
pub const PROGRESS_EVERY: Duration = Duration::from_secs(10);
/// How long message ids are remembered: longer than any publisher retries.
const DEDUP_WINDOW: Duration = Duration::from_secs(600);
/// Bounds the broker's disk or memory. Coordinators publish only a window of their plans, so this
/// is never reached by honest use.
const MAX_BYTES: usize = 256 * 1024 * 1024;
/// As [`MAX_BYTES`], in messages.
const MAX_MESSAGES: usize = 1_000_000;
/// A message that this many workers took without claiming it is set aside; the coordinator's sweep
/// publishes it anew under a new lease.
const MAX_DELIVER: u32 = 5;

/// Published tasks. One message per subject: a lease is queued once.
#[must_use]
pub fn tasks_stream() -> StreamSpec {
    StreamSpec {
        name: TASKS.into(),
        subjects: TaskSubject::ALL.into(),
        max_messages: MAX_MESSAGES,
        max_bytes: MAX_BYTES,
        max_per_subject: Some(1),
        dedup_window: DEDUP_WINDOW,
    }
}

/// Results, until the coordinator has them in its journal.
#[must_use]
pub fn results_stream() -> StreamSpec {
    StreamSpec {
        name: RESULTS.into(),
        subjects: ResultSubject::ALL.into(),
        max_messages: MAX_MESSAGES,
        max_bytes: MAX_BYTES,
        max_per_subject: None,
        dedup_window: DEDUP_WINDOW,
    }
}

/// Tasks that one pool's workers hold at once, over all of them. Coordinators publish no more than
/// their workers have slots for, so this only bounds what misbehaving workers can pile up.
const MAX_ACK_PENDING: usize = 8192;

/// Where one pool's workers pull at one priority.
#[must_use]
pub fn pool_consumer(pool: &str, priority: Priority) -> ConsumerSpec {
    ConsumerSpec {
        stream: TASKS.into(),
        name: pool_consumer_name(pool, priority),
        filter: TaskSubject::pool_filter(pool, priority),
        ack_wait: ACK_WAIT,
        max_deliver: Some(MAX_DELIVER),
        max_ack_pending: MAX_ACK_PENDING,
    }
}

/// Name of that consumer.
#[must_use]
pub fn pool_consumer_name(pool: &str, priority: Priority) -> String {
    format!("p_{pool}_{}", priority.token())
}

/// Where one coordinator pulls its results.
#[must_use]
pub fn results_consumer(coordinator: &CoordinatorId) -> ConsumerSpec {
    ConsumerSpec {
        stream: RESULTS.into(),
        name: results_consumer_name(coordinator),
        filter: ResultSubject::filter(coordinator),
        ack_wait: ACK_WAIT,
        max_deliver: None,
        max_ack_pending: 100_000,
    }
}

/// Name of that consumer.
#[must_use]
pub fn results_consumer_name(coordinator: &CoordinatorId) -> String {
    format!("c_{coordinator}")
}
