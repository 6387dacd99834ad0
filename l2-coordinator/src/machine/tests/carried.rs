//! What a retry carries over from another run: done tasks, the children of expanded ones, and tasks
//! that are left out.

use protocol::event::{EventKind, SkipCause};
use protocol::plan::{InputType, OutputType};
use serde_json::json;

use crate::testing::{TestEnv, config, done, plan_of, play, scenario, task};

const RUN: &str = "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07b";

fn reused(task: &str, x: Option<&str>) -> EventKind {
    EventKind::TaskReused {
        task: task.parse().unwrap(),
        run: RUN.parse().unwrap(),
        outputs: x.map(|x| ("x".to_owned(), json!(x))).into_iter().collect(),
        artifacts: Vec::new(),
    }
}

fn left_out(task: &str) -> EventKind {
    EventKind::TaskSkipped {
        task: task.parse().unwrap(),
        cause: SkipCause::NotSelected,
        because: None,
    }
}

fn items(task: &str, count: u32) -> EventKind {
    EventKind::TaskExpanded {
        task: task.parse().unwrap(),
        first: 0,
        items: Some((0..count).map(|item| json!(item)).collect()),
        inputs: None,
        complete: true,
    }
}

#[test]
fn done_tasks_stay_done_and_what_follows_uses_their_results() {
    let b = task("b").needs(["a"]).env("X", "${{ tasks.a.outputs.x }}");
    let plan = plan_of([task("a").output("x", OutputType::String), b]);
    let mut env = TestEnv::carrying(config(), plan, vec![reused("a", Some("old"))]);
    let lines = play(&mut env, 1, |message| {
        done(json!({ "got": message.env["X"] }))
    });
    assert_eq!(
        lines,
        [
            format!("task.reused a of {RUN}"),
            "task.done b #1 {\"got\":\"old\"} []".to_owned(),
            "run.finished completed 0".to_owned(),
        ]
    );
}

#[test]
fn what_is_left_out_counts_as_a_failure_to_what_follows() {
    let plan = plan_of([
        task("a"),
        task("b").needs(["a"]),
        task("c").needs(["a"]).condition("always()"),
    ]);
    let mut env = TestEnv::carrying(config(), plan, vec![left_out("a")]);
    let lines = play(&mut env, 1, |_| done(json!({})));
    assert_eq!(
        lines[1..],
        [
            "task.skipped b by failure of a",
            "task.done c #1 {} []",
            "run.finished failed 1",
        ]
    );
}

#[test]
fn an_expansion_with_some_items_done_goes_on_with_the_others() {
    let fan = task("a")
        .for_each(json!([0, 1, 2, 3]))
        .output("x", OutputType::String);
    let b = task("b")
        .needs(["a"])
        .env("X", "${{ tasks.a.outputs.x | join('+') }}");
    let carried = vec![
        items("a", 4),
        reused("a[0]", Some("old0")),
        reused("a[2]", Some("old2")),
    ];
    let mut env = TestEnv::carrying(config(), plan_of([fan, b]), carried);
    let lines = play(&mut env, 1, |message| {
        let got = message.env.get("X").map_or("new", String::as_str);
        done(json!({ "x": got }))
    });
    assert_eq!(
        lines[3..],
        [
            "task.done a[1] #1 {\"x\":\"new\"} []",
            "task.done a[3] #1 {\"x\":\"new\"} []",
            "task.done a #0 {} []",
            "task.done b #1 {\"x\":\"old0+new+old2+new\"} []",
            "run.finished completed 0",
        ]
    );
}

#[test]
fn an_expansion_whose_items_are_all_done_ends_when_the_run_begins() {
    let plan = plan_of([task("a").for_each(json!([0])), task("b").needs(["a"])]);
    let carried = vec![items("a", 1), reused("a[0]", None)];
    let env = TestEnv::carrying(config(), plan.clone(), carried);
    let line = crate::testing::show_event(&env.events.last().unwrap().kind);
    assert_eq!(line, "task.done a #0 {} []");
    // Or it was carried over as a whole.
    let carried = vec![items("a", 1), reused("a[0]", None), reused("a", None)];
    let mut env = TestEnv::carrying(config(), plan, carried);
    let lines = play(&mut env, 1, |_| done(json!({})));
    assert_eq!(
        lines[3..],
        ["task.done b #1 {} []", "run.finished completed 0"]
    );
}

#[test]
fn an_expansion_with_an_item_left_out_is_left_out_itself() {
    let plan = plan_of([task("a").for_each(json!([0, 1])), task("b").needs(["a"])]);
    let mut env = TestEnv::carrying(config(), plan, vec![items("a", 2), left_out("a[1]")]);
    let lines = play(&mut env, 1, |_| done(json!({})));
    assert_eq!(
        lines[2..],
        [
            "task.done a[0] #1 {} []",
            "task.skipped a by not selected of a[1]",
            "task.skipped b by failure of a",
            "run.finished failed 1",
        ]
    );
}

#[test]
fn a_nested_scenario_goes_on_where_it_was() {
    let inner = scenario([
        task("x").output("x", OutputType::String),
        task("y").needs(["x"]).env("X", "${{ tasks.x.outputs.x }}"),
    ])
    .takes("who", InputType::String, Some(json!("me")));
    let plan = scenario([task("sub").uses("i.yaml")])
        .nested("i.yaml", inner)
        .plan();
    let expanded = EventKind::TaskExpanded {
        task: "sub".parse().unwrap(),
        first: 0,
        items: None,
        inputs: Some([("who".to_owned(), json!("me"))].into_iter().collect()),
        complete: true,
    };
    let carried = vec![expanded, reused("sub/x", Some("old"))];
    let mut env = TestEnv::carrying(config(), plan, carried);
    let lines = play(&mut env, 1, |message| {
        done(json!({ "got": message.env["X"] }))
    });
    assert_eq!(
        lines[2..],
        [
            "task.done sub/y #1 {\"got\":\"old\"} []",
            "task.done sub #0 {} []",
            "run.finished completed 0",
        ]
    );
}
