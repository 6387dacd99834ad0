//! A bus on which broadcasts and signs of life hang, as on a connection that is neither up nor down.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use protocol::bus::{
    Acker, Bus, BusError, ConsumerSpec, Delivery, Headers, MemoryBus, PubAck, PublishOptions,
    StreamSpec, Subscription,
};

pub struct StuckBus(pub Arc<MemoryBus>);

struct StuckAcker(Box<dyn Acker>);

#[async_trait]
impl Acker for StuckAcker {
    async fn ack(&self) -> Result<(), BusError> {
        self.0.ack().await
    }

    async fn double_ack(&self) -> Result<(), BusError> {
        self.0.double_ack().await
    }

    async fn nak(&self, delay: Duration) -> Result<(), BusError> {
        self.0.nak(delay).await
    }

    async fn progress(&self) -> Result<(), BusError> {
        std::future::pending().await
    }
}

#[async_trait]
impl Bus for StuckBus {
    async fn ensure_stream(&self, spec: &StreamSpec) -> Result<(), BusError> {
        self.0.ensure_stream(spec).await
    }

    async fn ensure_consumer(&self, spec: &ConsumerSpec) -> Result<(), BusError> {
        self.0.ensure_consumer(spec).await
    }

    async fn publish(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
        options: PublishOptions,
    ) -> Result<PubAck, BusError> {
        self.0.publish(subject, headers, payload, options).await
    }

    async fn pull(
        &self,
        stream: &str,
        consumer: &str,
        batch: usize,
        expires: Duration,
    ) -> Result<Vec<Delivery>, BusError> {
        let pulled = self.0.pull(stream, consumer, batch, expires).await?;
        let stuck = |delivery: Delivery| Delivery {
            acker: Box::new(StuckAcker(delivery.acker)),
            ..delivery
        };
        Ok(pulled.into_iter().map(stuck).collect())
    }

    async fn delete(&self, stream: &str, seq: u64) -> Result<(), BusError> {
        self.0.delete(stream, seq).await
    }

    async fn request(
        &self,
        subject: &str,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, BusError> {
        self.0.request(subject, payload, timeout).await
    }

    async fn subscribe(&self, pattern: &str, capacity: usize) -> Result<Subscription, BusError> {
        self.0.subscribe(pattern, capacity).await
    }

    async fn broadcast(&self, _: &str, _: Bytes) -> Result<(), BusError> {
        std::future::pending().await
    }
}
