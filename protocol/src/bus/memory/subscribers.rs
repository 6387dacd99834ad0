//! Core messaging: who listens to which pattern, for broadcasts and requests. Nothing is stored, and
//! a subscriber that does not keep up loses messages rather than slowing anyone down.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::bus::pattern::Pattern;
use crate::bus::{BusError, Incoming, Message, Replier, Subscription};

/// Everyone who listens now.
#[derive(Default)]
pub(super) struct Subscribers {
    table: RwLock<Table>,
}

#[derive(Default)]
struct Table {
    /// By exact subject; most subscriptions are.
    literal: HashMap<Box<str>, Vec<Subscriber>>,
    wild: Vec<(Pattern, Subscriber)>,
    last_id: u64,
    closed: bool,
}

struct Subscriber {
    id: u64,
    sender: mpsc::Sender<Incoming>,
}

impl Subscribers {
    pub fn subscribe(
        self: &Arc<Self>,
        pattern: Pattern,
        capacity: usize,
    ) -> Result<Subscription, BusError> {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        let mut table = self.write();
        if table.closed {
            return Err(BusError::Closed);
        }
        table.last_id += 1;
        let id = table.last_id;
        let guard = Leave {
            subscribers: Arc::clone(self),
            pattern: pattern.clone(),
            id,
        };
        let subscriber = Subscriber { id, sender };
        if pattern.is_literal() {
            table
                .literal
                .entry(pattern.as_str().into())
                .or_default()
                .push(subscriber);
        } else {
            table.wild.push((pattern, subscriber));
        }
        drop(table);
        Ok(Subscription::new(receiver, Box::new(guard)))
    }

    /// Hands a copy to every subscriber that has room; says how many took it.
    fn offer(&self, mut incoming: impl FnMut() -> Incoming, subject: &str) -> usize {
        let table = self.read();
        let literal = table.literal.get(subject).into_iter().flatten();
        let wild = table
            .wild
            .iter()
            .filter(|(pattern, _)| pattern.matches(subject));
        literal
            .chain(wild.map(|(_, subscriber)| subscriber))
            .filter(|subscriber| subscriber.sender.try_send(incoming()).is_ok())
            .count()
    }

    pub fn broadcast(&self, subject: &str, payload: &Bytes) -> Result<(), BusError> {
        if self.read().closed {
            return Err(BusError::Closed);
        }
        self.offer(
            || Incoming {
                message: core_message(subject, payload),
                reply: None,
            },
            subject,
        );
        Ok(())
    }

    pub async fn request(
        &self,
        subject: &str,
        payload: &Bytes,
        wait: Duration,
    ) -> Result<Bytes, BusError> {
        if self.read().closed {
            return Err(BusError::Closed);
        }
        let (sender, receiver) = oneshot::channel();
        let first_answer = Arc::new(Mutex::new(Some(sender)));
        let incoming = || Incoming {
            message: core_message(subject, payload),
            reply: Some(Box::new(MemoryReplier(Arc::clone(&first_answer)))),
        };
        if self.offer(incoming, subject) == 0 {
            return Err(BusError::NoResponders(subject.to_owned()));
        }
        // From here only responders can answer: when all of them are gone, so is the sender, and
        // there is no point in sitting out the time.
        drop(first_answer);
        match timeout(wait, receiver).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(BusError::TimedOut(subject.to_owned())),
        }
    }

    /// Ends every subscription.
    pub fn close(&self) {
        let mut table = self.write();
        table.closed = true;
        table.literal.clear();
        table.wild.clear();
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table
            .read()
            .expect("no critical section of the subscribers panics")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table
            .write()
            .expect("no critical section of the subscribers panics")
    }
}

fn core_message(subject: &str, payload: &Bytes) -> Message {
    Message {
        subject: subject.to_owned(),
        headers: Vec::new(),
        payload: payload.clone(),
    }
}

/// Takes a subscriber off the table when its subscription is dropped.
struct Leave {
    subscribers: Arc<Subscribers>,
    pattern: Pattern,
    id: u64,
}

impl Drop for Leave {
    fn drop(&mut self) {
        let mut table = self.subscribers.write();
        if !self.pattern.is_literal() {
            table
                .wild
                .retain(|(_, subscriber)| subscriber.id != self.id);
        } else if let Some(list) = table.literal.get_mut(self.pattern.as_str()) {
            list.retain(|subscriber| subscriber.id != self.id);
            if list.is_empty() {
                table.literal.remove(self.pattern.as_str());
            }
        }
    }
}

/// The first answer wins, later ones go nowhere.
struct MemoryReplier(Arc<Mutex<Option<oneshot::Sender<Bytes>>>>);

#[async_trait]
impl Replier for MemoryReplier {
    async fn reply(self: Box<Self>, payload: Bytes) -> Result<(), BusError> {
        if payload.len() > Message::MAX_BYTES {
            return Err(BusError::TooLarge(payload.len()));
        }
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            // An asker that gave up is no concern of ours.
            sender.send(payload).ok();
        }
        Ok(())
    }
}
