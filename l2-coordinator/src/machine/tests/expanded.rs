//! Tasks with children over time: journals cut anywhere, artifacts that are lost, journals that lie.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::event::{Event, EventKind};
use protocol::plan::{OutputType, Plan};
use protocol::state::{IllegalEvent, RunState, TaskState};
use serde_json::json;

use crate::machine::Input;
use crate::testing::{
    TestEnv, config, done, plan_of, play_as, run_opening, scenario, show_event, task,
};

const LOCAL: &str = "local-c";

/// Items in several chunks, scenarios for items, and what follows.
fn plan() -> Arc<Plan> {
    let big = |at: usize| format!("{at}{}", "x".repeat(30_000));
    let inner = scenario([task("x"), task("y").needs(["x"])]);
    scenario([
        task("a")
            .for_each(json!((0..5).map(big).collect::<Vec<_>>()))
            .output("x", OutputType::Int),
        task("b")
            .needs(["a"])
            .for_each(json!("${{ tasks.a.outputs.x }}"))
            .uses("i.yaml"),
        task("c").needs(["b"]),
    ])
    .nested("i.yaml", inner)
    .plan()
}

fn whole() -> TestEnv {
    let mut env = TestEnv::new(config(), plan());
    play_as(&mut env, LOCAL, "life1", 3, |_| done(json!({ "x": 7 })));
    env
}

#[test]
fn a_journal_cut_anywhere_goes_on_to_the_same_end() {
    let whole = whole();
    let chunk = |event: &&Event| {
        matches!(
            &event.kind,
            EventKind::TaskExpanded {
                complete: false,
                ..
            }
        )
    };
    assert_eq!(
        whole.events.iter().filter(chunk).count(),
        2,
        "items in three chunks"
    );
    for kept in 3..whole.events.len() {
        let (mut env, seen) = whole.resumed(kept);
        seen.skip();
        play_as(&mut env, LOCAL, "life2", 3, |_| done(json!({ "x": 7 })));
        let last = show_event(&env.events.last().unwrap().kind);
        assert_eq!(last, "run.finished completed 0", "cut after {kept}");
        let mut ends: HashMap<&str, usize> = HashMap::new();
        for event in &env.events {
            if let EventKind::TaskDone { task, .. } = &event.kind {
                *ends.entry(task.as_str()).or_default() += 1;
            }
        }
        assert_eq!(ends.len(), 3 + 5 + 5 + 10, "cut after {kept}");
        assert!(
            ends.values().all(|count| *count == 1),
            "cut after {kept}: {ends:?}"
        );
    }
}

#[test]
fn a_set_without_its_last_chunk_never_was() {
    let whole = whole();
    let first = whole.events.iter().position(|event| {
        matches!(
            event.kind,
            EventKind::TaskExpanded {
                complete: false,
                ..
            }
        )
    });
    let (mut env, seen) = whole.resumed(first.unwrap() + 1);
    seen.is(&["run.resumed epoch 2 slots 1"]);
    let lines = env.hello(LOCAL, "life2", 1).lines();
    assert_eq!(
        lines[..3],
        [
            "task.expanded a 2 from 0 and more",
            "task.expanded a 2 from 2 and more",
            "task.expanded a 1 from 4",
        ]
    );
}

#[test]
fn a_lost_artifact_opens_its_task_and_all_it_is_part_of() {
    let whole = whole();
    let at = |name: &str| {
        let end = |event: &Event| matches!(&event.kind, EventKind::TaskDone { task, .. } if task.as_str() == name);
        whole.events.iter().position(end).unwrap()
    };
    // `b[0]` is done, `b` is not.
    let (mut env, seen) = whole.resumed(at("b[0]") + 1);
    seen.skip();
    let corrupt = |task: &str| Input::Corrupt {
        task: task.parse().unwrap(),
        path: "artifacts/f".into(),
    };
    env.feed(&corrupt("b[0]/x")).is(&[
        "task.reopened b[0] artifacts/f",
        "task.reopened b[0]/x artifacts/f",
    ]);
    env.feed(&corrupt("a[1]")).is(&[
        "task.reopened a artifacts/f",
        "task.reopened a[1] artifacts/f",
    ]);
    // Nothing new starts beneath `b` until `a` is done again.
    let from = env.events.len();
    play_as(&mut env, LOCAL, "life2", 3, |_| done(json!({ "x": 7 })));
    let lines: Vec<_> = env.events[from..]
        .iter()
        .map(|event| show_event(&event.kind))
        .collect();
    let begins = |start: &str| lines.iter().position(|line| line.starts_with(start));
    let again = begins("task.done a #0").expect("it is done again");
    assert!(
        begins("task.leased b").expect("it goes on") > again,
        "{lines:#?}"
    );
    assert!(begins("task.done b[0]/x #2") > begins("task.done a[1] #2"));
    assert_eq!(lines.last().unwrap(), "run.finished completed 0");
}

#[test]
fn a_delayed_item_comes_back_by_itself() {
    let fan = task("a")
        .for_each(json!([0, 1]))
        .retry(crate::testing::retry(1))
        .at_once(1);
    let mut env = TestEnv::new(config(), plan_of([fan]));
    env.hello("w1", "life1", 2).skip();
    let token = env.token("a[0]");
    env.claim(&token, "w1", "life1").skip();
    let handed_back = protocol::message::TaskOutcome::Yield {
        attempt: 1,
        end: Box::new(crate::testing::crashed()),
        retry_after_ms: 6_000,
    };
    env.result(&token, "w1", handed_back).is(&[
        "attempt.finished a[0] 1-1 #1 tool_failed",
        "attempt.retrying a[0] #2 after 6000ms handed back",
        "> ack once synced",
        "> publish a[1] 1-2 once 4 is synced",
    ]);
    // Its turn comes once there is room again.
    env.pass(Duration::from_secs(6)).skip();
    assert_eq!(env.token("a[0]"), token, "no room yet");
    let token = env.token("a[1]");
    env.hello("w1", "life1", 2).skip();
    env.claim(&token, "w1", "life1").skip();
    let lines = env.result(&token, "w1", done(json!({}))).lines();
    assert_eq!(lines[3], "> publish a[0] 1-3 once 4 is synced");
}

#[test]
fn expansions_beyond_the_plan_are_refused() {
    let plan = plan_of([task("a").for_each(json!([1])), task("b")]);
    let fold = |events: Vec<EventKind>| {
        let mut fold = RunState::new(Arc::clone(&plan));
        let mut all = run_opening(&config(), &plan);
        all.extend(events);
        for (at, kind) in all.into_iter().enumerate() {
            let ts = protocol::time::Timestamp::default();
            fold.apply(&Event {
                seq: at as u64 + 1,
                ts,
                kind,
            })?;
        }
        Ok::<_, IllegalEvent>(fold)
    };
    let items = |task: &str, first, count: usize, complete| EventKind::TaskExpanded {
        task: task.parse().unwrap(),
        first,
        items: Some(vec![json!(0); count]),
        inputs: None,
        complete,
    };
    assert!(
        fold(vec![items("b", 0, 1, true)]).is_err(),
        "it does not expand"
    );
    assert!(
        fold(vec![items("a", 1, 1, true)]).is_err(),
        "a chunk is missing"
    );
    assert!(
        fold(vec![items("a", 0, 100_001, true)]).is_err(),
        "too many"
    );
    let twice = vec![items("a", 0, 1, true), items("a", 0, 1, true)];
    assert!(fold(twice).is_err(), "it has children");
    let inputs = EventKind::TaskExpanded {
        task: "a".parse().unwrap(),
        first: 0,
        items: None,
        inputs: Some(serde_json::Map::new()),
        complete: true,
    };
    assert!(fold(vec![inputs]).is_err(), "it uses no scenario");
    // A set that begins anew drops what came before.
    let anew = vec![
        items("a", 0, 2, false),
        items("a", 0, 1, false),
        items("a", 1, 2, true),
    ];
    let run = fold(anew).unwrap();
    assert_eq!(
        run.task(run.index_of("a").unwrap()).state,
        TaskState::Expanded { open: 3 }
    );
    assert_eq!(run.counts().total, 4);
    for id in [
        "a[3]", "a[01]", "a[-1]", "a[]", "a[1]x", "a[1]/b", "a/b", "b[0]", "a[1][0]",
    ] {
        assert_eq!(run.index_of(id), None, "{id}");
    }
    let over = EventKind::TaskDone {
        task: "a".parse().unwrap(),
        attempt: 0,
        outputs: serde_json::Map::new(),
        artifacts: Vec::new(),
    };
    assert!(
        fold(vec![items("a", 0, 1, true), over]).is_err(),
        "a child is open"
    );
    let reused = EventKind::TaskReused {
        task: "b".parse().unwrap(),
        run: config().run,
        outputs: serde_json::Map::new(),
        artifacts: Vec::new(),
    };
    assert!(fold(vec![reused]).is_err(), "the plan is approved");
}

#[test]
fn an_item_costs_what_it_starts() {
    let items: Vec<_> = (0..100_000).collect();
    let plan = plan_of([task("a").for_each(json!(items)), task("b")]);
    let mut env = TestEnv::new(config(), plan);
    let lines = env.hello("w1", "life1", 2).lines();
    let published = lines.iter().filter(|line| line.starts_with("> publish"));
    assert_eq!(published.count(), 3);
    let token = env.token("a[0]");
    env.claim(&token, "w1", "life1").skip();
    let before = env.events.len();
    let lines = env.result(&token, "w1", done(json!({}))).lines();
    assert_eq!(env.events.len(), before + 2);
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.starts_with("> publish"))
            .count(),
        1
    );
    assert!(std::mem::size_of::<protocol::state::TaskRecord>() <= 64);
}
