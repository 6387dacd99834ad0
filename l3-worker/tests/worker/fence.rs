//! Leases with a deadline: heartbeats, the fence, and deliveries kept alive. Paused time.

use std::sync::Arc;
use std::time::Duration;

use l3_worker::{Scripted, ScriptedExecutor};
use protocol::message::{HeartbeatReply, TaskMessage, TaskOutcome};
use tokio::time::Instant;

use crate::support::bench::argv;
use crate::support::coordinator::{Answers, Coordinator, Said, grant, token};

fn task() -> TaskMessage {
    argv(&["true"])
}

fn succeeds(takes: Duration) -> Arc<ScriptedExecutor> {
    Arc::new(ScriptedExecutor::new(move |_, _| Scripted {
        takes,
        ..Scripted::default()
    }))
}

/// Grants a lease that has to be renewed.
fn remote(heartbeat: impl Fn() -> Option<HeartbeatReply> + Send + 'static) -> Answers {
    Answers {
        claim: Box::new(|request| grant(request, 1, 0, Some(5000))),
        heartbeat: Box::new(move |_| heartbeat()),
        ..Answers::default()
    }
}

#[tokio::test(start_paused = true)]
async fn renewed_leases_last_as_long_as_the_work() {
    let mut coordinator = Coordinator::start(remote(|| Some(HeartbeatReply::default()))).await;
    coordinator.worker(1, succeeds(Duration::from_secs(50)));
    coordinator.publish(&task()).await;
    assert!(matches!(
        coordinator.outcome().await,
        TaskOutcome::Done { .. }
    ));
    let beats = |said: &[Said]| {
        said.iter()
            .filter(|said| matches!(said, Said::Heartbeat(_)))
            .count()
    };
    assert!((40..=60).contains(&beats(&coordinator.said.lock().unwrap())));
    coordinator.drained().await;
}

#[tokio::test(start_paused = true)]
async fn without_answers_a_worker_fences_itself_after_four_seconds() {
    let mut coordinator = Coordinator::start(remote(|| None)).await;
    let begun = Instant::now();
    coordinator.worker(1, succeeds(Duration::from_secs(3600)));
    coordinator.publish(&task()).await;
    // Lost work is acknowledged and reported to nobody.
    coordinator
        .until("the lease is given up", |_| coordinator.queued() == 0)
        .await;
    let elapsed = begun.elapsed();
    assert!(
        (Duration::from_secs(4)..Duration::from_secs(5)).contains(&elapsed),
        "{elapsed:?}"
    );
    assert_eq!(coordinator.bus.stored(protocol::queue::RESULTS), 0);
    coordinator.drained().await;
}

#[tokio::test(start_paused = true)]
async fn heartbeat_answers_stop_stale_and_cancelled_work() {
    let stale = || HeartbeatReply {
        stale: vec![token(&task())],
        ..HeartbeatReply::default()
    };
    let mut coordinator = Coordinator::start(remote(move || Some(stale()))).await;
    coordinator.worker(1, succeeds(Duration::from_secs(3600)));
    coordinator.publish(&task()).await;
    coordinator
        .until("the lease is given up", |_| coordinator.queued() == 0)
        .await;
    assert_eq!(coordinator.bus.stored(protocol::queue::RESULTS), 0);
    coordinator.drained().await;

    let cancelled = || HeartbeatReply {
        cancelled: vec![token(&task())],
        ..HeartbeatReply::default()
    };
    let mut coordinator = Coordinator::start(remote(move || Some(cancelled()))).await;
    coordinator.worker(1, succeeds(Duration::from_secs(3600)));
    coordinator.publish(&task()).await;
    assert!(matches!(
        coordinator.outcome().await,
        TaskOutcome::Failed { .. }
    ));
    coordinator.drained().await;
}

#[tokio::test(start_paused = true)]
async fn long_work_keeps_its_delivery() {
    let mut coordinator = Coordinator::start(Answers::default()).await;
    coordinator.worker(2, succeeds(Duration::from_secs(50)));
    coordinator.publish(&task()).await;
    assert!(matches!(
        coordinator.outcome().await,
        TaskOutcome::Done { .. }
    ));
    // Longer than the acknowledge timer: a redelivery would have been claimed by the idle slot.
    assert_eq!(coordinator.claims(), 1);
    coordinator.drained().await;
}
