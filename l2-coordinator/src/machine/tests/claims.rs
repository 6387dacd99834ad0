//! Who may start a task, and what everyone else is told.

use crate::testing::{Tasks, TestEnv, config, crashed, ended, plan_of, retry, task};
use protocol::ids::LeaseId;
use protocol::message::{AttemptReport, TaskOutcome};
use serde_json::Map;

fn env(tasks: impl IntoIterator<Item = Tasks>) -> TestEnv {
    TestEnv::new(config(), plan_of(tasks))
}

fn done(attempt: u32) -> TaskOutcome {
    TaskOutcome::Done {
        attempt,
        end: Box::new(ended()),
        outputs: Map::new(),
        artifacts: Vec::new(),
    }
}

#[test]
fn nothing_is_published_before_a_worker_offers_slots() {
    let mut env = env([task("a")]);
    assert_eq!(env.published.len(), 0);
    env.hello("w1", "life1", 1).is(&["> publish a 1-1"]);
    env.hello("w1", "life1", 1).is(&[]);
}

#[test]
fn a_remote_claim_is_granted_once_its_lease_is_synced() {
    let mut env = env([task("a").retry(retry(2))]);
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a");
    env.claim(&token, "w1", "life1").is(&[
        "task.leased a 1-1 to w1",
        "attempt.started a 1-1 #1",
        "> granted a 1-1 #1 left 2 for 5000ms once synced",
    ]);
}

#[test]
fn a_local_claim_is_granted_at_once_and_without_deadline() {
    let mut env = env([task("a")]);
    env.hello("local-c", "life1", 1).is(&["> publish a 1-1"]);
    let token = env.token("a");
    env.claim(&token, "local-c", "life1").is(&[
        "task.leased a 1-1 to local-c",
        "attempt.started a 1-1 #1",
        "> granted a 1-1 #1 left 0",
    ]);
}

#[test]
fn a_dead_life_of_the_local_worker_is_granted_nothing() {
    let mut env = env([task("a")]);
    env.hello("local-c", "life1", 1).skip();
    env.hello("local-c", "life2", 1).skip();
    let token = env.token("a");
    env.claim(&token, "local-c", "life1")
        .is(&["> denied Busy for 1000ms"]);
    env.claim(&token, "local-c", "life2").is(&[
        "task.leased a 1-1 to local-c",
        "attempt.started a 1-1 #1",
        "> granted a 1-1 #1 left 0",
    ]);
}

#[test]
fn asking_again_gets_the_same_answer_and_changes_nothing() {
    let mut env = env([task("a")]);
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a");
    env.claim(&token, "w1", "life1").skip();
    env.claim(&token, "w1", "life1")
        .is(&["> granted a 1-1 #1 left 0 for 5000ms once synced"]);
}

#[test]
fn another_worker_is_told_that_the_task_is_busy() {
    let mut env = env([task("a")]);
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a");
    env.claim(&token, "w1", "life1").skip();
    env.claim(&token, "w2", "life1")
        .is(&["> denied Busy for 5000ms"]);
}

#[test]
fn a_new_life_of_the_holder_does_not_inherit_the_lease() {
    let mut env = env([task("a")]);
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a");
    env.claim(&token, "w1", "life1").skip();
    env.claim(&token, "w1", "life2").is(&["> denied Stale"]);
}

#[test]
fn claims_for_tasks_that_are_over_are_denied_as_done() {
    let mut env = env([task("a"), task("b")]);
    env.hello("w1", "life1", 2).skip();
    let token = env.token("a");
    env.claim(&token, "w1", "life1").skip();
    env.result(&token, "w1", done(1)).skip();
    env.claim(&token, "w1", "life1").is(&["> denied Done"]);
    env.claim(&token, "w2", "life1").is(&["> denied Done"]);
}

#[test]
fn claims_with_other_lease_numbers_are_stale() {
    let mut env = env([task("a")]);
    env.hello("w1", "life1", 1).skip();
    let mut token = env.token("a");
    token.lease = LeaseId { epoch: 1, lease: 7 };
    env.claim(&token, "w1", "life1").is(&["> denied Stale"]);
    token.lease = LeaseId { epoch: 0, lease: 1 };
    env.claim(&token, "w1", "life1").is(&["> denied Stale"]);
}

#[test]
fn claims_for_other_runs_and_unknown_tasks_are_denied_as_unknown() {
    let mut env = env([task("a")]);
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a");
    let mut other_task = token.clone();
    other_task.task = "zz".parse().unwrap();
    env.claim(&other_task, "w1", "life1")
        .is(&["> denied Unknown"]);
    let mut other_run = token;
    other_run.run = "0197f0e2-7c1a-7cc3-9d51-000000000000".parse().unwrap();
    env.claim(&other_run, "w1", "life1")
        .is(&["> denied Unknown"]);
}

#[test]
fn claims_while_the_run_is_cancelled_are_denied() {
    let mut env = env([task("a"), task("b")]);
    env.hello("w1", "life1", 2).skip();
    let (a, b) = (env.token("a"), env.token("b"));
    env.claim(&a, "w1", "life1").skip();
    env.cancel().skip();
    env.claim(&a, "w2", "life1").is(&["> denied Cancelled"]);
    env.claim(&b, "w1", "life1").is(&["> denied Done"]);
    // Its holder asks again: it never heard the first answer, and will not after this one.
    env.claim(&a, "w1", "life1").is(&[
        "lease.lost a 1-1 HandedBack",
        "task.cancelled a",
        "run.finished cancelled 130",
        "> denied Cancelled",
        "> finished cancelled 130 once synced",
    ]);
}

#[test]
fn a_paused_run_grants_nothing() {
    let mut env = env([task("a")]);
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a");
    env.feed(&crate::machine::Input::Pause("disk full".into()))
        .is(&["run.paused disk full"]);
    env.claim(&token, "w1", "life1").is(&["> denied Cancelled"]);
}

#[test]
fn a_repeated_claim_after_a_retry_in_place_names_the_attempt_that_runs() {
    let mut env = env([task("a").retry(retry(2))]);
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a");
    env.claim(&token, "w1", "life1").skip();
    env.report(AttemptReport::Ended {
        token: token.clone(),
        worker: "w1".parse().unwrap(),
        attempt: 1,
        end: Box::new(crashed()),
        delay_ms: 10,
    })
    .skip();
    env.report(AttemptReport::Starting {
        token: token.clone(),
        worker: "w1".parse().unwrap(),
        attempt: 2,
    })
    .skip();
    env.claim(&token, "w1", "life1")
        .is(&["> granted a 1-1 #2 left 1 for 5000ms once synced"]);
}
