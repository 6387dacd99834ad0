//! Where randomness and the wall clock enter.

use std::time::{SystemTime, UNIX_EPOCH};

use protocol::ids::{CoordinatorId, Incarnation, RunId};
use protocol::time::{Clock, Timestamp};
use uuid::Uuid;

/// The system's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A new run's id.
#[must_use]
pub fn run() -> RunId {
    RunId::from_uuid(Uuid::now_v7())
}

/// 64 random bits. Only the last half of a v7 id is: the rest is time and a counter.
fn bits() -> u64 {
    let half = || Uuid::now_v7().as_u64_pair().1 & u64::from(u32::MAX);
    half() << 32 | half()
}

/// 16 random hex digits.
fn random() -> String {
    format!("{:016x}", bits())
}

/// The present by the system's clock.
#[must_use]
pub fn now() -> Timestamp {
    SystemClock.now()
}

/// A new coordinator's id.
#[must_use]
pub fn coordinator() -> CoordinatorId {
    format!("c-{}", random())
        .parse()
        .expect("hex digits fit a token")
}

pub(super) fn incarnation() -> Incarnation {
    random().parse().expect("hex digits fit a token")
}

/// A W3C trace id.
#[must_use]
pub fn trace() -> String {
    format!("{}{}", random(), random())
}

/// A seed for the jitter of retries.
#[must_use]
pub fn seed() -> u64 {
    bits()
}
