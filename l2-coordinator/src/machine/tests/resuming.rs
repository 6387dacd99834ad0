//! Another coordinator takes over: from every state a task can be in, and from every cut between
//! two events.

use std::time::Duration;

use protocol::ids::LeaseToken;
use protocol::message::{AttemptReport, TaskOutcome};
use protocol::outcome::FailureClass;
use protocol::state::TaskState;
use serde_json::Map;

use crate::machine::{Input, LEASE_LOST};
use crate::testing::{TestEnv, artifact, config, crashed, ended, failed, plan_of, retry, task};

const LOCAL: &str = "local-c";

fn env() -> TestEnv {
    let plan = plan_of([task("a").retry(retry(2)), task("b").needs(["a"])]);
    TestEnv::new(config(), plan)
}

fn held(worker: &str) -> (TestEnv, LeaseToken) {
    let mut env = env();
    env.hello(worker, "life1", 1).skip();
    let token = env.token("a");
    env.claim(&token, worker, "life1").skip();
    (env, token)
}

fn done(attempt: u32) -> TaskOutcome {
    TaskOutcome::Done {
        attempt,
        end: Box::new(ended()),
        outputs: Map::new(),
        artifacts: Vec::new(),
    }
}

fn over(worker: &str, token: &LeaseToken) -> AttemptReport {
    AttemptReport::Ended {
        token: token.clone(),
        worker: worker.parse().unwrap(),
        attempt: 1,
        end: Box::new(crashed()),
        delay_ms: 10,
    }
}

/// Resumes at the end of the journal and checks the fold.
fn resumed(env: &TestEnv) -> (TestEnv, crate::testing::Seen) {
    let (env, seen) = env.resumed(env.events.len());
    env.check_fold();
    (env, seen)
}

const RESUMED: &str = "run.resumed epoch 2 slots 1";

#[test]
fn a_task_that_waits() {
    let (mut env, seen) = resumed(&env());
    seen.is(&[RESUMED]);
    env.hello(LOCAL, "life2", 1).is(&["> publish a 2-1"]);
}

#[test]
fn a_task_that_was_only_published() {
    let mut env = env();
    env.hello("w1", "life1", 1).skip();
    let old = env.token("a");
    let (mut env, seen) = resumed(&env);
    seen.is(&[RESUMED]);
    env.claim(&old, "w1", "life1").is(&["> denied Stale"]);
    env.hello("w1", "life1", 1).is(&["> publish a 2-1"]);
}

#[test]
fn a_task_of_the_old_coordinators_own_worker_is_lost_with_it_and_does_not_count() {
    let (env, token) = held(LOCAL);
    let (mut env, seen) = resumed(&env);
    seen.is(&[RESUMED, "lease.lost a 1-1 CoordinatorRestarted"]);
    env.hello(LOCAL, "life2", 1).is(&["> publish a 2-1"]);
    env.result(&token, LOCAL, done(1))
        .is(&["result.late a 1-1 from local-c", "> ack once synced"]);
    let new = env.token("a");
    env.claim(&new, LOCAL, "life2").is(&[
        "task.leased a 2-1 to local-c",
        "attempt.started a 2-1 #2",
        "> granted a 2-1 #2 left 2",
    ]);
    let record = env.machine.run().task(env.plan.index_of("a").unwrap());
    assert_eq!((record.crashes, record.failed_attempts), (0, 0));
}

#[test]
fn a_remote_attempt_goes_on_and_its_result_counts() {
    let (env, token) = held("w1");
    let (mut env, seen) = resumed(&env);
    seen.is(&[RESUMED]);
    env.heartbeat("w1", "life1", std::slice::from_ref(&token))
        .is(&["> alive, cancelled [], stale []"]);
    env.hello("w1", "life1", 1).is(&[]);
    env.result(&token, "w1", done(1)).is(&[
        "attempt.finished a 1-1 #1 ok",
        "task.done a #1 {} []",
        "> ack once synced",
        "> publish b 2-1 once 8 is synced",
    ]);
}

#[test]
fn a_remote_lease_gets_one_full_period_from_the_resume() {
    let (mut env, token) = held("w1");
    env.pass(Duration::from_secs(4)).skip();
    let (mut env, seen) = resumed(&env);
    seen.is(&[RESUMED]);
    env.pass(LEASE_LOST - Duration::from_millis(1)).is(&[]);
    env.heartbeat("w1", "life1", std::slice::from_ref(&token))
        .skip();
    env.pass(LEASE_LOST - Duration::from_millis(1)).is(&[]);
    // It had spoken to this coordinator, so its silence now is its own.
    env.pass(Duration::from_millis(1))
        .is(&["lease.lost a 1-1 WorkerLost"]);
}

#[test]
fn a_remote_worker_that_never_spoke_to_the_new_coordinator_is_not_counted_as_dead() {
    let (env, _) = held("w1");
    let (mut env, _) = resumed(&env);
    env.pass(LEASE_LOST)
        .is(&["lease.lost a 1-1 CoordinatorRestarted"]);
    env.hello("w1", "life1", 1).is(&["> publish a 2-1"]);
    let record = env.machine.run().task(env.plan.index_of("a").unwrap());
    assert_eq!(record.crashes, 0);
}

#[test]
fn the_first_life_that_speaks_after_a_resume_holds_the_lease() {
    let (env, token) = held("w1");
    let (mut env, _) = resumed(&env);
    env.heartbeat("w1", "life1", std::slice::from_ref(&token))
        .skip();
    env.heartbeat("w1", "life2", std::slice::from_ref(&token))
        .is(&["> alive, cancelled [], stale [a 1-1]"]);
}

#[test]
fn after_a_resume_a_claim_cannot_tell_whose_the_lease_is() {
    let (env, token) = held("w1");
    for kept in [env.events.len(), env.events.len() - 1] {
        let (mut env, _) = env.resumed(kept);
        // The life that was granted it, or the next one while the first still runs.
        env.claim(&token, "w1", "life1").is(&["> denied Stale"]);
        env.claim(&token, "w1", "life2").is(&["> denied Stale"]);
        env.pass(LEASE_LOST)
            .is(&["lease.lost a 1-1 CoordinatorRestarted"]);
        env.hello("w1", "life2", 1).is(&["> publish a 2-1"]);
        env.check_fold();
    }
}

#[test]
fn a_life_that_said_what_it_holds_may_ask_again_after_a_resume() {
    let (env, token) = held("w1");
    let (mut env, _) = resumed(&env);
    env.heartbeat("w1", "life1", std::slice::from_ref(&token))
        .skip();
    env.claim(&token, "w1", "life1")
        .is(&["> granted a 1-1 #1 left 2 for 5000ms once synced"]);
    env.claim(&token, "w1", "life2").is(&["> denied Stale"]);
}

#[test]
fn a_local_lease_cut_from_its_attempt_is_lost() {
    let (env, _) = held(LOCAL);
    let (_, seen) = env.resumed(env.events.len() - 1);
    seen.is(&[RESUMED, "lease.lost a 1-1 CoordinatorRestarted"]);
}

#[test]
fn a_wait_in_place_of_a_local_worker_is_lost_and_of_a_remote_one_goes_on() {
    let (mut env, token) = held(LOCAL);
    env.report(over(LOCAL, &token)).skip();
    let (_, seen) = resumed(&env);
    seen.is(&[RESUMED, "lease.lost a 1-1 CoordinatorRestarted"]);

    let (mut env, token) = held("w1");
    env.report(over("w1", &token)).skip();
    let (mut env, seen) = resumed(&env);
    seen.is(&[RESUMED]);
    env.report(over("w1", &token))
        .is(&["> continue once synced"]);
    let starting = AttemptReport::Starting {
        token,
        worker: "w1".parse().unwrap(),
        attempt: 2,
    };
    env.report(starting)
        .is(&["attempt.started a 1-1 #2", "> continue once synced"]);
}

#[test]
fn a_remote_attempt_whose_start_was_cut_off_runs_again_and_does_not_count_as_a_crash() {
    let (mut env, token) = held("w1");
    env.report(over("w1", &token)).skip();
    let kept = env.events.len() - 2;
    let starting = AttemptReport::Starting {
        token: token.clone(),
        worker: "w1".parse().unwrap(),
        attempt: 2,
    };
    let (mut next, _) = env.resumed(kept);
    next.report(starting)
        .is(&["lease.lost a 1-1 CoordinatorRestarted", "> stop"]);
    let (mut next, _) = env.resumed(kept);
    next.result(&token, "w1", done(2))
        .is(&["lease.lost a 1-1 CoordinatorRestarted", "> ack once synced"]);
}

/// Ends attempt 1 in the given way, then loses the consequence.
fn cut_after_the_end(outcome: TaskOutcome, lost: usize) -> (TestEnv, Vec<String>) {
    let (mut env, token) = held(LOCAL);
    env.result(&token, LOCAL, outcome).skip();
    let kept = env.events.len() - lost;
    let record_is_ended = {
        let (fold, _) = (env.events[..kept].last().unwrap(), ());
        fold.kind.name() == "attempt.finished"
    };
    assert!(record_is_ended, "the cut is right after the end");
    let (env, seen) = env.resumed(kept);
    env.check_fold();
    (env, seen.lines())
}

#[test]
fn a_success_whose_results_were_cut_off_runs_again() {
    let (_, lines) = cut_after_the_end(done(1), 1);
    assert_eq!(lines, [RESUMED, "lease.lost a 1-1 CoordinatorRestarted"]);
}

#[test]
fn a_failure_whose_consequence_was_cut_off_is_retried_if_the_plan_says_so() {
    let outcome = TaskOutcome::Yield {
        attempt: 1,
        end: Box::new(crashed()),
        retry_after_ms: 6_000,
    };
    let (mut env, lines) = cut_after_the_end(outcome, 1);
    assert_eq!(
        lines,
        [RESUMED, "attempt.retrying a #2 after 1000ms handed back"]
    );
    env.hello(LOCAL, "life2", 1).is(&[]);
    env.pass(Duration::from_secs(1)).is(&["> publish a 2-1"]);
}

#[test]
fn a_failure_whose_consequence_was_cut_off_fails_the_task_if_nothing_is_left() {
    let outcome = TaskOutcome::Failed {
        attempt: 1,
        end: Box::new(failed(FailureClass::ToolNotFound)),
    };
    // `task.failed`, `task.skipped b` and `run.finished` are lost.
    let (_, lines) = cut_after_the_end(outcome, 3);
    assert_eq!(
        lines,
        [
            RESUMED,
            "task.failed a after 1 tool_not_found: it said no",
            "task.skipped b by failure of a",
            "run.finished failed 1",
            "> finished failed 1 once synced",
        ]
    );
}

#[test]
fn an_attempt_stopped_by_a_pause_follows_at_once() {
    let outcome = TaskOutcome::Failed {
        attempt: 1,
        end: Box::new(failed(FailureClass::Cancelled)),
    };
    let (_, lines) = cut_after_the_end(outcome, 1);
    assert_eq!(
        lines,
        [RESUMED, "attempt.retrying a #2 after 0ms handed back"]
    );
}

#[test]
fn a_pause_ends_with_the_resume() {
    let (mut env, _) = held("w1");
    env.feed(&Input::Pause("disk full".into())).skip();
    let (mut env, seen) = resumed(&env);
    seen.is(&[RESUMED]);
    env.hello(LOCAL, "life2", 1).is(&[]);
    env.pass(LEASE_LOST).skip();
    env.pass(Duration::from_secs(1)).skip();
    assert_eq!(env.token("a").lease.to_string(), "2-1");
}

#[test]
fn a_delay_is_waited_for_only_as_long_as_is_left() {
    let (mut env, token) = held(LOCAL);
    let outcome = TaskOutcome::Yield {
        attempt: 1,
        end: Box::new(crashed()),
        retry_after_ms: 60_000,
    };
    env.result(&token, LOCAL, outcome).skip();
    env.pass(Duration::from_secs(50)).skip();
    let (mut env, _) = resumed(&env);
    env.hello(LOCAL, "life2", 1).is(&[]);
    env.pass(Duration::from_millis(9_999)).is(&[]);
    env.pass(Duration::from_millis(1)).is(&["> publish a 2-1"]);
}

#[test]
fn a_cancelled_run_is_resumed_only_to_end() {
    for worker in [LOCAL, "w1"] {
        let (mut env, _) = held(worker);
        env.cancel().skip();
        // Also without what followed from the cancel in the same batch.
        for lost in 0..=1 {
            let (mut env, _) = env.resumed(env.events.len() - lost);
            env.pass(LEASE_LOST).skip();
            let last = env.events.last().unwrap();
            assert_eq!(last.kind.name(), "run.finished", "{worker} {lost}");
            let tasks = env.machine.run().tasks();
            assert!(tasks.iter().all(|task| task.state == TaskState::Cancelled));
            env.check_fold();
        }
    }
}

#[test]
fn done_tasks_stay_done_and_dependents_go_out_without_waiting() {
    let (mut env, token) = held(LOCAL);
    env.result(&token, LOCAL, done(1)).skip();
    let (mut env, seen) = resumed(&env);
    seen.is(&[RESUMED]);
    env.claim(&token, LOCAL, "life1").is(&["> denied Done"]);
    env.hello(LOCAL, "life2", 1)
        .is(&["> publish b 2-1 once 7 is synced"]);
}

#[test]
fn a_run_cut_before_its_last_event_ends_at_once() {
    let (mut env, token) = held(LOCAL);
    env.result(&token, LOCAL, done(1)).skip();
    let b = env.token("b");
    env.claim(&b, LOCAL, "life1").skip();
    env.result(&b, LOCAL, done(1)).skip();
    let (_, seen) = env.resumed(env.events.len() - 1);
    seen.is(&[
        RESUMED,
        "run.finished completed 0",
        "> finished completed 0 once synced",
    ]);
}

#[test]
fn poison_cut_from_its_verdict_is_failed_by_the_next_coordinator() {
    let mut env = env();
    for lease in 1..=3 {
        env.hello("w1", "life1", 1).skip();
        env.pass(Duration::from_secs(1)).skip();
        let token = env.token("a");
        assert_eq!(token.lease.lease, lease);
        env.claim(&token, "w1", "life1").skip();
        env.pass(LEASE_LOST).skip();
    }
    // `task.failed`, `task.skipped` and `run.finished` are lost.
    let (_, seen) = env.resumed(env.events.len() - 3);
    seen.is(&[
        RESUMED,
        "task.failed a after 3 worker_lost: 3 workers died while they ran this task",
        "task.skipped b by failure of a",
        "run.finished failed 1",
        "> finished failed 1 once synced",
    ]);
}

#[test]
fn a_done_task_whose_file_changed_runs_again_before_its_dependents() {
    let (mut env, token) = held(LOCAL);
    env.result(&token, LOCAL, done(1)).skip();
    let (mut env, _) = resumed(&env);
    let corrupt = |task: &str| Input::Corrupt {
        task: task.parse().unwrap(),
        path: "artifacts/a/x".into(),
    };
    env.feed(&corrupt("a"))
        .is(&["task.reopened a artifacts/a/x"]);
    env.feed(&corrupt("a")).is(&[]);
    env.feed(&corrupt("b")).is(&[]);
    env.feed(&corrupt("zz")).is(&[]);
    env.hello(LOCAL, "life2", 1).is(&["> publish a 2-1"]);
    let token = env.token("a");
    env.claim(&token, LOCAL, "life2").skip();
    env.result(&token, LOCAL, done(2)).is(&[
        "attempt.finished a 2-1 #2 ok",
        "task.done a #2 {} []",
        "> ack once synced",
        "> publish b 2-2 once 13 is synced",
    ]);
    env.check_fold();
}

#[test]
fn a_dependent_that_runs_while_its_need_is_reopened_goes_on() {
    let (mut env, token) = held("w1");
    env.result(&token, "w1", done(1)).skip();
    let b = env.token("b");
    env.claim(&b, "w1", "life1").skip();
    let (mut env, _) = resumed(&env);
    env.feed(&Input::Corrupt {
        task: "a".parse().unwrap(),
        path: "artifacts/a/x".into(),
    })
    .is(&["task.reopened a artifacts/a/x"]);
    env.result(&b, "w1", done(1)).is(&[
        "attempt.finished b 1-2 #1 ok",
        "task.done b #1 {} []",
        "> ack once synced",
    ]);
    env.check_fold();
}

#[test]
fn a_dependent_that_had_begun_is_judged_again_when_its_need_was_reopened() {
    let (mut env, token) = held(LOCAL);
    env.result(&token, LOCAL, done(1)).skip();
    let b = env.token("b");
    env.claim(&b, LOCAL, "life1").skip();
    let (mut env, _) = resumed(&env);
    env.feed(&Input::Corrupt {
        task: "a".parse().unwrap(),
        path: "artifacts/a/x".into(),
    })
    .skip();
    env.hello(LOCAL, "life2", 1).skip();
    let a = env.token("a");
    env.claim(&a, LOCAL, "life2").skip();
    let outcome = TaskOutcome::Failed {
        attempt: 2,
        end: Box::new(crashed()),
    };
    env.result(&a, LOCAL, outcome).is(&[
        "attempt.finished a 2-1 #2 tool_failed",
        "task.failed a after 2 tool_failed: it said no",
        "task.skipped b by failure of a",
        "run.finished failed 1",
        "> ack once synced",
        "> finished failed 1 once synced",
    ]);
}

/// `c` needs only `b`, which is done, but may use what `a` left.
#[test]
fn a_task_waits_for_a_reopened_need_of_its_needs() {
    let chain = [
        task("a").artifact("x", "x"),
        task("b").needs(["a"]),
        task("c")
            .needs(["b"])
            .file("x", "${{ tasks.a.artifacts.x }}"),
    ];
    let mut env = TestEnv::new(config(), plan_of(chain));
    env.hello("w1", "life1", 1).skip();
    let left = || TaskOutcome::Done {
        attempt: 1,
        end: Box::new(ended()),
        outputs: Map::new(),
        artifacts: vec![artifact("x", "artifacts/a/x")],
    };
    for (name, outcome) in [("a", left()), ("b", done(1))] {
        let token = env.token(name);
        env.claim(&token, "w1", "life1").skip();
        env.result(&token, "w1", outcome).skip();
    }
    let (mut env, _) = resumed(&env);
    env.feed(&Input::Corrupt {
        task: "a".parse().unwrap(),
        path: "artifacts/a/x".into(),
    })
    .is(&["task.reopened a artifacts/a/x"]);
    env.hello(LOCAL, "life2", 2).is(&["> publish a 2-1"]);
    let token = env.token("a");
    env.claim(&token, LOCAL, "life2").skip();
    let again = TaskOutcome::Done {
        attempt: 2,
        end: Box::new(ended()),
        outputs: Map::new(),
        artifacts: vec![artifact("x", "artifacts/a/x")],
    };
    env.result(&token, LOCAL, again).is(&[
        "attempt.finished a 2-1 #2 ok",
        "task.done a #2 {} [\"x\"]",
        "> ack once synced",
        "> publish c 2-2 once 17 is synced",
    ]);
    env.check_fold();
}
