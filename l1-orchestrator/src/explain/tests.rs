//! Stories that are hard to stage with real processes, told from made-up journals.

use protocol::event::{Event, EventKind};
use protocol::plan::Plan;
use protocol::time::Timestamp;
use serde_json::{Value, json};

use super::{Gather, explain};
use crate::report::{Redactor, RunSummary};

/// Two slots, and an event every second from the start of the run.
fn told(tasks: &Value, events: &[Value], task: &str) -> Vec<String> {
    let plan = json!({ "name": "a", "tasks": tasks });
    let plan = Plan::from_json(plan.to_string().as_bytes()).unwrap();
    let digest = "0".repeat(64);
    let begin = [
        json!({
            "type": "run.started", "version": 1, "scenario": "a", "scenario_file": digest,
            "run_id": "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a", "policy": "default@0",
            "policy_digest": digest, "coordinator": "c", "slots": 2, "level": "none",
            "trace_id": "0".repeat(32), "orchestra": "1",
        }),
        json!({
            "type": "plan.approved", "plan": digest, "plan_file": digest, "policy": digest,
            "scenario_file": digest, "by": "default",
        }),
    ];
    let mut gather = Gather::new(task.parse().unwrap());
    let mut summary = RunSummary::default();
    for (at, kind) in (1_u32..).zip(begin.iter().chain(events)) {
        let kind: EventKind = serde_json::from_value(kind.clone()).unwrap();
        let ts = Timestamp::from_micros(i64::from(at) * 1_000_000);
        let event = Event {
            seq: u64::from(at),
            ts,
            kind,
        };
        summary.apply(&event);
        gather.take(&event);
    }
    let lines = explain(&gather, &summary, Some(&plan), true, Redactor::default());
    let shown = lines.into_iter().map(|line| {
        let events: Vec<String> = line.events.iter().map(ToString::to_string).collect();
        format!("{} [{}]", line.text, events.join(" "))
    });
    shown.collect()
}

fn leased(task: &str) -> Value {
    json!({ "type": "task.leased", "task": task, "lease": "1-1", "worker": "far" })
}

fn started(task: &str, attempt: u32) -> Value {
    json!({ "type": "attempt.started", "task": task, "lease": "1-1", "attempt": attempt })
}

fn finished(task: &str, attempt: u32, exit: i32) -> Value {
    let failure = json!({ "class": "tool_failed", "message": "exit" });
    let mut end = json!({
        "level": "none", "exit": exit, "wall_us": 500_000, "cpu_us": 0, "peak_rss_bytes": 0,
    });
    if exit != 0 {
        end["failure"] = failure;
    }
    json!({
        "type": "attempt.finished", "task": task, "lease": "1-1", "attempt": attempt, "end": end,
    })
}

fn done(task: &str) -> Value {
    json!({ "type": "task.done", "task": task, "attempt": 1 })
}

fn failed(task: &str) -> Value {
    let failure = json!({ "class": "tool_failed", "message": "exit 3" });
    json!({ "type": "task.failed", "task": task, "attempts": 1, "failure": failure })
}

fn expanded(first: u32, items: &[&str], complete: bool) -> Value {
    json!({
        "type": "task.expanded", "task": "each", "first": first, "items": items,
        "complete": complete,
    })
}

fn fan_out() -> Value {
    json!([
        { "id": "list", "run": "x", "outputs": { "items": "list" } },
        {
            "id": "each", "needs": ["list"], "run": "x", "as": "it",
            "for_each": "${{ tasks.list.outputs.items }}",
        },
    ])
}

#[test]
fn an_item_of_a_fan_out_and_its_parent() {
    let events = [
        leased("list"),
        started("list", 1),
        done("list"),
        expanded(0, &["x", "y"], false),
        expanded(2, &["z"], true),
        leased("each[1]"),
        started("each[1]", 1),
        finished("each[1]", 1, 3),
        failed("each[1]"),
        failed("each"),
    ];
    let item = told(&fan_out(), &events, "each[1]");
    let expected = [
        "it is item 1 (y) of each, which expanded [6 7]",
        "it was sent out to worker far 1.0s later [7 8]",
        "attempt 1 began [9]",
        "attempt 1 failed with exit 3 after 0.5s [10]",
        "it failed for good: it has no `retry` [11]",
    ];
    assert_eq!(item, expected);
    let parent = told(&fan_out(), &events, "each");
    let expected = [
        "it needs list, which was done [5]",
        "it expanded into 3 items [6 7]",
        "it failed, because a part of what it expanded into failed: each[1] [11 12]",
    ];
    assert_eq!(parent, expected);
}

#[test]
fn a_slot_is_waited_for_only_while_all_are_taken() {
    let tasks = json!([
        { "id": "a", "run": "x" },
        { "id": "b", "run": "x" },
        { "id": "c", "run": "x" },
        { "id": "d", "run": "x" },
    ]);
    let events = [
        leased("a"),
        leased("b"),
        done("a"),
        leased("c"),
        done("b"),
        done("c"),
        leased("d"),
    ];
    assert_eq!(
        told(&tasks, &events, "c")[1],
        "it waited 4.0s for a slot, of which there are 2, until a gave one back; then it was sent \
         out to worker far [2 5 6]"
    );
    // The last one that was given back was not the last one that was free.
    assert_eq!(
        told(&tasks, &events, "d")[1],
        "it was sent out to worker far 7.0s later [2 9]"
    );
}

#[test]
fn a_delay_without_a_slot_and_a_lost_worker() {
    let retry = json!({
        "max": 3, "delay_ms": 10_000, "backoff": "fixed", "max_delay_ms": 10_000,
    });
    let tasks = json!([{ "id": "a", "run": "x", "retry": retry }]);
    let events = [
        leased("a"),
        started("a", 1),
        finished("a", 1, 1),
        json!({
            "type": "attempt.retrying", "task": "a", "attempt": 2, "delay_ms": 1000,
            "in_place": false,
        }),
        leased("a"),
        started("a", 2),
        json!({ "type": "lease.lost", "task": "a", "lease": "1-1", "cause": "worker_lost" }),
        json!({ "type": "result.late", "task": "a", "lease": "1-1", "worker": "far" }),
        json!({ "type": "run.paused", "cause": "a person\u{1b}[2J" }),
    ];
    let expected = [
        "it is repeated: its `retry` allows 3 extra attempts; attempt 2 in 1.0s, handed back, so that \
         no slot waits for it [6]",
        "it was sent out to worker far once its delay of 1.0s was over [6 7]",
        "attempt 2 began [8]",
        "its worker was lost; it is sent out again [9]",
        "a result came from a worker that no longer held it, and was ignored [10]",
        "the run was paused: a person\\x1b[2J [11]",
        "it waits to be sent out again []",
    ];
    assert_eq!(told(&tasks, &events, "a")[4..], expected);
}

#[test]
fn what_a_retry_carries_over_and_leaves_out() {
    let tasks = json!([
        { "id": "a", "run": "x" },
        { "id": "b", "needs": ["a"], "run": "x" },
        { "id": "c", "run": "x" },
    ]);
    let reused = json!({
        "type": "task.reused", "task": "a", "run": "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07b",
    });
    let skipped = json!({ "type": "task.skipped", "task": "c", "cause": "not_selected" });
    let events = [reused, skipped, leased("b")];
    assert_eq!(
        told(&tasks, &events, "a"),
        ["its result was carried over from run 4be1c07b; it did not run again [3]"]
    );
    let needs = told(&tasks, &events, "b");
    assert_eq!(
        needs[0],
        "it needs a, which was carried over from an earlier run [3]"
    );
    let left_out = told(&tasks, &events, "c");
    assert_eq!(
        left_out.last().unwrap(),
        "it was skipped: this retry does not repeat it, and it had not succeeded before [4]"
    );
}

#[test]
fn a_done_task_that_was_opened_again() {
    let tasks = json!([{ "id": "a", "run": "x" }]);
    let reopened = json!({ "type": "task.reopened", "task": "a", "path": "artifacts/a/x" });
    let events = [leased("a"), done("a"), reopened, leased("a"), done("a")];
    let expected = [
        "it needs nothing, so it was ready once the plan was approved [2]",
        "it was sent out to worker far 1.0s later [2 3]",
        "it was done [4]",
        "it was opened again: `artifacts/a/x` is no longer what it sealed [5]",
        "it was sent out to worker far 1.0s later [5 6]",
        "it is done [7]",
    ];
    assert_eq!(told(&tasks, &events, "a"), expected);
}

#[test]
fn a_long_story_is_cut_and_says_so() {
    let tasks = json!([{ "id": "a", "run": "x" }]);
    let lost = json!({ "type": "lease.lost", "task": "a", "lease": "1-1", "cause": "worker_lost" });
    let events: Vec<Value> = (0..600).flat_map(|_| [leased("a"), lost.clone()]).collect();
    let lines = told(&tasks, &events, "a");
    assert_eq!(
        lines[lines.len() - 2],
        "200 more events of it are in the journal []"
    );
}
