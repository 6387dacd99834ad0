//! The dice, the counts, and what is held back until later.
//!
//! Nothing runs in the background: what is held back goes out when a later call comes by, or a
//! waiting pull looks. Under one seed, one thread and paused time every run is the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::Instant;

use super::kind::{Fault, Faults};
use crate::bus::{Acker, Bus, BusError};

/// Things held back at most; beyond that they pass. Far more than a simulation has under way.
const MAX_HELD: usize = 4096;

/// An answer to a delivery.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Ack,
    Nak(Duration),
    Progress,
}

impl Answer {
    pub async fn give(self, acker: &dyn Acker) -> Result<(), BusError> {
        match self {
            Self::Ack => acker.ack().await,
            Self::Nak(delay) => acker.nak(delay).await,
            Self::Progress => acker.progress().await,
        }
    }
}

/// Something to do later.
pub(super) enum Held {
    Answer(Answer, Arc<dyn Acker>),
    Broadcast(String, Bytes),
}

pub(super) struct Chaos {
    state: Mutex<State>,
}

struct State {
    rng: SmallRng,
    faults: Faults,
    counts: [u64; Fault::ALL.len()],
    held: Vec<(Instant, Held)>,
}

impl Chaos {
    pub fn new(seed: u64, faults: Faults) -> Self {
        let rng = SmallRng::seed_from_u64(seed);
        let counts = [0; Fault::ALL.len()];
        Self {
            state: Mutex::new(State {
                rng,
                faults,
                counts,
                held: Vec::new(),
            }),
        }
    }

    /// Whether `fault` happens now; counts it.
    pub fn strikes(&self, fault: Fault) -> bool {
        let mut state = self.lock();
        let p = state.faults.probability(fault);
        let strikes = p > 0.0 && state.rng.random_bool(p);
        state.counts[fault.index()] += u64::from(strikes);
        strikes
    }

    /// A delay, at least a millisecond.
    pub fn delay(&self) -> Duration {
        let mut state = self.lock();
        let max = u64::try_from(state.faults.max_delay().as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(state.rng.random_range(1..=max.max(1)))
    }

    /// How long a waiting pull may sleep before it looks at what is held back; `None` without faults.
    pub fn look_after(&self) -> Option<Duration> {
        let state = self.lock();
        let idle = state.held.is_empty() && state.faults.are_none();
        (!idle).then(|| state.faults.max_delay())
    }

    /// Holds something back, or gives it back at once when too much is held already.
    pub fn hold(&self, held: Held) -> Result<(), Held> {
        let until = Instant::now() + self.delay();
        let mut state = self.lock();
        if state.held.len() >= MAX_HELD {
            return Err(held);
        }
        state.held.push((until, held));
        Ok(())
    }

    /// Does what was held back long enough, oldest first.
    pub async fn release_due(&self, bus: &dyn Bus) {
        let now = Instant::now();
        let mut due: Vec<_> = self
            .lock()
            .held
            .extract_if(.., |(until, _)| *until <= now)
            .collect();
        due.sort_by_key(|(until, _)| *until);
        for (_, held) in due {
            // Whoever sent it has long been told something; an error now reaches nobody.
            match held {
                Held::Answer(answer, acker) => answer.give(&*acker).await.ok(),
                Held::Broadcast(subject, payload) => bus.broadcast(&subject, payload).await.ok(),
            };
        }
    }

    /// No faults from now on; what is held back still goes out.
    pub fn calm(&self) {
        self.lock().faults = Faults::none();
    }

    pub fn counts(&self) -> BTreeMap<Fault, u64> {
        let counts = self.lock().counts;
        Fault::ALL.into_iter().zip(counts).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no critical section of the dice panics")
    }
}
