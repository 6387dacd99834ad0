//! Leases that end without a result: silence, death, a new life, and poison.

use std::time::Duration;

use protocol::ids::LeaseToken;

use crate::machine::{Input, LEASE_LOST, REDISPATCH_DELAY};
use crate::testing::{TestEnv, config, plan_of, task};

fn held(worker: &str) -> (TestEnv, LeaseToken) {
    let mut env = TestEnv::new(config(), plan_of([task("a")]));
    env.hello(worker, "life1", 1).skip();
    let token = env.token("a");
    env.claim(&token, worker, "life1").skip();
    (env, token)
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn silence_loses_the_lease_and_the_task_goes_out_again_after_a_delay() {
    let (mut env, _) = held("w1");
    env.pass(LEASE_LOST - MS).is(&[]);
    env.pass(MS).is(&["lease.lost a 1-1 WorkerLost"]);
    env.hello("w2", "life1", 1).is(&[]);
    env.pass(REDISPATCH_DELAY - MS).is(&[]);
    env.pass(MS).is(&["> publish a 1-2"]);
    env.check_fold();
}

#[test]
fn the_deadline_is_the_next_thing_to_happen() {
    let (env, _) = held("w1");
    assert_eq!(env.machine.next_deadline(), Some(LEASE_LOST));
    let (env, _) = held("local-c");
    assert_eq!(env.machine.next_deadline(), None);
}

#[test]
fn heartbeats_renew_the_lease() {
    let (mut env, token) = held("w1");
    for _ in 0..20 {
        env.pass(Duration::from_secs(4)).is(&[]);
        env.heartbeat("w1", "life1", std::slice::from_ref(&token))
            .is(&["> alive, cancelled [], stale []"]);
    }
    env.pass(LEASE_LOST).is(&["lease.lost a 1-1 WorkerLost"]);
    env.heartbeat("w1", "life1", std::slice::from_ref(&token))
        .is(&["> alive, cancelled [], stale [a 1-1]"]);
}

#[test]
fn heartbeats_of_other_lives_and_workers_renew_nothing() {
    let (mut env, token) = held("w1");
    env.pass(Duration::from_secs(4)).skip();
    let tokens = std::slice::from_ref(&token);
    env.heartbeat("w1", "life2", tokens)
        .is(&["> alive, cancelled [], stale [a 1-1]"]);
    env.heartbeat("w2", "life1", tokens)
        .is(&["> alive, cancelled [], stale [a 1-1]"]);
    env.pass(Duration::from_secs(1))
        .is(&["lease.lost a 1-1 WorkerLost"]);
}

#[test]
fn heartbeats_say_what_is_cancelled() {
    let (mut env, token) = held("w1");
    env.cancel().skip();
    env.heartbeat("w1", "life1", std::slice::from_ref(&token))
        .is(&["> alive, cancelled [a 1-1], stale []"]);
}

#[test]
fn an_in_process_lease_outlives_any_silence() {
    let (mut env, _) = held("local-c");
    env.pass(Duration::from_secs(86_400)).is(&[]);
}

#[test]
fn the_owner_sees_an_in_process_worker_die() {
    let (mut env, _) = held("local-c");
    let gone = Input::WorkerGone("local-c".parse().unwrap(), "life1".parse().unwrap());
    env.feed(&gone).is(&["lease.lost a 1-1 WorkerLost"]);
    env.pass(REDISPATCH_DELAY).is(&[]);
    env.hello("local-c", "life2", 1).is(&["> publish a 1-2"]);
    // Said again, after the next life began: it is about the old one.
    let token = env.token("a");
    env.claim(&token, "local-c", "life2").skip();
    env.feed(&gone).is(&[]);
}

#[test]
fn a_new_life_of_an_in_process_worker_loses_what_the_old_one_held() {
    let (mut env, _) = held("local-c");
    env.hello("local-c", "life2", 1)
        .is(&["lease.lost a 1-1 WorkerLost"]);
    env.pass(REDISPATCH_DELAY).is(&["> publish a 1-2"]);
}

#[test]
fn a_new_life_of_a_remote_worker_leaves_the_old_one_its_fence_time() {
    let (mut env, token) = held("w1");
    env.pass(Duration::from_millis(500)).skip();
    env.heartbeat("w1", "life1", std::slice::from_ref(&token))
        .skip();
    env.hello("w1", "life2", 1).is(&[]);
    env.pass(Duration::from_millis(3_999)).is(&[]);
    env.pass(MS).is(&["lease.lost a 1-1 WorkerLost"]);
}

#[test]
fn a_task_that_kills_its_workers_is_failed_as_poison() {
    let (mut env, mut token) = held("w1");
    for lease in 2..=3 {
        let lost = format!("lease.lost a 1-{} WorkerLost", lease - 1);
        env.pass(LEASE_LOST).is(&[&lost]);
        env.hello("w1", "life1", 1).skip();
        env.pass(REDISPATCH_DELAY).skip();
        token = env.token("a");
        assert_eq!(token.lease.lease, lease);
        env.claim(&token, "w1", "life1").skip();
    }
    env.pass(LEASE_LOST).is(&[
        "lease.lost a 1-3 WorkerLost",
        "task.failed a after 3 worker_lost: 3 workers died while they ran this task",
        "run.finished failed 1",
        "> finished failed 1 once synced",
    ]);
    assert_eq!(token.lease.lease, 3);
    env.check_fold();
}

#[test]
fn poison_may_be_tolerated() {
    let config = crate::machine::Config {
        crash_limit: 1,
        ..config()
    };
    let mut env = TestEnv::new(config, plan_of([task("a").tolerant()]));
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a");
    env.claim(&token, "w1", "life1").skip();
    env.pass(LEASE_LOST).is(&[
        "lease.lost a 1-1 WorkerLost",
        "task.failed a after 1 worker_lost: 1 workers died while they ran this task tolerated",
        "run.finished completed 0",
        "> finished completed 0 once synced",
    ]);
}

#[test]
fn a_silent_worker_takes_its_slots_along() {
    let plan = plan_of([task("a"), task("b")]);
    let mut env = TestEnv::new(config(), plan);
    env.hello("w1", "life1", 1).skip();
    env.pass(LEASE_LOST).is(&[]);
    assert_eq!(
        env.machine.in_flight(),
        2,
        "what is published stays for whoever comes"
    );
    env.hello("w2", "life1", 1).is(&[]);
}

#[test]
fn how_many_workers_a_task_may_kill_is_its_own_to_say() {
    let plan = plan_of([task("a").for_each(serde_json::json!([0])).crash_limit(1)]);
    let mut env = TestEnv::new(config(), plan);
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a[0]");
    env.claim(&token, "w1", "life1").skip();
    env.heartbeat("w1", "life1", &[token]).skip();
    let lines = env.pass(LEASE_LOST).lines();
    assert_eq!(
        lines[..3],
        [
            "lease.lost a[0] 1-1 WorkerLost",
            "task.failed a[0] after 1 worker_lost: 1 workers died while they ran this task",
            "task.failed a after 0 worker_lost: 1 of 1 items failed: a[0]",
        ]
    );
}
