//! Every fault does what it says, counted, and the same seed does the same again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout};

use crate::bus::{
    Bus, BusError, ConsumerSpec, Fault, FaultBus, Faults, Headers, MemoryBus, PubAck,
    PublishOptions, StreamSpec, Subscription,
};

const WAIT: Duration = Duration::from_secs(10);
const ACK_WAIT: Duration = Duration::from_secs(30);

struct World {
    memory: Arc<MemoryBus>,
    bus: FaultBus,
}

impl World {
    async fn new(seed: u64, faults: Faults) -> Self {
        let memory = Arc::new(MemoryBus::new());
        let stream = StreamSpec {
            name: "S".into(),
            subjects: "s.>".into(),
            max_messages: 1000,
            max_bytes: 1024 * 1024,
            max_per_subject: None,
            dedup_window: Duration::from_secs(120),
        };
        let consumer = ConsumerSpec {
            stream: "S".into(),
            name: "c".into(),
            filter: "s.>".into(),
            ack_wait: ACK_WAIT,
            max_deliver: None,
            max_ack_pending: 100,
        };
        memory.ensure_stream(&stream).await.unwrap();
        memory.ensure_consumer(&consumer).await.unwrap();
        let inner = Arc::clone(&memory) as Arc<dyn Bus>;
        Self {
            memory,
            bus: FaultBus::new(inner, seed, faults),
        }
    }

    async fn always(fault: Fault) -> Self {
        Self::new(7, Faults::none().with(fault, 1.0)).await
    }

    async fn publish(&self, name: &str) -> Result<PubAck, BusError> {
        let options = PublishOptions {
            msg_id: Some(name.into()),
            expect_last_seq: None,
        };
        let payload = Bytes::copy_from_slice(name.as_bytes());
        self.bus
            .publish(&format!("s.{name}"), Headers::new(), payload, options)
            .await
    }

    async fn pull(&self, expires: Duration) -> Vec<crate::bus::Delivery> {
        self.bus.pull("S", "c", 1, expires).await.unwrap()
    }

    fn fired(&self, fault: Fault) -> u64 {
        self.bus.counts()[&fault]
    }
}

#[tokio::test(start_paused = true)]
async fn lost_publishes_are_not_stored_and_unanswered_ones_are() {
    for (fault, stored) in [(Fault::PublishLost, 0), (Fault::PublishUnanswered, 1)] {
        let world = World::always(fault).await;
        assert_eq!(
            world.publish("a").await,
            Err(BusError::TimedOut("s.a".into()))
        );
        assert_eq!(
            (world.memory.stored("S"), world.fired(fault)),
            (stored, 1),
            "{fault:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn publishes_are_repeated_without_their_id_and_delayed() {
    let world = World::always(Fault::PublishRepeated).await;
    world.publish("a").await.unwrap();
    assert_eq!(world.memory.stored("S"), 2);
    let (world, started) = (World::always(Fault::PublishDelayed).await, Instant::now());
    world.publish("a").await.unwrap();
    assert!(!started.elapsed().is_zero());
}

#[tokio::test(start_paused = true)]
async fn deliveries_are_repeated_and_held_back() {
    let world = World::always(Fault::DeliveryRepeated).await;
    world.publish("a").await.unwrap();
    let (first, second) = (world.pull(WAIT).await, world.pull(WAIT).await);
    assert_eq!(
        (first[0].seq, second[0].seq, second[0].delivered),
        (1, 1, 1)
    );
    let world = World::new(7, Faults::none().with(Fault::DeliveryHeld, 0.5)).await;
    for n in 0..20 {
        world.publish(&n.to_string()).await.unwrap();
    }
    let mut order = Vec::new();
    while order.len() < 20 {
        order.extend(world.pull(WAIT).await.iter().map(|delivery| delivery.seq));
    }
    assert!(!order.is_sorted(), "{order:?}");
    assert_eq!(
        order.iter().collect::<BTreeSet<_>>().len(),
        20,
        "late, not lost"
    );
}

#[tokio::test(start_paused = true)]
async fn acks_are_lost_late_or_unanswered() {
    let world = World::always(Fault::AckLost).await;
    world.publish("a").await.unwrap();
    assert_eq!(world.pull(WAIT).await[0].acker.ack().await, Ok(()));
    assert_eq!(world.memory.stored("S"), 1);
    assert_eq!(
        world.pull(ACK_WAIT * 2).await[0].delivered,
        2,
        "and so it comes back"
    );
    let world = World::always(Fault::AckStale).await;
    world.publish("a").await.unwrap();
    assert_eq!(world.pull(WAIT).await[0].acker.ack().await, Ok(()));
    assert_eq!(world.memory.stored("S"), 1);
    assert!(world.pull(WAIT).await.is_empty());
    assert_eq!(
        world.memory.stored("S"),
        0,
        "it went out while somebody waited"
    );
    let world = World::always(Fault::AckUnanswered).await;
    world.publish("a").await.unwrap();
    assert!(world.pull(WAIT).await[0].acker.double_ack().await.is_err());
    assert_eq!(world.memory.stored("S"), 0);
}

/// Answers what comes, says how many that were.
async fn serve(mut subscription: Subscription) -> usize {
    let mut served = 0;
    while let Ok(Some(incoming)) = timeout(WAIT * 2, subscription.next()).await {
        served += 1;
        incoming
            .reply
            .unwrap()
            .reply(Bytes::from_static(b"yes"))
            .await
            .unwrap();
    }
    served
}

#[tokio::test(start_paused = true)]
async fn requests_and_replies_are_lost_repeated_or_late() {
    let cases = [
        (Fault::RequestLost, 0, false),
        (Fault::RequestDelayed, 1, true),
        (Fault::RequestRepeated, 2, true),
        (Fault::ReplyLost, 1, false),
        (Fault::ReplyDelayed, 1, true),
    ];
    for (fault, requests, is_answered) in cases {
        let world = World::always(fault).await;
        let serving = serve(world.bus.subscribe("claim", 10).await.unwrap());
        let (served, answer) =
            tokio::join!(serving, world.bus.request("claim", Bytes::new(), WAIT));
        assert_eq!(
            (served, answer.is_ok()),
            (requests, is_answered),
            "{fault:?}"
        );
        assert_eq!(world.fired(fault), 1);
    }
    let world = World::always(Fault::ReplyDelayed).await;
    let serving = serve(world.bus.subscribe("claim", 10).await.unwrap());
    let soon = Duration::from_nanos(1);
    let (served, answer) = tokio::join!(serving, world.bus.request("claim", Bytes::new(), soon));
    assert_eq!(
        (served, answer),
        (1, Err(BusError::TimedOut("claim".into()))),
        "too late"
    );
}

#[tokio::test(start_paused = true)]
async fn broadcasts_are_lost_repeated_or_late() {
    for (fault, at_once, later) in [
        (Fault::BroadcastLost, 0, 0),
        (Fault::BroadcastRepeated, 2, 0),
        (Fault::BroadcastDelayed, 0, 1),
    ] {
        let world = World::always(fault).await;
        let mut subscription = world.bus.subscribe("x", 10).await.unwrap();
        world.bus.broadcast("x", Bytes::new()).await.unwrap();
        let heard = std::iter::from_fn(|| subscription.try_next()).count();
        assert!(world.pull(WAIT).await.is_empty());
        let heard_later = std::iter::from_fn(|| subscription.try_next()).count();
        assert_eq!((heard, heard_later), (at_once, later), "{fault:?}");
    }
}

/// A queue worked off under all faults at once by those who do as the contract says: retry with the
/// same id, acknowledge when done. What was seen, in order, and how often each fault struck.
async fn work_off(seed: u64) -> (Vec<(String, u32)>, BTreeMap<Fault, u64>) {
    const MESSAGES: usize = 30;
    let world = World::new(seed, Faults::all(0.2)).await;
    let mut claims = world.bus.subscribe("claim", 100).await.unwrap();
    let serving = async {
        while let Some(incoming) = claims.next().await {
            incoming.reply.unwrap().reply(Bytes::new()).await.unwrap();
        }
    };
    let publishing = async {
        for n in 0..MESSAGES {
            while world.publish(&n.to_string()).await.is_err() {}
            world.bus.broadcast("said", Bytes::new()).await.unwrap();
        }
    };
    let working = async {
        let mut seen = Vec::new();
        let mut names = BTreeSet::new();
        while names.len() < MESSAGES || world.memory.stored("S") > 0 {
            for delivery in world.pull(WAIT).await {
                let name = delivery.message.subject.clone();
                while world
                    .bus
                    .request("claim", Bytes::new(), WAIT)
                    .await
                    .is_err()
                {}
                names.insert(name.clone());
                seen.push((name, delivery.delivered));
                let acked = match seen.len() % 2 {
                    0 => delivery.acker.ack().await,
                    _ => delivery.acker.double_ack().await,
                };
                assert!(
                    matches!(acked, Ok(()) | Err(BusError::TimedOut(_))),
                    "{acked:?}"
                );
            }
        }
        seen
    };
    // An unbiased `select!` throws dice of its own, and no seed would repeat.
    let seen = tokio::select! {
        biased;
        (seen, ()) = async { tokio::join!(working, publishing) } => seen,
        () = serving => unreachable!("it serves until the work is done"),
    };
    (seen, world.bus.counts())
}

#[tokio::test(start_paused = true)]
async fn the_right_habits_get_through_every_fault_and_seeds_repeat() {
    let mut total: BTreeMap<Fault, u64> = BTreeMap::new();
    let mut histories = BTreeSet::new();
    for seed in 0..100 {
        let (seen, counts) = work_off(seed).await;
        assert_eq!(
            (&seen, &counts),
            (&work_off(seed).await.0, &work_off(seed).await.1),
            "{seed}"
        );
        counts
            .into_iter()
            .for_each(|(fault, count)| *total.entry(fault).or_default() += count);
        histories.insert(seen);
    }
    assert!(histories.len() > 95, "seeds differ: {}", histories.len());
    let silent: Vec<_> = total.iter().filter(|(_, count)| **count == 0).collect();
    assert!(silent.is_empty(), "never happened: {silent:?}");
}

#[tokio::test(start_paused = true)]
async fn calm_ends_the_faults_but_not_what_they_held_back() {
    let world = World::always(Fault::AckStale).await;
    world.publish("a").await.unwrap();
    world.pull(WAIT).await[0].acker.ack().await.unwrap();
    world.bus.calm();
    assert!(world.pull(WAIT).await.is_empty());
    assert_eq!(world.memory.stored("S"), 0);
    world.publish("b").await.unwrap();
    world.pull(WAIT).await[0].acker.ack().await.unwrap();
    assert_eq!(
        (world.memory.stored("S"), world.fired(Fault::AckStale)),
        (0, 1)
    );
}
