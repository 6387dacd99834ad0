//! What a stream refuses, and what becomes possible again.

use bytes::Bytes;
use tokio::task::JoinSet;

use super::Fixture;
use super::work::{Setup, Work, text};
use crate::bus::{BusError, Headers, Message, PubAck, PublishOptions};

async fn publish_bytes(work: &Work, leaf: &str, len: usize) -> Result<PubAck, BusError> {
    let payload = Bytes::from(vec![7; len]);
    work.bus
        .publish(
            &work.subject(leaf),
            Headers::new(),
            payload,
            PublishOptions::default(),
        )
        .await
}

/// Nothing old makes room for something new; an ack does.
pub async fn a_stream_is_full_by_messages(fixture: &dyn Fixture) {
    let mut setup = Setup::new(fixture).patient();
    setup.stream.max_messages = 2;
    let work = setup.open().await;
    work.publish("a").await;
    work.publish("b").await;
    let refused = work.publish_with("c", PublishOptions::default()).await;
    assert!(matches!(refused, Err(BusError::Full(_))), "{refused:?}");
    let first = work.take().await;
    assert_eq!(text(&first), "a");
    first.acker.double_ack().await.expect("the bus is there");
    work.publish("c").await;
    assert_eq!(text(&work.take().await), "b");
    assert_eq!(text(&work.take().await), "c");
}

/// Bytes are bounded as messages are.
pub async fn a_stream_is_full_by_bytes(fixture: &dyn Fixture) {
    let mut setup = Setup::new(fixture).patient();
    setup.stream.max_bytes = 10_000;
    let work = setup.open().await;
    publish_bytes(&work, "a", 4000)
        .await
        .expect("there is room");
    publish_bytes(&work, "b", 4000)
        .await
        .expect("there is room");
    let refused = publish_bytes(&work, "c", 4000).await;
    assert!(matches!(refused, Err(BusError::Full(_))), "{refused:?}");
    work.take()
        .await
        .acker
        .double_ack()
        .await
        .expect("the bus is there");
    publish_bytes(&work, "c", 4000)
        .await
        .expect("there is room again");
}

/// Enqueue once: the subject is free again when its message is gone.
pub async fn a_subject_is_taken_until_acknowledged(fixture: &dyn Fixture) {
    let mut setup = Setup::new(fixture).patient();
    setup.stream.max_per_subject = Some(1);
    let work = setup.open().await;
    work.publish("a").await;
    let refused = work.publish_with("a", PublishOptions::default()).await;
    assert!(
        matches!(refused, Err(BusError::SubjectTaken(_))),
        "{refused:?}"
    );
    work.publish("b").await;
    let delivery = work.take().await;
    let refused = work.publish_with("a", PublishOptions::default()).await;
    assert!(
        matches!(refused, Err(BusError::SubjectTaken(_))),
        "delivered is not done"
    );
    delivery.acker.double_ack().await.expect("the bus is there");
    work.publish("a").await;
}

/// A publish is never silently for nobody.
pub async fn a_subject_nobody_stores_is_refused(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).open().await;
    let outside = format!("{}.elsewhere.a", fixture.token());
    for subject in [
        outside.as_str(),
        &work.subject("*"),
        &work.subject("a..b"),
        "",
    ] {
        let (empty, options) = (Bytes::new(), PublishOptions::default());
        let refused = work
            .bus
            .publish(subject, Headers::new(), empty, options)
            .await;
        assert!(
            matches!(refused, Err(BusError::NoStream(_))),
            "{subject:?}: {refused:?}"
        );
    }
    work.assert_idle().await;
}

/// The largest payload passes whole, a byte more does not.
pub async fn what_is_too_large_is_refused(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).patient().open().await;
    let refused = publish_bytes(&work, "a", Message::MAX_BYTES + 1).await;
    assert!(matches!(refused, Err(BusError::TooLarge(_))), "{refused:?}");
    publish_bytes(&work, "a", Message::MAX_BYTES)
        .await
        .expect("this still fits");
    assert_eq!(work.take().await.message.payload.len(), Message::MAX_BYTES);
    let payload = Bytes::from(vec![7; Message::MAX_BYTES + 1]);
    let subject = format!("{}.core", fixture.token());
    let refused = work.bus.broadcast(&subject, payload).await;
    assert!(matches!(refused, Err(BusError::TooLarge(_))), "{refused:?}");
}

/// Compare-and-set per subject; an emptied subject is like a new one.
pub async fn the_last_sequence_can_be_expected(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).patient().open().await;
    work.publish("other").await;
    let first = work
        .publish_expecting("a", 0)
        .await
        .expect("nothing there yet");
    let lost = work.publish_expecting("a", 0).await;
    let wanted = BusError::WrongLastSeq {
        subject: work.subject("a"),
        last: first.seq,
    };
    assert_eq!(lost, Err(wanted));
    let second = work
        .publish_expecting("a", first.seq)
        .await
        .expect("that is the last");
    work.bus
        .delete(&work.stream, first.seq)
        .await
        .expect("the stream exists");
    work.bus
        .delete(&work.stream, second.seq)
        .await
        .expect("the stream exists");
    work.publish_expecting("a", 0).await.expect("emptied");
}

/// One winner a round.
pub async fn one_of_many_racing_writers_wins(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).patient().open().await;
    let mut last = 0;
    for _ in 0..20 {
        let mut racers = JoinSet::new();
        for _ in 0..6 {
            let work = work.clone();
            racers.spawn(async move { work.publish_expecting("a", last).await });
        }
        let results = racers.join_all().await;
        let won: Vec<_> = results.iter().flatten().collect();
        assert_eq!(won.len(), 1, "{results:?}");
        last = won[0].seq;
        for lost in results.iter().filter_map(|result| result.as_ref().err()) {
            assert!(matches!(lost, BusError::WrongLastSeq { .. }), "{lost:?}");
        }
    }
}
