//! Publishing and pulling.

use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::Fixture;
use super::work::{GRAIN, PATIENCE, Setup, text};
use crate::bus::{Headers, PublishOptions};

/// Subject, headers in order, payload and sequence arrive as sent.
pub async fn a_delivery_carries_what_was_published(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).patient().open().await;
    let subject = work.subject("a.b");
    let headers: Headers = vec![
        ("Orc-Epoch".into(), "3".into()),
        ("Orc-Lease".into(), "17".into()),
    ];
    let payload = Bytes::from_static(&[0, 255, 10]);
    let options = PublishOptions::default();
    let published = work
        .bus
        .publish(&subject, headers.clone(), payload.clone(), options)
        .await;
    let published = published.expect("there is room");
    let delivery = work.take().await;
    assert_eq!(delivery.message.subject, subject);
    assert_eq!(delivery.message.payload, payload);
    for header in headers {
        assert!(delivery.message.headers.contains(&header), "{header:?}");
    }
    assert_eq!((delivery.seq, delivery.delivered), (published.seq, 1));
    assert!(!published.duplicate);
}

/// First in, first out, sequences ascending.
pub async fn messages_come_in_the_order_published(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).patient().open().await;
    let mut seqs = Vec::new();
    for leaf in ["c", "a", "b", "a"] {
        seqs.push(work.publish(leaf).await.seq);
    }
    assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let found = work.pull(4, PATIENCE).await;
        assert!(!found.is_empty(), "only {seen:?} came");
        seen.extend(
            found
                .iter()
                .map(|delivery| (text(delivery).to_owned(), delivery.seq)),
        );
    }
    let wanted: Vec<_> = ["c", "a", "b", "a"]
        .map(str::to_owned)
        .into_iter()
        .zip(seqs)
        .collect();
    assert_eq!(seen, wanted);
}

/// Waits as long as it was told to, no longer, and not at all when told nothing.
pub async fn an_empty_pull_ends_at_its_time(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).open().await;
    work.assert_idle().await;
    let (started, expires) = (Instant::now(), Duration::from_millis(300));
    assert!(work.pull(5, expires).await.is_empty());
    let took = started.elapsed();
    assert!(took + GRAIN >= expires && took < PATIENCE, "{took:?}");
}

/// The rest stays for the next.
pub async fn a_pull_takes_at_most_its_batch(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).patient().open().await;
    for leaf in ["a", "b", "c"] {
        work.publish(leaf).await;
    }
    let first = work.pull(2, PATIENCE).await;
    let texts: Vec<_> = first.iter().map(text).collect();
    assert_eq!(texts, ["a", "b"]);
    assert_eq!(text(&work.take().await), "c");
    work.assert_idle().await;
}

/// Another consumer's messages are invisible.
pub async fn a_pull_gets_only_what_its_filter_takes(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).patient().open().await;
    let mut other = Setup::new(fixture).patient();
    other.consumer.name = "other".to_owned();
    other.consumer.filter = format!("{}.work.other.>", fixture.token());
    let other_work = other.open().await;
    work.publish("mine").await;
    other_work.publish("theirs").await;
    let theirs = work
        .bus
        .pull(&work.stream, "other", 5, PATIENCE)
        .await
        .expect("it exists");
    assert_eq!(theirs.iter().map(text).collect::<Vec<_>>(), ["theirs"]);
    assert_eq!(text(&work.take().await), "mine");
    work.assert_idle().await;
}

/// A message ends the wait at once.
pub async fn a_waiting_pull_wakes_when_a_message_comes(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).patient().open().await;
    let waiting = async {
        let found = work.pull(5, PATIENCE).await;
        (
            found.iter().map(|d| text(d).to_owned()).collect::<Vec<_>>(),
            Instant::now(),
        )
    };
    let publishing = async {
        sleep(Duration::from_millis(200)).await;
        work.publish("a").await;
        Instant::now()
    };
    let ((found, woken), published) = tokio::join!(waiting, publishing);
    assert_eq!(found, ["a"]);
    assert!(woken.saturating_duration_since(published) < PATIENCE / 2);
}

/// Nobody who waits goes without while there is one for each.
pub async fn waiting_pulls_share_what_comes(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).patient().open().await;
    let mut pullers = JoinSet::new();
    for _ in 0..4 {
        let work = work.clone();
        pullers.spawn(async move { text(&work.take().await).to_owned() });
    }
    sleep(Duration::from_millis(100)).await;
    for leaf in ["a", "b", "c", "d"] {
        work.publish(leaf).await;
    }
    let mut seen = pullers.join_all().await;
    seen.sort();
    assert_eq!(seen, ["a", "b", "c", "d"]);
}

/// Dropping a pull, also just when a message comes, keeps the message for the next.
pub async fn a_cancelled_pull_loses_nothing(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).open().await;
    for round in 0..20_u64 {
        let pull = work.pull(1, PATIENCE);
        let cancelled = timeout(Duration::from_millis(round % 4), pull);
        let (cancelled, _) = tokio::join!(cancelled, work.publish("a"));
        let delivery = match cancelled {
            Ok(mut found) => found.remove(0),
            // At once on a good bus, after ack_wait at the latest.
            Err(_) => work.take().await,
        };
        delivery
            .acker
            .double_ack()
            .await
            .expect("the message is there");
    }
    work.assert_idle().await;
}

/// Deleting is by sequence, idempotent, and also takes what somebody holds.
pub async fn a_deleted_message_is_not_delivered(fixture: &dyn Fixture) {
    let mut setup = Setup::new(fixture).patient();
    setup.stream.max_messages = 2;
    let work = setup.open().await;
    let (fresh, held) = (work.publish("a").await, work.publish("b").await);
    assert_eq!(work.bus.delete(&work.stream, fresh.seq).await, Ok(()));
    assert_eq!(
        work.bus.delete(&work.stream, fresh.seq).await,
        Ok(()),
        "gone already"
    );
    let delivery = work.take().await;
    assert_eq!(text(&delivery), "b");
    assert_eq!(work.bus.delete(&work.stream, held.seq).await, Ok(()));
    work.publish("c").await;
    work.publish("d").await;
    delivery
        .acker
        .double_ack()
        .await
        .expect("acknowledging what is gone is fine");
    assert_eq!(text(&work.take().await), "c");
}
