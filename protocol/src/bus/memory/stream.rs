//! One stream: its store, its consumers, and the lock around both.
//!
//! Every call is one short critical section on a std mutex, so it works from any runtime flavor and
//! from plain threads; wake-ups happen after the lock is released.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::clock::later;
use super::dedup::Dedup;
use super::queue::Queue;
use super::store::{Store, Stored};
use super::waiting::Waiting;
use crate::bus::pattern::Pattern;
use crate::bus::{BusError, ConsumerSpec, Message, PubAck, PublishOptions, StreamSpec};

pub(super) struct Stream {
    pub spec: StreamSpec,
    pub pattern: Pattern,
    state: Mutex<State>,
}

/// What the lock guards.
#[derive(Default)]
pub(super) struct State {
    pub store: Store,
    pub dedup: Dedup,
    pub consumers: Vec<Consumer>,
    pub consumer_index: HashMap<String, usize>,
    pub closed: bool,
}

pub(super) struct Consumer {
    pub spec: ConsumerSpec,
    pub filter: Pattern,
    pub queue: Queue,
    pub waiting: Waiting,
    pub wake: Arc<Notify>,
}

/// A waiter to wake once the lock is released.
#[must_use]
pub(super) struct Wake(Option<Arc<Notify>>);

impl Wake {
    pub fn send(self) {
        if let Some(notify) = self.0 {
            notify.notify_one();
        }
    }
}

impl Consumer {
    /// Wakes one waiter if there is one and `found` says it would find something, or if somebody
    /// has to keep the time for a redelivery.
    pub fn wake_if(&self, found: bool) -> Wake {
        let wanted = !self.waiting.is_empty()
            && (found || self.waiting.lacks_keeper(self.queue.first_due()));
        Wake(wanted.then(|| Arc::clone(&self.wake)))
    }
}

impl Stream {
    pub fn new(spec: StreamSpec, pattern: Pattern) -> Self {
        Self {
            spec,
            pattern,
            state: Mutex::default(),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no critical section of a stream panics")
    }

    /// Like `lock`, unless the bus was closed.
    pub fn open(&self) -> Result<MutexGuard<'_, State>, BusError> {
        let state = self.lock();
        if state.closed {
            Err(BusError::Closed)
        } else {
            Ok(state)
        }
    }

    pub fn publish(&self, message: Message, options: PublishOptions) -> Result<PubAck, BusError> {
        let now = Instant::now();
        let mut state = self.open()?;
        if let Some(id) = &options.msg_id
            && let Some(seq) = state.dedup.find(id, now)
        {
            return Ok(PubAck {
                seq,
                duplicate: true,
            });
        }
        let consumer = state
            .consumers
            .iter()
            .position(|c| c.filter.matches(&message.subject));
        let stored = Stored { message, consumer };
        let seq = state
            .store
            .insert(&self.spec, stored, options.expect_last_seq)?;
        if let Some(id) = options.msg_id {
            state
                .dedup
                .remember(id.into(), seq, self.spec.dedup_window, now);
        }
        if let Some(index) = consumer {
            let consumer = &mut state.consumers[index];
            consumer.queue.add(seq);
            let wake = consumer.wake_if(consumer.queue.has_room(&consumer.spec));
            drop(state);
            wake.send();
        }
        Ok(PubAck {
            seq,
            duplicate: false,
        })
    }

    /// Takes a message out of the stream, whoever holds it; fine when it is gone.
    pub fn remove(&self, seq: u64) -> Result<(), BusError> {
        let mut state = self.open()?;
        if let Some(Stored {
            consumer: Some(index),
            ..
        }) = state.store.remove(seq)
        {
            let consumer = &mut state.consumers[index];
            let was_full = !consumer.queue.has_room(&consumer.spec);
            consumer.queue.forget(seq);
            let wake = consumer.wake_if(was_full && consumer.queue.has_fresh(&consumer.spec));
            drop(state);
            wake.send();
        }
        Ok(())
    }

    /// Moves the next delivery of a message to `delay` from now; `None` is a whole `ack_wait`.
    pub fn postpone(&self, seq: u64, delay: Option<Duration>) -> Result<(), BusError> {
        let now = Instant::now();
        let mut state = self.open()?;
        let consumer = state.store.get(seq).and_then(|stored| stored.consumer);
        if let Some(index) = consumer {
            let consumer = &mut state.consumers[index];
            let at = later(now, delay.unwrap_or(consumer.spec.ack_wait));
            let is_due = consumer.queue.postpone(seq, at, now);
            let wake = consumer.wake_if(is_due);
            drop(state);
            wake.send();
        }
        Ok(())
    }

    pub fn ensure_consumer(&self, spec: &ConsumerSpec, filter: Pattern) -> Result<(), BusError> {
        let conflict = |reason: String| {
            let name = format!("{}/{}", spec.stream, spec.name);
            Err(BusError::Conflict { name, reason })
        };
        let mut state = self.open()?;
        if let Some(index) = state.consumer_index.get(&spec.name) {
            return if state.consumers[*index].spec == *spec {
                Ok(())
            } else {
                conflict("exists with other settings".to_owned())
            };
        }
        if !self.pattern.contains(&filter) {
            return conflict(format!("`{filter}` leaves the stream's `{}`", self.pattern));
        }
        if let Some(other) = state
            .consumers
            .iter()
            .find(|other| other.filter.overlaps(&filter))
        {
            return conflict(format!("`{filter}` overlaps with `{}`", other.spec.name));
        }
        let index = state.consumers.len();
        let mut queue = Queue::default();
        for (seq, stored) in state.store.iter_mut() {
            if filter.matches(&stored.message.subject) {
                stored.consumer = Some(index);
                queue.add(seq);
            }
        }
        state.consumer_index.insert(spec.name.clone(), index);
        state.consumers.push(Consumer {
            spec: spec.clone(),
            filter,
            queue,
            waiting: Waiting::default(),
            wake: Arc::new(Notify::new()),
        });
        Ok(())
    }

    /// Forgets what a restarted server forgets: the ids of messages that are gone.
    pub fn restart(&self) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.dedup.restart(|seq| state.store.get(seq).is_some());
    }

    /// Ends every waiting pull with `Closed`.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let wakes: Vec<_> = state
            .consumers
            .iter()
            .map(|c| Arc::clone(&c.wake))
            .collect();
        drop(state);
        wakes.iter().for_each(|wake| wake.notify_waiters());
    }
}
