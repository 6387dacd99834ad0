//! A worker's last word under a lease: current, late, twice, or nonsense.

use std::time::Duration;

use protocol::event::{EventKind, ModelEnd};
use protocol::ids::LeaseToken;
use protocol::message::TaskOutcome;
use protocol::outcome::FailureClass;
use protocol::policy::{DeniedAction, DeniedTool, ObservedWrite, Seen, context_finding};
use serde_json::{Map, Value, json};

use crate::testing::{TestEnv, artifact, config, crashed, ended, failed, plan_of, retry, task};

fn running() -> (TestEnv, LeaseToken) {
    let plan = plan_of([task("a").retry(retry(1)), task("b").needs(["a"])]);
    let mut env = TestEnv::new(config(), plan);
    env.hello("w1", "life1", 1).skip();
    let token = env.token("a");
    env.claim(&token, "w1", "life1").skip();
    (env, token)
}

fn done(attempt: u32) -> TaskOutcome {
    done_with(attempt, Map::new(), Vec::new())
}

fn done_with(
    attempt: u32,
    outputs: Map<String, Value>,
    artifacts: Vec<protocol::artifact::Artifact>,
) -> TaskOutcome {
    TaskOutcome::Done {
        attempt,
        end: Box::new(ended()),
        outputs,
        artifacts,
    }
}

const A_DONE: &[&str] = &[
    "attempt.finished a 1-1 #1 ok",
    "task.done a #1 {} []",
    "> ack once synced",
    "> publish b 1-2 once 7 is synced",
];

#[test]
fn a_success_is_synced_before_it_is_acknowledged_and_before_dependents_go_out() {
    let (mut env, token) = running();
    env.result(&token, "w1", done(1)).is(A_DONE);
    env.check_fold();
}

#[test]
fn a_failure_fails_the_task_and_skips_dependents() {
    let (mut env, token) = running();
    let outcome = TaskOutcome::Failed {
        attempt: 1,
        end: Box::new(crashed()),
    };
    env.result(&token, "w1", outcome).is(&[
        "attempt.finished a 1-1 #1 tool_failed",
        "task.failed a after 1 tool_failed: it said no",
        "task.skipped b by failure of a",
        "run.finished failed 1",
        "> ack once synced",
        "> finished failed 1 once synced",
    ]);
}

#[test]
fn the_same_result_again_is_acknowledged_and_changes_nothing() {
    let (mut env, token) = running();
    env.result(&token, "w1", done(1)).skip();
    env.result(&token, "w1", done(1)).is(&["> ack once synced"]);
}

#[test]
fn a_late_result_is_recorded_once_and_ignored() {
    let (mut env, token) = running();
    env.pass(Duration::from_secs(5))
        .is(&["lease.lost a 1-1 WorkerLost"]);
    env.result(&token, "w1", done(1))
        .is(&["result.late a 1-1 from w1", "> ack once synced"]);
    env.result(&token, "w1", done(1)).is(&["> ack once synced"]);
    env.check_fold();
}

#[test]
fn a_late_result_does_not_touch_the_lease_that_replaced_it() {
    let (mut env, old) = running();
    env.pass(Duration::from_secs(5)).skip();
    env.hello("w2", "life1", 1).skip();
    env.pass(Duration::from_secs(1)).is(&["> publish a 1-2"]);
    let new = env.token("a");
    env.claim(&new, "w2", "life1").skip();
    env.result(&old, "w1", done(1))
        .is(&["result.late a 1-1 from w1", "> ack once synced"]);
    env.result(&new, "w2", done(2)).is(&[
        "attempt.finished a 1-2 #2 ok",
        "task.done a #2 {} []",
        "> ack once synced",
        "> publish b 1-3 once 11 is synced",
    ]);
    // Told again after the task is done: both are known.
    env.result(&old, "w1", done(1)).is(&["> ack once synced"]);
    env.result(&new, "w2", done(2)).is(&["> ack once synced"]);
}

#[test]
fn somebody_elses_result_under_a_current_token_is_late() {
    let (mut env, token) = running();
    env.result(&token, "w2", done(1))
        .is(&["result.late a 1-1 from w2", "> ack once synced"]);
    env.result(&token, "w1", done(1)).skip();
}

#[test]
fn results_of_other_runs_and_tasks_are_acknowledged_only() {
    let (mut env, token) = running();
    let mut other = token.clone();
    other.task = "zz".parse().unwrap();
    env.result(&other, "w1", done(1)).is(&["> ack once synced"]);
    other.run = "0197f0e2-7c1a-7cc3-9d51-000000000000".parse().unwrap();
    env.result(&other, "w1", done(1)).is(&["> ack once synced"]);
}

#[test]
fn a_result_for_another_attempt_ends_the_lease() {
    let (mut env, token) = running();
    env.result(&token, "w1", done(2))
        .is(&["lease.lost a 1-1 WorkerLost", "> ack once synced"]);
}

#[test]
fn a_task_handed_back_goes_out_again_at_once() {
    let (mut env, token) = running();
    env.result(&token, "w1", TaskOutcome::HandedBack).is(&[
        "lease.lost a 1-1 HandedBack",
        "> ack once synced",
        "> publish a 1-2",
    ]);
    env.result(&token, "w1", TaskOutcome::HandedBack)
        .is(&["> ack once synced"]);
}

#[test]
fn a_yield_without_attempts_left_fails_the_task() {
    let (mut env, token) = running();
    let wants_more = |attempt| TaskOutcome::Yield {
        attempt,
        end: Box::new(crashed()),
        retry_after_ms: 6_000,
    };
    env.result(&token, "w1", wants_more(1)).is(&[
        "attempt.finished a 1-1 #1 tool_failed",
        "attempt.retrying a #2 after 6000ms handed back",
        "> ack once synced",
    ]);
    env.hello("w1", "life1", 1).skip();
    env.pass(Duration::from_secs(6)).skip();
    env.hello("w1", "life1", 1).is(&["> publish a 1-2"]);
    let token = env.token("a");
    env.claim(&token, "w1", "life1").skip();
    env.result(&token, "w1", wants_more(2)).is(&[
        "attempt.finished a 1-2 #2 tool_failed",
        "task.failed a after 2 tool_failed: it said no",
        "task.skipped b by failure of a",
        "run.finished failed 1",
        "> ack once synced",
        "> finished failed 1 once synced",
    ]);
}

#[test]
fn a_failure_that_nobody_asked_for_repeats_the_attempt_without_using_up_retries() {
    let (mut env, token) = running();
    let stopped = |attempt| TaskOutcome::Failed {
        attempt,
        end: Box::new(failed(FailureClass::Cancelled)),
    };
    env.result(&token, "w1", stopped(1)).is(&[
        "attempt.finished a 1-1 #1 cancelled",
        "attempt.retrying a #2 after 0ms handed back",
        "> ack once synced",
    ]);
    env.pass(Duration::ZERO).is(&["> publish a 1-2"]);
    let token = env.token("a");
    env.claim(&token, "w1", "life1").is(&[
        "task.leased a 1-2 to w1",
        "attempt.started a 1-2 #2",
        "> granted a 1-2 #2 left 1 for 5000ms once synced",
    ]);
}

#[test]
fn outputs_beyond_their_bound_fail_the_attempt() {
    let (mut env, token) = running();
    let outputs = Map::from_iter([("x".to_owned(), json!("y".repeat(70_000)))]);
    env.result(&token, "w1", done_with(1, outputs, Vec::new())).is(&[
        "attempt.finished a 1-1 #1 invalid_output",
        "task.failed a after 1 invalid_output: outputs of 70008 bytes are too large; write an artifact instead",
        "task.skipped b by failure of a",
        "run.finished failed 1",
        "> ack once synced",
        "> finished failed 1 once synced",
    ]);
}

#[test]
fn artifacts_outside_their_tasks_directory_fail_the_attempt() {
    for path in [
        "artifacts/b/x",
        "artifacts/a",
        "artifacts/a/",
        "artifacts/a/../b/x",
        "artifacts/a//x",
        "artifacts/a/./x",
        "/etc/passwd",
        "artifacts/a/x\0y",
        "artifacts/ab/x",
    ] {
        let (mut env, token) = running();
        let outcome = done_with(1, Map::new(), vec![artifact("x", path)]);
        let lines = env.result(&token, "w1", outcome).lines();
        assert_eq!(lines[0], "attempt.finished a 1-1 #1 internal", "{path:?}");
        assert!(
            lines[1].starts_with("task.failed a after 1 internal"),
            "{path:?}"
        );
    }
    let (mut env, token) = running();
    let fine = done_with(1, Map::new(), vec![artifact("x", "artifacts/a/x/y..z")]);
    let lines = env.result(&token, "w1", fine).lines();
    assert_eq!(lines[1], "task.done a #1 {} [\"x\"]");
}

#[test]
fn a_success_that_carries_a_failure_is_a_failure() {
    let (mut env, token) = running();
    let outcome = TaskOutcome::Done {
        attempt: 1,
        end: Box::new(crashed()),
        outputs: Map::new(),
        artifacts: Vec::new(),
    };
    let lines = env.result(&token, "w1", outcome).lines();
    assert_eq!(lines[1], "task.failed a after 1 tool_failed: it said no");
}

#[test]
fn a_failure_without_its_class_is_ours() {
    let (mut env, token) = running();
    let outcome = TaskOutcome::Failed {
        attempt: 1,
        end: Box::new(ended()),
    };
    let lines = env.result(&token, "w1", outcome).lines();
    assert_eq!(
        lines[..2],
        [
            "attempt.finished a 1-1 #1 internal",
            "task.failed a after 1 internal: a failure was reported without its class"
        ]
    );
}

#[test]
fn results_after_the_end_are_acknowledged_only() {
    let (mut env, token) = running();
    env.result(&token, "w1", done(1)).skip();
    let b = env.token("b");
    env.claim(&b, "w1", "life1").skip();
    env.result(&b, "w1", done(1)).is(&[
        "attempt.finished b 1-2 #1 ok",
        "task.done b #1 {} []",
        "run.finished completed 0",
        "> ack once synced",
        "> finished completed 0 once synced",
    ]);
    env.result(&b, "w1", done(1)).is(&["> ack once synced"]);
    let mut late = b;
    late.lease.lease = 1;
    env.result(&late, "w2", done(1)).is(&["> ack once synced"]);
}

#[test]
fn a_path_that_was_declared_and_not_written_is_remarked_once_the_task_succeeded() {
    let writes = || {
        let one = |path: &str, seen| ObservedWrite {
            path: path.into(),
            seen,
        };
        vec![
            one("idle", Seen::Unchanged),
            one("out", Seen::Changed),
            one("wide", Seen::NotObserved),
        ]
    };
    let (mut env, token) = running();
    let mut end = ended();
    end.writes = writes();
    let outcome = TaskOutcome::Done {
        attempt: 1,
        end: Box::new(end),
        outputs: Map::new(),
        artifacts: Vec::new(),
    };
    env.result(&token, "w1", outcome).is(&[
        "attempt.finished a 1-1 #1 ok",
        "finding.raised unused-grant: its `effects.write` opens idle, and nothing there changed",
        "task.done a #1 {} []",
        "> ack once synced",
        "> publish b 1-2 once 8 is synced",
    ]);
    env.check_fold();
    let (mut env, token) = running();
    let mut end = crashed();
    end.writes = writes();
    let outcome = TaskOutcome::Failed {
        attempt: 1,
        end: Box::new(end),
    };
    env.result(&token, "w1", outcome).is(&[
        "attempt.finished a 1-1 #1 tool_failed",
        "task.failed a after 1 tool_failed: it said no",
        "task.skipped b by failure of a",
        "run.finished failed 1",
        "> ack once synced",
        "> finished failed 1 once synced",
    ]);
}

#[test]
fn what_the_sandbox_denied_is_remarked_and_changes_nothing() {
    let (mut env, token) = running();
    let denied = |action: &str, target: &str, times| DeniedAction {
        action: action.into(),
        target: target.into(),
        times,
    };
    let mut end = ended();
    end.denied = vec![
        denied("connect", "192.0.2.1:80", 3),
        denied("ptrace", "", 1),
    ];
    let outcome = TaskOutcome::Done {
        attempt: 1,
        end: Box::new(end),
        outputs: Map::new(),
        artifacts: Vec::new(),
    };
    env.result(&token, "w1", outcome).is(&[
        "attempt.finished a 1-1 #1 ok",
        "finding.raised denied-attempt: tried connect 192.0.2.1:80 (3 times); the sandbox denied it",
        "finding.raised denied-attempt: tried ptrace; the sandbox denied it",
        "task.done a #1 {} []",
        "> ack once synced",
        "> publish b 1-2 once 9 is synced",
    ]);
    env.check_fold();
}

#[test]
fn what_an_agent_was_denied_is_remarked_and_changes_nothing() {
    let (mut env, token) = running();
    let tool = |tool: &str, times| DeniedTool {
        tool: tool.into(),
        times,
    };
    let mut end = ended();
    end.agent_denied = vec![tool("Bash", 2), tool("a\u{1b}[31m\nb", 1)];
    let outcome = TaskOutcome::Done {
        attempt: 1,
        end: Box::new(end),
        outputs: Map::new(),
        artifacts: Vec::new(),
    };
    env.result(&token, "w1", outcome).is(&[
        "attempt.finished a 1-1 #1 ok",
        "finding.raised agent-denied: the agent wanted to use Bash (2 times) and was denied it",
        "finding.raised agent-denied: the agent wanted to use a [31m b and was denied it",
        "task.done a #1 {} []",
        "> ack once synced",
        "> publish b 1-2 once 9 is synced",
    ]);
    env.check_fold();
}

#[test]
fn what_there_is_to_say_of_a_prompt_is_told_of_its_own_task() {
    let (mut env, token) = running();
    let mut end = ended();
    let other = "b".parse().unwrap();
    end.model = Some(Box::new(ModelEnd {
        model: "m".into(),
        calls: 1,
        findings: vec![context_finding("`notes` was cut", Some(&other))],
    }));
    let outcome = TaskOutcome::Done {
        attempt: 1,
        end: Box::new(end),
        outputs: Map::new(),
        artifacts: Vec::new(),
    };
    let seen = env.result(&token, "w1", outcome);
    let EventKind::FindingRaised(said) = &seen.events[1] else {
        panic!("{:?}", seen.events[1]);
    };
    assert_eq!(said.task, Some(token.task.clone()));
    seen.is(&[
        "attempt.finished a 1-1 #1 ok",
        "finding.raised context-cut: `notes` was cut",
        "task.done a #1 {} []",
        "> ack once synced",
        "> publish b 1-2 once 8 is synced",
    ]);
    env.check_fold();
}

#[test]
fn a_run_whose_sandbox_cannot_be_had_says_that_nothing_was_ready() {
    let (mut env, token) = running();
    let outcome = TaskOutcome::Failed {
        attempt: 1,
        end: Box::new(failed(FailureClass::SandboxUnavailable)),
    };
    let lines = env.result(&token, "w1", outcome).lines();
    assert!(
        lines.contains(&"run.finished failed 7".to_owned()),
        "{lines:?}"
    );
}

#[test]
fn a_run_that_asked_what_was_not_recorded_says_that_it_was_not_ready() {
    let (mut env, token) = running();
    let outcome = TaskOutcome::Failed {
        attempt: 1,
        end: Box::new(failed(FailureClass::ReplayMiss)),
    };
    let lines = env.result(&token, "w1", outcome).lines();
    assert!(
        lines.contains(&"run.finished failed 7".to_owned()),
        "{lines:?}"
    );
}
