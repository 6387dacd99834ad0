//! The whole worker with real processes: a thread a slot, the memory bus, one launcher.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use l3_worker::secrets::Guard;
use l3_worker::{CommandExecutor, CommandOptions, DEFAULT_PATH, StopLevel};
use protocol::message::TaskOutcome;
use protocol::outcome::FailureClass;

use crate::support::bench::sh;
use crate::support::coordinator::{Answers, Coordinator, named};
use crate::support::{carrying, launcher, unique};

fn executor(run_dir: &std::path::Path, slots: usize) -> Arc<CommandExecutor> {
    let options = CommandOptions {
        run_dir: run_dir.to_owned(),
        path: DEFAULT_PATH.to_owned(),
        slots,
        secrets: Guard::default(),
        observer: None,
        on_phase: None,
    };
    Arc::new(CommandExecutor::new(launcher(), options).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tasks_over_few_slots() {
    let dir = tempfile::tempdir().unwrap();
    let mut coordinator = Coordinator::start(Answers::default()).await;
    coordinator.worker(4, executor(dir.path(), 4));
    let names: Vec<String> = (0..100).map(|n| format!("t{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for task in named(&sh("echo $ORCHESTRA_TASK"), &names).values() {
        coordinator.publish(task).await;
    }
    let mut done = BTreeSet::new();
    for _ in 0..names.len() {
        let result = coordinator.result().await;
        assert!(
            matches!(result.outcome, TaskOutcome::Done { .. }),
            "{result:?}"
        );
        let log = dir.path().join(format!("logs/{}.1.out", result.token.task));
        assert_eq!(
            fs_err::read_to_string(log).unwrap(),
            format!("{}\n", result.token.task)
        );
        done.insert(result.token.task.to_string());
    }
    assert_eq!(done.len(), names.len());
    coordinator.drained().await;
    assert_eq!(
        fs_err::read_dir(dir.path().join("work")).unwrap().count(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_reaches_a_thread_that_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let mark = unique();
    let mut coordinator = Coordinator::start(Answers::default()).await;
    let handle = coordinator.worker(1, executor(dir.path(), 1));
    let mut deaf = sh(&format!(
        "trap '' TERM; while :; do sleep 0.01; done # {mark}"
    ));
    deaf.constraints.grace_ms = 3_600_000;
    coordinator.publish(&deaf).await;
    while carrying(&mark).is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    coordinator.cancel(false).await;
    handle.stop_all(StopLevel::Kill);
    match coordinator.outcome().await {
        TaskOutcome::Failed { end, .. } => {
            assert_eq!(end.failure.unwrap().class, FailureClass::Cancelled);
        }
        other => panic!("{other:?}"),
    }
    assert!(carrying(&mark).is_empty());
    coordinator.drained().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_worker_kills_what_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let mark = unique();
    let mut coordinator = Coordinator::start(Answers::default()).await;
    coordinator.worker(1, executor(dir.path(), 1));
    coordinator
        .publish(&sh(&format!("sleep 100000; : {mark}")))
        .await;
    while carrying(&mark).is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(coordinator);
    while !carrying(&mark).is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
