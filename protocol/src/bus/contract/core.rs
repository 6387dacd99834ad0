//! Requests and broadcasts: not stored, may be lost, never in anyone's way.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::Fixture;
use super::work::{GRAIN, PATIENCE};
use crate::bus::{Bus, BusError, Incoming, Subscription};

fn subject(fixture: &dyn Fixture, leaf: &str) -> String {
    format!("{}.core.{leaf}", fixture.token())
}

async fn listen(bus: &dyn Bus, pattern: &str) -> Subscription {
    bus.subscribe(pattern, 1000)
        .await
        .expect("the pattern is fine")
}

async fn hear(subscription: &mut Subscription) -> Incoming {
    let next = timeout(PATIENCE, subscription.next()).await;
    next.expect("a message comes").expect("the bus is open")
}

async fn tell(bus: &dyn Bus, subject: &str, text: &'static str) {
    bus.broadcast(subject, Bytes::from_static(text.as_bytes()))
        .await
        .expect("the bus is there");
}

/// Answers everything with what was asked, turned around, until nothing comes for a while.
async fn answer_reversed(mut subscription: Subscription) {
    while let Ok(Some(incoming)) = timeout(PATIENCE, subscription.next()).await {
        let mut answer = incoming.message.payload.to_vec();
        answer.reverse();
        let reply = incoming.reply.expect("a request waits for its answer");
        reply.reply(answer.into()).await.expect("the bus is there");
    }
}

/// Question and answer arrive unchanged.
pub async fn a_request_gets_its_answer(fixture: &dyn Fixture) {
    let (bus, at) = (fixture.bus(), subject(fixture, "claim"));
    let mut subscription = listen(&*bus, &at).await;
    let serving = async {
        let incoming = hear(&mut subscription).await;
        assert_eq!(incoming.message.subject, at);
        assert_eq!(incoming.message.payload, "question");
        let reply = incoming.reply.expect("a request waits for its answer");
        reply.reply(Bytes::from_static(b"answer")).await
    };
    let asking = bus.request(&at, Bytes::from_static(b"question"), PATIENCE);
    let (served, answer) = tokio::join!(serving, asking);
    assert_eq!(
        (served, answer),
        (Ok(()), Ok(Bytes::from_static(b"answer")))
    );
}

/// Many at once do not get each other's.
pub async fn every_asker_gets_its_own_answer(fixture: &dyn Fixture) {
    let (bus, at) = (fixture.bus(), subject(fixture, "claim.*"));
    let mut server = JoinSet::new();
    server.spawn(answer_reversed(listen(&*bus, &at).await));
    let mut askers = JoinSet::new();
    for n in 0..50 {
        let (bus, at) = (Arc::clone(&bus), subject(fixture, &format!("claim.w{n}")));
        askers.spawn(async move {
            let answer = bus
                .request(&at, Bytes::from(format!("<{n:03}")), PATIENCE)
                .await;
            let digits: String = format!("{n:03}").chars().rev().collect();
            assert_eq!(answer, Ok(Bytes::from(format!("{digits}<"))));
        });
    }
    askers.join_all().await;
    server.shutdown().await;
}

/// Nobody there is known without waiting.
pub async fn without_responders_a_request_ends_at_once(fixture: &dyn Fixture) {
    let (bus, at) = (fixture.bus(), subject(fixture, "claim"));
    let _elsewhere = listen(&*bus, &subject(fixture, "other")).await;
    let started = Instant::now();
    let answer = bus.request(&at, Bytes::new(), PATIENCE).await;
    assert_eq!(answer, Err(BusError::NoResponders(at)));
    assert!(started.elapsed() < PATIENCE / 2, "{:?}", started.elapsed());
}

/// A responder that says nothing costs the asker its timeout, no more.
pub async fn a_request_without_answer_ends_in_time(fixture: &dyn Fixture) {
    let (bus, at) = (fixture.bus(), subject(fixture, "claim"));
    let mut subscription = listen(&*bus, &at).await;
    let (started, wait) = (Instant::now(), Duration::from_millis(300));
    let asking = async {
        let answer = bus.request(&at, Bytes::new(), wait).await;
        (answer, started.elapsed())
    };
    let silent = async {
        let incoming = hear(&mut subscription).await;
        sleep(wait * 2).await;
        drop(incoming);
    };
    let ((answer, took), ()) = tokio::join!(asking, silent);
    assert_eq!(answer, Err(BusError::TimedOut(at)));
    assert!(took + GRAIN >= wait && took < PATIENCE, "{took:?}");
}

/// An asker that gave up is no error, and the next one is not confused by the old answer.
pub async fn an_answer_too_late_harms_nobody(fixture: &dyn Fixture) {
    let (bus, at) = (fixture.bus(), subject(fixture, "claim"));
    let mut subscription = listen(&*bus, &at).await;
    let gave_up = bus
        .request(&at, Bytes::from_static(b"1"), Duration::from_millis(100))
        .await;
    assert_eq!(gave_up, Err(BusError::TimedOut(at.clone())));
    let serving = async {
        for answer in [&b"late"[..], b"prompt"] {
            let reply = hear(&mut subscription)
                .await
                .reply
                .expect("these are requests");
            assert_eq!(reply.reply(Bytes::from_static(answer)).await, Ok(()));
        }
    };
    let asking = bus.request(&at, Bytes::from_static(b"2"), PATIENCE);
    let ((), answer) = tokio::join!(serving, asking);
    assert_eq!(answer, Ok(Bytes::from_static(b"prompt")));
}

/// Everyone who listens, nobody who comes later, and nobody at all is fine too.
pub async fn a_broadcast_reaches_who_listens_now(fixture: &dyn Fixture) {
    let (bus, at) = (fixture.bus(), subject(fixture, "cancel"));
    tell(&*bus, &at, "to nobody").await;
    let (mut a, mut b) = (listen(&*bus, &at).await, listen(&*bus, &at).await);
    tell(&*bus, &at, "first").await;
    let mut late = listen(&*bus, &at).await;
    tell(&*bus, &at, "second").await;
    for (subscription, wanted) in [
        (&mut a, &["first", "second"][..]),
        (&mut b, &["first", "second"]),
        (&mut late, &["second"]),
    ] {
        for text in wanted {
            let incoming = hear(subscription).await;
            assert_eq!(incoming.message.payload, *text);
            assert_eq!(incoming.message.subject, at);
            assert!(incoming.reply.is_none(), "nobody waits for an answer");
        }
        assert!(subscription.try_next().is_none(), "each once");
    }
}

/// `*` is one token, `>` one or more.
pub async fn patterns_choose_what_is_heard(fixture: &dyn Fixture) {
    let bus = fixture.bus();
    let mut one = listen(&*bus, &subject(fixture, "*.x")).await;
    let mut rest = listen(&*bus, &subject(fixture, "a.>")).await;
    for leaf in ["a.x", "a", "a.b.x", "b.x", "ab.c", "end.x"] {
        tell(&*bus, &subject(fixture, leaf), "").await;
    }
    tell(&*bus, &subject(fixture, "a.end"), "").await;
    for (subscription, wanted) in [
        (&mut one, &["a.x", "b.x", "end.x"]),
        (&mut rest, &["a.x", "a.b.x", "a.end"]),
    ] {
        for leaf in wanted {
            assert_eq!(
                hear(subscription).await.message.subject,
                subject(fixture, leaf)
            );
        }
    }
}

/// The sender does not wait, others miss nothing.
pub async fn a_slow_subscriber_misses_out_alone(fixture: &dyn Fixture) {
    const SENT: usize = 500;
    let (bus, at) = (fixture.bus(), subject(fixture, "beat"));
    let mut slow = bus.subscribe(&at, 4).await.expect("the pattern is fine");
    let mut quick = listen(&*bus, &at).await;
    for _ in 0..SENT {
        timeout(PATIENCE, tell(&*bus, &at, "beat"))
            .await
            .expect("the sender never waits");
    }
    for _ in 0..SENT {
        hear(&mut quick).await;
    }
    let mut heard = 0;
    while let Ok(Some(_)) = timeout(Duration::from_millis(200), slow.next()).await {
        heard += 1;
    }
    assert!((1..SENT).contains(&heard), "{heard} of {SENT}");
}

/// A responder that does not keep up is like none; the asker finds out in time.
pub async fn a_full_responder_fails_the_request(fixture: &dyn Fixture) {
    let (bus, at) = (fixture.bus(), subject(fixture, "claim"));
    let _stuck = bus.subscribe(&at, 1).await.expect("the pattern is fine");
    let mut askers = JoinSet::new();
    for _ in 0..4 {
        let (bus, at) = (Arc::clone(&bus), at.clone());
        askers.spawn(async move {
            bus.request(&at, Bytes::new(), Duration::from_millis(300))
                .await
        });
    }
    for answer in askers.join_all().await {
        let failed = matches!(
            answer,
            Err(BusError::NoResponders(_) | BusError::TimedOut(_))
        );
        assert!(failed, "{answer:?}");
    }
}

/// Dropping ends it, for requests and for broadcasts.
pub async fn a_dropped_subscription_is_gone(fixture: &dyn Fixture) {
    let (bus, at) = (fixture.bus(), subject(fixture, "claim"));
    let (kept, dropped) = (subject(fixture, ">"), listen(&*bus, &at).await);
    drop(dropped);
    let deadline = Instant::now() + PATIENCE;
    // A server hears of it a moment later.
    while let Err(error) = bus
        .request(&at, Bytes::new(), Duration::from_millis(50))
        .await
        && !matches!(error, BusError::NoResponders(_))
    {
        assert!(Instant::now() < deadline, "still there: {error}");
    }
    let mut kept = listen(&*bus, &kept).await;
    tell(&*bus, &at, "still heard by others").await;
    assert_eq!(
        hear(&mut kept).await.message.payload,
        "still heard by others"
    );
}
