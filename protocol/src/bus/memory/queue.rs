//! One consumer's view of its stream: which messages are fresh, which are out, and when each is due
//! again. A plain value; time comes in as an argument, and nothing happens until someone asks.
//!
//! Deliberately *not* fenced: every answer names a sequence, not a delivery, as on JetStream.

use std::collections::{BTreeSet, HashMap};

use tokio::time::Instant;

use super::clock::later;
use crate::bus::ConsumerSpec;

struct Pending {
    delivered: u32,
    /// When it is delivered again; the key of its entry in `due`.
    due: Instant,
}

#[derive(Default)]
pub(super) struct Queue {
    /// Never delivered, in sequence order.
    fresh: BTreeSet<u64>,
    /// Delivered and not acknowledged, those that wait to be delivered again included.
    pending: HashMap<u64, Pending>,
    /// `pending` by time. What is due is past recall: neither progress nor a late nak moves it.
    due: BTreeSet<(Instant, u64)>,
}

impl Queue {
    /// A message was stored for this consumer.
    pub fn add(&mut self, seq: u64) {
        self.fresh.insert(seq);
    }

    /// The next message to deliver and the how-manieth delivery that is: what is due first, then
    /// fresh ones while fewer than `max_ack_pending` are out.
    pub fn next(&mut self, spec: &ConsumerSpec, now: Instant) -> Option<(u64, u32)> {
        while let Some((due, seq)) = self.due.first().copied()
            && due <= now
        {
            self.due.remove(&(due, seq));
            let delivered = self
                .pending
                .remove(&seq)
                .map_or(0, |pending| pending.delivered);
            // Out of deliveries: it stays stored, and only `delete` or a late ack removes it.
            if spec.max_deliver.is_none_or(|max| delivered < max) {
                return Some(self.deliver(seq, delivered + 1, spec, now));
            }
        }
        if !self.has_room(spec) {
            return None;
        }
        let seq = self.fresh.pop_first()?;
        Some(self.deliver(seq, 1, spec, now))
    }

    fn deliver(
        &mut self,
        seq: u64,
        delivered: u32,
        spec: &ConsumerSpec,
        now: Instant,
    ) -> (u64, u32) {
        let due = later(now, spec.ack_wait);
        self.pending.insert(seq, Pending { delivered, due });
        self.due.insert((due, seq));
        (seq, delivered)
    }

    /// The message was removed from the stream.
    pub fn forget(&mut self, seq: u64) {
        match self.pending.remove(&seq) {
            Some(pending) => {
                self.due.remove(&(pending.due, seq));
            }
            None => {
                self.fresh.remove(&seq);
            }
        }
    }

    /// Moves the next delivery to `at`, unless it is due already or the message is not out. Says
    /// whether it is due now.
    pub fn postpone(&mut self, seq: u64, at: Instant, now: Instant) -> bool {
        let Some(pending) = self.pending.get_mut(&seq) else {
            return false;
        };
        if pending.due > now {
            self.due.remove(&(pending.due, seq));
            pending.due = at;
            self.due.insert((at, seq));
        }
        pending.due <= now
    }

    /// When the first message that is out comes back by itself.
    pub fn first_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Whether another fresh message may go out.
    pub fn has_room(&self, spec: &ConsumerSpec) -> bool {
        self.pending.len() < spec.max_ack_pending
    }

    /// Whether a fresh message waits that may go out.
    pub fn has_fresh(&self, spec: &ConsumerSpec) -> bool {
        !self.fresh.is_empty() && self.has_room(spec)
    }

    /// Whether a pull right now has reason to look.
    pub fn has_work(&self, spec: &ConsumerSpec, now: Instant) -> bool {
        self.first_due().is_some_and(|due| due <= now) || self.has_fresh(spec)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ConsumerSpec, Instant, Queue, later};

    const WAIT: Duration = Duration::from_secs(30);

    fn spec(max_deliver: Option<u32>, max_ack_pending: usize) -> ConsumerSpec {
        ConsumerSpec {
            stream: "S".into(),
            name: "c".into(),
            filter: ">".into(),
            ack_wait: WAIT,
            max_deliver,
            max_ack_pending,
        }
    }

    #[test]
    fn what_is_due_goes_before_what_is_fresh() {
        let (now, spec) = (Instant::now(), spec(None, 2));
        let mut queue = Queue::default();
        (1..=3).for_each(|seq| queue.add(seq));
        assert_eq!(queue.next(&spec, now), Some((1, 1)));
        assert_eq!(queue.next(&spec, now), Some((2, 1)));
        assert_eq!(queue.next(&spec, now), None, "two are out");
        assert!(queue.postpone(2, now, now));
        assert_eq!(
            queue.next(&spec, now),
            Some((2, 2)),
            "a redelivery takes no further place"
        );
        queue.forget(1);
        assert_eq!(queue.next(&spec, now), Some((3, 1)));
        assert_eq!(queue.first_due(), Some(later(now, WAIT)));
    }

    #[test]
    fn what_is_due_is_past_recall() {
        let (start, spec) = (Instant::now(), spec(None, 9));
        let mut queue = Queue::default();
        queue.add(1);
        assert_eq!(queue.next(&spec, start), Some((1, 1)));
        let at_due = start + WAIT;
        assert!(queue.postpone(1, at_due + WAIT, at_due), "still due");
        assert_eq!(queue.next(&spec, at_due), Some((1, 2)));
    }

    #[test]
    fn the_last_delivery_leaves_the_queue_and_frees_its_place() {
        let (now, spec) = (Instant::now(), spec(Some(1), 1));
        let mut queue = Queue::default();
        (1..=2).for_each(|seq| queue.add(seq));
        assert_eq!(queue.next(&spec, now), Some((1, 1)));
        assert!(!queue.has_work(&spec, now));
        assert!(queue.has_work(&spec, now + WAIT));
        assert_eq!(queue.next(&spec, now + WAIT), Some((2, 1)));
    }
}
