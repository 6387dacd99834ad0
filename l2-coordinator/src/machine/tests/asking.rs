//! Calls of models: set aside within the budget, settled once, whoever dies in between.

use std::time::Duration;

use protocol::budget::{Budget, CallId, Money, Purpose, Reserved, Settled};
use protocol::digest::Digest;
use protocol::ids::LeaseToken;
use protocol::message::TaskOutcome;
use protocol::outcome::{Failure, FailureClass};
use serde_json::json;

use crate::machine::{Effect, Input};
use crate::testing::{
    ASKER, Seen, Tasks, TestEnv, asking, done, ended, plan_of, prompt, retry, task,
};

const TOKENS: Budget = Budget {
    tokens: Some(1000),
    usd: None,
    calls: None,
    wall_ms: None,
};

/// A run whose questions are all being asked.
fn running(budget: Budget, tasks: impl IntoIterator<Item = Tasks>) -> TestEnv {
    let mut env = TestEnv::new(asking(budget), plan_of(tasks));
    env.hello(ASKER, "life1", 8).skip();
    for task in env.published.keys().cloned().collect::<Vec<_>>() {
        let token = env.token(&task);
        env.claim(&token, ASKER, "life1").skip();
    }
    env
}

fn three() -> [Tasks; 3] {
    ["a", "b", "c"].map(|id| prompt(id, "say it"))
}

fn ask(task: &str, tokens: u64) -> Reserved {
    Reserved {
        call: CallId::default(),
        task: Some(task.parse().unwrap()),
        purpose: Purpose::Prompt,
        round: 0,
        provider: "scripted".into(),
        model: "m".into(),
        request: Digest::of(b"request"),
        prompt: tokens / 2,
        output: tokens - tokens / 2,
        usd: Some(Money::from_nanos(tokens)),
    }
}

fn reserve(env: &mut TestEnv, task: &str, tokens: u64) -> Seen {
    let id = env.request();
    env.feed(&Input::Reserve(id, Box::new(ask(task, tokens))))
}

fn used(env: &TestEnv, call: u64, tokens: u64) -> Settled {
    let ledger = env.machine.run().ledger();
    let reserved = ledger.reserved(CallId(call)).expect("it is in flight");
    Settled {
        estimated: false,
        ..Reserved {
            prompt: tokens,
            output: 0,
            usd: Some(Money::from_nanos(tokens)),
            ..reserved.clone()
        }
        .in_full(None)
    }
}

fn settle(env: &mut TestEnv, settled: Settled) -> Seen {
    let id = env.request();
    env.feed(&Input::Settled(id, Box::new(settled)))
}

fn failed(attempt: u32, class: FailureClass, message: &str) -> TaskOutcome {
    let mut end = ended();
    end.failure = Some(Failure::new(class, message));
    TaskOutcome::Failed {
        attempt,
        end: Box::new(end),
    }
}

fn end(env: &mut TestEnv, task: &str, outcome: TaskOutcome) -> Seen {
    let token: LeaseToken = env.token(task);
    env.result(&token, ASKER, outcome)
}

#[test]
fn a_call_is_answered_once_it_is_set_aside_and_again_once_it_is_settled() {
    let mut env = running(TOKENS, three());
    reserve(&mut env, "a", 600).is(&[
        "budget.reserved call 1 600 tokens",
        "> may ask as call 1 once synced",
    ]);
    let settled = used(&env, 1, 250);
    settle(&mut env, settled.clone()).is(&[
        "budget.settled call 1 250 tokens ok",
        "> settled once synced",
    ]);
    // Told twice, it counts once.
    settle(&mut env, settled).is(&["> settled once synced"]);
    assert_eq!(env.machine.run().ledger().settled().tokens(), 250);
    env.check_fold();
}

#[test]
fn what_can_never_fit_is_refused_and_nothing_is_journaled() {
    let mut env = running(TOKENS, three());
    let seen = reserve(&mut env, "a", 1001);
    let why = "0 tokens of 1000 tokens used, 0 tokens set aside for calls in flight; one more may take 1001 tokens";
    seen.is(&[&format!("> may not ask: {why}")]);
}

#[test]
fn what_may_fit_later_waits_for_calls_in_flight_in_its_turn() {
    let mut env = running(TOKENS, three());
    reserve(&mut env, "a", 600).skip();
    // It would not fit beside what is set aside, and would if that came to less.
    reserve(&mut env, "b", 500).is(&[]);
    // This one would fit, and comes later all the same.
    reserve(&mut env, "c", 100).is(&[]);
    let settled = used(&env, 1, 550);
    settle(&mut env, settled).is(&[
        "budget.settled call 1 550 tokens ok",
        "budget.reserved call 2 100 tokens",
        "> settled once synced",
        "> may not ask: 550 tokens of 1000 tokens used, 0 tokens set aside for calls in flight; \
         one more may take 500 tokens",
        "> may ask as call 2 once synced",
    ]);
}

#[test]
fn a_number_of_calls_leaves_nothing_to_wait_for() {
    let budget = Budget {
        calls: Some(1),
        ..Budget::default()
    };
    let mut env = running(budget, three());
    reserve(&mut env, "a", 1).skip();
    let lines = reserve(&mut env, "b", 1).lines();
    assert!(
        lines[0].starts_with("> may not ask: 0 calls of 1 call used"),
        "{lines:?}"
    );
}

#[test]
fn nobody_asks_for_a_task_that_does_not_run() {
    let mut env = running(TOKENS, [prompt("a", "x"), task("t")]);
    for task in ["t", "nobody"] {
        reserve(&mut env, task, 1).is(&["> may not ask: nobody waits for its task any more"]);
    }
    env.cancel().skip();
    reserve(&mut env, "a", 1).is(&["> may not ask: the run is being stopped"]);
}

#[test]
fn who_waits_is_answered_when_the_run_is_cancelled() {
    let mut env = running(TOKENS, three());
    reserve(&mut env, "a", 600).skip();
    reserve(&mut env, "b", 600).skip();
    let lines = env.cancel().lines();
    let answer = "> may not ask: the run is being stopped".to_owned();
    assert!(lines.contains(&answer), "{lines:?}");
}

#[test]
fn a_call_whose_attempt_is_over_is_settled_in_full_and_keeps_nobody_waiting() {
    let mut env = running(TOKENS, three());
    reserve(&mut env, "a", 600).skip();
    reserve(&mut env, "b", 401).is(&[]);
    let over = used(&env, 1, 5);
    let timed_out = failed(1, FailureClass::TimedOut, "too slow");
    end(&mut env, "a", timed_out).is(&[
        "attempt.finished a 1-1 #1 timed_out",
        "task.failed a after 1 timed_out: too slow",
        "budget.settled call 1 600 tokens ok",
        "> ack once synced",
        "> may not ask: 600 tokens of 1000 tokens used, 0 tokens set aside for calls in flight; \
         one more may take 401 tokens",
    ]);
    // Whoever made it comes too late.
    settle(&mut env, over).is(&["> settled once synced"]);
}

#[test]
fn a_call_that_nobody_came_to_make_costs_nothing() {
    let mut env = running(TOKENS, three());
    reserve(&mut env, "a", 600).skip();
    env.feed(&Input::Unasked(CallId(1)))
        .is(&["budget.settled call 1 0 tokens ok"]);
    env.feed(&Input::Unasked(CallId(1))).is(&[]);
    assert_eq!(env.machine.run().ledger().settled().usd, Money::ZERO);
}

#[test]
fn a_resume_settles_in_full_what_was_in_flight_once() {
    let mut env = running(TOKENS, three());
    reserve(&mut env, "a", 600).skip();
    reserve(&mut env, "b", 300).skip();
    let settled = used(&env, 1, 5);
    settle(&mut env, settled).skip();
    for kept in 3..=env.events.len() {
        let (resumed, _) = env.resumed(kept);
        let ledger = resumed.machine.run().ledger();
        assert_eq!(ledger.in_flight().count(), 0, "after {kept} events");
        assert_eq!(ledger.settled().calls, ledger.next_call().0 - 1);
        // Nothing is left for the life after that.
        let (again, _) = resumed.resumed(resumed.events.len());
        assert_eq!(again.machine.run().ledger(), ledger);
        resumed.check_fold();
    }
}

#[test]
fn a_denied_call_fails_its_task_and_the_run_ends_with_6() {
    let mut env = running(
        TOKENS,
        [prompt("a", "x").retry(retry(5)), task("b").needs(["a"])],
    );
    let denied = failed(1, FailureClass::BudgetExhausted, "1000 of 1000 tokens used");
    end(&mut env, "a", denied).is(&[
        "attempt.finished a 1-1 #1 budget_exhausted",
        "task.failed a after 1 budget_exhausted: 1000 of 1000 tokens used",
        "task.skipped b by failure of a",
        "run.finished failed 6",
        "> ack once synced",
        "> finished failed 6 once synced",
    ]);
}

#[test]
fn a_tolerated_lack_of_budget_is_no_failure_of_the_run() {
    let mut env = running(TOKENS, [prompt("a", "x").tolerant()]);
    let denied = failed(1, FailureClass::BudgetExhausted, "used up");
    let lines = end(&mut env, "a", denied).lines();
    assert!(
        lines.contains(&"run.finished completed 0".to_owned()),
        "{lines:?}"
    );
}

#[test]
fn the_run_ends_with_6_when_its_time_is_over() {
    let budget = Budget {
        wall_ms: Some(60_000),
        ..Budget::default()
    };
    let mut env = running(budget, [prompt("a", "x"), task("b").needs(["a"])]);
    assert_eq!(env.machine.next_deadline(), Some(Duration::from_secs(60)));
    env.pass(Duration::from_secs(59)).is(&[]);
    env.pass(Duration::from_secs(1)).is(&[
        "run.cancelling by Budget",
        "task.cancelled b",
        "> cancel all",
    ]);
    let stopped = failed(1, FailureClass::Cancelled, "stopped");
    end(&mut env, "a", stopped).is(&[
        "attempt.finished a 1-1 #1 cancelled",
        "task.cancelled a",
        "run.finished failed 6",
        "> ack once synced",
        "> finished failed 6 once synced",
    ]);
}

#[test]
fn time_between_a_stop_and_a_resume_is_nobodys() {
    let budget = Budget {
        wall_ms: Some(60_000),
        ..Budget::default()
    };
    let mut env = running(budget, [prompt("a", "x")]);
    env.now.mono += Duration::from_secs(20);
    env.now.wall = env.now.wall.plus(Duration::from_secs(20));
    env.feed(&Input::Pause("for the night".into())).skip();
    env.now.wall = env.now.wall.plus(Duration::from_secs(36_000));
    let (resumed, _) = env.resumed(env.events.len());
    assert_eq!(
        resumed.machine.next_deadline(),
        Some(Duration::from_secs(40))
    );
}

#[test]
fn the_same_failure_three_times_in_a_row_stops_the_run() {
    let prompts = (0..5).map(|at| prompt(&format!("p{at}"), "x"));
    let mut env = running(Budget::default(), prompts);
    let broken = || failed(1, FailureClass::ProviderFatal, "the key was refused");
    end(&mut env, "p0", broken()).skip();
    end(&mut env, "p1", broken()).skip();
    let lines = end(&mut env, "p2", broken()).lines();
    let said = "finding.raised same-failure: 3 attempts in a row ended with provider_fatal: \
                the key was refused; nothing more is asked";
    assert_eq!(lines[2..4], [said, "run.cancelling by SameFailure"]);
    let stopped = || failed(1, FailureClass::Cancelled, "stopped");
    end(&mut env, "p3", stopped()).skip();
    let lines = end(&mut env, "p4", stopped()).lines();
    assert!(
        lines.contains(&"run.finished failed 1".to_owned()),
        "{lines:?}"
    );
    env.check_fold();
}

#[test]
fn another_failure_and_a_success_begin_the_count_anew() {
    let prompts = ["a", "b", "c", "d", "e", "f", "g"].map(|id| prompt(id, "x"));
    let mut env = running(Budget::default(), prompts);
    let busy = || failed(1, FailureClass::ProviderTransient, "overloaded");
    let no_json = failed(1, FailureClass::InvalidOutput, "no JSON");
    let all = [
        busy(),
        busy(),
        no_json,
        busy(),
        busy(),
        done(json!({})),
        busy(),
    ];
    for (task, outcome) in ["a", "b", "c", "d", "e", "f", "g"].into_iter().zip(all) {
        end(&mut env, task, outcome).skip();
    }
    assert!(env.machine.run().cancelled_by().is_none());
}

#[test]
fn programs_fail_as_often_as_they_like() {
    let programs = (0..5).map(|at| task(&format!("t{at}")));
    let mut env = TestEnv::new(asking(Budget::default()), plan_of(programs));
    env.hello("w1", "life1", 8).skip();
    for at in 0..5 {
        let token = env.token(&format!("t{at}"));
        env.claim(&token, "w1", "life1").skip();
        env.result(&token, "w1", failed(1, FailureClass::ToolFailed, "no"))
            .skip();
    }
    assert!(env.machine.run().cancelled_by().is_none());
}

/// A provider that uses ten times what it was to: nothing starts after the first such report, and what
/// is spent beyond the budget is no more than calls in flight then said beyond what was set aside.
#[test]
fn an_over_report_stops_what_comes_after_it() {
    let prompts = (0..8).map(|at| prompt(&format!("p{at}"), "x"));
    let mut env = running(TOKENS, prompts);
    for at in 0..4 {
        reserve(&mut env, &format!("p{at}"), 250).skip();
    }
    for call in 1..=4 {
        let settled = used(&env, call, 2500);
        settle(&mut env, settled).skip();
        let asked = reserve(&mut env, "p7", 1);
        let is_denied =
            |(_, effect): &(_, Effect)| matches!(effect, Effect::ReplyReserve(_, Err(_)));
        assert!(asked.effects.iter().any(is_denied), "{:?}", asked.lines());
    }
    let spent = env.machine.run().ledger().settled().tokens();
    assert_eq!(spent - 1000, 4 * (2500 - 250));
}
