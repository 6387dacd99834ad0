//! What goes out when: order, window, delays, and messages that nobody takes.

use std::time::Duration;

use protocol::message::TaskOutcome;
use serde_json::{Map, json};

use crate::machine::Config;
use crate::testing::{Tasks, TestEnv, config, ended, plan_of, scenario, task};

fn done(attempt: u32) -> TaskOutcome {
    TaskOutcome::Done {
        attempt,
        end: Box::new(ended()),
        outputs: Map::new(),
        artifacts: Vec::new(),
    }
}

fn many(count: usize) -> Vec<Tasks> {
    (0..count).map(|at| task(&format!("t{at}"))).collect()
}

#[test]
fn a_quarter_more_than_the_slots_goes_out() {
    for (slots, expected) in [(1, 2), (4, 5), (5, 7), (16, 20)] {
        let mut env = TestEnv::new(config(), plan_of(many(30)));
        env.hello("w1", "life1", slots).skip();
        assert_eq!(env.machine.in_flight(), expected, "{slots} slots");
    }
}

#[test]
fn never_more_than_max_parallel() {
    let config = Config {
        max_parallel: Some(3),
        ..config()
    };
    let mut env = TestEnv::new(config, plan_of(many(30)));
    env.hello("w1", "life1", 16).skip();
    assert_eq!(env.machine.in_flight(), 3);
    env.hello("w2", "life1", 16).is(&[]);
}

#[test]
fn the_longest_remaining_chain_goes_first_then_the_id() {
    let plan = plan_of([
        task("a"),
        task("b"),
        task("z1"),
        task("z2").needs(["z1"]),
        task("z3").needs(["z2"]),
    ]);
    let mut env = TestEnv::new(config(), plan);
    env.hello("w1", "life1", 2)
        .is(&["> publish z1 1-1", "> publish a 1-2", "> publish b 1-3"]);
}

#[test]
fn what_becomes_ready_overtakes_what_waits_with_a_shorter_chain() {
    let plan = plan_of([
        task("a"),
        task("b"),
        task("c"),
        task("z1"),
        task("z2").needs(["z1"]),
        task("z3").needs(["z2"]),
    ]);
    let mut env = TestEnv::new(config(), plan);
    env.hello("w1", "life1", 1)
        .is(&["> publish z1 1-1", "> publish a 1-2"]);
    let token = env.token("z1");
    env.claim(&token, "w1", "life1").skip();
    env.result(&token, "w1", done(1)).is(&[
        "attempt.finished z1 1-1 #1 ok",
        "task.done z1 #1 {} []",
        "> ack once synced",
        "> publish z2 1-3 once 7 is synced",
    ]);
}

#[test]
fn a_task_waits_for_the_sync_of_its_last_need() {
    let plan = plan_of([task("a"), task("b"), task("c").needs(["a", "b"])]);
    let mut env = TestEnv::new(config(), plan);
    env.hello("w1", "life1", 2).skip();
    let (a, b) = (env.token("a"), env.token("b"));
    env.claim(&a, "w1", "life1").skip();
    env.claim(&b, "w1", "life1").skip();
    env.result(&b, "w1", done(1)).is(&[
        "attempt.finished b 1-2 #1 ok",
        "task.done b #1 {} []",
        "> ack once synced",
    ]);
    env.result(&a, "w1", done(1)).is(&[
        "attempt.finished a 1-1 #1 ok",
        "task.done a #1 {} []",
        "> ack once synced",
        "> publish c 1-3 once 11 is synced",
    ]);
}

#[test]
fn a_drained_worker_gets_nothing_more() {
    let mut env = TestEnv::new(config(), plan_of(many(3)));
    env.hello("w1", "life1", 0).is(&[]);
    env.hello("w1", "life1", 1)
        .is(&["> publish t0 1-1", "> publish t1 1-2"]);
    env.hello("w1", "life1", 0).is(&[]);
    let token = env.token("t0");
    env.claim(&token, "w1", "life1").skip();
    env.result(&token, "w1", done(1)).is(&[
        "attempt.finished t0 1-1 #1 ok",
        "task.done t0 #1 {} []",
        "> ack once synced",
    ]);
}

#[test]
fn a_message_that_nobody_claims_is_taken_back_and_published_anew() {
    let mut env = TestEnv::new(config(), plan_of([task("a")]));
    env.hello("local-c", "life1", 1).skip();
    let old = env.token("a");
    env.stored(&old, 41).is(&[]);
    env.pass(Duration::from_secs(179)).is(&[]);
    env.pass(Duration::from_secs(1))
        .is(&["> unpublish 41", "> publish a 1-2"]);
    env.claim(&old, "local-c", "life1").is(&["> denied Stale"]);
}

#[test]
fn a_message_whose_place_is_told_late_is_taken_back_then() {
    let mut env = TestEnv::new(config(), plan_of([task("a")]));
    env.hello("local-c", "life1", 1).skip();
    let old = env.token("a");
    env.pass(Duration::from_secs(180)).is(&["> publish a 1-2"]);
    env.stored(&old, 41).is(&["> unpublish 41"]);
}

#[test]
fn a_message_that_was_claimed_before_its_place_was_told_is_left_alone() {
    let mut env = TestEnv::new(config(), plan_of([task("a"), task("b")]));
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a");
    env.claim(&token, "w1", "life1").skip();
    env.stored(&token, 41).is(&[]);
    env.result(&token, "w1", done(1)).skip();
    env.stored(&token, 41).is(&[]);
}

#[test]
fn a_task_cancelled_before_its_place_was_told_is_taken_back_then() {
    let mut env = TestEnv::new(config(), plan_of([task("a"), task("b")]));
    env.hello("w1", "life1", 2).skip();
    let (a, b) = (env.token("a"), env.token("b"));
    env.claim(&a, "w1", "life1").skip();
    env.cancel().skip();
    env.stored(&b, 42).is(&["> unpublish 42"]);
}

#[test]
fn cost_of_an_ended_task_is_its_out_degree() {
    // A wide plan settles in steps proportional to what changed, not to its size.
    let mut env = TestEnv::new(config(), plan_of(many(2_000)));
    env.hello("w1", "life1", 1).skip();
    let token = env.token("t0");
    env.claim(&token, "w1", "life1").skip();
    let before = env.events.len();
    env.result(&token, "w1", done(1)).is(&[
        "attempt.finished t0 1-1 #1 ok",
        "task.done t0 #1 {} []",
        "> ack once synced",
        "> publish t10 1-3",
    ]);
    assert_eq!(env.events.len(), before + 2);
}

#[test]
fn a_higher_priority_goes_first_whatever_the_chain_and_children_inherit_it() {
    let inner = scenario([task("x"), task("y").priority(-1)]);
    let plan = scenario([
        task("a"),
        task("low").priority(-2),
        task("sub").uses("i.yaml").priority(7),
        task("z1"),
        task("z2").needs(["z1"]),
    ]);
    let mut env = TestEnv::new(config(), plan.nested("i.yaml", inner).plan());
    let lines = env.hello("w1", "life1", 16).lines();
    let published = lines.iter().filter(|line| line.starts_with("> publish"));
    let order: Vec<_> = published
        .map(|line| line.split(' ').nth(2).expect("a task"))
        .collect();
    // Its own priority replaces the inherited one.
    assert_eq!(order, ["sub/x", "z1", "a", "sub/y", "low"]);
}

#[test]
fn items_keep_the_place_of_their_task() {
    let plan = plan_of([
        task("a"),
        task("m1").for_each(json!([0, 1, 2])),
        task("m2").needs(["m1"]),
        task("z1"),
        task("z2").needs(["z1"]),
    ]);
    let mut env = TestEnv::new(config(), plan);
    let lines = env.hello("w1", "life1", 16).lines();
    let published = lines.iter().filter(|line| line.starts_with("> publish"));
    let order: Vec<_> = published
        .map(|line| line.split(' ').nth(2).expect("a task"))
        .collect();
    assert_eq!(order, ["m1[0]", "m1[1]", "m1[2]", "z1", "a"]);
}
