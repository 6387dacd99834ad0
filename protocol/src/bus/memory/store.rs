//! What one stream holds: messages by sequence, their bounds, and the compare-and-set per subject.
//!
//! A plain value: no lock, no clock, no consumer.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::bus::{BusError, Message, StreamSpec};

/// A stored message and what removing it must undo.
pub(super) struct Stored {
    pub message: Message,
    /// Index of the consumer whose filter takes it, once there is one.
    pub consumer: Option<usize>,
}

/// Messages in sequence order within the stream's bounds.
#[derive(Default)]
pub(super) struct Store {
    messages: BTreeMap<u64, Stored>,
    by_subject: HashMap<Box<str>, BTreeSet<u64>>,
    bytes: usize,
    last_seq: u64,
}

impl Store {
    /// Checks the bounds and the expectation, then stores under the next sequence.
    pub fn insert(
        &mut self,
        spec: &StreamSpec,
        stored: Stored,
        expect_last_seq: Option<u64>,
    ) -> Result<u64, BusError> {
        let subject = stored.message.subject.as_str();
        let same_subject = self.by_subject.get(subject);
        if let Some(expected) = expect_last_seq {
            let last = same_subject
                .and_then(|seqs| seqs.last())
                .copied()
                .unwrap_or(0);
            if last != expected {
                return Err(BusError::WrongLastSeq {
                    subject: subject.to_owned(),
                    last,
                });
            }
        }
        let bytes = stored_bytes(&stored.message);
        if spec
            .max_per_subject
            .is_some_and(|max| same_subject.map_or(0, BTreeSet::len) >= max)
        {
            return Err(BusError::SubjectTaken(subject.to_owned()));
        }
        if self.messages.len() >= spec.max_messages || self.bytes + bytes > spec.max_bytes {
            return Err(BusError::Full(spec.name.clone()));
        }
        self.last_seq += 1;
        self.bytes += bytes;
        match self.by_subject.get_mut(subject) {
            Some(seqs) => {
                seqs.insert(self.last_seq);
            }
            None => {
                self.by_subject
                    .insert(subject.into(), BTreeSet::from([self.last_seq]));
            }
        }
        self.messages.insert(self.last_seq, stored);
        Ok(self.last_seq)
    }

    /// Takes a message out; `None` when it is gone already.
    pub fn remove(&mut self, seq: u64) -> Option<Stored> {
        let stored = self.messages.remove(&seq)?;
        self.bytes -= stored_bytes(&stored.message);
        let subject = stored.message.subject.as_str();
        if let Some(seqs) = self.by_subject.get_mut(subject) {
            seqs.remove(&seq);
            if seqs.is_empty() {
                self.by_subject.remove(subject);
            }
        }
        Some(stored)
    }

    pub fn get(&self, seq: u64) -> Option<&Stored> {
        self.messages.get(&seq)
    }

    /// Stored messages in order, to hand to a consumer that comes late.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut Stored)> {
        self.messages.iter_mut().map(|(seq, stored)| (*seq, stored))
    }

    pub fn len(&self) -> usize {
        self.messages.len()
    }
}

/// What a message counts for against `max_bytes`: everything that grows with what was sent.
pub(super) fn stored_bytes(message: &Message) -> usize {
    let headers: usize = message
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    message.subject.len() + headers + message.payload.len()
}
