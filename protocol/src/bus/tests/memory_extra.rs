//! What the memory bus promises beyond the contract.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout};

use super::fixture::Memory;
use crate::bus::contract::Fixture as _;
use crate::bus::{
    Bus as _, BusError, ConsumerSpec, Headers, MemoryBus, PublishOptions, StreamSpec,
};

async fn opened() -> MemoryBus {
    let bus = MemoryBus::new();
    let stream = StreamSpec {
        name: "S".into(),
        subjects: "s.>".into(),
        max_messages: 1000,
        max_bytes: 1024 * 1024,
        max_per_subject: None,
        dedup_window: Duration::from_secs(1),
    };
    let consumer = ConsumerSpec {
        stream: "S".into(),
        name: "c".into(),
        filter: "s.>".into(),
        ack_wait: Duration::from_secs(30),
        max_deliver: None,
        max_ack_pending: 100,
    };
    bus.ensure_stream(&stream).await.unwrap();
    bus.ensure_consumer(&consumer).await.unwrap();
    bus
}

async fn publish(bus: &MemoryBus, subject: &str) {
    bus.publish(
        subject,
        Headers::new(),
        Bytes::new(),
        PublishOptions::default(),
    )
    .await
    .unwrap();
}

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn closing_ends_every_wait() {
    let bus = opened().await;
    let mut subscription = bus.subscribe("core", 4).await.unwrap();
    bus.broadcast("core", Bytes::new()).await.unwrap();
    let closing = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        bus.close();
    };
    let (a, b, ()) = tokio::join!(
        bus.pull("S", "c", 1, LONG),
        bus.pull("S", "c", 1, LONG),
        closing
    );
    assert!(matches!(
        (a, b),
        (Err(BusError::Closed), Err(BusError::Closed))
    ));
    assert!(
        subscription.next().await.is_some(),
        "what waited is still heard"
    );
    assert!(subscription.next().await.is_none(), "then it ends");
    assert_eq!(
        bus.broadcast("core", Bytes::new()).await,
        Err(BusError::Closed)
    );
    assert!(matches!(
        bus.subscribe("core", 1).await,
        Err(BusError::Closed)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_pull_leaves_its_message_at_once() {
    let bus = opened().await;
    let mut waiting = polled(bus.pull("S", "c", 1, LONG));
    assert!(waiting.poll_once().is_none(), "nothing there yet");
    publish(&bus, "s.a").await;
    // Woken, and dropped before it looked.
    drop(waiting);
    let found = bus.pull("S", "c", 1, Duration::ZERO).await.unwrap();
    assert_eq!((found.len(), found[0].delivered), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_wake_up_that_was_not_used_goes_to_the_next_waiter() {
    let bus = opened().await;
    let mut first = polled(bus.pull("S", "c", 1, LONG));
    assert!(first.poll_once().is_none());
    let mut second = polled(bus.pull("S", "c", 1, LONG));
    assert!(second.poll_once().is_none());
    publish(&bus, "s.a").await;
    drop(first);
    let found = timeout(Duration::from_secs(1), second.0)
        .await
        .expect("the second was woken");
    assert_eq!(found.unwrap().len(), 1);
}

/// The keeper of the redelivery clock leaves; somebody else has to take over.
#[tokio::test(start_paused = true)]
async fn a_redelivery_is_not_missed_when_its_keeper_leaves() {
    let bus = opened().await;
    publish(&bus, "s.a").await;
    let held = bus
        .pull("S", "c", 1, Duration::ZERO)
        .await
        .unwrap()
        .remove(0);
    let started = Instant::now();
    let mut keeper = polled(bus.pull("S", "c", 1, LONG));
    assert!(keeper.poll_once().is_none());
    let waiting = bus.pull("S", "c", 1, LONG);
    let leaving = async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(keeper);
        tokio::time::sleep(Duration::from_secs(5)).await;
        held.acker.progress().await.unwrap();
    };
    let (found, ()) = tokio::join!(waiting, leaving);
    assert_eq!(found.unwrap()[0].delivered, 2);
    let took = started.elapsed();
    assert!(
        took >= Duration::from_secs(40) && took < Duration::from_secs(41),
        "{took:?}"
    );
}

/// An earlier redelivery than the one somebody sleeps towards.
#[tokio::test(start_paused = true)]
async fn a_nak_moves_the_clock_forward() {
    let bus = opened().await;
    publish(&bus, "s.a").await;
    let held = bus
        .pull("S", "c", 1, Duration::ZERO)
        .await
        .unwrap()
        .remove(0);
    let started = Instant::now();
    let answering = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        held.acker.nak(Duration::from_secs(2)).await.unwrap();
    };
    let pull = || bus.pull("S", "c", 1, Duration::from_secs(10));
    let (a, b, ()) = tokio::join!(pull(), pull(), answering);
    assert_eq!(a.unwrap().len() + b.unwrap().len(), 1);
    assert_eq!(
        started.elapsed().as_secs(),
        10,
        "one got it after 3 s, the other waited to the end"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_ends_early_when_its_responder_dies() {
    let memory = Memory::default();
    let bus = memory.bus();
    let mut subscription = bus.subscribe("claim", 4).await.unwrap();
    let started = Instant::now();
    let dying = async {
        let incoming = subscription.next().await;
        drop(incoming);
    };
    let (answer, ()) = tokio::join!(bus.request("claim", Bytes::new(), LONG), dying);
    assert_eq!(answer, Err(BusError::TimedOut("claim".into())));
    assert_eq!(started.elapsed(), Duration::ZERO);
}

/// A future that a test polls by hand.
struct Polled<F: Future>(std::pin::Pin<Box<F>>);

fn polled<F: Future>(future: F) -> Polled<F> {
    Polled(Box::pin(future))
}

impl<F: Future> Polled<F> {
    fn poll_once(&mut self) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match self.0.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}
