//! Making streams and consumers.

use std::time::Duration;

use super::Fixture;
use super::work::{Setup, text};
use crate::bus::{BusError, Headers, PublishOptions};

/// Ensuring twice is like ensuring once, also with messages stored.
pub async fn ensuring_again_changes_nothing(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).patient().open().await;
    work.publish("a").await;
    let again = Setup::new(fixture).patient().open().await;
    assert_eq!(text(&again.take().await), "a");
}

/// A stream or consumer is never changed by ensuring it differently.
pub async fn other_settings_are_a_conflict(fixture: &dyn Fixture) {
    let (bus, mut setup) = (fixture.bus(), Setup::new(fixture));
    Setup::new(fixture).open().await;
    setup.stream.max_messages += 1;
    setup.consumer.max_ack_pending += 1;
    let stream = bus.ensure_stream(&setup.stream).await;
    assert!(
        matches!(stream, Err(BusError::Conflict { .. })),
        "{stream:?}"
    );
    let consumer = bus.ensure_consumer(&setup.consumer).await;
    assert!(
        matches!(consumer, Err(BusError::Conflict { .. })),
        "{consumer:?}"
    );
}

/// Every message belongs to at most one consumer.
pub async fn filters_of_one_stream_must_not_overlap(fixture: &dyn Fixture) {
    let (bus, mut setup) = (fixture.bus(), Setup::new(fixture));
    Setup::new(fixture).open().await;
    setup.consumer.name = "second".to_owned();
    setup.consumer.filter = format!("{}.work.*.urgent", fixture.token());
    let overlapping = bus.ensure_consumer(&setup.consumer).await;
    assert!(
        matches!(overlapping, Err(BusError::Conflict { .. })),
        "{overlapping:?}"
    );
    setup.consumer.filter = format!("{}.work.other.>", fixture.token());
    assert_eq!(bus.ensure_consumer(&setup.consumer).await, Ok(()));
}

/// Every subject is stored by at most one stream.
pub async fn subjects_of_two_streams_must_not_overlap(fixture: &dyn Fixture) {
    let (bus, mut setup) = (fixture.bus(), Setup::new(fixture));
    Setup::new(fixture).open().await;
    setup.stream.name.push_str("_2");
    setup.stream.subjects = format!("{}.*.pool.a", fixture.token());
    let overlapping = bus.ensure_stream(&setup.stream).await;
    assert!(
        matches!(overlapping, Err(BusError::Conflict { .. })),
        "{overlapping:?}"
    );
}

/// Unknown names are errors, not empty results.
pub async fn what_does_not_exist_is_named(fixture: &dyn Fixture) {
    let (bus, setup) = (fixture.bus(), Setup::new(fixture));
    let orphan = bus.ensure_consumer(&setup.consumer).await;
    assert!(matches!(orphan, Err(BusError::NoStream(_))), "{orphan:?}");
    let work = setup.open().await;
    let pulled = bus
        .pull(&work.stream, "nobody", 1, Duration::ZERO)
        .await
        .map(|found| found.len());
    assert!(matches!(pulled, Err(BusError::NoConsumer(_))), "{pulled:?}");
    let pulled = bus
        .pull("NO_SUCH", "pool", 1, Duration::ZERO)
        .await
        .map(|found| found.len());
    assert!(
        matches!(pulled, Err(BusError::NoStream(_) | BusError::NoConsumer(_))),
        "{pulled:?}"
    );
}

/// Messages wait for their consumer.
pub async fn a_late_consumer_gets_what_was_stored_before(fixture: &dyn Fixture) {
    let (bus, setup) = (fixture.bus(), Setup::new(fixture).patient());
    bus.ensure_stream(&setup.stream)
        .await
        .expect("a new stream can be made");
    for place in ["pool.a", "elsewhere.b", "pool.c"] {
        let subject = format!("{}.work.{place}", fixture.token());
        let payload = place.as_bytes().to_vec().into();
        let stored = bus.publish(&subject, Headers::new(), payload, PublishOptions::default());
        stored.await.expect("no consumer is needed to store");
    }
    let work = setup.open().await;
    assert_eq!(text(&work.take().await), "pool.a");
    assert_eq!(text(&work.take().await), "pool.c");
    work.assert_idle().await;
}
