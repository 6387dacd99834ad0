//! Numbers and names from outside that no honest peer sends: nothing overflows, nothing grows.

use std::time::Duration;

use protocol::ids::LeaseId;
use protocol::message::{AttemptReport, TaskOutcome};
use serde_json::Map;

use crate::machine::Input;
use crate::testing::{TestEnv, config, crashed, ended, plan_of, retry, task};

#[test]
fn absurd_slot_counts_are_cut() {
    let tasks = (0..50).map(|at| task(&format!("t{at}")));
    let mut env = TestEnv::new(config(), plan_of(tasks));
    env.hello("w1", "life1", u32::MAX).skip();
    env.hello("w2", "life1", u32::MAX).skip();
    assert_eq!(env.machine.in_flight(), 50);
}

#[test]
fn only_so_many_workers_are_remembered() {
    let mut env = TestEnv::new(config(), plan_of([task("a")]));
    for at in 0..5_000 {
        env.hello(&format!("w{at}"), "life1", 0).skip();
    }
    assert!(
        env.machine.leases.workers.len() <= 10_000,
        "{}",
        env.machine.leases.workers.len()
    );
    // The silent ones make room.
    env.pass(Duration::from_secs(5)).skip();
    env.hello("late", "life1", 1).is(&["> publish a 1-1"]);
}

#[test]
fn absurd_delays_are_cut_to_what_the_plan_allows() {
    let plan = plan_of([task("a").retry(retry(3))]);
    let mut env = TestEnv::new(config(), plan);
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a");
    env.claim(&token, "w1", "life1").skip();
    env.report(AttemptReport::Ended {
        token: token.clone(),
        worker: "w1".parse().unwrap(),
        attempt: 1,
        end: Box::new(crashed()),
        delay_ms: u64::MAX,
    })
    .is(&[
        "attempt.finished a 1-1 #1 tool_failed",
        "attempt.retrying a #2 after 60000ms in place",
        "> continue once synced",
    ]);
    env.report(AttemptReport::Starting {
        token: token.clone(),
        worker: "w1".parse().unwrap(),
        attempt: 2,
    })
    .skip();
    let outcome = TaskOutcome::Yield {
        attempt: 2,
        end: Box::new(crashed()),
        retry_after_ms: u64::MAX,
    };
    env.result(&token, "w1", outcome).is(&[
        "attempt.finished a 1-1 #2 tool_failed",
        "attempt.retrying a #3 after 60000ms handed back",
        "> ack once synced",
    ]);
}

#[test]
fn results_under_leases_that_never_were_are_not_recorded() {
    let mut env = TestEnv::new(config(), plan_of([task("a")]));
    env.hello("w1", "life1", 1).skip();
    let mut token = env.token("a");
    let done = || TaskOutcome::Done {
        attempt: 1,
        end: Box::new(ended()),
        outputs: Map::new(),
        artifacts: Vec::new(),
    };
    for (epoch, lease) in [(0, 1), (1, 0), (1, 2), (2, 1), (u32::MAX, u32::MAX)] {
        token.lease = LeaseId { epoch, lease };
        env.result(&token, "w1", done()).is(&["> ack once synced"]);
    }
}

#[test]
fn places_of_other_messages_change_nothing() {
    let mut env = TestEnv::new(config(), plan_of([task("a")]));
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a");
    env.stored(&token, 3).is(&[]);
    env.stored(&token, 3).is(&[]);
    let gone = Input::WorkerGone("nobody".parse().unwrap(), "life1".parse().unwrap());
    env.feed(&gone).is(&[]);
    let tokens: Vec<_> = (0..500)
        .map(|lease| {
            let mut token = token.clone();
            token.lease.lease = 1_000 + lease;
            token
        })
        .collect();
    let lines = env.heartbeat("w1", "life1", &tokens).lines();
    assert!(lines[0].starts_with("> alive, cancelled [], stale [a 1-1000, "));
}
