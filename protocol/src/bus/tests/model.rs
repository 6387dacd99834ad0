//! The memory bus against a naive model of the same queue, over random histories.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::{collection, proptest};
use tokio::time::{Instant, advance};

use crate::bus::{
    Bus as _, BusError, ConsumerSpec, Delivery, Headers, MemoryBus, PublishOptions, StreamSpec,
};

const ACK_WAIT: Duration = Duration::from_millis(100);
const MAX_MESSAGES: usize = 8;
const MAX_PER_SUBJECT: usize = 3;
const MAX_ACK_PENDING: usize = 4;
const MAX_DELIVER: u32 = 3;

#[derive(Clone, Debug)]
enum Step {
    Publish {
        subject: u8,
    },
    Pull {
        batch: usize,
    },
    /// Answers and deletions name any delivery so far, old ones too.
    Ack {
        delivery: usize,
    },
    Nak {
        delivery: usize,
        delay_ms: u64,
    },
    Progress {
        delivery: usize,
    },
    Delete {
        seq: u64,
    },
    Wait {
        ms: u64,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_u8..4).prop_map(|subject| Step::Publish { subject }),
        4 => (1_usize..4).prop_map(|batch| Step::Pull { batch }),
        2 => any::<usize>().prop_map(|delivery| Step::Ack { delivery }),
        2 => (any::<usize>(), 0_u64..150)
            .prop_map(|(delivery, delay_ms)| Step::Nak { delivery, delay_ms: delay_ms / 50 * 50 }),
        1 => any::<usize>().prop_map(|delivery| Step::Progress { delivery }),
        1 => (0_u64..40).prop_map(|seq| Step::Delete { seq }),
        3 => (0_u64..120).prop_map(|ms| Step::Wait { ms }),
    ];
    collection::vec(step, 1..80)
}

/// One stored message: out since some delivery, or fresh.
#[derive(Clone, Debug)]
struct Entry {
    seq: u64,
    subject: u8,
    delivered: u32,
    /// When it is due again; `None` while fresh, and when out of deliveries.
    due: Option<Instant>,
}

#[derive(Default)]
struct Model {
    entries: Vec<Entry>,
    last_seq: u64,
}

impl Model {
    fn publish(&mut self, subject: u8) -> Result<u64, &'static str> {
        let same = self
            .entries
            .iter()
            .filter(|entry| entry.subject == subject)
            .count();
        if same >= MAX_PER_SUBJECT {
            return Err("taken");
        }
        if self.entries.len() >= MAX_MESSAGES {
            return Err("full");
        }
        self.last_seq += 1;
        self.entries.push(Entry {
            seq: self.last_seq,
            subject,
            delivered: 0,
            due: None,
        });
        Ok(self.last_seq)
    }

    fn pull(&mut self, batch: usize, now: Instant) -> Vec<(u64, u32)> {
        (0..batch).map_while(|_| self.pull_one(now)).collect()
    }

    fn pull_one(&mut self, now: Instant) -> Option<(u64, u32)> {
        loop {
            let is_due = |entry: &&mut Entry| entry.due.is_some_and(|due| due <= now);
            let overdue = self.entries.iter_mut().filter(is_due);
            let Some(entry) = overdue.min_by_key(|entry| (entry.due, entry.seq)) else {
                break;
            };
            entry.due = None;
            if entry.delivered < MAX_DELIVER {
                return Some(entry.deliver(now));
            }
        }
        let out = self
            .entries
            .iter()
            .filter(|entry| entry.due.is_some())
            .count();
        let mut fresh = self.entries.iter_mut().filter(|entry| entry.delivered == 0);
        if out < MAX_ACK_PENDING {
            fresh.next().map(|entry| entry.deliver(now))
        } else {
            None
        }
    }

    fn postpone(&mut self, seq: u64, at: Instant, now: Instant) {
        let entry = self.entries.iter_mut().find(|entry| entry.seq == seq);
        if let Some(due) = entry.and_then(|entry| entry.due.as_mut())
            && *due > now
        {
            *due = at;
        }
    }

    fn remove(&mut self, seq: u64) {
        self.entries.retain(|entry| entry.seq != seq);
    }
}

impl Entry {
    fn deliver(&mut self, now: Instant) -> (u64, u32) {
        self.delivered += 1;
        self.due = Some(now + ACK_WAIT);
        (self.seq, self.delivered)
    }
}

async fn opened() -> MemoryBus {
    let bus = MemoryBus::new();
    let stream = StreamSpec {
        name: "S".into(),
        subjects: "s.*".into(),
        max_messages: MAX_MESSAGES,
        max_bytes: 1024,
        max_per_subject: Some(MAX_PER_SUBJECT),
        dedup_window: Duration::from_secs(1),
    };
    let consumer = ConsumerSpec {
        stream: "S".into(),
        name: "c".into(),
        filter: "s.*".into(),
        ack_wait: ACK_WAIT,
        max_deliver: Some(MAX_DELIVER),
        max_ack_pending: MAX_ACK_PENDING,
    };
    bus.ensure_stream(&stream).await.unwrap();
    bus.ensure_consumer(&consumer).await.unwrap();
    bus
}

async fn publish(bus: &MemoryBus, subject: u8) -> Result<u64, &'static str> {
    let (subject, options) = (format!("s.{subject}"), PublishOptions::default());
    match bus
        .publish(&subject, Headers::new(), Bytes::new(), options)
        .await
    {
        Ok(stored) => Ok(stored.seq),
        Err(BusError::SubjectTaken(_)) => Err("taken"),
        Err(BusError::Full(_)) => Err("full"),
        Err(other) => panic!("{other}"),
    }
}

/// Plays the history on both, comparing every answer.
async fn play(steps: Vec<Step>) {
    let (bus, mut model) = (opened().await, Model::default());
    let mut past: Vec<Delivery> = Vec::new();
    for step in steps {
        let now = Instant::now();
        let chosen = |index: usize| past.get(index.checked_rem(past.len())?);
        match step {
            Step::Publish { subject } => {
                assert_eq!(publish(&bus, subject).await, model.publish(subject));
            }
            Step::Pull { batch } => {
                let found = bus.pull("S", "c", batch, Duration::ZERO).await.unwrap();
                let got: Vec<_> = found.iter().map(|one| (one.seq, one.delivered)).collect();
                assert_eq!(got, model.pull(batch, now));
                past.extend(found);
            }
            Step::Ack { delivery } => {
                if let Some(delivery) = chosen(delivery) {
                    delivery.acker.ack().await.unwrap();
                    model.remove(delivery.seq);
                }
            }
            Step::Nak { delivery, delay_ms } => {
                if let Some(delivery) = chosen(delivery) {
                    let delay = Duration::from_millis(delay_ms);
                    delivery.acker.nak(delay).await.unwrap();
                    model.postpone(delivery.seq, now + delay, now);
                }
            }
            Step::Progress { delivery } => {
                if let Some(delivery) = chosen(delivery) {
                    delivery.acker.progress().await.unwrap();
                    model.postpone(delivery.seq, now + ACK_WAIT, now);
                }
            }
            Step::Delete { seq } => {
                bus.delete("S", seq).await.unwrap();
                model.remove(seq);
            }
            Step::Wait { ms } => advance(Duration::from_millis(ms)).await,
        }
        assert_eq!(bus.stored("S"), model.entries.len());
    }
}

proptest! {
    #[test]
    fn the_queue_does_what_the_naive_one_does(steps in steps()) {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(steps));
    }
}
