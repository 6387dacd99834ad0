//! A small finished run, and what becomes of its tasks.

use std::sync::Arc;

use protocol::digest::Digest;
use protocol::event::{Event, Origin, RunStarted};
use protocol::outcome::{Failure, FailureClass};
use protocol::plan::{DraftPlan, Limits, Plan};
use protocol::policy::SandboxLevel;
use protocol::time::Timestamp;

use super::*;

const RUN: &str = "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a";

/// `a → b → c`, `a → d`, `each` over three items, `z` after it.
fn plan() -> Arc<Plan> {
    let text = r#"{"name":"p","tasks":[
        {"id":"a","run":"x"},{"id":"b","run":"x","needs":["a"]},
        {"id":"c","run":"x","needs":["b"]},{"id":"d","run":"x","needs":["a"]},
        {"id":"each","run":"x","for_each":[1,2,3]},{"id":"z","run":"x","needs":["each"]}]}"#;
    let draft = DraftPlan::from_json(text.as_bytes()).unwrap();
    Arc::new(draft.check(&Limits::default()).unwrap())
}

fn opening(plan: &Plan, carried: Vec<EventKind>) -> Vec<EventKind> {
    let digest = Digest::of(b"");
    let started = RunStarted {
        version: 1,
        run_id: RUN.parse().unwrap(),
        scenario: "p".parse().unwrap(),
        run_file: None,
        scenario_file: digest,
        policy: "default@0".into(),
        policy_digest: digest,
        coordinator: "c-1".parse().unwrap(),
        slots: 1,
        level: SandboxLevel::None,
        trace_id: String::new(),
        orchestra: String::new(),
        retry_of: None,
        unplanned: None,
    };
    let mut events = vec![EventKind::RunStarted(Box::new(started))];
    events.extend(carried);
    events.push(EventKind::PlanApproved {
        plan: plan.digest(),
        plan_file: digest,
        policy: digest,
        policy_file: None,
        scenario_file: digest,
        by: Origin::Default,
        signed: None,
    });
    events
}

fn fold(state: &mut RunState, events: Vec<EventKind>) {
    for (at, kind) in events.into_iter().enumerate() {
        let (seq, ts) = (at as u64 + 1, Timestamp::default());
        state.apply(&Event { seq, ts, kind }).unwrap();
    }
}

/// A run in which `b` and the second item failed, and what needs them was skipped.
fn ended() -> RunState {
    let plan = plan();
    let id = |task: &str| task.parse::<TaskId>().unwrap();
    let run: RunId = RUN.parse().unwrap();
    let done = |task: &str| EventKind::TaskReused {
        task: id(task),
        run,
        outputs: serde_json::Map::new(),
        artifacts: Vec::new(),
    };
    let expanded = EventKind::TaskExpanded {
        task: id("each"),
        first: 0,
        items: Some(vec![1.into(), 2.into(), 3.into()]),
        inputs: None,
        complete: true,
    };
    let good = vec![
        done("a"),
        done("d"),
        expanded,
        done("each[0]"),
        done("each[2]"),
    ];
    let failed = |task: &str| EventKind::TaskFailed {
        task: id(task),
        attempts: 1,
        failure: Failure::new(FailureClass::ToolFailed, "exit 1"),
        tolerated: false,
    };
    let skipped = |task: &str| EventKind::TaskSkipped {
        task: id(task),
        cause: SkipCause::Failure,
        because: None,
    };
    let mut events = opening(&plan, good);
    events.extend([
        failed("b"),
        skipped("c"),
        failed("each[1]"),
        failed("each"),
        skipped("z"),
    ]);
    let mut state = RunState::new(plan);
    fold(&mut state, events);
    state
}

/// What runs again, and one line about each of the others; the new run takes all of it.
fn told(wanted: impl Fn(&RunState) -> Wanted) -> Result<(String, String), Blocked> {
    let state = ended();
    let run = "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07b".parse().unwrap();
    let found = select(&state, run, &HashMap::new(), &wanted(&state))?;
    let names: Vec<String> = found.again.iter().map(ToString::to_string).collect();
    let line = |event: &EventKind| {
        let name = event.name().trim_start_matches("task.");
        format!("{name} {}", event.task().unwrap())
    };
    let others: Vec<String> = found.events.iter().map(line).collect();
    let mut new = RunState::new(plan());
    fold(&mut new, opening(&plan(), found.events));
    assert!(!new.is_over(), "what was selected is open");
    Ok((names.join(" "), others.join(", ")))
}

fn tasks(state: &RunState, names: &[&str]) -> Vec<TaskIndex> {
    names
        .iter()
        .map(|name| state.index_of(name).unwrap())
        .collect()
}

#[test]
fn what_did_not_succeed_and_what_follows() {
    let (again, others) = told(|_| Wanted::Unsuccessful).unwrap();
    assert_eq!(again, "b each[1] c z");
    assert_eq!(
        others,
        "reused a, expanded each, reused each[0], reused each[2], reused d"
    );
}

#[test]
fn a_task_alone_leaves_out_what_never_succeeded() {
    let (again, others) = told(|state| Wanted::Tasks(tasks(state, &["b"]))).unwrap();
    assert_eq!(again, "b");
    assert_eq!(
        others,
        "reused a, skipped each, skipped c, reused d, skipped z"
    );
    let (again, others) = told(|state| Wanted::Tasks(tasks(state, &["each[1]", "a"]))).unwrap();
    assert_eq!(again, "a each[1]");
    assert_eq!(
        others,
        "skipped b, expanded each, reused each[0], reused each[2], skipped c, reused d, skipped z"
    );
}

#[test]
fn downstream_goes_through_items_and_expands_anew_what_is_named() {
    let (again, _) = told(|state| Wanted::Downstream(tasks(state, &["a", "each[0]"]))).unwrap();
    assert_eq!(again, "a b each[0] c d z");
    let (again, others) = told(|state| Wanted::Downstream(tasks(state, &["each"]))).unwrap();
    assert_eq!(again, "each z");
    assert_eq!(others, "reused a, skipped b, skipped c, reused d");
}

/// `d` was made of what `a` left before, `b` is left out; items of a fan-out follow from nothing here.
#[test]
fn what_follows_and_is_not_selected_is_named() {
    let state = ended();
    let run = "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07b".parse().unwrap();
    let told = |wanted: Wanted| {
        let found = select(&state, run, &HashMap::new(), &wanted).unwrap();
        let names =
            |tasks: Vec<TaskId>| -> Vec<String> { tasks.iter().map(ToString::to_string).collect() };
        (names(found.stale).join(" "), found.leaves_followers)
    };
    assert_eq!(
        told(Wanted::Tasks(tasks(&state, &["a"]))),
        ("d".to_owned(), true)
    );
    assert_eq!(
        told(Wanted::Tasks(tasks(&state, &["d"]))),
        (String::new(), false)
    );
    assert_eq!(
        told(Wanted::Tasks(tasks(&state, &["each[1]"]))),
        (String::new(), true)
    );
    assert_eq!(
        told(Wanted::Downstream(tasks(&state, &["a"]))),
        (String::new(), false)
    );
    assert_eq!(told(Wanted::Unsuccessful), (String::new(), false));
}

#[test]
fn what_would_only_be_skipped_is_refused() {
    let blocked = told(|state| Wanted::Tasks(tasks(state, &["c"]))).unwrap_err();
    assert_eq!((blocked.task.as_str(), blocked.need.as_str()), ("c", "b"));
    told(|state| Wanted::Tasks(tasks(state, &["b", "c"]))).unwrap();
}
