//! Rows of the semantics table, end to end: how a need ended, what the dependent's `if` says, and
//! what the machine does.

use std::sync::Arc;

use protocol::message::TaskOutcome;
use protocol::plan::{OutputType, Plan};
use serde_json::{Map, json};

use crate::testing::{Tasks, TestEnv, config, crashed, ended, plan_of, show_event, task};

/// Runs the plan to its end with one worker: tasks named in `failing` fail, the rest succeed. Says
/// how every task ended.
fn run(plan: Arc<Plan>, failing: &[&str]) -> Vec<String> {
    let mut env = TestEnv::new(config(), plan);
    let mut lines = env.hello("w1", "life1", 4).lines();
    while let Some(name) = next_published(&mut lines) {
        let token = env.token(&name);
        lines.extend(env.claim(&token, "w1", "life1").lines());
        let outcome = if failing.contains(&name.as_str()) {
            TaskOutcome::Failed {
                attempt: 1,
                end: Box::new(crashed()),
            }
        } else {
            TaskOutcome::Done {
                attempt: 1,
                end: Box::new(ended()),
                outputs: Map::from_iter([("n".to_owned(), json!(7))]),
                artifacts: Vec::new(),
            }
        };
        lines.extend(env.result(&token, "w1", outcome).lines());
    }
    env.check_fold();
    let events = env.events.iter().map(|event| show_event(&event.kind));
    events
        .filter(|line| line.starts_with("task.") && !line.starts_with("task.leased"))
        .collect()
}

fn next_published(lines: &mut Vec<String>) -> Option<String> {
    let at = lines
        .iter()
        .position(|line| line.starts_with("> publish"))?;
    let line = lines.remove(at);
    line.split(' ').nth(2).map(str::to_owned)
}

const A_DONE: &str = "task.done a #1 {\"n\":7} []";
const A_FAILED: &str = "task.failed a after 1 tool_failed: it said no";
const A_TOLERATED: &str = "task.failed a after 1 tool_failed: it said no tolerated";
const B_DONE: &str = "task.done b #1 {\"n\":7} []";

/// What happens to `b`, which needs `a`, for each kind of `if`.
fn row(a: &Tasks, before: &[Tasks], failing: &[&str]) -> [String; 3] {
    [None, Some("always()"), Some("failure()")].map(|condition| {
        let mut b = task("b").needs(["a"]);
        if let Some(text) = condition {
            b = b.condition(text);
        }
        let tasks = before.iter().cloned().chain([a.clone(), b]);
        let lines = run(plan_of(tasks), failing);
        let about_b = |line: &&String| line.split(' ').nth(1) == Some("b");
        lines.iter().find(about_b).expect("b ends").clone()
    })
}

const SKIPPED_ITSELF: &str = "task.skipped b by if of itself";
const SKIPPED_BY_FAILURE: &str = "task.skipped b by failure of a";
const SKIPPED_BY_IF: &str = "task.skipped b by if of a";

#[test]
fn need_done() {
    let b = row(&task("a"), &[], &[]);
    assert_eq!(b, [B_DONE, B_DONE, SKIPPED_ITSELF]);
}

#[test]
fn need_failed_with_continue_on_error() {
    let b = row(&task("a").tolerant(), &[], &["a"]);
    assert_eq!(b, [B_DONE, B_DONE, SKIPPED_ITSELF]);
}

#[test]
fn need_failed() {
    let b = row(&task("a"), &[], &["a"]);
    assert_eq!(b, [SKIPPED_BY_FAILURE, B_DONE, B_DONE]);
}

#[test]
fn need_skipped_by_failure() {
    let b = row(&task("a").needs(["x"]), &[task("x")], &["x"]);
    assert_eq!(b, [SKIPPED_BY_FAILURE, B_DONE, B_DONE]);
}

#[test]
fn need_skipped_by_if_passes_on_as_such() {
    let b = row(&task("a").condition("inputs.n > 99"), &[], &[]);
    assert_eq!(b, [SKIPPED_BY_IF, B_DONE, SKIPPED_ITSELF]);
}

#[test]
fn a_cancelled_run_starts_nothing_whatever_the_condition() {
    for condition in ["always()", "failure()", "inputs.n > 0"] {
        let plan = plan_of([task("a"), task("b").needs(["a"]).condition(condition)]);
        let mut env = TestEnv::new(config(), plan);
        let lines = env.cancel().lines();
        assert!(
            lines.contains(&"task.cancelled b".to_owned()),
            "{condition}"
        );
    }
}

#[test]
fn a_failure_wins_over_a_skip_by_if() {
    let plan = plan_of([
        task("a"),
        task("s").condition("inputs.n > 99"),
        task("b").needs(["s", "a"]),
    ]);
    let lines = run(plan, &["a"]);
    assert_eq!(
        lines,
        [
            "task.skipped s by if of itself",
            A_FAILED,
            SKIPPED_BY_FAILURE
        ]
    );
}

#[test]
fn conditions_see_outputs_inputs_and_statuses() {
    let plan = plan_of([
        task("a").output("n", OutputType::Int),
        task("yes")
            .needs(["a"])
            .condition("tasks.a.outputs.n == 7 and inputs.n == 3"),
        task("no").needs(["a"]).condition("tasks.a.outputs.n > 7"),
        task("last").needs(["no"]),
    ]);
    let lines = run(plan, &[]);
    assert_eq!(
        lines,
        [
            A_DONE,
            "task.skipped no by if of itself",
            "task.skipped last by if of no",
            "task.done yes #1 {\"n\":7} []",
        ]
    );
}

#[test]
fn a_condition_with_failure_inside_is_evaluated() {
    let plan = plan_of([
        task("a"),
        task("b")
            .needs(["a"])
            .condition("failure() or inputs.n > 99"),
        task("c").needs(["a"]).condition("not failure()"),
    ]);
    assert_eq!(
        run(plan.clone(), &["a"]),
        [A_FAILED, "task.skipped c by if of itself", B_DONE]
    );
    assert_eq!(
        run(plan, &[]),
        [A_DONE, SKIPPED_ITSELF, "task.done c #1 {\"n\":7} []"]
    );
}

#[test]
fn a_condition_that_cannot_be_evaluated_fails_the_task() {
    // `a` is done, but left no output `m`; the run says so instead of guessing.
    let plan = plan_of([
        task("a").output("m", OutputType::Int),
        task("b").needs(["a"]).condition("tasks.a.outputs.m > 1"),
    ]);
    let lines = run(plan, &[]);
    assert_eq!(lines[0], A_DONE);
    assert!(
        lines[1].starts_with("task.failed b after 0 input_missing: `if`: "),
        "{}",
        lines[1]
    );
}

#[test]
fn tolerated_failures_do_not_fail_the_run() {
    let plan = plan_of([task("a").tolerant(), task("b").needs(["a"])]);
    let mut env = TestEnv::new(config(), plan);
    env.hello("w1", "life1", 1).skip();
    let a = env.token("a");
    env.claim(&a, "w1", "life1").skip();
    let outcome = TaskOutcome::Failed {
        attempt: 1,
        end: Box::new(crashed()),
    };
    let lines = env.result(&a, "w1", outcome).lines();
    assert_eq!(lines[1], A_TOLERATED);
    let b = env.token("b");
    env.claim(&b, "w1", "life1").skip();
    let outcome = TaskOutcome::Done {
        attempt: 1,
        end: Box::new(ended()),
        outputs: Map::new(),
        artifacts: Vec::new(),
    };
    env.result(&b, "w1", outcome).is(&[
        "attempt.finished b 1-2 #1 ok",
        "task.done b #1 {} []",
        "run.finished completed 0",
        "> ack once synced",
        "> finished completed 0 once synced",
    ]);
}
