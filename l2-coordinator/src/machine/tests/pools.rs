//! Programs and questions to models: neither waits for the other's slots.

use std::time::Duration;

use protocol::budget::Budget;
use serde_json::json;

use crate::machine::Config;
use crate::testing::{
    ASKER, Tasks, TestEnv, asking, done, plan_of, play_as, prompt, scenario, task,
};

fn env(tasks: impl IntoIterator<Item = Tasks>) -> TestEnv {
    TestEnv::new(asking(Budget::default()), plan_of(tasks))
}

#[test]
fn each_pool_has_a_window_of_its_own() {
    let programs = (0..4).map(|at| task(&format!("t{at}")));
    let prompts = (0..4).map(|at| prompt(&format!("p{at}"), "say it"));
    let mut env = env(programs.chain(prompts));
    env.hello("w1", "life1", 1)
        .is(&["> publish t0 1-1", "> publish t1 1-2"]);
    env.hello(ASKER, "life1", 2)
        .is(&["> publish p0 1-3", "> publish p1 1-4", "> publish p2 1-5"]);
    let token = env.token("p0");
    env.claim(&token, ASKER, "life1").skip();
    env.result(&token, ASKER, done(json!({}))).is(&[
        "attempt.finished p0 1-3 #1 ok",
        "task.done p0 #1 {} []",
        "> ack once synced",
        "> publish p3 1-6",
    ]);
}

#[test]
fn max_parallel_bounds_programs_only() {
    let config = Config {
        max_parallel: Some(1),
        ..asking(Budget::default())
    };
    let plan = plan_of([task("t"), task("u"), prompt("p", "a"), prompt("q", "b")]);
    let mut env = TestEnv::new(config, plan);
    env.hello("w1", "life1", 4).is(&["> publish t 1-1"]);
    env.hello(ASKER, "life1", 4)
        .is(&["> publish p 1-2", "> publish q 1-3"]);
}

#[test]
fn a_question_is_granted_to_nobody_but_the_worker_that_asks_models() {
    let mut env = env([prompt("p", "a secret question")]);
    env.hello("w1", "life1", 4).is(&[]);
    env.hello(ASKER, "life1", 1).is(&["> publish p 1-1"]);
    let token = env.token("p");
    env.claim(&token, "w1", "life1")
        .is(&["> denied Busy for 1000ms"]);
    env.claim(&token, "local-c", "life1")
        .is(&["> denied Busy for 1000ms"]);
    env.claim(&token, ASKER, "life1").is(&[
        "task.leased p 1-1 to local-ai-c",
        "attempt.started p 1-1 #1",
        "> granted p 1-1 #1 left 0",
    ]);
    // It lives in this process: silence ends no lease of it.
    env.pass(Duration::from_secs(3600)).is(&[]);
}

#[test]
fn items_that_ask_wait_for_the_slots_of_their_pool() {
    let items = json!([1, 2, 3, 4]);
    let mut env = env([prompt("p", "item ${{ item }}").for_each(items), task("t")]);
    env.hello("w1", "life1", 8).is(&["> publish t 1-1"]);
    env.hello(ASKER, "life1", 1).is(&[
        "task.expanded p 4 from 0",
        "> publish p[0] 1-2 once 4 is synced",
        "> publish p[1] 1-3 once 4 is synced",
    ]);
}

#[test]
fn at_once_holds_across_both_pools() {
    let inner = scenario([prompt("p", "x"), task("t")]).at_once(1);
    let plan = scenario([task("n").uses("n.yaml")]).nested("n.yaml", inner);
    let mut env = TestEnv::new(asking(Budget::default()), plan.plan());
    env.hello(ASKER, "life1", 4).skip();
    env.hello("w1", "life1", 4).skip();
    assert_eq!(env.machine.in_flight(), 1);
    let mut both = play_as(&mut env, ASKER, "life1", 4, |_| done(json!({})));
    both.retain(|line| line.starts_with("task.done"));
    // Who asked next is the program, whose worker is another one.
    assert_eq!(env.machine.in_flight(), 1, "{both:?}");
}
