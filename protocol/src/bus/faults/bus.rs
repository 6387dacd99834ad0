//! The wrapper: every call throws the dice before and after the inner bus does its work.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::{Instant, sleep, sleep_until};

use super::acker::FaultAcker;
use super::chaos::{Chaos, Held};
use super::kind::{Fault, Faults};
use crate::bus::{
    Bus, BusError, ConsumerSpec, Delivery, Headers, PubAck, PublishOptions, StreamSpec,
    Subscription,
};

/// How long a publisher waits for the server before it sees `TimedOut`.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Deliveries kept back at most, over all consumers; beyond that they pass.
const MAX_KEPT: usize = 4096;

/// A bus with seeded faults around another one. Without faults it behaves as the inner bus does.
pub struct FaultBus {
    inner: Arc<dyn Bus>,
    chaos: Arc<Chaos>,
    kept: Mutex<Vec<Kept>>,
}

/// A delivery that overtakes nobody.
struct Kept {
    until: Instant,
    stream: String,
    consumer: String,
    delivery: Delivery,
}

impl FaultBus {
    /// Wraps `inner`; the same seed on the same calls gives the same faults.
    #[must_use]
    pub fn new(inner: Arc<dyn Bus>, seed: u64, faults: Faults) -> Self {
        Self {
            inner,
            chaos: Arc::new(Chaos::new(seed, faults)),
            kept: Mutex::default(),
        }
    }

    /// No faults from now on; what was held back still arrives.
    pub fn calm(&self) {
        self.chaos.calm();
    }

    /// How often each fault happened, all kinds listed.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Fault, u64> {
        self.chaos.counts()
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept
            .lock()
            .expect("no critical section of the kept deliveries panics")
    }

    /// Kept deliveries of this consumer whose time has come.
    fn take_kept(&self, stream: &str, consumer: &str, batch: usize) -> Vec<Delivery> {
        let now = Instant::now();
        let is_due = |kept: &mut Kept| {
            kept.until <= now && kept.stream == stream && kept.consumer == consumer
        };
        let mut kept = self.kept();
        let due = kept.extract_if(.., is_due).take(batch);
        due.map(|kept| kept.delivery).collect()
    }

    /// Wraps what came, keeps some of it back, repeats some of it.
    fn disturb(&self, stream: &str, consumer: &str, found: Vec<Delivery>) -> Vec<Delivery> {
        let mut passed = Vec::with_capacity(found.len());
        for Delivery {
            message,
            seq,
            delivered,
            acker,
        } in found
        {
            let acker = FaultAcker {
                chaos: Arc::clone(&self.chaos),
                inner: Arc::from(acker),
            };
            let make = || Delivery {
                message: message.clone(),
                seq,
                delivered,
                acker: Box::new(acker.clone()),
            };
            if self.chaos.strikes(Fault::DeliveryRepeated) {
                self.keep(stream, consumer, make(), &mut passed);
            }
            if self.chaos.strikes(Fault::DeliveryHeld) {
                self.keep(stream, consumer, make(), &mut passed);
            } else {
                passed.push(make());
            }
        }
        passed
    }

    fn keep(&self, stream: &str, consumer: &str, delivery: Delivery, passed: &mut Vec<Delivery>) {
        let until = Instant::now() + self.chaos.delay();
        let mut kept = self.kept();
        if kept.len() >= MAX_KEPT {
            passed.push(delivery);
        } else {
            let (stream, consumer) = (stream.to_owned(), consumer.to_owned());
            kept.push(Kept {
                until,
                stream,
                consumer,
                delivery,
            });
        }
    }

    async fn release_due(&self) {
        self.chaos.release_due(&*self.inner).await;
    }
}

fn timed_out<T>(subject: &str) -> Result<T, BusError> {
    Err(BusError::TimedOut(subject.to_owned()))
}

#[async_trait]
impl Bus for FaultBus {
    async fn ensure_stream(&self, spec: &StreamSpec) -> Result<(), BusError> {
        self.inner.ensure_stream(spec).await
    }

    async fn ensure_consumer(&self, spec: &ConsumerSpec) -> Result<(), BusError> {
        self.inner.ensure_consumer(spec).await
    }

    async fn publish(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
        options: PublishOptions,
    ) -> Result<PubAck, BusError> {
        self.release_due().await;
        if self.chaos.strikes(Fault::PublishLost) {
            sleep(ANSWER_TIMEOUT).await;
            return timed_out(subject);
        }
        if self.chaos.strikes(Fault::PublishDelayed) {
            sleep(self.chaos.delay()).await;
        }
        let repeated = self.chaos.strikes(Fault::PublishRepeated).then(|| {
            let forgotten = PublishOptions {
                msg_id: None,
                ..options.clone()
            };
            (headers.clone(), payload.clone(), forgotten)
        });
        let stored = self.inner.publish(subject, headers, payload, options).await;
        if let Some((headers, payload, options)) = repeated {
            // The sender does not know of it, so neither of its outcome.
            self.inner
                .publish(subject, headers, payload, options)
                .await
                .ok();
        }
        if self.chaos.strikes(Fault::PublishUnanswered) {
            sleep(ANSWER_TIMEOUT).await;
            return timed_out(subject);
        }
        stored
    }

    async fn pull(
        &self,
        stream: &str,
        consumer: &str,
        batch: usize,
        expires: Duration,
    ) -> Result<Vec<Delivery>, BusError> {
        let started = Instant::now();
        loop {
            self.release_due().await;
            let kept = self.take_kept(stream, consumer, batch);
            if !kept.is_empty() {
                return Ok(kept);
            }
            // Slices, so that what is held back goes out although everybody waits.
            let left = expires.saturating_sub(started.elapsed());
            let slice = match self.chaos.look_after() {
                None if self.kept().is_empty() => left,
                slice => left.min(slice.unwrap_or(left)),
            };
            let found = self.inner.pull(stream, consumer, batch, slice).await?;
            let passed = self.disturb(stream, consumer, found);
            if !passed.is_empty() || started.elapsed() >= expires {
                return Ok(passed);
            }
        }
    }

    async fn delete(&self, stream: &str, seq: u64) -> Result<(), BusError> {
        self.release_due().await;
        self.inner.delete(stream, seq).await
    }

    async fn request(
        &self,
        subject: &str,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, BusError> {
        self.release_due().await;
        let deadline = Instant::now() + timeout;
        if self.chaos.strikes(Fault::RequestLost) {
            sleep_until(deadline).await;
            return timed_out(subject);
        }
        if self.chaos.strikes(Fault::RequestDelayed) {
            sleep_until(deadline.min(Instant::now() + self.chaos.delay())).await;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let asked = self.inner.request(subject, payload.clone(), left);
        let answer = if self.chaos.strikes(Fault::RequestRepeated) {
            let again = async {
                self.inner.request(subject, payload, left).await.ok();
                pending::<()>().await;
            };
            tokio::select! {
                biased;
                answer = asked => answer,
                () = again => timed_out(subject),
            }
        } else {
            asked.await
        };
        if self.chaos.strikes(Fault::ReplyLost) {
            sleep_until(deadline).await;
            return timed_out(subject);
        }
        if self.chaos.strikes(Fault::ReplyDelayed) {
            let arrives = Instant::now() + self.chaos.delay();
            sleep_until(deadline.min(arrives)).await;
            if arrives > deadline {
                return timed_out(subject);
            }
        }
        answer
    }

    async fn subscribe(&self, pattern: &str, capacity: usize) -> Result<Subscription, BusError> {
        self.inner.subscribe(pattern, capacity).await
    }

    async fn broadcast(&self, subject: &str, payload: Bytes) -> Result<(), BusError> {
        self.release_due().await;
        if self.chaos.strikes(Fault::BroadcastLost) {
            return Ok(());
        }
        if self.chaos.strikes(Fault::BroadcastRepeated) {
            self.inner.broadcast(subject, payload.clone()).await?;
        }
        if self.chaos.strikes(Fault::BroadcastDelayed) {
            let held = Held::Broadcast(subject.to_owned(), payload.clone());
            if self.chaos.hold(held).is_ok() {
                return Ok(());
            }
        }
        self.inner.broadcast(subject, payload).await
    }
}
