//! Answers to deliveries, and what happens without one.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Fixture;
use super::work::{ACK_WAIT, GRAIN, PATIENCE, Setup, Work, text};
use crate::bus::{BusError, Delivery, PublishOptions};

/// A stream that holds one message: publishing tells whether it is still stored.
async fn one_place(fixture: &dyn Fixture) -> Work {
    let mut setup = Setup::new(fixture);
    setup.stream.max_messages = 1;
    setup.open().await
}

async fn is_full(work: &Work) -> bool {
    let published = work.publish_with("probe", PublishOptions::default()).await;
    match published {
        Err(BusError::Full(_)) => true,
        Ok(ack) => {
            work.bus
                .delete(&work.stream, ack.seq)
                .await
                .expect("it was just stored");
            false
        }
        Err(other) => panic!("unexpected {other}"),
    }
}

/// An ack may travel; it has to arrive.
async fn becomes_free(work: &Work) {
    let deadline = Instant::now() + PATIENCE;
    while is_full(work).await {
        assert!(Instant::now() < deadline, "the message stays");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Acknowledged is gone, and never comes back.
pub async fn an_ack_deletes(fixture: &dyn Fixture) {
    let work = one_place(fixture).await;
    work.publish("a").await;
    let delivery = work.take().await;
    assert!(is_full(&work).await, "delivered is not yet done");
    delivery.acker.ack().await.expect("the bus is there");
    becomes_free(&work).await;
    assert!(work.pull(1, ACK_WAIT * 2).await.is_empty());
}

/// Its `Ok` means gone already.
pub async fn a_double_ack_deletes(fixture: &dyn Fixture) {
    let work = one_place(fixture).await;
    work.publish("a").await;
    work.take()
        .await
        .acker
        .double_ack()
        .await
        .expect("the bus is there");
    assert!(!is_full(&work).await);
    assert!(work.pull(1, ACK_WAIT * 2).await.is_empty());
}

/// Asking for redelivery without a delay is not slower than a fresh message.
pub async fn a_nak_brings_it_back_at_once(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).patient().open().await;
    work.publish("a").await;
    let first = work.take().await;
    first
        .acker
        .nak(Duration::ZERO)
        .await
        .expect("the bus is there");
    let second = work.take().await;
    assert_eq!(
        (text(&second), second.seq, second.delivered),
        ("a", first.seq, 2)
    );
}

/// Not before its time, and long before a long `ack_wait`.
pub async fn a_nak_with_delay_brings_it_back_then(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).patient().open().await;
    work.publish("a").await;
    let (delay, first) = (Duration::from_millis(400), work.take().await);
    let asked = Instant::now();
    first.acker.nak(delay).await.expect("the bus is there");
    work.assert_idle().await;
    let second = work.take().await;
    assert!(asked.elapsed() + GRAIN >= delay, "{:?}", asked.elapsed());
    assert_eq!(second.delivered, 2);
}

/// `ack_wait` after its delivery, counted.
pub async fn without_an_answer_it_comes_back(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).open().await;
    work.publish("a").await;
    let asked = Instant::now();
    for delivered in 1..=3 {
        let delivery = work.take().await;
        assert_eq!((text(&delivery), delivery.delivered), ("a", delivered));
        let earliest = ACK_WAIT * (delivered - 1);
        assert!(
            asked.elapsed() + GRAIN * delivered >= earliest,
            "{:?}",
            asked.elapsed()
        );
    }
}

/// Among many who wait, also those who began before the delivery, one gets it, the others nothing.
pub async fn a_redelivery_wakes_a_waiting_pull(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).open().await;
    let expires = ACK_WAIT * 2;
    let started = Instant::now();
    let publishing = async {
        sleep(Duration::from_millis(50)).await;
        work.publish("a").await;
    };
    let pull = || work.pull(1, expires);
    let (a, b, c, ()) = tokio::join!(pull(), pull(), pull(), publishing);
    let mut seen: Vec<_> = [a, b, c]
        .iter()
        .flatten()
        .map(|delivery: &Delivery| delivery.delivered)
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, [1, 2], "first to one, then, unanswered, to another");
    assert!(
        started.elapsed() + GRAIN * 2 >= expires,
        "the third waited until the end"
    );
}

/// Each sign of progress starts `ack_wait` anew.
pub async fn progress_holds_it(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).open().await;
    work.publish("a").await;
    let first = work.take().await;
    for _ in 0..4 {
        assert!(
            work.pull(1, ACK_WAIT / 2).await.is_empty(),
            "held by progress"
        );
        first.acker.progress().await.expect("the bus is there");
    }
    let last_sign = Instant::now();
    let second = work.take().await;
    assert!(
        last_sign.elapsed() + GRAIN >= ACK_WAIT,
        "{:?}",
        last_sign.elapsed()
    );
    assert_eq!(second.delivered, 2);
}

/// The bound is the consumer's, not the puller's; an ack lets the next one out.
pub async fn max_ack_pending_holds_over_all_pullers(fixture: &dyn Fixture) {
    let mut setup = Setup::new(fixture).patient();
    setup.consumer.max_ack_pending = 2;
    let work = setup.open().await;
    for leaf in ["a", "b", "c", "d"] {
        work.publish(leaf).await;
    }
    let held = work.pull(4, PATIENCE).await;
    assert_eq!(held.iter().map(text).collect::<Vec<_>>(), ["a", "b"]);
    work.assert_idle().await;
    let acking = async {
        sleep(Duration::from_millis(100)).await;
        held[0].acker.ack().await.expect("the bus is there");
    };
    let (next, ()) = tokio::join!(work.take(), acking);
    assert_eq!(text(&next), "c");
    work.assert_idle().await;
    held[1]
        .acker
        .nak(Duration::ZERO)
        .await
        .expect("the bus is there");
    assert_eq!(
        text(&work.take().await),
        "b",
        "a redelivery has its place already"
    );
}

/// Not delivered again, not dropped: someone has to look at it and delete it.
pub async fn the_last_delivery_leaves_it_stored(fixture: &dyn Fixture) {
    let mut setup = Setup::new(fixture);
    setup.stream.max_per_subject = Some(1);
    setup.consumer.max_deliver = Some(2);
    setup.consumer.max_ack_pending = 1;
    let work = setup.open().await;
    let stored = work.publish("a").await;
    work.publish("b").await;
    work.take()
        .await
        .acker
        .nak(Duration::ZERO)
        .await
        .expect("the bus is there");
    assert_eq!(work.take().await.delivered, 2);
    let next = work.take().await;
    assert_eq!(
        (text(&next), next.delivered),
        ("b", 1),
        "its place is free again"
    );
    next.acker.double_ack().await.expect("the bus is there");
    assert!(
        work.pull(1, ACK_WAIT * 2).await.is_empty(),
        "there is no third delivery"
    );
    let again = work.publish_with("a", PublishOptions::default()).await;
    assert!(matches!(again, Err(BusError::SubjectTaken(_))), "{again:?}");
    work.bus
        .delete(&work.stream, stored.seq)
        .await
        .expect("the stream exists");
    work.publish("a").await;
    assert_eq!(work.take().await.delivered, 1);
}

/// An ack is not fenced: the first holder's ends what the second holds.
pub async fn a_late_ack_deletes_what_another_holds(fixture: &dyn Fixture) {
    let work = one_place(fixture).await;
    work.publish("a").await;
    let first = work.take().await;
    let second = work.take().await;
    assert_eq!((first.delivered, second.delivered), (1, 2));
    first.acker.ack().await.expect("the bus is there");
    becomes_free(&work).await;
    assert_eq!(
        second.acker.double_ack().await,
        Ok(()),
        "and it is not told"
    );
    assert!(work.pull(1, ACK_WAIT * 2).await.is_empty());
}

/// Nor is a nak: while the second holds it, the first's brings a third delivery.
pub async fn a_late_nak_starts_another_delivery(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).open().await;
    work.publish("a").await;
    let first = work.take().await;
    let second = work.take().await;
    let asked = Instant::now();
    first
        .acker
        .nak(Duration::ZERO)
        .await
        .expect("the bus is there");
    let third = work.take().await;
    assert_eq!((second.delivered, third.delivered), (2, 3));
    assert!(asked.elapsed() < ACK_WAIT, "at once, not after ack_wait");
}
