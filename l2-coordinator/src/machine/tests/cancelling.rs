//! The end before the end: cancel, cancel again, fail-fast.

use protocol::event::Origin;
use protocol::ids::LeaseToken;
use protocol::message::TaskOutcome;
use protocol::outcome::FailureClass;
use serde_json::Map;

use crate::machine::{Config, Input, LEASE_LOST};
use crate::testing::{TestEnv, config, crashed, ended, failed, plan_of, retry, task};

fn chain() -> TestEnv {
    let plan = plan_of([
        task("a").retry(retry(1)),
        task("b").needs(["a"]),
        task("z").condition("always()").needs(["b"]),
    ]);
    TestEnv::new(config(), plan)
}

fn running() -> (TestEnv, LeaseToken) {
    let mut env = chain();
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a");
    env.claim(&token, "w1", "life1").skip();
    (env, token)
}

const ALL_CANCELLED: &[&str] = &[
    "run.cancelling by Interrupt",
    "task.cancelled a",
    "task.cancelled b",
    "task.cancelled z",
    "run.finished cancelled 130",
    "> cancel all",
    "> finished cancelled 130 once synced",
];

#[test]
fn before_any_worker() {
    let mut env = chain();
    env.cancel().is(ALL_CANCELLED);
    env.cancel().is(&[]);
    env.check_fold();
}

#[test]
fn while_a_task_is_on_its_way() {
    let mut env = chain();
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a");
    env.stored(&token, 9).skip();
    env.cancel().is(&[
        "run.cancelling by Interrupt",
        "task.cancelled a",
        "task.cancelled b",
        "task.cancelled z",
        "run.finished cancelled 130",
        "> cancel all",
        "> unpublish 9",
        "> finished cancelled 130 once synced",
    ]);
}

const CANCELLING: &[&str] = &[
    "run.cancelling by Interrupt",
    "task.cancelled b",
    "task.cancelled z",
    "> cancel all",
];

#[test]
fn while_an_attempt_runs_its_end_is_waited_for() {
    let (mut env, token) = running();
    env.cancel().is(CANCELLING);
    env.cancel().is(&["> kill all"]);
    let outcome = TaskOutcome::Failed {
        attempt: 1,
        end: Box::new(failed(FailureClass::Cancelled)),
    };
    env.result(&token, "w1", outcome).is(&[
        "attempt.finished a 1-1 #1 cancelled",
        "task.cancelled a",
        "run.finished cancelled 130",
        "> ack once synced",
        "> finished cancelled 130 once synced",
    ]);
    env.check_fold();
}

#[test]
fn an_attempt_that_succeeds_all_the_same_is_done() {
    let (mut env, token) = running();
    env.cancel().skip();
    let outcome = TaskOutcome::Done {
        attempt: 1,
        end: Box::new(ended()),
        outputs: Map::new(),
        artifacts: Vec::new(),
    };
    env.result(&token, "w1", outcome).is(&[
        "attempt.finished a 1-1 #1 ok",
        "task.done a #1 {} []",
        "run.finished cancelled 130",
        "> ack once synced",
        "> finished cancelled 130 once synced",
    ]);
}

#[test]
fn an_attempt_that_failed_on_its_own_has_failed() {
    let (mut env, token) = running();
    env.cancel().skip();
    let outcome = TaskOutcome::Failed {
        attempt: 1,
        end: Box::new(crashed()),
    };
    env.result(&token, "w1", outcome).is(&[
        "attempt.finished a 1-1 #1 tool_failed",
        "task.failed a after 1 tool_failed: it said no",
        "run.finished cancelled 130",
        "> ack once synced",
        "> finished cancelled 130 once synced",
    ]);
}

#[test]
fn a_hand_back_is_not_followed_by_another_attempt() {
    let (mut env, token) = running();
    env.cancel().skip();
    let outcome = TaskOutcome::Yield {
        attempt: 1,
        end: Box::new(crashed()),
        retry_after_ms: 6_000,
    };
    env.result(&token, "w1", outcome).is(&[
        "attempt.finished a 1-1 #1 tool_failed",
        "task.cancelled a",
        "run.finished cancelled 130",
        "> ack once synced",
        "> finished cancelled 130 once synced",
    ]);
}

#[test]
fn a_lost_worker_ends_the_wait() {
    let (mut env, _) = running();
    env.cancel().skip();
    env.pass(LEASE_LOST).is(&[
        "lease.lost a 1-1 WorkerLost",
        "task.cancelled a",
        "run.finished cancelled 130",
        "> finished cancelled 130 once synced",
    ]);
}

#[test]
fn while_a_task_waits_for_its_delay() {
    let (mut env, token) = running();
    let outcome = TaskOutcome::Yield {
        attempt: 1,
        end: Box::new(crashed()),
        retry_after_ms: 6_000,
    };
    env.result(&token, "w1", outcome).skip();
    env.cancel().is(ALL_CANCELLED);
    env.check_fold();
}

#[test]
fn while_a_lost_task_waits_to_go_out_again() {
    let (mut env, _) = running();
    env.pass(LEASE_LOST).skip();
    env.cancel().is(ALL_CANCELLED);
}

#[test]
fn a_paused_run_can_be_cancelled() {
    let mut env = chain();
    env.feed(&Input::Pause("disk full".into())).skip();
    env.cancel().is(ALL_CANCELLED);
}

#[test]
fn the_exit_code_says_who_asked() {
    for (by, name, code) in [
        (Origin::Interrupt, "Interrupt", 130),
        (Origin::Terminate, "Terminate", 143),
        (Origin::Cancel, "Cancel", 143),
    ] {
        let mut env = chain();
        let lines = env.feed(&Input::Cancel(by)).lines();
        assert_eq!(lines[0], format!("run.cancelling by {name}"));
        assert_eq!(lines[4], format!("run.finished cancelled {code}"));
    }
}

fn fail_fast() -> TestEnv {
    let config = Config {
        fail_fast: true,
        ..config()
    };
    let plan = plan_of([task("a"), task("b").tolerant(), task("c"), task("d")]);
    let mut env = TestEnv::new(config, plan);
    env.hello("w1", "life1", 3).skip();
    for name in ["a", "b", "c"] {
        let token = env.token(name);
        env.claim(&token, "w1", "life1").skip();
    }
    env
}

#[test]
fn fail_fast_cancels_the_rest_at_the_first_failure() {
    let mut env = fail_fast();
    let outcome = || TaskOutcome::Failed {
        attempt: 1,
        end: Box::new(crashed()),
    };
    let (a, b, c) = (env.token("a"), env.token("b"), env.token("c"));
    env.result(&b, "w1", outcome()).is(&[
        "attempt.finished b 1-2 #1 tool_failed",
        "task.failed b after 1 tool_failed: it said no tolerated",
        "> ack once synced",
    ]);
    env.result(&a, "w1", outcome()).is(&[
        "attempt.finished a 1-1 #1 tool_failed",
        "task.failed a after 1 tool_failed: it said no",
        "run.cancelling by FailFast",
        "task.cancelled d",
        "> ack once synced",
        "> cancel all",
    ]);
    env.result(&c, "w1", outcome()).is(&[
        "attempt.finished c 1-3 #1 tool_failed",
        "task.failed c after 1 tool_failed: it said no",
        "run.finished failed 1",
        "> ack once synced",
        "> finished failed 1 once synced",
    ]);
}
