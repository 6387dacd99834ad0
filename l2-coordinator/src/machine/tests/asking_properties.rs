//! Any order of asks, replies, deaths and resumes: nobody waits for ever, every call is settled once, and
//! what may start always fits.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;
use protocol::budget::{Ask, Budget, CallId, Ledger, Money, Purpose, Reserved};
use protocol::digest::Digest;
use protocol::event::EventKind;
use protocol::message::TaskOutcome;
use protocol::outcome::FailureClass;
use protocol::policy::RetryPolicy;
use protocol::state::{Phase, TaskState};
use serde_json::json;

use crate::machine::{Effect, Input, RequestId};
use crate::testing::{ASKER, Seen, TestEnv, asking, done, failed, plan_of, prompt, retry};

/// Tasks of a run; more of them meet in one budget than fit it.
const TASKS: usize = 5;

#[derive(Clone, Debug)]
enum Step {
    Claim(Index),
    Ask(Index, u64),
    /// Share of what was set aside that was used, in percent.
    Settle(Index, u64),
    Unasked(Index),
    End(Index, End),
    Pause,
    Resume(Index),
    Cancel,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Done,
    Denied,
    Busy,
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![Just(End::Done), Just(End::Denied), Just(End::Busy)];
    prop_oneof![
        6 => any::<Index>().prop_map(Step::Claim),
        12 => (any::<Index>(), 1_u64..700).prop_map(|(at, tokens)| Step::Ask(at, tokens)),
        8 => (any::<Index>(), 0_u64..400).prop_map(|(at, share)| Step::Settle(at, share)),
        1 => any::<Index>().prop_map(Step::Unasked),
        4 => (any::<Index>(), end).prop_map(|(at, end)| Step::End(at, end)),
        1 => Just(Step::Pause),
        2 => any::<Index>().prop_map(Step::Resume),
        1 => Just(Step::Cancel),
    ]
}

/// A run, who was promised an answer, and the calls that were let through.
struct Play {
    env: TestEnv,
    budget: Budget,
    waiting: BTreeSet<u64>,
    open: BTreeMap<CallId, u64>,
}

impl Play {
    fn new(budget: Budget) -> Self {
        let patient = RetryPolicy {
            delay_ms: 0,
            ..retry(3)
        };
        let tasks = (0..TASKS).map(|at| prompt(&format!("p{at}"), "x").retry(patient.clone()));
        let mut play = Self {
            env: TestEnv::new(asking(budget), plan_of(tasks)),
            budget,
            waiting: BTreeSet::new(),
            open: BTreeMap::new(),
        };
        play.hello();
        play
    }

    fn hello(&mut self) {
        let seen = self.env.hello(ASKER, "life1", 8);
        self.take(seen);
    }

    fn take(&mut self, seen: Seen) {
        for kind in &seen.events {
            match kind {
                EventKind::BudgetReserved(reserved) => {
                    self.open.insert(reserved.call, reserved.tokens());
                }
                EventKind::BudgetSettled(settled) => {
                    let open = self.open.remove(&settled.call);
                    assert!(open.is_some(), "call {} was not open", settled.call);
                }
                _ => {}
            }
        }
        for (_, effect) in &seen.effects {
            if let Effect::ReplyReserve(RequestId(id), _) = effect {
                assert!(self.waiting.remove(id), "nobody waits for answer {id}");
            }
        }
    }

    fn state(&self, task: &str) -> &TaskState {
        let run = self.env.machine.run();
        &run.task(run.index_of(task).expect("a task")).state
    }

    fn step(&mut self, step: &Step) {
        let name = |at: &Index| format!("p{}", at.index(TASKS));
        let calls: Vec<_> = self
            .open
            .iter()
            .map(|(call, most)| (*call, *most))
            .collect();
        match step {
            Step::Claim(at) => self.claim(&name(at)),
            Step::Ask(at, tokens) => self.ask(&name(at), *tokens),
            Step::Settle(at, share) if !calls.is_empty() => {
                let (call, most) = calls[at.index(calls.len())];
                self.settle(call, most * share / 100);
            }
            Step::Unasked(at) if !calls.is_empty() => {
                let (call, _) = calls[at.index(calls.len())];
                let seen = self.env.feed(&Input::Unasked(call));
                self.take(seen);
            }
            Step::Settle(..) | Step::Unasked(_) => {}
            Step::End(at, end) => self.end(&name(at), *end),
            Step::Pause => {
                let seen = self.env.feed(&Input::Pause("x".into()));
                self.take(seen);
            }
            Step::Resume(at) => self.resume_somewhere(at),
            Step::Cancel => {
                let seen = self.env.cancel();
                self.take(seen);
            }
        }
    }

    fn claim(&mut self, task: &str) {
        if self.env.published.contains_key(task) {
            let token = self.env.token(task);
            let seen = self.env.claim(&token, ASKER, "life1");
            self.take(seen);
        }
    }

    fn ask(&mut self, task: &str, tokens: u64) {
        let ask = Reserved {
            call: CallId::default(),
            task: Some(task.parse().expect("a task id")),
            purpose: Purpose::Prompt,
            round: 0,
            provider: "scripted".into(),
            model: "m".into(),
            request: Digest::of(b"request"),
            prompt: tokens,
            output: 0,
            usd: Some(Money::from_nanos(tokens)),
        };
        let id = self.env.request();
        self.waiting.insert(id.0);
        let seen = self.env.feed(&Input::Reserve(id, Box::new(ask)));
        self.take(seen);
    }

    fn settle(&mut self, call: CallId, tokens: u64) {
        let reserved = self.env.machine.run().ledger().reserved(call);
        let settled = Reserved {
            prompt: tokens,
            usd: Some(Money::from_nanos(tokens)),
            ..reserved.expect("it is open").clone()
        }
        .in_full(None);
        let id = self.env.request();
        let seen = self.env.feed(&Input::Settled(id, Box::new(settled)));
        self.take(seen);
    }

    fn end(&mut self, task: &str, end: End) {
        let TaskState::Running { attempt, .. } = *self.state(task) else {
            return;
        };
        let failed = |class| TaskOutcome::Failed {
            attempt,
            end: Box::new(failed(class)),
        };
        let outcome = match end {
            End::Done => match done(json!({})) {
                TaskOutcome::Done {
                    end,
                    outputs,
                    artifacts,
                    ..
                } => TaskOutcome::Done {
                    attempt,
                    end,
                    outputs,
                    artifacts,
                },
                other => other,
            },
            End::Denied => failed(FailureClass::BudgetExhausted),
            End::Busy => failed(FailureClass::ProviderTransient),
        };
        let token = self.env.token(task);
        let seen = self.env.result(&token, ASKER, outcome);
        self.take(seen);
    }

    /// The process dies at any event after the last life's first.
    fn resume_somewhere(&mut self, at: &Index) {
        if matches!(self.env.machine.run().phase(), Phase::Finished(_)) {
            return;
        }
        let resumed = |event: &protocol::event::Event| event.kind.name() == "run.resumed";
        let first = self.env.events.iter().rposition(resumed);
        let first = first.map_or(3, |at| at + 1);
        self.resume(first + at.index(self.env.events.len() + 1 - first));
    }

    /// Nobody who waited is there any more.
    fn resume(&mut self, kept: usize) {
        let (env, seen) = self.env.resumed(kept);
        self.env = env;
        self.waiting.clear();
        self.open = (self.env.events[..kept].iter()).fold(BTreeMap::new(), |mut open, event| {
            match &event.kind {
                EventKind::BudgetReserved(one) => open.insert(one.call, one.tokens()),
                EventKind::BudgetSettled(one) => open.remove(&one.call),
                _ => None,
            };
            open
        });
        self.take(seen);
        assert!(
            self.open.is_empty(),
            "in flight after a resume: {:?}",
            self.open
        );
        self.hello();
    }

    /// Everything that is asked is answered, and the run ends.
    fn finish(&mut self) {
        for _ in 0..100 {
            match self.env.machine.run().phase() {
                Phase::Finished(_) => break,
                Phase::Paused => self.resume(self.env.events.len()),
                _ => {}
            }
            let seen = self.env.pass(std::time::Duration::from_secs(1));
            self.take(seen);
            for task in (0..TASKS).map(|at| format!("p{at}")) {
                self.claim(&task);
                self.end(&task, End::Done);
            }
        }
        let run = self.env.machine.run();
        assert!(
            matches!(run.phase(), Phase::Finished(_)),
            "{:?}",
            run.tasks()
        );
        assert!(self.waiting.is_empty(), "unanswered: {:?}", self.waiting);
        assert!(
            self.open.is_empty(),
            "in flight at the end: {:?}",
            self.open
        );
        self.env.check_fold();
        let mut ledger = Ledger::default();
        for event in &self.env.events {
            match &event.kind {
                EventKind::BudgetReserved(one) => {
                    let fits = self.budget.admits(&ledger, &Ask::of(one, 0));
                    assert_eq!(fits, Ok(()), "call {}", one.call);
                    ledger.reserve(one).expect("in turn");
                }
                EventKind::BudgetSettled(one) => ledger.settle(one).expect("once"),
                _ => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_waits_for_ever_and_every_call_is_settled_once(
        steps in prop::collection::vec(step(), 1..80),
        tokens in prop::option::weighted(0.9, 300_u64..3000),
        calls in prop::option::weighted(0.3, 0_u64..12),
        usd in prop::option::weighted(0.3, 300_u64..3000),
    ) {
        let budget = Budget { tokens, calls, usd: usd.map(Money::from_nanos), wall_ms: None };
        let mut play = Play::new(budget);
        for step in &steps {
            play.step(step);
        }
        play.finish();
    }
}
