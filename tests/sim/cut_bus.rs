//! A worker's cable: while it is cut, nothing goes out and nothing comes in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use protocol::bus::{
    Acker, Bus, BusError, ConsumerSpec, Delivery, Headers, PubAck, PublishOptions, StreamSpec,
    Subscription,
};
use tokio::time::{Instant, sleep, sleep_until};

/// How long a caller waits before it sees that nobody answers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a waiting pull looks whether the cable is whole again.
const LOOK: Duration = Duration::from_millis(500);

/// Whether the cable is cut.
#[derive(Clone, Default)]
pub(super) struct Cable(Arc<AtomicBool>);

impl Cable {
    pub(super) fn set_cut(&self, cut: bool) {
        self.0.store(cut, Ordering::SeqCst);
    }

    fn is_cut(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// The bus behind a cable.
pub(super) struct CutBus {
    pub(super) inner: Arc<dyn Bus>,
    pub(super) cable: Cable,
}

impl CutBus {
    async fn whole(&self, what: &str) -> Result<(), BusError> {
        if self.cable.is_cut() {
            sleep(ANSWER_TIMEOUT).await;
            return Err(BusError::TimedOut(what.to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl Bus for CutBus {
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
        self.whole(subject).await?;
        self.inner.publish(subject, headers, payload, options).await
    }

    async fn pull(
        &self,
        stream: &str,
        consumer: &str,
        batch: usize,
        expires: Duration,
    ) -> Result<Vec<Delivery>, BusError> {
        let until = Instant::now() + expires;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if self.cable.is_cut() {
                if left.is_zero() {
                    return Ok(Vec::new());
                }
                sleep(left.min(LOOK)).await;
                continue;
            }
            let mut found = self.inner.pull(stream, consumer, batch, left).await?;
            // What came while the cable was cut is lost, and delivered again later.
            if self.cable.is_cut() {
                found.clear();
            }
            if !found.is_empty() || left.is_zero() {
                let wrap = |delivery: Delivery| Delivery {
                    acker: Box::new(CutAcker {
                        inner: delivery.acker,
                        cable: self.cable.clone(),
                    }),
                    ..delivery
                };
                return Ok(found.into_iter().map(wrap).collect());
            }
        }
    }

    async fn delete(&self, stream: &str, seq: u64) -> Result<(), BusError> {
        self.whole(stream).await?;
        self.inner.delete(stream, seq).await
    }

    async fn request(
        &self,
        subject: &str,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, BusError> {
        let deadline = Instant::now() + timeout;
        if !self.cable.is_cut() {
            let answer = self.inner.request(subject, payload, timeout).await;
            if !self.cable.is_cut() {
                return answer;
            }
        }
        sleep_until(deadline).await;
        Err(BusError::TimedOut(subject.to_owned()))
    }

    async fn subscribe(&self, pattern: &str, capacity: usize) -> Result<Subscription, BusError> {
        self.inner.subscribe(pattern, capacity).await
    }

    async fn broadcast(&self, subject: &str, payload: Bytes) -> Result<(), BusError> {
        if self.cable.is_cut() {
            return Ok(());
        }
        self.inner.broadcast(subject, payload).await
    }
}

struct CutAcker {
    inner: Box<dyn Acker>,
    cable: Cable,
}

#[async_trait]
impl Acker for CutAcker {
    async fn ack(&self) -> Result<(), BusError> {
        if self.cable.is_cut() {
            return Ok(());
        }
        self.inner.ack().await
    }

    async fn double_ack(&self) -> Result<(), BusError> {
        if self.cable.is_cut() {
            sleep(ANSWER_TIMEOUT).await;
            return Err(BusError::TimedOut("double ack".to_owned()));
        }
        self.inner.double_ack().await
    }

    async fn nak(&self, delay: Duration) -> Result<(), BusError> {
        if self.cable.is_cut() {
            return Ok(());
        }
        self.inner.nak(delay).await
    }

    async fn progress(&self) -> Result<(), BusError> {
        if self.cable.is_cut() {
            return Ok(());
        }
        self.inner.progress().await
    }
}
