//! Trying again: only what may be repeated, a bounded number of times, after a wait that the provider
//! asked for or that chance spreads.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};

use super::body::Deadline;
use super::limits::Limits;
use crate::model::{ModelError, Progress};

/// Chance, from a seed, so that tests know it.
pub(crate) struct Dice(Mutex<SmallRng>);

impl Dice {
    /// From a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(SmallRng::seed_from_u64(seed)))
    }

    /// Anything up to `most`.
    fn up_to(&self, most: Duration) -> Duration {
        let mut dice = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        most.mul_f64(dice.random::<f64>())
    }
}

/// Does `once` until it works, may not be repeated, or was tried often enough.
///
/// # Errors
/// The last one, which says how often it was tried.
pub(crate) async fn repeat<T, F: Future<Output = Result<T, ModelError>>>(
    limits: &Limits,
    dice: &Dice,
    deadline: &Deadline,
    progress: &(dyn Fn(Progress) + Send + Sync),
    once: impl Fn() -> F,
) -> Result<T, ModelError> {
    let mut tried = 1;
    loop {
        let error = match once().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let delay = delay(&error, tried, limits, dice);
        let Some(delay) = delay.filter(|delay| *delay < deadline.left()) else {
            return Err(after(error, tried));
        };
        tracing::debug!(%error, tried, ?delay, "a model call is tried again");
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        tried += 1;
        progress(Progress::Waiting {
            next: tried,
            delay_ms,
        });
        tokio::time::sleep(delay).await;
    }
}

/// How long to wait before another try; none if there is none.
fn delay(error: &ModelError, tried: u32, limits: &Limits, dice: &Dice) -> Option<Duration> {
    if !error.may_repeat() || tried >= limits.tries {
        return None;
    }
    match error.retry_after {
        Some(wait) => (wait <= limits.longest_wait).then_some(wait),
        None => {
            let factor = 2_u32.saturating_pow(tried - 1);
            let most = limits.first_delay.saturating_mul(factor);
            Some(dice.up_to(most.min(limits.longest_delay)))
        }
    }
}

fn after(mut error: ModelError, tried: u32) -> ModelError {
    if tried > 1 {
        error.message = format!("{} (tried {tried} times)", error.message);
    }
    error
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::Instant;

    use super::*;
    use crate::model::ErrorKind;

    fn transient() -> ModelError {
        ModelError::new(ErrorKind::Transient, "busy")
    }

    /// What came of a call that always fails so: the error, how often it was tried, how long it took.
    async fn outcome(error: ModelError, limits: &Limits) -> (ModelError, u32, Duration) {
        let (tries, began) = (AtomicU32::new(0), Instant::now());
        let deadline = Deadline::start(limits);
        let once = || {
            tries.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Err::<(), _>(error.clone()))
        };
        let error = repeat(limits, &Dice::new(7), &deadline, &|_| {}, once).await;
        (error.unwrap_err(), tries.into_inner(), began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_may_be_repeated_is() {
        let limits = Limits::default();
        let billed = ModelError {
            used: Some(Vec::new()),
            ..transient()
        };
        let fatal = ModelError::new(ErrorKind::Fatal, "no");
        for (error, wanted) in [(transient(), 3), (billed, 1), (fatal, 1)] {
            let (_, tries, _) = outcome(error.clone(), &limits).await;
            assert_eq!(tries, wanted, "{error:?}");
        }
        let (error, ..) = outcome(transient(), &limits).await;
        assert_eq!(error.message, "busy (tried 3 times)");
    }

    #[tokio::test(start_paused = true)]
    async fn an_asked_wait_is_kept_or_handed_up() {
        let limits = Limits::default();
        let asking = |wait: Duration| ModelError {
            retry_after: Some(wait),
            ..transient()
        };
        let (_, tries, took) = outcome(asking(Duration::from_secs(30)), &limits).await;
        assert_eq!((tries, took), (3, Duration::from_secs(60)));
        let (error, tries, took) = outcome(asking(Duration::from_secs(61)), &limits).await;
        assert_eq!((tries, took), (1, Duration::ZERO));
        assert_eq!(error.retry_after, Some(Duration::from_secs(61)));
    }

    #[tokio::test(start_paused = true)]
    async fn no_wait_reaches_beyond_the_whole() {
        let limits = Limits {
            wall: Duration::from_secs(40),
            ..Limits::default()
        };
        let asking = ModelError {
            retry_after: Some(Duration::from_secs(30)),
            ..transient()
        };
        let (_, tries, took) = outcome(asking, &limits).await;
        assert_eq!((tries, took), (2, Duration::from_secs(30)));
    }

    #[test]
    fn own_waits_grow_and_are_spread() {
        let limits = Limits::default();
        for tried in 1..20 {
            let limits = Limits {
                tries: 99,
                ..limits.clone()
            };
            let most = Duration::from_millis(500 << (tried - 1).min(4));
            let dice = Dice::new(u64::from(tried));
            let waits: Vec<_> = (0..200)
                .map(|_| delay(&transient(), tried, &limits, &dice).unwrap())
                .collect();
            assert!(waits.iter().all(|wait| *wait <= most), "{tried}");
            assert!(waits.iter().any(|wait| *wait < most / 4), "{tried}");
            assert!(waits.iter().any(|wait| *wait > most * 3 / 4), "{tried}");
        }
        let of = |seed| delay(&transient(), 1, &limits, &Dice::new(seed));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
