//! Tasks that expanded, in the fold.

use protocol::event::EventKind;
use protocol::ids::TaskId;
use protocol::outcome::RunOutcome;
use serde_json::Value;

use super::tests::{Story, broke, id};
use super::{RunSummary, words};

fn items(task: &str, items: &[&str]) -> EventKind {
    EventKind::TaskExpanded {
        task: id(task),
        first: 0,
        items: Some(items.iter().map(|item| Value::from(*item)).collect()),
        inputs: None,
        complete: true,
    }
}

fn nested(task: &str) -> EventKind {
    EventKind::TaskExpanded {
        task: id(task),
        first: 0,
        items: None,
        inputs: Some(serde_json::Map::new()),
        complete: true,
    }
}

fn done(task: &str) -> EventKind {
    EventKind::TaskDone {
        task: id(task),
        attempt: 0,
        outputs: serde_json::Map::new(),
        artifacts: Vec::new(),
    }
}

fn failed(task: &str) -> EventKind {
    EventKind::TaskFailed {
        task: id(task),
        attempts: 0,
        failure: broke(),
        tolerated: false,
    }
}

fn find<'a>(summary: &'a RunSummary, task: &str) -> &'a super::TaskSummary {
    summary.task(&id(task)).unwrap()
}

#[test]
fn children_count_and_their_parent_does_not() {
    let story = Story::begun(2)
        .passes("list")
        .then(items("sum", &["api", "web", "cli"]));
    assert_eq!(story.summary().planned, 4);
    let story = story
        .passes("sum[0]")
        .fails("sum[1]", false)
        .passes("sum[2]");
    let open = story.summary();
    let sum = find(&open, "sum");
    assert_eq!((sum.word(), sum.child_count()), ("RUN", Some(3)));
    let summary = story
        .then(failed("sum"))
        .finishes(RunOutcome::Failed, 1)
        .summary();
    assert_eq!(
        (
            summary.tally.passed,
            summary.tally.failed,
            summary.tally.told()
        ),
        (3, 1, 4)
    );
    let sum = find(&summary, "sum");
    let children = sum.expansion.as_ref().unwrap().children;
    assert_eq!((children.passed, children.failed), (2, 1));
    assert_eq!(find(&summary, "sum[1]").name(), "sum[1] web");
    assert_eq!(summary.first_failure().unwrap().id, id("sum[1]"));
}

#[test]
fn what_is_skipped_because_of_a_parent_is_so_because_of_its_child() {
    let summary = Story::begun(2)
        .then(items("sum", &["a", "b"]))
        .fails("sum[1]", false)
        .then(failed("sum"))
        .skips("next", "sum")
        .summary();
    let next = find(&summary, "next");
    assert_eq!(words::reason(&summary, next), "because sum[1] failed");
}

#[test]
fn a_parent_that_fails_without_its_children_is_a_failure_of_its_own() {
    let summary = Story::begun(1)
        .then(items("sum", &["a"]))
        .passes("sum[0]")
        .then(failed("sum"))
        .summary();
    assert_eq!((summary.tally.passed, summary.tally.failed), (1, 1));
    assert_eq!(summary.first_failure().unwrap().id, id("sum"));
}

#[test]
fn nested_scenarios_count_as_they_are_heard_of() {
    let summary = Story::begun(2)
        .then(items("each", &["x", "y"]))
        .then(nested("each[0]"))
        .passes("each[0]/build")
        .fails("each[0]/test", false)
        .then(failed("each[0]"))
        .summary();
    // `each[1]` and the other task of the plan are still to come.
    assert_eq!(summary.planned, 4);
    assert_eq!((summary.tally.passed, summary.tally.failed), (1, 1));
    let each = find(&summary, "each").expansion.as_ref().unwrap();
    assert_eq!((each.items, each.children.failed), (2, 1));
    assert_eq!(summary.first_failure().unwrap().id, id("each[0]/test"));
}

#[test]
fn an_incomplete_set_is_forgotten_when_it_begins_anew() {
    let chunk = |first: u32, complete: bool, names: &[&str]| EventKind::TaskExpanded {
        task: id("sum"),
        first,
        items: Some(names.iter().map(|name| Value::from(*name)).collect()),
        inputs: None,
        complete,
    };
    let story = Story::begun(1).then(chunk(0, false, &["lost", "lost"]));
    assert_eq!(story.summary().planned, 1);
    let summary = story
        .then(chunk(0, false, &["a", "b"]))
        .then(chunk(2, true, &["c"]))
        .passes("sum[2]")
        .summary();
    assert_eq!(
        (summary.planned, find(&summary, "sum[2]").name().as_ref()),
        (3, "sum[2] c")
    );
}

#[test]
fn no_items_are_no_tasks() {
    let summary = Story::begun(2)
        .then(items("sum", &[]))
        .then(done("sum"))
        .passes("a")
        .summary();
    assert_eq!((summary.planned, summary.tally.passed), (1, 1));
}

#[test]
fn a_reused_task_passed_and_says_so() {
    let reused = |task: TaskId| EventKind::TaskReused {
        task,
        run: "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a".parse().unwrap(),
        outputs: serde_json::Map::new(),
        artifacts: Vec::new(),
    };
    let summary = Story::begun(2).then(reused(id("a"))).passes("b").summary();
    assert_eq!(words::tally(&summary.tally, ", "), "2 passed (1 reused)");
    assert_eq!(words::reason(&summary, find(&summary, "a")), "reused");
}

#[test]
fn children_stand_beneath_their_parent_and_failures_come_first() {
    let summary = Story::begun(3)
        .passes("list")
        .then(items("sum", &["a", "b", "c"]))
        .passes("sum[2]")
        .fails("sum[1]", false)
        .passes("sum[0]")
        .then(failed("sum"))
        .passes("last")
        .summary();
    let shown: Vec<String> = super::outline(&summary)
        .iter()
        .map(|task| format!("{} {}", task.name(), words::reason(&summary, task)))
        .collect();
    let expected = [
        "sum 1 of 3 items failed",
        "sum[1] b exit 3",
        "sum[0] a ",
        "sum[2] c ",
        "list ",
        "last ",
    ];
    assert_eq!(shown, expected);
    let told = super::told(super::outline(&summary), 5);
    assert_eq!(told.len(), 4, "what passed beneath a parent is told by it");
}

#[test]
fn a_child_that_failed_brings_its_open_parent_to_the_front() {
    let summary = Story::begun(2)
        .passes("list")
        .then(items("sum", &["a", "b"]))
        .fails("sum[1]", false)
        .summary();
    let ids: Vec<&str> = super::outline(&summary)
        .iter()
        .map(|task| task.id.as_str())
        .collect();
    assert_eq!(ids, ["sum", "sum[1]", "list"]);
}

#[test]
fn one_tolerated_child_is_one_tolerated_failure() {
    let tolerated = |task: &str| EventKind::TaskFailed {
        task: id(task),
        attempts: 0,
        failure: broke(),
        tolerated: true,
    };
    let summary = Story::begun(2)
        .then(items("sum", &["a", "b"]))
        .fails("sum[0]", true)
        .passes("sum[1]")
        .then(tolerated("sum"))
        .passes("next")
        .summary();
    let tally = summary.tally;
    assert_eq!((tally.passed, tally.tolerated, tally.over()), (2, 1, 3));
    let reason = words::reason(&summary, find(&summary, "sum"));
    assert_eq!(reason, "1 of 2 items failed; tolerated");
}
