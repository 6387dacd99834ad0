//! Nested scenarios: what they are given, what they hand on, and what holds inside of them.

use protocol::plan::{InputType, OutputType};
use serde_json::json;

use crate::machine::Config;
use crate::testing::{
    Scenario, TestEnv, artifact, config, done, ended, fails, play, retry, scenario, task,
};

/// `make` builds, `check` needs it.
fn build() -> Scenario {
    scenario([
        task("make")
            .env("WHO", "${{ inputs.who }}")
            .output("x", OutputType::String)
            .artifact("out", "dist/"),
        task("check").needs(["make"]).condition("inputs.deep"),
    ])
    .takes("who", InputType::String, None)
    .takes("deep", InputType::Bool, Some(json!(true)))
    .gives("name", "${{ tasks.make.outputs.x }}")
    .gives("dist", "${{ tasks.make.artifacts.out }}")
}

fn answer(message: &protocol::message::TaskMessage) -> protocol::message::TaskOutcome {
    let wire = message.task_id.wire();
    let made = message.artifacts.contains_key("out").then(|| {
        let mut made = artifact("out", &format!("artifacts/{wire}/dist/a.txt"));
        made.directory = true;
        made
    });
    let who = message.env.get("WHO").map_or("nobody", String::as_str);
    protocol::message::TaskOutcome::Done {
        attempt: 1,
        end: Box::new(ended()),
        outputs: [("x".to_owned(), json!(who))].into_iter().collect(),
        artifacts: made.into_iter().collect(),
    }
}

#[test]
fn a_scenario_runs_inside_and_hands_on_what_it_says() {
    let plan = scenario([
        task("sub")
            .uses("b.yaml")
            .with("who", json!("n${{ inputs.n }}")),
        task("last")
            .needs(["sub"])
            .env("WHO", "${{ tasks.sub.outputs.name }}!")
            .file("in", "${{ tasks.sub.artifacts.dist }}"),
    ])
    .nested("b.yaml", build())
    .gives("said", "${{ tasks.last.outputs.x }}")
    .gives("dist", "${{ tasks.sub.artifacts.dist }}")
    .gives("none", "${{ tasks.last.outputs.y }}");
    let plan = {
        let mut plan = plan;
        let last = plan.0.tasks.last_mut().unwrap();
        last.outputs = [
            ("x".to_owned(), OutputType::String),
            ("y".to_owned(), OutputType::String),
        ]
        .into();
        plan.plan()
    };
    let mut env = TestEnv::new(config(), plan);
    let lines = play(&mut env, 4, answer);
    assert_eq!(
        lines,
        [
            "task.expanded sub with {\"deep\": Bool(true), \"who\": String(\"n3\")}",
            "task.done sub/make #1 {\"x\":\"n3\"} [\"out\"]",
            "task.done sub/check #1 {\"x\":\"nobody\"} []",
            "task.done sub #0 {\"name\":\"n3\"} [\"dist\"]",
            "task.done last #1 {\"x\":\"n3!\"} []",
            "run.finished completed 0",
        ]
    );
    // Where the files lie is what their maker said.
    let staged = serde_json::to_value(&env.published["last"].files).unwrap();
    assert_eq!(staged[0]["source"]["strip"], "artifacts/sub-make/dist");
    let last = env.events.last().unwrap();
    let protocol::event::EventKind::RunFinished { outputs, .. } = &last.kind else {
        panic!("{last:?}");
    };
    assert_eq!(outputs["said"], "n3!");
    assert_eq!(outputs["none"], json!(null), "never fails the run");
    assert_eq!(
        outputs["dist"]["paths"],
        json!(["artifacts/sub-make/dist/a.txt"])
    );
    assert_eq!(outputs["dist"]["name"], "dist");
}

#[test]
fn every_item_of_a_fan_out_can_be_a_scenario_and_one_ends_before_the_next_begins() {
    let plan = scenario([
        task("all")
            .for_each(json!(["u", "v"]))
            .uses("b.yaml")
            .with("who", json!("${{ item }}")),
        task("last")
            .needs(["all"])
            .env("WHO", "${{ tasks.all.outputs.name | join('+') }}")
            .file("in/", "${{ tasks.all.artifacts.dist }}"),
    ])
    .nested("b.yaml", build())
    .plan();
    let mut env = TestEnv::new(
        Config {
            max_parallel: Some(1),
            ..config()
        },
        plan,
    );
    let lines = play(&mut env, 4, answer);
    assert_eq!(
        lines,
        [
            "task.expanded all 2 from 0",
            "task.expanded all[0] with {\"deep\": Bool(true), \"who\": String(\"u\")}",
            "task.done all[0]/make #1 {\"x\":\"u\"} [\"out\"]",
            "task.done all[0]/check #1 {\"x\":\"nobody\"} []",
            "task.done all[0] #0 {\"name\":\"u\"} [\"dist\"]",
            "task.expanded all[1] with {\"deep\": Bool(true), \"who\": String(\"v\")}",
            "task.done all[1]/make #1 {\"x\":\"v\"} [\"out\"]",
            "task.done all[1]/check #1 {\"x\":\"nobody\"} []",
            "task.done all[1] #0 {\"name\":\"v\"} [\"dist\"]",
            "task.done all #0 {} []",
            "task.done last #1 {\"x\":\"u+v\"} []",
            "run.finished completed 0",
        ]
    );
    let staged = serde_json::to_value(&env.published["last"].files).unwrap();
    assert_eq!(staged[1]["to"], "in/1-dist");
    assert_eq!(staged[1]["source"]["strip"], "artifacts/all-1-make/dist");
    assert_eq!(
        env.published["all[1]/make"]
            .parent_id
            .as_ref()
            .unwrap()
            .as_str(),
        "all[1]"
    );
}

#[test]
fn wrong_inputs_fail_the_task_before_anything_runs() {
    let of = |who: serde_json::Value| {
        let sub = task("sub").uses("b.yaml").with("who", who);
        let plan = scenario([task("a").output("x", OutputType::Json), sub.needs(["a"])]);
        let mut env = TestEnv::new(config(), plan.nested("b.yaml", build()).plan());
        play(&mut env, 4, |_| done(json!({ "x": 7 })))[1].clone()
    };
    let failed = "task.failed sub after 0 input_missing:";
    assert_eq!(
        of(json!("${{ tasks.a.outputs.x }}")),
        format!("{failed} input `who` of b.yaml: expected string, found a number")
    );
}

#[test]
fn a_failure_inside_skips_what_follows_there_and_fails_the_task() {
    let plan = |tolerant: bool| {
        let sub = task("sub").uses("b.yaml").with("who", json!("x"));
        let sub = if tolerant { sub.tolerant() } else { sub };
        let plan = scenario([sub, task("last").needs(["sub"])]);
        plan.nested("b.yaml", build()).plan()
    };
    let run = |tolerant| {
        let mut env = TestEnv::new(config(), plan(tolerant));
        play(&mut env, 4, |message| match message.task_id.as_str() {
            "sub/make" => fails(),
            _ => answer(message),
        })
    };
    assert_eq!(
        run(false)[1..],
        [
            "task.failed sub/make after 1 tool_failed: it said no",
            "task.skipped sub/check by failure of sub/make",
            "task.failed sub after 0 tool_failed: 1 of 2 tasks failed: sub/make",
            "task.skipped last by failure of sub",
            "run.finished failed 1",
        ]
    );
    // What is tolerated around it is a failure all the same to what is beside it.
    assert_eq!(
        run(true)[1..],
        [
            "task.failed sub/make after 1 tool_failed: it said no tolerated",
            "task.skipped sub/check by failure of sub/make",
            "task.failed sub after 0 tool_failed: 1 of 2 tasks failed: sub/make tolerated",
            "task.done last #1 {\"x\":\"nobody\"} []",
            "run.finished completed 0",
        ]
    );
}

#[test]
fn what_a_scenario_tolerates_itself_does_not_fail_it() {
    let inner = scenario([task("a").tolerant(), task("b").needs(["a"])]);
    let plan = scenario([task("sub").uses("i.yaml")])
        .nested("i.yaml", inner)
        .plan();
    let mut env = TestEnv::new(config(), plan);
    let lines = play(&mut env, 4, |message| match message.task_id.as_str() {
        "sub/a" => fails(),
        _ => done(json!({})),
    });
    assert_eq!(
        lines[1..],
        [
            "task.failed sub/a after 1 tool_failed: it said no tolerated",
            "task.done sub/b #1 {} []",
            "task.done sub #0 {} []",
            "run.finished completed 0",
        ]
    );
}

#[test]
fn limits_only_tighten_and_the_environment_comes_from_outside_in() {
    let inner = scenario([
        task("a").wall_ms(9_000).retry(retry(5)).env("D", "own"),
        task("b").wall_ms(10).crash_limit(9),
    ])
    .takes("who", InputType::String, None)
    .env("C", "${{ inputs.who }}")
    .env("D", "scenario");
    let sub = task("sub")
        .for_each(json!(["i"]))
        .uses("i.yaml")
        .with("who", json!("w"))
        .env("B", "${{ item }}")
        .env("A", "over")
        .wall_ms(1_000)
        .retry(retry(2))
        .crash_limit(1);
    let plan = scenario([sub]).env("A", "all").env("Z", "${{ inputs.n }}");
    let mut env = TestEnv::new(config(), plan.nested("i.yaml", inner).plan());
    let crash_limits = |env: &TestEnv| {
        let run = env.machine.run();
        ["sub[0]/a", "sub[0]/b"].map(|id| run.bounds(run.index_of(id).unwrap()).crash_limit)
    };
    play(&mut env, 4, |_| done(json!({})));
    assert_eq!(crash_limits(&env), [Some(1), Some(1)]);
    let (a, b) = (&env.published["sub[0]/a"], &env.published["sub[0]/b"]);
    assert_eq!(a.constraints.timeout.wall_ms, Some(1_000));
    assert_eq!(b.constraints.timeout.wall_ms, Some(10));
    assert_eq!((a.retry.max, b.retry.max), (2, 2));
    let expected = [
        ("A", "over"),
        ("B", "i"),
        ("C", "w"),
        ("D", "own"),
        ("Z", "3"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(a.env, expected.clone().into());
    assert_eq!(b.env["D"], "scenario");
}

#[test]
fn width_is_bounded_at_every_level() {
    let inner = scenario([task("a"), task("b"), task("c")]).at_once(2);
    let subs = task("sub")
        .for_each(json!([0, 1, 2]))
        .uses("i.yaml")
        .at_once(3);
    let plan = scenario([subs]).nested("i.yaml", inner).plan();
    let mut env = TestEnv::new(config(), plan);
    let lines = env.hello("w1", "life1", 16).lines();
    let published = |lines: &[String]| -> Vec<String> {
        let lines = lines.iter().filter(|line| line.starts_with("> publish"));
        lines
            .map(|line| line.split(' ').nth(2).unwrap().to_owned())
            .collect()
    };
    assert_eq!(published(&lines), ["sub[0]/a", "sub[0]/b", "sub[1]/a"]);
    let token = env.token("sub[0]/a");
    env.claim(&token, "w1", "life1").skip();
    let lines = env.result(&token, "w1", done(json!({}))).lines();
    assert_eq!(published(&lines), ["sub[0]/c"]);
    let token = env.token("sub[1]/a");
    env.claim(&token, "w1", "life1").skip();
    let lines = env.result(&token, "w1", done(json!({}))).lines();
    assert_eq!(published(&lines), ["sub[1]/b"]);
}

#[test]
fn a_task_in_the_project_is_told_where_that_is() {
    let plan = scenario([task("a").in_project()]).plan();
    let known = Config {
        project: Some("/src".into()),
        ..config()
    };
    let mut env = TestEnv::new(known, plan.clone());
    play(&mut env, 1, |_| done(json!({})));
    assert_eq!(env.published["a"].project.as_deref(), Some("/src"));
    let mut env = TestEnv::new(config(), plan);
    assert_eq!(
        play(&mut env, 1, |_| done(json!({})))[0],
        "task.failed a after 0 input_missing: `workspace: project`: this run knows no tree of its own"
    );
}

#[test]
fn items_have_their_tasks_secrets_and_nested_tasks_their_own_grants() {
    let inner = scenario([task("a").secrets(["K"]), task("b").needs(["a"])]);
    let sub = task("sub").uses("i.yaml").secrets(["K"]);
    let each = task("each").for_each(json!([1])).secrets(["K", "L"]);
    let plan = scenario([sub, each]).nested("i.yaml", inner).plan();
    let mut env = TestEnv::new(config(), plan);
    play(&mut env, 4, |_| done(json!({})));
    assert_eq!(env.published["sub/a"].secrets, ["K"]);
    assert!(env.published["sub/b"].secrets.is_empty());
    assert_eq!(env.published["each[0]"].secrets, ["K", "L"]);
}
