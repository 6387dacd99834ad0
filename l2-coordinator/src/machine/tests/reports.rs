//! Attempts that follow each other in place: the worker asks before each step.

use protocol::event::AttemptEnd;
use protocol::ids::LeaseToken;
use protocol::message::{AttemptReport, TaskOutcome};
use protocol::outcome::FailureClass;

use crate::machine::Input;
use crate::testing::{Seen, TestEnv, config, crashed, ended, failed, plan_of, retry, task};

fn running(max: u32) -> (TestEnv, LeaseToken) {
    let plan = plan_of([task("a").retry(retry(max)), task("b")]);
    let mut env = TestEnv::new(config(), plan);
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a");
    env.claim(&token, "w1", "life1").skip();
    (env, token)
}

fn over(env: &mut TestEnv, token: &LeaseToken, attempt: u32, end: AttemptEnd) -> Seen {
    env.report(AttemptReport::Ended {
        token: token.clone(),
        worker: "w1".parse().unwrap(),
        attempt,
        end: Box::new(end),
        delay_ms: 10,
    })
}

fn starting(env: &mut TestEnv, token: &LeaseToken, attempt: u32) -> Seen {
    env.report(AttemptReport::Starting {
        token: token.clone(),
        worker: "w1".parse().unwrap(),
        attempt,
    })
}

const FIRST_OVER: &[&str] = &[
    "attempt.finished a 1-1 #1 tool_failed",
    "attempt.retrying a #2 after 10ms in place",
    "> continue once synced",
];

#[test]
fn the_next_attempt_starts_once_the_end_of_the_last_is_journaled() {
    let (mut env, token) = running(1);
    over(&mut env, &token, 1, crashed()).is(FIRST_OVER);
    starting(&mut env, &token, 2).is(&["attempt.started a 1-1 #2", "> continue once synced"]);
    env.check_fold();
}

#[test]
fn reports_told_twice_change_nothing() {
    let (mut env, token) = running(1);
    over(&mut env, &token, 1, crashed()).skip();
    over(&mut env, &token, 1, crashed()).is(&["> continue once synced"]);
    starting(&mut env, &token, 2).skip();
    starting(&mut env, &token, 2).is(&["> continue once synced"]);
    // Overtaken by its own successor.
    over(&mut env, &token, 1, crashed()).is(&["> stop"]);
}

#[test]
fn a_worker_that_wants_more_attempts_than_granted_is_stopped() {
    let (mut env, token) = running(1);
    over(&mut env, &token, 1, crashed()).skip();
    starting(&mut env, &token, 2).skip();
    over(&mut env, &token, 2, crashed()).is(&[
        "attempt.finished a 1-1 #2 tool_failed",
        "task.failed a after 2 tool_failed: it said no",
        "> stop",
        "> publish b 1-2",
    ][..3]);
}

#[test]
fn attempts_told_late_are_stopped_and_change_nothing() {
    let (mut env, token) = running(3);
    over(&mut env, &token, 1, crashed()).is(FIRST_OVER);
    starting(&mut env, &token, 1).is(&["> stop"]);
    starting(&mut env, &token, 2).skip();
    over(&mut env, &token, 1, crashed()).is(&["> stop"]);
    starting(&mut env, &token, 1).is(&["> stop"]);
    over(&mut env, &token, 2, crashed()).skip();
}

#[test]
fn attempts_that_were_never_started_here_end_the_lease() {
    const LOST: &[&str] = &["lease.lost a 1-1 WorkerLost", "> stop"];
    let (mut env, token) = running(3);
    starting(&mut env, &token, 2).is(LOST);
    starting(&mut env, &token, 2).is(&["> stop"]);
    let (mut env, token) = running(3);
    over(&mut env, &token, 2, crashed()).is(LOST);
    let (mut env, token) = running(3);
    over(&mut env, &token, 1, crashed()).skip();
    over(&mut env, &token, 2, crashed()).is(LOST);
    let (mut env, token) = running(3);
    over(&mut env, &token, 1, crashed()).skip();
    starting(&mut env, &token, 3).is(LOST);
}

#[test]
fn a_worker_that_gave_up_waiting_for_our_word_goes_on_by_asking_again() {
    let (mut env, token) = running(2);
    over(&mut env, &token, 1, crashed()).skip();
    env.claim(&token, "w1", "life1").is(&[
        "attempt.started a 1-1 #2",
        "> granted a 1-1 #2 left 1 for 5000ms once synced",
    ]);
    env.check_fold();
}

#[test]
fn a_retry_without_a_failure_fails_the_task() {
    let (mut env, token) = running(3);
    over(&mut env, &token, 1, ended()).is(&[
        "attempt.finished a 1-1 #1 internal",
        "task.failed a after 1 internal: a retry was reported without a failure",
        "> stop",
    ]);
}

#[test]
fn reports_by_others_are_stopped() {
    let (mut env, token) = running(1);
    let by_other = AttemptReport::Ended {
        token: token.clone(),
        worker: "w2".parse().unwrap(),
        attempt: 1,
        end: Box::new(crashed()),
        delay_ms: 0,
    };
    env.report(by_other).is(&["> stop"]);
    let mut stale = token;
    stale.lease.lease += 1;
    over(&mut env, &stale, 1, crashed()).is(&["> stop"]);
}

#[test]
fn while_the_run_is_cancelled_no_attempt_follows() {
    let (mut env, token) = running(3);
    env.cancel().skip();
    over(&mut env, &token, 1, crashed()).is(&[
        "attempt.finished a 1-1 #1 tool_failed",
        "task.cancelled a",
        "run.finished cancelled 130",
        "> stop",
        "> finished cancelled 130 once synced",
    ]);
}

#[test]
fn a_cancel_between_two_attempts_ends_the_task() {
    let (mut env, token) = running(3);
    over(&mut env, &token, 1, crashed()).skip();
    env.cancel().skip();
    starting(&mut env, &token, 2).is(&[
        "lease.lost a 1-1 HandedBack",
        "task.cancelled a",
        "run.finished cancelled 130",
        "> stop",
        "> finished cancelled 130 once synced",
    ]);
    env.check_fold();
}

#[test]
fn a_pause_hands_the_task_back_for_the_next_coordinator() {
    let (mut env, token) = running(3);
    env.feed(&Input::Pause("disk full".into())).skip();
    over(&mut env, &token, 1, crashed()).is(&[
        "attempt.finished a 1-1 #1 tool_failed",
        "attempt.retrying a #2 after 0ms handed back",
        "> stop",
    ]);
}

#[test]
fn a_hand_back_waits_its_delay_and_goes_out_under_a_new_lease() {
    let (mut env, token) = running(2);
    let outcome = TaskOutcome::Yield {
        attempt: 1,
        end: Box::new(crashed()),
        retry_after_ms: 30_000,
    };
    env.result(&token, "w1", outcome).is(&[
        "attempt.finished a 1-1 #1 tool_failed",
        "attempt.retrying a #2 after 30000ms handed back",
        "> ack once synced",
    ]);
    assert_eq!(
        env.token("b").lease.to_string(),
        "1-2",
        "the slot is used meanwhile"
    );
    env.pass(std::time::Duration::from_millis(29_999)).skip();
    assert_eq!(env.token("a"), token);
}

#[test]
fn classes_are_kept_as_the_worker_says() {
    let (mut env, token) = running(1);
    over(&mut env, &token, 1, failed(FailureClass::TimedOut)).is(&[
        "attempt.finished a 1-1 #1 timed_out",
        "attempt.retrying a #2 after 10ms in place",
        "> continue once synced",
    ]);
}
