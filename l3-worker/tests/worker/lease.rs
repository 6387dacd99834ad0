//! The worker's loop over the memory bus with scripted attempts, on paused time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use l3_worker::{Scripted, ScriptedExecutor};
use protocol::message::{
    AttemptReply, AttemptReport, ClaimReply, Denial, MAX_MESSAGE_BYTES, TaskMessage, TaskOutcome,
};
use protocol::outcome::{Failure, FailureClass};
use protocol::policy::RetryPolicy;
use tokio::time::Instant;

use crate::support::bench::argv;
use crate::support::coordinator::{Answers, Coordinator, Said, grant, named, token};

fn task() -> TaskMessage {
    argv(&["true"])
}

fn succeeds(takes: Duration) -> Arc<ScriptedExecutor> {
    Arc::new(ScriptedExecutor::new(move |_, _| Scripted {
        takes,
        ..Scripted::default()
    }))
}

/// Fails with this class until the given attempt.
fn fails_until(class: FailureClass, success: u32) -> Arc<ScriptedExecutor> {
    Arc::new(ScriptedExecutor::new(move |_, attempt| Scripted {
        failure: (attempt < success).then(|| Failure::new(class, "scripted")),
        exit: Some(i32::from(attempt < success)),
        ..Scripted::default()
    }))
}

fn retrying(max: u32, delay_ms: u64) -> TaskMessage {
    let backoff = protocol::policy::Backoff::Fixed;
    let retry = RetryPolicy {
        max,
        delay_ms,
        backoff,
        ..RetryPolicy::default()
    };
    TaskMessage { retry, ..task() }
}

fn word(report: &AttemptReport) -> (&'static str, u32) {
    match report {
        AttemptReport::Ended { attempt, .. } => ("ended", *attempt),
        AttemptReport::Starting { attempt, .. } => ("starting", *attempt),
    }
}

#[tokio::test(start_paused = true)]
async fn a_granted_task_is_executed_reported_and_acknowledged() {
    let mut coordinator = Coordinator::start(Answers::default()).await;
    coordinator.worker(2, succeeds(Duration::from_secs(1)));
    let tasks = named(&task(), &["a", "b", "c"]);
    for task in tasks.values() {
        coordinator.publish(task).await;
    }
    for _ in 0..3 {
        let result = coordinator.result().await;
        let task = &tasks[&result.token.task.to_string()];
        assert_eq!((result.token, result.worker.as_str()), (token(task), "w1"));
        assert!(matches!(
            result.outcome,
            TaskOutcome::Done { attempt: 1, .. }
        ));
    }
    coordinator
        .until("all acknowledged", |_| coordinator.queued() == 0)
        .await;
    assert_eq!(coordinator.claims(), 3);
    coordinator.drained().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_token_nothing_starts() {
    for (why, queued) in [
        (Denial::Done, 0),
        (Denial::Stale, 0),
        (Denial::Cancelled, 0),
        (Denial::Unknown, 0),
        (Denial::Busy, 1),
    ] {
        let claim = move |_: &_| ClaimReply::Denied {
            why,
            retry_after_ms: Some(100_000),
        };
        let answers = Answers {
            claim: Box::new(claim),
            ..Answers::default()
        };
        let mut coordinator = Coordinator::start(answers).await;
        let executor = ScriptedExecutor::new(|task, _| panic!("started {}", task.task_id));
        coordinator.worker(1, Arc::new(executor));
        coordinator.publish(&task()).await;
        coordinator
            .until("a claim", |_| coordinator.claims() == 1)
            .await;
        coordinator
            .until("answered", |_| coordinator.queued() == queued)
            .await;
        coordinator.drained().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_task_is_asked_about_again_later() {
    let count = AtomicU32::new(0);
    let claim = move |request: &_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => ClaimReply::Denied {
            why: Denial::Busy,
            retry_after_ms: Some(5000),
        },
        _ => grant(request, 4, 0, None),
    };
    let mut coordinator = Coordinator::start(Answers {
        claim: Box::new(claim),
        ..Answers::default()
    })
    .await;
    coordinator.worker(1, succeeds(Duration::ZERO));
    let begun = Instant::now();
    coordinator.publish(&task()).await;
    assert!(matches!(
        coordinator.outcome().await,
        TaskOutcome::Done { attempt: 4, .. }
    ));
    assert!(begun.elapsed() >= Duration::from_secs(5));
    coordinator.drained().await;
}

#[tokio::test(start_paused = true)]
async fn messages_that_make_no_sense_are_dropped() {
    let mut coordinator = Coordinator::start(Answers::default()).await;
    coordinator.worker(1, succeeds(Duration::ZERO));
    let tasks = named(&task(), &["a", "b", "c", "d"]);
    coordinator.publish_raw(&tasks["a"], b"{".to_vec()).await;
    coordinator
        .publish_raw(&tasks["b"], serde_json::to_vec(&tasks["a"]).unwrap())
        .await;
    let newer = TaskMessage {
        version: 99,
        ..tasks["c"].clone()
    };
    coordinator
        .publish_raw(&tasks["c"], serde_json::to_vec(&newer).unwrap())
        .await;
    coordinator
        .publish_raw(&tasks["d"], vec![b' '; MAX_MESSAGE_BYTES + 1])
        .await;
    coordinator
        .until("all dropped", |_| coordinator.queued() == 0)
        .await;
    assert_eq!(coordinator.claims(), 0);
    coordinator.drained().await;
}

#[tokio::test(start_paused = true)]
async fn short_delays_are_waited_in_place_with_the_coordinators_word() {
    let answers = Answers {
        claim: Box::new(|request| grant(request, 1, 2, None)),
        ..Answers::default()
    };
    let mut coordinator = Coordinator::start(answers).await;
    coordinator.worker(1, fails_until(FailureClass::ToolFailed, 3));
    let begun = Instant::now();
    coordinator.publish(&retrying(2, 4000)).await;
    assert!(matches!(
        coordinator.outcome().await,
        TaskOutcome::Done { attempt: 3, .. }
    ));
    let words: Vec<_> = coordinator.attempts().iter().map(word).collect();
    assert_eq!(
        words,
        [("ended", 1), ("starting", 2), ("ended", 2), ("starting", 3)]
    );
    // Jitter takes off a quarter at most.
    assert!(begun.elapsed() >= Duration::from_secs(6));
    coordinator.drained().await;
}

#[tokio::test(start_paused = true)]
async fn retries_end_where_the_grant_says_whatever_lost_leases_counted() {
    // Two attempts failed and one was lost with its lease: number 4, one retry left.
    let answers = Answers {
        claim: Box::new(|request| grant(request, 4, 1, None)),
        ..Answers::default()
    };
    let mut coordinator = Coordinator::start(answers).await;
    coordinator.worker(1, fails_until(FailureClass::ToolFailed, 99));
    coordinator.publish(&retrying(3, 1)).await;
    assert!(matches!(
        coordinator.outcome().await,
        TaskOutcome::Failed { attempt: 5, .. }
    ));
    coordinator.drained().await;
}

#[tokio::test(start_paused = true)]
async fn long_delays_are_handed_back() {
    let answers = Answers {
        claim: Box::new(|request| grant(request, 1, 1, None)),
        ..Answers::default()
    };
    let mut coordinator = Coordinator::start(answers).await;
    coordinator.worker(1, fails_until(FailureClass::Network, 9));
    coordinator.publish(&retrying(1, 40_000)).await;
    match coordinator.outcome().await {
        TaskOutcome::Yield {
            attempt: 1,
            retry_after_ms,
            end,
        } => {
            assert!(
                (30_000..=40_000).contains(&retry_after_ms),
                "{retry_after_ms}"
            );
            assert_eq!(end.failure.unwrap().class, FailureClass::Network);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(coordinator.attempts(), []);
    coordinator.drained().await;
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_between_attempts_it_says_no_more() {
    for stop_at in ["ended", "starting"] {
        let attempt = move |report: &AttemptReport| match word(report).0 == stop_at {
            true => AttemptReply::Stop,
            false => AttemptReply::Continue,
        };
        let claim = |request: &_| grant(request, 1, 5, None);
        let answers = Answers {
            attempt: Box::new(attempt),
            claim: Box::new(claim),
            ..Answers::default()
        };
        let mut coordinator = Coordinator::start(answers).await;
        coordinator.worker(1, fails_until(FailureClass::ToolFailed, 9));
        coordinator.publish(&retrying(5, 10)).await;
        coordinator
            .until("acknowledged", |_| coordinator.queued() == 0)
            .await;
        assert_eq!(coordinator.bus.stored(protocol::queue::RESULTS), 0);
        coordinator.drained().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_attempt_is_reported_as_such() {
    let mut coordinator = Coordinator::start(Answers::default()).await;
    // The next task in the slot takes a moment; this one would take an hour.
    let script = |task: &TaskMessage, _| Scripted {
        takes: Duration::from_secs(if task.task_id.as_str() == "t" {
            3600
        } else {
            1
        }),
        ..Scripted::default()
    };
    coordinator.worker(1, Arc::new(ScriptedExecutor::new(script)));
    coordinator.publish(&task()).await;
    coordinator
        .until("a claim", |_| coordinator.claims() == 1)
        .await;
    coordinator.cancel(false).await;
    match coordinator.outcome().await {
        TaskOutcome::Failed { end, .. } => {
            assert_eq!(end.failure.unwrap().class, FailureClass::Cancelled);
        }
        other => panic!("{other:?}"),
    }
    // The order was for that task: the next one in the slot runs.
    coordinator
        .publish(&named(&task(), &["next"])["next"])
        .await;
    assert!(matches!(
        coordinator.outcome().await,
        TaskOutcome::Done { .. }
    ));
    coordinator.drained().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancel_during_a_delay_ends_the_wait() {
    let answers = Answers {
        claim: Box::new(|request| grant(request, 1, 1, None)),
        ..Answers::default()
    };
    let mut coordinator = Coordinator::start(answers).await;
    coordinator.worker(1, fails_until(FailureClass::ToolFailed, 9));
    coordinator.publish(&retrying(1, 5000)).await;
    coordinator
        .until("the end of the first", |_| {
            coordinator.attempts().len() == 1
        })
        .await;
    let cancelled = Instant::now();
    coordinator.cancel(false).await;
    coordinator
        .until("the question", |_| coordinator.attempts().len() == 2)
        .await;
    assert!(cancelled.elapsed() < Duration::from_secs(1));
    coordinator.drained().await;
}

#[tokio::test(start_paused = true)]
async fn draining_finishes_what_runs_and_takes_nothing_more() {
    let mut coordinator = Coordinator::start(Answers::default()).await;
    coordinator.worker(1, succeeds(Duration::from_secs(60)));
    coordinator.publish(&task()).await;
    coordinator
        .until("a claim", |_| coordinator.claims() == 1)
        .await;
    coordinator.shutdown.cancel();
    coordinator
        .publish(&named(&task(), &["later"])["later"])
        .await;
    assert!(matches!(
        coordinator.outcome().await,
        TaskOutcome::Done { .. }
    ));
    coordinator
        .until(
            "no slots",
            |said| matches!(said.last(), Some(Said::Hello(hello)) if hello.slots == 0),
        )
        .await;
    assert_eq!((coordinator.claims(), coordinator.queued()), (1, 1));
    coordinator.drained().await;
}

#[tokio::test(start_paused = true)]
async fn draining_hands_a_waiting_task_back() {
    let answers = Answers {
        claim: Box::new(|request| grant(request, 1, 1, None)),
        ..Answers::default()
    };
    let mut coordinator = Coordinator::start(answers).await;
    coordinator.worker(1, fails_until(FailureClass::ToolFailed, 9));
    coordinator.publish(&retrying(1, 5000)).await;
    coordinator
        .until("the end of the first", |_| {
            coordinator.attempts().len() == 1
        })
        .await;
    coordinator.shutdown.cancel();
    assert_eq!(coordinator.outcome().await, TaskOutcome::HandedBack);
    coordinator.drained().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_offers_its_slots_every_second() {
    let mut coordinator = Coordinator::start(Answers::default()).await;
    coordinator.worker(3, succeeds(Duration::ZERO));
    coordinator
        .until("three hellos", |said| {
            said.iter()
                .filter(|said| matches!(said, Said::Hello(hello) if hello.slots == 3))
                .count()
                >= 3
        })
        .await;
    coordinator.drained().await;
}
