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
pub(super) fn run() -> RunId {
    RunId::from_uuid(Uuid::now_v7())
}

/// 16 random hex digits.
fn random() -> String {
    let (_, low) = Uuid::now_v7().as_u64_pair();
    format!("{low:016x}")
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

/// The worker inside this process.
pub(super) fn trace() -> String {
    // Half of a v7 id is time; two random halves make a trace id that sorts by nothing.
    format!("{}{}", random(), random())
}

pub(super) fn seed() -> u64 {
    Uuid::now_v7().as_u64_pair().1
}
