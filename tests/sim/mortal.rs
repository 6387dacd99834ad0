//! A coordinator's disk and bus up to the moment it dies: from then on nothing reaches the disk, and
//! the bus never answers.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use l2_coordinator::journal::{AppendError, MemoryDisk, Storage};
use protocol::bus::{
    Bus, BusError, ConsumerSpec, Delivery, Headers, PubAck, PublishOptions, StreamSpec,
    Subscription,
};
use tokio::sync::Notify;

/// Where in its writing a coordinator dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    BeforeWrite,
    /// After this share of the bytes, in percent.
    MidWrite(usize),
    AfterWrite,
    BeforeSync,
    AfterSync,
}

/// One life's end: the moment, after this many more writes or syncs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Death {
    pub(super) moment: Moment,
    pub(super) countdown: u32,
}

pub(super) struct Mortal {
    disk: Arc<MemoryDisk>,
    death: Mutex<Option<Death>>,
    dead: AtomicBool,
    died: Notify,
}

impl Mortal {
    pub(super) fn new(disk: Arc<MemoryDisk>) -> Self {
        Self {
            disk,
            death: Mutex::new(None),
            dead: AtomicBool::new(false),
            died: Notify::new(),
        }
    }

    /// From now on the countdown runs.
    pub(super) fn doom(&self, death: Option<Death>) {
        *self.lock() = death;
    }

    pub(super) fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.died.notify_one();
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    pub(super) async fn died(&self) {
        while !self.is_dead() {
            self.died.notified().await;
        }
    }

    /// Whether this write, or sync, is the one to die at.
    fn is_due(&self, writing: bool) -> Option<Moment> {
        let mut death = self.lock();
        let due = death.as_mut()?;
        let counts = match due.moment {
            Moment::BeforeWrite | Moment::MidWrite(_) | Moment::AfterWrite => writing,
            Moment::BeforeSync | Moment::AfterSync => !writing,
        };
        if !counts {
            return None;
        }
        match due.countdown.checked_sub(1) {
            Some(left) => {
                due.countdown = left;
                None
            }
            None => death.take().map(|death| death.moment),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Death>> {
        self.death.lock().expect("no critical section panics")
    }

    fn alive(&self) -> io::Result<()> {
        if self.is_dead() {
            Err(io::Error::other("dead"))
        } else {
            Ok(())
        }
    }

    fn refuse(wanted: usize) -> AppendError {
        AppendError {
            written: 0,
            wanted,
            source: io::Error::other("dead"),
        }
    }
}

impl Storage for Mortal {
    fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }

    fn reader(&self) -> io::Result<Box<dyn io::Read + Send>> {
        self.disk.reader()
    }

    fn append(&self, bytes: &[u8]) -> Result<(), AppendError> {
        if self.is_dead() {
            return Err(Self::refuse(bytes.len()));
        }
        match self.is_due(true) {
            None => self.disk.append(bytes),
            Some(moment) => {
                self.kill();
                let kept = match moment {
                    Moment::BeforeWrite => 0,
                    Moment::MidWrite(percent) => bytes.len() * percent / 100,
                    _ => bytes.len(),
                };
                self.disk.append(&bytes[..kept])?;
                if kept == bytes.len() {
                    return Ok(());
                }
                Err(Self::refuse(bytes.len()))
            }
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.alive()?;
        match self.is_due(false) {
            None => self.disk.sync(),
            Some(Moment::AfterSync) => {
                self.kill();
                self.disk.sync()
            }
            Some(_) => {
                self.kill();
                self.alive()
            }
        }
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.alive()?;
        self.disk.truncate(len)
    }

    fn set_aside(&self, from: u64) -> io::Result<String> {
        self.alive()?;
        self.disk.set_aside(from)
    }

    fn hold_reserve(&self) -> io::Result<()> {
        self.disk.hold_reserve()
    }

    fn drop_reserve(&self) -> io::Result<()> {
        self.alive()?;
        self.disk.drop_reserve()
    }
}

/// The bus as a coordinator sees it while it lives.
pub(super) struct MortalBus {
    pub(super) inner: Arc<dyn Bus>,
    pub(super) life: Arc<Mortal>,
}

impl MortalBus {
    async fn alive(&self) {
        if self.life.is_dead() {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Bus for MortalBus {
    async fn ensure_stream(&self, spec: &StreamSpec) -> Result<(), BusError> {
        self.alive().await;
        self.inner.ensure_stream(spec).await
    }

    async fn ensure_consumer(&self, spec: &ConsumerSpec) -> Result<(), BusError> {
        self.alive().await;
        self.inner.ensure_consumer(spec).await
    }

    async fn publish(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
        options: PublishOptions,
    ) -> Result<PubAck, BusError> {
        self.alive().await;
        self.inner.publish(subject, headers, payload, options).await
    }

    async fn pull(
        &self,
        stream: &str,
        consumer: &str,
        batch: usize,
        expires: Duration,
    ) -> Result<Vec<Delivery>, BusError> {
        self.alive().await;
        self.inner.pull(stream, consumer, batch, expires).await
    }

    async fn delete(&self, stream: &str, seq: u64) -> Result<(), BusError> {
        self.alive().await;
        self.inner.delete(stream, seq).await
    }

    async fn request(
        &self,
        subject: &str,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, BusError> {
        self.alive().await;
        self.inner.request(subject, payload, timeout).await
    }

    async fn subscribe(&self, pattern: &str, capacity: usize) -> Result<Subscription, BusError> {
        self.alive().await;
        self.inner.subscribe(pattern, capacity).await
    }

    async fn broadcast(&self, subject: &str, payload: Bytes) -> Result<(), BusError> {
        self.alive().await;
        self.inner.broadcast(subject, payload).await
    }
}
