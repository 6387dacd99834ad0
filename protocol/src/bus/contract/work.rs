//! One stream with one consumer, and the few verbs the cases are written in.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Fixture;
use crate::bus::{
    Bus, BusError, ConsumerSpec, Delivery, Headers, PubAck, PublishOptions, StreamSpec,
};

/// Short enough for real time, long enough to tell apart from a slow machine.
pub(super) const ACK_WAIT: Duration = Duration::from_millis(800);
/// What a loaded server may need for something that should happen at once.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How much too early a server's timer may fire, given its own clock's grain.
pub(super) const GRAIN: Duration = Duration::from_millis(20);

/// A stream and consumer to be opened.
pub(super) struct Setup {
    bus: Arc<dyn Bus>,
    pub stream: StreamSpec,
    pub consumer: ConsumerSpec,
}

impl Setup {
    /// Generous bounds; a case tightens the one it is about.
    pub fn new(fixture: &dyn Fixture) -> Self {
        let token = fixture.token();
        let name = format!("S_{token}");
        let stream = StreamSpec {
            name: name.clone(),
            subjects: format!("{token}.work.>"),
            max_messages: 10_000,
            max_bytes: 64 * 1024 * 1024,
            max_per_subject: None,
            dedup_window: Duration::from_secs(60),
        };
        let consumer = ConsumerSpec {
            stream: name,
            name: "pool".to_owned(),
            filter: format!("{token}.work.pool.>"),
            ack_wait: ACK_WAIT,
            max_deliver: None,
            max_ack_pending: 1000,
        };
        Self {
            bus: fixture.bus(),
            stream,
            consumer,
        }
    }

    /// A clock that no case waits for.
    pub fn patient(mut self) -> Self {
        self.consumer.ack_wait = Duration::from_secs(60);
        self
    }

    pub async fn open(self) -> Work {
        self.bus
            .ensure_stream(&self.stream)
            .await
            .expect("a new stream can be made");
        self.bus
            .ensure_consumer(&self.consumer)
            .await
            .expect("a new consumer can be made");
        let root = self.consumer.filter.trim_end_matches(".>").to_owned();
        Work {
            bus: self.bus,
            stream: self.stream.name,
            root,
        }
    }
}

/// An open stream whose consumer is named `pool`.
#[derive(Clone)]
pub(super) struct Work {
    pub bus: Arc<dyn Bus>,
    pub stream: String,
    root: String,
}

impl Work {
    /// A subject the consumer takes.
    pub fn subject(&self, leaf: &str) -> String {
        format!("{}.{leaf}", self.root)
    }

    /// Publishes `leaf` under its own name, which must work.
    pub async fn publish(&self, leaf: &str) -> PubAck {
        self.publish_with(leaf, PublishOptions::default())
            .await
            .expect("there is room")
    }

    pub async fn publish_with(
        &self,
        leaf: &str,
        options: PublishOptions,
    ) -> Result<PubAck, BusError> {
        let payload = Bytes::copy_from_slice(leaf.as_bytes());
        self.bus
            .publish(&self.subject(leaf), Headers::new(), payload, options)
            .await
    }

    pub async fn publish_id(&self, leaf: &str, id: &str) -> PubAck {
        let options = PublishOptions {
            msg_id: Some(id.to_owned()),
            expect_last_seq: None,
        };
        self.publish_with(leaf, options)
            .await
            .expect("there is room")
    }

    pub async fn publish_expecting(&self, leaf: &str, last: u64) -> Result<PubAck, BusError> {
        self.publish_with(
            leaf,
            PublishOptions {
                msg_id: None,
                expect_last_seq: Some(last),
            },
        )
        .await
    }

    pub async fn pull(&self, batch: usize, expires: Duration) -> Vec<Delivery> {
        self.bus
            .pull(&self.stream, "pool", batch, expires)
            .await
            .expect("the consumer exists")
    }

    /// The one message that is there or comes soon.
    pub async fn take(&self) -> Delivery {
        let mut found = self.pull(1, PATIENCE).await;
        assert_eq!(found.len(), 1, "a message comes within {PATIENCE:?}");
        found.remove(0)
    }

    /// Nothing to deliver right now.
    pub async fn assert_idle(&self) {
        let found = self.pull(1, Duration::ZERO).await;
        assert!(found.is_empty(), "unexpected {found:?}");
    }
}

/// What `leaf` published.
pub(super) fn text(delivery: &Delivery) -> &str {
    std::str::from_utf8(&delivery.message.payload).expect("cases publish text")
}
