//! Pulling: take what is there, else wait to be woken, for the redelivery one keeps, or the end.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::clock::later;
use super::stream::{State, Stream, Wake};
use crate::bus::{Acker, BusError, Delivery};

/// Messages handed out under one lock at most; more need another pull.
const MAX_BATCH: usize = 256;

/// Pulls up to `batch` messages. Takes and returns in the same step, so dropping the future at any
/// point loses nothing.
pub(super) async fn pull(
    stream: &Arc<Stream>,
    consumer: &str,
    batch: usize,
    expires: Duration,
) -> Result<Vec<Delivery>, BusError> {
    let waiter = match begin(stream, consumer, batch, expires)? {
        Begin::Done(found) => return Ok(found),
        // Declared before `notified`, dropped after it: a wake-up we leave unused goes to another
        // waiter first, then the keeper's duty does.
        Begin::Wait(waiter) => waiter,
    };
    loop {
        let mut notified = std::pin::pin!(waiter.wake.notified());
        // Registered before the look, so a message stored after the look still wakes us.
        notified.as_mut().enable();
        match waiter.look(batch)? {
            ControlFlow::Break(found) => return Ok(found),
            // Woken or out of time: either way the next round looks and decides.
            ControlFlow::Continue(at) => timeout_at(at, notified).await.ok(),
        };
    }
}

enum Begin {
    Done(Vec<Delivery>),
    Wait(Waiter),
}

/// Takes what is there; takes a place among the waiting only if there is nothing.
fn begin(
    stream: &Arc<Stream>,
    consumer: &str,
    batch: usize,
    expires: Duration,
) -> Result<Begin, BusError> {
    let now = Instant::now();
    let mut state = stream.open()?;
    let Some(index) = state.consumer_index.get(consumer).copied() else {
        return Err(BusError::NoConsumer(consumer.to_owned()));
    };
    let (found, wake) = take(stream, &mut state, index, batch, now);
    if !found.is_empty() || expires.is_zero() || batch == 0 {
        drop(state);
        wake.send();
        return Ok(Begin::Done(found));
    }
    let until = later(now, expires);
    let consumer = &mut state.consumers[index];
    let wake = Arc::clone(&consumer.wake);
    let ticket = consumer.waiting.enter(until);
    Ok(Begin::Wait(Waiter {
        stream: Arc::clone(stream),
        index,
        ticket,
        until,
        wake,
    }))
}

/// Delivers what is ready. The wake-up passes on what this pull leaves over, and the keeper's duty
/// that a new deadline may need.
fn take(
    stream: &Arc<Stream>,
    state: &mut State,
    index: usize,
    batch: usize,
    now: Instant,
) -> (Vec<Delivery>, Wake) {
    let consumer = &mut state.consumers[index];
    let mut found = Vec::new();
    while found.len() < batch.min(MAX_BATCH)
        && let Some((seq, delivered)) = consumer.queue.next(&consumer.spec, now)
    {
        let stored = state
            .store
            .get(seq)
            .expect("a queue holds only stored messages");
        found.push(Delivery {
            message: stored.message.clone(),
            seq,
            delivered,
            acker: Box::new(MemoryAcker {
                stream: Arc::clone(stream),
                seq,
            }),
        });
    }
    let wake = consumer.wake_if(consumer.queue.has_work(&consumer.spec, now));
    (found, wake)
}

/// A place among the waiting; leaving it, by whatever way, hands over the keeper's duty.
struct Waiter {
    stream: Arc<Stream>,
    index: usize,
    ticket: u64,
    until: Instant,
    wake: Arc<Notify>,
}

impl Waiter {
    /// What there is, or nothing when time is up; else when to look again.
    fn look(&self, batch: usize) -> Result<ControlFlow<Vec<Delivery>, Instant>, BusError> {
        let now = Instant::now();
        let mut state = self.stream.open()?;
        let (found, wake) = take(&self.stream, &mut state, self.index, batch, now);
        if !found.is_empty() || now >= self.until {
            drop(state);
            wake.send();
            return Ok(ControlFlow::Break(found));
        }
        let consumer = &mut state.consumers[self.index];
        let first_due = consumer.queue.first_due();
        Ok(ControlFlow::Continue(consumer.waiting.arm(
            self.ticket,
            self.until,
            first_due,
        )))
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut state = self.stream.lock();
        let consumer = &mut state.consumers[self.index];
        consumer.waiting.leave(self.ticket);
        let wake = consumer.wake_if(false);
        drop(state);
        wake.send();
    }
}

/// Names a message, not a delivery: that is what makes acks unfenced.
struct MemoryAcker {
    stream: Arc<Stream>,
    seq: u64,
}

#[async_trait]
impl Acker for MemoryAcker {
    async fn ack(&self) -> Result<(), BusError> {
        self.stream.remove(self.seq)
    }

    async fn double_ack(&self) -> Result<(), BusError> {
        self.stream.remove(self.seq)
    }

    async fn nak(&self, delay: Duration) -> Result<(), BusError> {
        self.stream.postpone(self.seq, Some(delay))
    }

    async fn progress(&self) -> Result<(), BusError> {
        self.stream.postpone(self.seq, None)
    }
}
