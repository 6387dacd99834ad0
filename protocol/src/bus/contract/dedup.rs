//! Message ids: a courtesy within a window, and what a restart forgets.

use std::time::Duration;

use tokio::time::sleep;

use super::Fixture;
use super::work::{Setup, text};
use crate::bus::PubAck;

/// The second publish is told the first one's sequence, and stores nothing.
pub async fn a_known_id_is_stored_once(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).patient().open().await;
    let first = work.publish_id("a", "id-1").await;
    assert!(!first.duplicate);
    let again = work.publish_id("a", "id-1").await;
    assert_eq!(
        again,
        PubAck {
            seq: first.seq,
            duplicate: true
        }
    );
    let other = work.publish_id("a", "id-2").await;
    assert!(!other.duplicate && other.seq > first.seq);
    assert_eq!(work.take().await.seq, first.seq);
    assert_eq!(work.take().await.seq, other.seq);
    work.assert_idle().await;
}

/// An ack does not end the window.
pub async fn a_known_id_stays_known_after_its_message_is_gone(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).patient().open().await;
    let first = work.publish_id("a", "id-1").await;
    work.take()
        .await
        .acker
        .double_ack()
        .await
        .expect("the bus is there");
    assert_eq!(
        work.publish_id("a", "id-1").await,
        PubAck {
            seq: first.seq,
            duplicate: true
        }
    );
    work.assert_idle().await;
}

/// After it, the same id is a new message.
pub async fn the_window_ends(fixture: &dyn Fixture) {
    let mut setup = Setup::new(fixture).patient();
    setup.stream.dedup_window = Duration::from_millis(500);
    let work = setup.open().await;
    let first = work.publish_id("a", "id-1").await;
    // Servers clean up lazily; twice the window and some is past every one's grain.
    sleep(Duration::from_millis(1500)).await;
    let again = work.publish_id("a", "id-1").await;
    assert!(!again.duplicate && again.seq > first.seq, "{again:?}");
}

/// Hence an id is never a guarantee.
pub async fn a_restart_forgets_ids_of_deleted_messages(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).patient().open().await;
    let kept = work.publish_id("kept", "id-kept").await;
    let gone = work.publish_id("gone", "id-gone").await;
    work.bus
        .delete(&work.stream, gone.seq)
        .await
        .expect("the stream exists");
    fixture.restart().await;
    let again = work.publish_id("gone", "id-gone").await;
    assert!(!again.duplicate && again.seq > gone.seq, "{again:?}");
    assert_eq!(
        work.publish_id("kept", "id-kept").await,
        PubAck {
            seq: kept.seq,
            duplicate: true
        }
    );
}

/// Messages, deliveries under way and their answers survive a restart.
pub async fn a_restart_keeps_what_is_stored(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).open().await;
    for leaf in ["a", "b"] {
        work.publish(leaf).await;
    }
    let held = work.take().await;
    fixture.restart().await;
    assert_eq!(text(&work.take().await), "b");
    let again = work.take().await;
    assert_eq!((text(&again), again.delivered), (text(&held), 2));
    held.acker
        .double_ack()
        .await
        .expect("the bus is there again");
}
