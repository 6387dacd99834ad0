//! What a stall of the whole process does (a stopped terminal job, a suspended machine, a blocked
//! pipe), and last words that no coordinator could read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use l3_worker::{Scripted, ScriptedExecutor};
use protocol::message::{MAX_MESSAGE_BYTES, TaskOutcome};
use protocol::outcome::FailureClass;
use protocol::queue::ACK_WAIT;
use serde_json::{Map, Value, json};

use crate::support::bench::argv;
use crate::support::coordinator::{Answers, Coordinator, grant};
use crate::support::stuck_bus::StuckBus;

#[tokio::test(start_paused = true)]
async fn what_one_slot_runs_is_not_started_by_another_after_a_stall() {
    let starts = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&starts);
    let executor = ScriptedExecutor::new(move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        Scripted {
            takes: 4 * ACK_WAIT,
            ..Scripted::default()
        }
    });
    let mut coordinator = Coordinator::start(Answers::default()).await;
    coordinator.worker(3, Arc::new(executor));
    coordinator.publish(&argv(&["true"])).await;
    let started = || starts.load(Ordering::Relaxed);
    coordinator.until("a start", |_| started() == 1).await;
    // Nothing of ours runs meanwhile; the bus sees a delivery that nobody kept alive.
    tokio::time::advance(2 * ACK_WAIT).await;
    assert!(matches!(
        coordinator.outcome().await,
        TaskOutcome::Done { attempt: 1, .. }
    ));
    coordinator
        .until("acknowledged", |_| coordinator.queued() == 0)
        .await;
    assert_eq!((started(), coordinator.claims()), (1, 1));
    coordinator.drained().await;
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_hangs_does_not_hold_up_the_fence() {
    let answers = Answers {
        claim: Box::new(|request| grant(request, 1, 0, Some(5000))),
        heartbeat: Box::new(|_| None),
        ..Answers::default()
    };
    let mut coordinator = Coordinator::start(answers).await;
    let bus = StuckBus(Arc::clone(&coordinator.bus));
    let executor = ScriptedExecutor::new(|_, _| Scripted {
        takes: Duration::from_secs(3600),
        ..Scripted::default()
    });
    let begun = tokio::time::Instant::now();
    coordinator.worker_on(Arc::new(bus), 1, Arc::new(executor));
    coordinator.publish(&argv(&["true"])).await;
    coordinator
        .until("the lease is given up", |_| coordinator.queued() == 0)
        .await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    coordinator.drained().await;
}

async fn said_of(outputs: Map<String, Value>) -> TaskOutcome {
    let executor = ScriptedExecutor::new(move |_, _| Scripted {
        outputs: outputs.clone(),
        ..Scripted::default()
    });
    let mut coordinator = Coordinator::start(Answers::default()).await;
    coordinator.worker(1, Arc::new(executor));
    coordinator.publish(&argv(&["true"])).await;
    let outcome = coordinator.outcome().await;
    coordinator.drained().await;
    outcome
}

fn refused(outcome: TaskOutcome) -> String {
    let TaskOutcome::Failed { attempt: 1, end } = outcome else {
        panic!("{outcome:?}");
    };
    let failure = end.failure.unwrap();
    assert_eq!(failure.class, FailureClass::InvalidOutput);
    failure.message
}

/// Sixty thousand bytes that JSON writes as six times as many.
#[tokio::test(start_paused = true)]
async fn a_result_too_large_to_read_is_a_failure_not_silence() {
    let value = "\u{1}".repeat(60_000);
    assert!(value.len() * 6 > MAX_MESSAGE_BYTES);
    let outputs = Map::from_iter([("x".to_owned(), json!(value))]);
    assert!(refused(said_of(outputs).await).contains("too large"));
}

#[tokio::test(start_paused = true)]
async fn a_result_nested_too_deeply_to_read_is_a_failure_not_silence() {
    let deep = (0..126).fold(json!(1), |inner, _| json!([inner]));
    let outputs = Map::from_iter([("x".to_owned(), deep)]);
    assert!(refused(said_of(outputs).await).contains("nested"));
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_breaks_ends_its_worker() {
    let executor = ScriptedExecutor::new(|_, _| panic!("a fault of the executor"));
    let bus: Arc<dyn protocol::bus::Bus>;
    let coordinator = Coordinator::start(Answers::default()).await;
    bus = Arc::clone(&coordinator.bus) as _;
    let options = l3_worker::Options {
        worker: "w1".parse().unwrap(),
        incarnation: "life1".parse().unwrap(),
        pool: protocol::subject::DEFAULT_POOL.to_owned(),
        slots: 2,
        seed: 7,
    };
    let (worker, _handle) = l3_worker::Worker::new(options, bus, Arc::new(executor)).unwrap();
    coordinator.publish(&argv(&["true"])).await;
    let ended = worker.run(tokio_util::sync::CancellationToken::new());
    let ended = tokio::time::timeout(Duration::from_secs(60), ended).await;
    assert!(ended.is_ok(), "a worker with a broken slot goes on");
}
