//! Fan-outs: what the items are, in which order they go, and what they come to together.

use std::sync::Arc;

use protocol::outcome::FailureClass;
use protocol::plan::{OutputType, Plan};
use serde_json::json;

use crate::testing::{TestEnv, config, done, failed, fails, plan_of, play, task};

/// Plays the plan; tasks named in `failing` fail, the others leave their item as output `x`.
fn run(plan: Arc<Plan>, failing: &[&str]) -> Vec<String> {
    let mut env = TestEnv::new(config(), plan);
    play(&mut env, 4, |message| {
        if failing.contains(&message.task_id.as_str()) {
            fails()
        } else {
            done(json!({ "x": message.env.get("ITEM") }))
        }
    })
}

fn each(items: serde_json::Value) -> crate::testing::Tasks {
    task("a")
        .for_each(items)
        .env("ITEM", "${{ item }}")
        .output("x", OutputType::Json)
}

#[test]
fn every_item_is_a_task_and_their_outputs_a_list_in_order() {
    let b = task("b")
        .needs(["a"])
        .env("ITEM", "${{ tasks.a.outputs.x | join('+') }}");
    let lines = run(plan_of([each(json!(["p", "q${{ inputs.n }}", 7])), b]), &[]);
    assert_eq!(
        lines,
        [
            "task.expanded a 3 from 0",
            "task.done a[0] #1 {\"x\":\"p\"} []",
            "task.done a[1] #1 {\"x\":\"q3\"} []",
            "task.done a[2] #1 {\"x\":\"7\"} []",
            "task.done a #0 {} []",
            "task.done b #1 {\"x\":\"p+q3+7\"} []",
            "run.finished completed 0",
        ]
    );
}

#[test]
fn items_come_from_upstream() {
    let first = task("list").output("x", OutputType::List);
    let fan = each(json!("${{ tasks.list.outputs.x }}")).needs(["list"]);
    let mut env = TestEnv::new(config(), plan_of([first, fan]));
    let lines = play(&mut env, 4, |message| match message.task_id.as_str() {
        "list" => done(json!({ "x": ["u", "v"] })),
        _ => done(json!({ "x": message.env["ITEM"] })),
    });
    assert_eq!(
        lines[1..],
        [
            "task.expanded a 2 from 0",
            "task.done a[0] #1 {\"x\":\"u\"} []",
            "task.done a[1] #1 {\"x\":\"v\"} []",
            "task.done a #0 {} []",
            "run.finished completed 0",
        ]
    );
}

#[test]
fn a_matrix_is_the_product_of_its_axes_the_last_one_fastest() {
    let fan = task("a")
        .axis("os", json!(["l", "m"]))
        .axis("py", json!([3, 4]))
        .called("cell")
        .env("ITEM", "${{ matrix.os }}${{ item.py }}${{ cell.os }}")
        .output("x", OutputType::String);
    let lines = run(plan_of([fan]), &[]);
    let found: Vec<_> = lines[1..5]
        .iter()
        .map(|line| line.split('"').nth(3).unwrap())
        .collect();
    assert_eq!(found, ["l3l", "l4l", "m3m", "m4m"]);
}

#[test]
fn an_empty_fan_out_is_done_with_no_items() {
    let b = task("b")
        .needs(["a"])
        .env("ITEM", "${{ tasks.a.outputs.x | length }}");
    let lines = run(plan_of([each(json!([])), b]), &[]);
    assert_eq!(
        lines,
        [
            "task.expanded a 0 from 0",
            "task.done a #0 {} []",
            "task.done b #1 {\"x\":\"0\"} []",
            "run.finished completed 0",
        ]
    );
}

#[test]
fn one_failed_item_fails_the_fan_out_and_says_which() {
    let plan = plan_of([each(json!([0, 1, 2, 3])), task("b").needs(["a"])]);
    let lines = run(plan, &["a[1]", "a[3]"]);
    assert_eq!(
        lines[5..],
        [
            "task.failed a after 0 tool_failed: 2 of 4 items failed: a[1], a[3]",
            "task.skipped b by failure of a",
            "run.finished failed 1",
        ]
    );
}

#[test]
fn a_tolerated_fan_out_leaves_null_where_an_item_failed() {
    let b = task("b")
        .needs(["a"])
        .env("ITEM", "${{ tasks.a.outputs.x }}");
    let lines = run(plan_of([each(json!([0, 1])).tolerant(), b]), &["a[0]"]);
    assert_eq!(
        lines,
        [
            "task.expanded a 2 from 0",
            "task.failed a[0] after 1 tool_failed: it said no tolerated",
            "task.done a[1] #1 {\"x\":\"1\"} []",
            "task.failed a after 0 tool_failed: 1 of 2 items failed: a[0] tolerated",
            "task.done b #1 {\"x\":\"[null,\\\"1\\\"]\"} []",
            "run.finished completed 0",
        ]
    );
}

#[test]
fn many_failed_items_are_counted_and_some_named() {
    let items: Vec<_> = (0..12).collect();
    let mut env = TestEnv::new(config(), plan_of([each(json!(items))]));
    let lines = play(&mut env, 4, |message| match message.task_id.as_str() {
        "a[0]" => protocol::message::TaskOutcome::Failed {
            attempt: 1,
            end: Box::new(failed(FailureClass::TimedOut)),
        },
        _ => fails(),
    });
    assert_eq!(
        lines[13],
        "task.failed a after 0 timed_out: 12 of 12 items failed: a[0], a[1], a[2], a[3], a[4], \
         a[5], a[6], a[7], a[8], a[9] and 2 more"
    );
}

#[test]
fn if_is_for_each_item_where_it_names_the_item() {
    let fan = each(json!([1, 5, 9])).condition("item > 4");
    let lines = run(plan_of([fan]), &[]);
    assert_eq!(
        lines,
        [
            "task.expanded a 3 from 0",
            "task.skipped a[0] by if of itself",
            "task.done a[1] #1 {\"x\":\"5\"} []",
            "task.done a[2] #1 {\"x\":\"9\"} []",
            "task.done a #0 {} []",
            "run.finished completed 0",
        ]
    );
    let none = each(json!([1, 2])).condition("item > 4");
    let lines = run(plan_of([none]), &[]);
    assert_eq!(
        lines[3..],
        ["task.done a #0 {} []", "run.finished completed 0"]
    );
}

#[test]
fn if_is_for_the_task_where_it_does_not() {
    let fan = each(json!([1, 5])).condition("inputs.n > 4");
    let lines = run(plan_of([fan, task("b").needs(["a"])]), &[]);
    assert_eq!(
        lines,
        [
            "task.skipped a by if of itself",
            "task.skipped b by if of a",
            "run.finished completed 0",
        ]
    );
    // A gate is the task's, too: its items have no needs.
    let fan = each(json!([1])).needs(["z"]).condition("failure()");
    let lines = run(plan_of([task("z"), fan]), &["z"]);
    assert_eq!(lines[2], "task.done a[0] #1 {\"x\":\"1\"} []");
}

#[test]
fn what_is_no_list_of_items_fails_the_task_before_anything_runs() {
    let of = |output: serde_json::Value| {
        let first = task("list").output("x", OutputType::Json);
        let fan = each(json!("${{ tasks.list.outputs.x }}")).needs(["list"]);
        let mut env = TestEnv::new(config(), plan_of([first, fan]));
        play(&mut env, 4, |_| done(json!({ "x": output })))[1].clone()
    };
    let wrong = "task.failed a after 0 input_missing: `for_each` needs a list, found";
    assert_eq!(of(json!("text")), format!("{wrong} text"));
    assert_eq!(of(json!({"k": 1})), format!("{wrong} a map"));
    let first = task("list").output("x", OutputType::List);
    let axis = || json!("${{ tasks.list.outputs.x }}");
    let fan = task("a")
        .axis("p", axis())
        .axis("q", axis())
        .needs(["list"]);
    let mut env = TestEnv::new(config(), plan_of([first, fan]));
    let most: Vec<_> = (0..400).collect();
    assert_eq!(
        play(&mut env, 4, |_| done(json!({ "x": most })))[1],
        "task.failed a after 0 limit_exceeded: `matrix` has 160000 items; at most 100000 are allowed"
    );
    let first = task("list").output("x", OutputType::Json);
    let fan = each(json!("${{ tasks.list.outputs.x }}")).needs(["list"]);
    let mut env = TestEnv::new(config(), plan_of([first, fan]));
    let lines = play(&mut env, 4, |_| done(json!({})));
    assert_eq!(
        lines[1],
        "task.failed a after 0 input_missing: `for_each`: `tasks.list.outputs.x` has no value"
    );
}

#[test]
fn big_sets_of_items_come_in_chunks_of_bounded_size() {
    let items: Vec<_> = (0..30)
        .map(|at| format!("{at}{}", "x".repeat(9_000)))
        .collect();
    let lines = run(plan_of([each(json!(items))]), &[]);
    assert_eq!(
        lines[..5],
        [
            "task.expanded a 7 from 0 and more",
            "task.expanded a 7 from 7 and more",
            "task.expanded a 7 from 14 and more",
            "task.expanded a 7 from 21 and more",
            "task.expanded a 2 from 28",
        ]
    );
    let long = plan_of([each(json!(["x".repeat(65_536)]))]);
    assert_eq!(
        run(long, &[])[0],
        "task.failed a after 0 limit_exceeded: item 0 has 65539 bytes; at most 65536"
    );
}

#[test]
fn a_task_whose_id_is_longer_than_ids_may_be_does_not_expand() {
    let id = vec!["x".repeat(63); 8].join("/");
    let plan = plan_of([task(&id).for_each(json!([1]))]);
    let lines = run(plan, &[]);
    assert!(
        lines[0].ends_with("the ids of its children are longer than 512 bytes"),
        "{lines:?}"
    );
}

#[test]
fn at_most_so_many_items_are_under_way_and_others_go_on() {
    let fan = each(json!([0, 1, 2, 3, 4])).at_once(2).priority(5);
    let mut env = TestEnv::new(config(), plan_of([fan, task("b"), task("c")]));
    env.hello("w1", "life1", 16).is(&[
        "task.expanded a 5 from 0",
        "> publish a[0] 1-1 once 4 is synced",
        "> publish a[1] 1-2 once 4 is synced",
        "> publish b 1-3",
        "> publish c 1-4",
    ]);
    let first = env.token("a[0]");
    env.claim(&first, "w1", "life1").skip();
    env.result(&first, "w1", done(json!({}))).is(&[
        "attempt.finished a[0] 1-1 #1 ok",
        "task.done a[0] #1 {} []",
        "> ack once synced",
        "> publish a[2] 1-5 once 4 is synced",
    ]);
    env.hello("w2", "life1", 16).is(&[]);
}

#[test]
fn a_cancelled_fan_out_is_cancelled_after_its_items() {
    let mut env = TestEnv::new(config(), plan_of([each(json!([0, 1, 2])), task("b")]));
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a[0]");
    env.claim(&token, "w1", "life1").skip();
    env.cancel().is(&[
        "run.cancelling by Interrupt",
        "task.cancelled b",
        "task.cancelled a[1]",
        "task.cancelled a[2]",
        "> cancel all",
    ]);
    let outcome = protocol::message::TaskOutcome::Failed {
        attempt: 1,
        end: Box::new(failed(FailureClass::Cancelled)),
    };
    env.result(&token, "w1", outcome).is(&[
        "attempt.finished a[0] 1-1 #1 cancelled",
        "task.cancelled a[0]",
        "task.cancelled a",
        "run.finished cancelled 130",
        "> ack once synced",
        "> finished cancelled 130 once synced",
    ]);
}

#[test]
fn a_cancelled_run_cancels_items_that_were_never_looked_at() {
    let mut env = TestEnv::new(config(), plan_of([each(json!([0, 1, 2]))]));
    env.cancel().is(&[
        "run.cancelling by Interrupt",
        "task.cancelled a",
        "run.finished cancelled 130",
        "> cancel all",
        "> finished cancelled 130 once synced",
    ]);
}
