//! The `Bus` trait and the values that cross it. Implementations live beside this file.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

/// Header name and value pairs, in sending order.
pub type Headers = Vec<(String, String)>;

/// One message as stored or delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Full subject, tokens joined by `.`.
    pub subject: String,
    /// Headers, empty for core messages.
    pub headers: Headers,
    /// The bytes; at most [`Message::MAX_BYTES`].
    pub payload: Bytes,
}

impl Message {
    /// Largest payload any bus accepts; bigger data travels by digest. NATS refuses above 1 MiB, headers
    /// included, so this leaves room for them.
    pub const MAX_BYTES: usize = 1024 * 1024 - 4096;
}

/// A durable work queue: every message is delivered until acknowledged, then deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSpec {
    /// Unique name.
    pub name: String,
    /// Subject pattern it stores; `*` is one token, a trailing `>` one or more.
    pub subjects: String,
    /// Publishes beyond this many stored messages are refused (`Full`).
    pub max_messages: usize,
    /// Publishes beyond this many stored bytes are refused (`Full`).
    pub max_bytes: usize,
    /// At most this many stored messages per subject; a further publish is refused (`SubjectTaken`).
    pub max_per_subject: Option<usize>,
    /// How long a message id is remembered. A courtesy: a restart forgets ids of deleted messages.
    pub dedup_window: Duration,
}

/// A durable reader of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerSpec {
    /// Stream it reads.
    pub stream: String,
    /// Unique within the stream.
    pub name: String,
    /// Subject pattern; filters of one stream's consumers must not overlap.
    pub filter: String,
    /// Redelivered when not acknowledged or kept alive by `progress` for this long.
    pub ack_wait: Duration,
    /// Deliveries after which a message stays stored but is no longer delivered; `None` is unlimited.
    pub max_deliver: Option<u32>,
    /// Messages delivered and not yet acknowledged, over all pullers.
    pub max_ack_pending: usize,
}

/// What a publisher may ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishOptions {
    /// Deduplicates within the stream's window.
    pub msg_id: Option<String>,
    /// Compare-and-set: the last sequence stored under this subject must be this (0: none).
    pub expect_last_seq: Option<u64>,
}

/// The stream took the message, or had it already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PubAck {
    /// Position in the stream; the first publish's when `duplicate`.
    pub seq: u64,
    /// The message id was known: nothing was stored.
    pub duplicate: bool,
}

/// Why a bus call did not do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// No stream stores this subject, or none has this name. During a failover it may be passing.
    #[error("no stream for `{0}`")]
    NoStream(String),
    /// The consumer does not exist (any more).
    #[error("no consumer `{0}`")]
    NoConsumer(String),
    /// The stream is at its bound; nothing was stored.
    #[error("stream `{0}` is full")]
    Full(String),
    /// A message with this subject is still stored, and the stream allows no other.
    #[error("a message is already queued on `{0}`")]
    SubjectTaken(String),
    /// The compare-and-set lost.
    #[error("another writer was first on `{subject}` (last sequence {last})")]
    WrongLastSeq {
        /// Subject written to.
        subject: String,
        /// Sequence found instead.
        last: u64,
    },
    /// Larger than [`Message::MAX_BYTES`].
    #[error("message of {0} bytes is too large for the bus")]
    TooLarge(usize),
    /// Nobody serves the requested subject.
    #[error("nobody answers `{0}`")]
    NoResponders(String),
    /// No answer in time; the request or publish may or may not have taken effect.
    #[error("no answer from `{0}` in time")]
    TimedOut(String),
    /// A specification clashes with one that exists.
    #[error("`{name}`: {reason}")]
    Conflict {
        /// Stream or consumer.
        name: String,
        /// What clashes.
        reason: String,
    },
    /// The bus is gone.
    #[error("the bus is closed")]
    Closed,
}

/// Everything the layers need from a message system.
///
/// All calls are cancel-safe in the sense that a dropped call may or may not have taken effect;
/// callers retry with the same message id.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Makes sure the stream exists exactly so; idempotent. Other settings under the same name, and
    /// subjects that overlap with another stream's, are a `Conflict`; nothing is ever changed.
    async fn ensure_stream(&self, spec: &StreamSpec) -> Result<(), BusError>;
    /// Makes sure the consumer exists exactly so; idempotent. It sees what was stored before it, in
    /// order. Other settings, a filter that leaves the stream's subjects or overlaps with another
    /// consumer's are a `Conflict`.
    async fn ensure_consumer(&self, spec: &ConsumerSpec) -> Result<(), BusError>;
    /// Stores one message; returning `Ok` means stored (or known). `TimedOut` means perhaps stored:
    /// ask again with the same id.
    async fn publish(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
        options: PublishOptions,
    ) -> Result<PubAck, BusError>;
    /// Up to `batch` messages; waits at most `expires` for the first (zero: not at all), returns empty
    /// then. What is due again comes before what is fresh. A dropped pull loses no message: it comes
    /// back after `ack_wait` at the latest. More than a bus's own bound on a batch needs another pull.
    async fn pull(
        &self,
        stream: &str,
        consumer: &str,
        batch: usize,
        expires: Duration,
    ) -> Result<Vec<Delivery>, BusError>;
    /// Removes one stored message, whoever holds it; `Ok` also when it is gone already. This is how
    /// a message that is out of deliveries leaves the stream.
    async fn delete(&self, stream: &str, seq: u64) -> Result<(), BusError>;
    /// Asks everyone who serves `subject` and waits for the first answer. `NoResponders` comes at
    /// once; `TimedOut` says nothing about whether the request was handled, and may come early when
    /// it is certain that nobody will answer.
    async fn request(
        &self,
        subject: &str,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, BusError>;
    /// Receives broadcasts and requests on a pattern. Returns once publishers can reach it. About
    /// `capacity` wait; further broadcasts are dropped, further requests see `NoResponders` or
    /// `TimedOut`. Stored messages do not come this way.
    async fn subscribe(&self, pattern: &str, capacity: usize) -> Result<Subscription, BusError>;
    /// Tells every current subscriber; may be lost.
    async fn broadcast(&self, subject: &str, payload: Bytes) -> Result<(), BusError>;
}

/// One delivery of a stored message.
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// Position in its stream.
    pub seq: u64,
    /// 1 for the first delivery.
    pub delivered: u32,
    /// The way to answer; not fenced: a late answer to an old delivery still counts.
    pub acker: Box<dyn Acker>,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("message", &self.message)
            .field("seq", &self.seq)
            .field("delivered", &self.delivered)
            .finish_non_exhaustive()
    }
}

/// Answers one delivery.
#[async_trait]
pub trait Acker: Send + Sync {
    /// Deletes the message; may be lost on the way.
    async fn ack(&self) -> Result<(), BusError>;
    /// Like `ack`, and waits until the stream has done it.
    async fn double_ack(&self) -> Result<(), BusError>;
    /// Asks for redelivery after `delay` (zero: at once). Without effect once the message is due
    /// again or gone.
    async fn nak(&self, delay: Duration) -> Result<(), BusError>;
    /// Restarts the acknowledge timer. Without effect once the message is due again or gone.
    async fn progress(&self) -> Result<(), BusError>;
}

/// A broadcast or a request, as a subscriber sees it.
pub struct Incoming {
    /// The message.
    pub message: Message,
    /// Present when the sender waits for an answer.
    pub reply: Option<Box<dyn Replier>>,
}

/// Answers one request, once.
#[async_trait]
pub trait Replier: Send + Sync {
    /// Sends the answer; an asker that gave up is not an error.
    async fn reply(self: Box<Self>, payload: Bytes) -> Result<(), BusError>;
}

/// A live subscription; dropping it ends it.
pub struct Subscription {
    receiver: tokio::sync::mpsc::Receiver<Incoming>,
    _guard: Box<dyn Send + Sync>,
}

impl Subscription {
    /// Wraps a bounded receiver; `guard` ends the subscription when dropped.
    #[must_use]
    pub fn new(
        receiver: tokio::sync::mpsc::Receiver<Incoming>,
        guard: Box<dyn Send + Sync>,
    ) -> Self {
        Self {
            receiver,
            _guard: guard,
        }
    }

    /// The next message; `None` once the bus is closed.
    pub async fn next(&mut self) -> Option<Incoming> {
        self.receiver.recv().await
    }

    /// A message that waits already.
    pub fn try_next(&mut self) -> Option<Incoming> {
        self.receiver.try_recv().ok()
    }
}
