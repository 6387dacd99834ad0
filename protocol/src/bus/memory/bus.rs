//! The in-process bus: finds the stream or the subscribers, and leaves the work to them.

use std::collections::HashMap;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::pull::pull;
use super::stream::Stream;
use super::subscribers::Subscribers;
use crate::bus::pattern::{Pattern, is_subject};
use crate::bus::{
    Bus, BusError, ConsumerSpec, Delivery, Headers, Message, PubAck, PublishOptions, StreamSpec,
    Subscription,
};

/// A bus within one process: the default, and the ground of every simulation.
///
/// It keeps nothing on disk and needs no background task: timers are looked at when someone pulls,
/// on tokio's clock, so paused time works. Calls that do not wait may be made from anywhere; `pull`
/// with a wait and `request` need a tokio context with timers, and `Handle::block_on` from a plain
/// thread is one, as long as some thread drives that runtime.
#[derive(Default)]
pub struct MemoryBus {
    streams: RwLock<Streams>,
    subscribers: Arc<Subscribers>,
}

#[derive(Default)]
struct Streams {
    /// Few; their patterns do not overlap.
    list: Vec<Arc<Stream>>,
    by_name: HashMap<String, Arc<Stream>>,
    closed: bool,
}

impl MemoryBus {
    /// An empty bus.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the bus: waiting pulls, later calls and answers see [`BusError::Closed`], subscriptions
    /// end after what they hold.
    pub fn close(&self) {
        let mut streams = self.write();
        streams.closed = true;
        streams.list.iter().for_each(|stream| stream.close());
        drop(streams);
        self.subscribers.close();
    }

    /// Forgets what a restarted server forgets: ids of messages that were deleted. Stored messages,
    /// consumers, deliveries under way and subscribers (who reconnect) stay.
    pub fn restart(&self) {
        self.read().list.iter().for_each(|stream| stream.restart());
    }

    /// How many messages a stream stores, delivered ones that nobody acknowledged included; 0 when
    /// there is no such stream.
    #[must_use]
    pub fn stored(&self, stream: &str) -> usize {
        self.read()
            .by_name
            .get(stream)
            .map_or(0, |stream| stream.lock().store.len())
    }

    fn stream_for(&self, subject: &str) -> Result<Arc<Stream>, BusError> {
        let streams = self.read();
        if streams.closed {
            return Err(BusError::Closed);
        }
        streams
            .list
            .iter()
            .find(|stream| stream.pattern.matches(subject))
            .filter(|_| is_subject(subject))
            .cloned()
            .ok_or_else(|| BusError::NoStream(subject.to_owned()))
    }

    fn stream_named(&self, name: &str) -> Result<Arc<Stream>, BusError> {
        let streams = self.read();
        let stream = streams.by_name.get(name);
        stream
            .cloned()
            .ok_or_else(|| BusError::NoStream(name.to_owned()))
    }

    fn read(&self) -> RwLockReadGuard<'_, Streams> {
        self.streams
            .read()
            .expect("no critical section of the streams panics")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Streams> {
        self.streams
            .write()
            .expect("no critical section of the streams panics")
    }
}

/// What NATS takes as one message, headers included.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

fn check_size(headers: &Headers, payload: &Bytes) -> Result<(), BusError> {
    // Separators of the wire form count too: `name: value\r\n`.
    let headers: usize = headers
        .iter()
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum();
    if payload.len() > Message::MAX_BYTES || headers + payload.len() > MAX_MESSAGE_BYTES {
        return Err(BusError::TooLarge(headers + payload.len()));
    }
    Ok(())
}

fn check_pattern(name: &str, text: &str) -> Result<Pattern, BusError> {
    Pattern::new(text).ok_or_else(|| BusError::Conflict {
        name: name.to_owned(),
        reason: format!("`{text}` is no subject pattern"),
    })
}

#[async_trait]
impl Bus for MemoryBus {
    async fn ensure_stream(&self, spec: &StreamSpec) -> Result<(), BusError> {
        let pattern = check_pattern(&spec.name, &spec.subjects)?;
        let conflict = |reason| {
            Err(BusError::Conflict {
                name: spec.name.clone(),
                reason,
            })
        };
        let mut streams = self.write();
        if streams.closed {
            return Err(BusError::Closed);
        }
        if let Some(stream) = streams.by_name.get(&spec.name) {
            return if stream.spec == *spec {
                Ok(())
            } else {
                conflict("exists with other settings".to_owned())
            };
        }
        if let Some(other) = streams
            .list
            .iter()
            .find(|other| other.pattern.overlaps(&pattern))
        {
            return conflict(format!("`{pattern}` overlaps with `{}`", other.spec.name));
        }
        let stream = Arc::new(Stream::new(spec.clone(), pattern));
        streams
            .by_name
            .insert(spec.name.clone(), Arc::clone(&stream));
        streams.list.push(stream);
        Ok(())
    }

    async fn ensure_consumer(&self, spec: &ConsumerSpec) -> Result<(), BusError> {
        let filter = check_pattern(&spec.name, &spec.filter)?;
        self.stream_named(&spec.stream)?
            .ensure_consumer(spec, filter)
    }

    async fn publish(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
        options: PublishOptions,
    ) -> Result<PubAck, BusError> {
        check_size(&headers, &payload)?;
        let stream = self.stream_for(subject)?;
        stream.publish(
            Message {
                subject: subject.to_owned(),
                headers,
                payload,
            },
            options,
        )
    }

    async fn pull(
        &self,
        stream: &str,
        consumer: &str,
        batch: usize,
        expires: Duration,
    ) -> Result<Vec<Delivery>, BusError> {
        let stream = self.stream_named(stream)?;
        pull(&stream, consumer, batch, expires).await
    }

    async fn delete(&self, stream: &str, seq: u64) -> Result<(), BusError> {
        self.stream_named(stream)?.remove(seq)
    }

    async fn request(
        &self,
        subject: &str,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, BusError> {
        check_size(&Headers::new(), &payload)?;
        self.subscribers.request(subject, &payload, timeout).await
    }

    async fn subscribe(&self, pattern: &str, capacity: usize) -> Result<Subscription, BusError> {
        self.subscribers
            .subscribe(check_pattern(pattern, pattern)?, capacity)
    }

    async fn broadcast(&self, subject: &str, payload: Bytes) -> Result<(), BusError> {
        check_size(&Headers::new(), &payload)?;
        self.subscribers.broadcast(subject, &payload)
    }
}
