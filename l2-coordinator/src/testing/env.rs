//! The environment: feeds inputs, settles, checks invariants and the fold after every decision.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use protocol::event::{Chain, Event, EventKind, Origin};
use protocol::ids::{LeaseId, LeaseToken};
use protocol::message::{
    AttemptReport, ClaimRequest, Heartbeat, MESSAGE_VERSION, TaskMessage, TaskOutcome, TaskResult,
    WorkerHello,
};
use protocol::plan::Plan;
use protocol::policy::SandboxLevel;
use protocol::state::{RunState, TaskState};

use super::show::{show_effect, show_event};
use super::world::run_opening;
use crate::machine::{Config, Decision, Effect, Gate, Input, Machine, Now, RequestId};

/// Counts by name.
pub(crate) type Fired = BTreeMap<String, u64>;

/// A machine, its journal, and the time.
pub(crate) struct TestEnv {
    pub(crate) machine: Machine,
    pub(crate) config: Config,
    pub(crate) plan: Arc<Plan>,
    /// Everything recorded so far, as read back from its line.
    pub(crate) events: Vec<Event>,
    pub(crate) now: Now,
    /// The last message published for each task.
    pub(crate) published: HashMap<String, TaskMessage>,
    /// How often each event met each state, and each effect followed.
    pub(crate) fired: Fired,
    chain: Chain,
    last_request: u64,
}

/// What followed from one input. Dropping it unread would hide something unexpected.
#[must_use]
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) events: Vec<EventKind>,
    pub(crate) effects: Vec<(Gate, Effect)>,
}

impl Seen {
    /// Every event and every effect, in order, as lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let events = self.events.iter().map(show_event);
        events.chain(self.effects.iter().map(show_effect)).collect()
    }

    /// The complete list.
    #[track_caller]
    pub(crate) fn is(&self, expected: &[&str]) {
        let lines = self.lines();
        assert!(
            lines == expected,
            "expected\n  {}\nbut saw\n  {}",
            expected.join("\n  "),
            lines.join("\n  ")
        );
    }

    /// For the part of a story that another test tells.
    pub(crate) fn skip(self) {}
}

impl TestEnv {
    /// A run whose plan is approved and settled: before any worker is there.
    pub(crate) fn new(config: Config, plan: Arc<Plan>) -> Self {
        Self::carrying(config, plan, Vec::new())
    }

    /// As [`TestEnv::new`], with what a retry carries over before the plan is approved.
    pub(crate) fn carrying(config: Config, plan: Arc<Plan>, carried: Vec<EventKind>) -> Self {
        let mut env = Self::empty(config, plan);
        let mut opening = run_opening(&env.config, &env.plan);
        let approved = opening.len() - 1;
        opening.splice(approved..approved, carried);
        let mut seen = Seen::default();
        let decision = Decision {
            events: opening,
            ..Decision::default()
        };
        env.take(decision, &mut seen);
        env.settle(&mut seen);
        env
    }

    fn empty(config: Config, plan: Arc<Plan>) -> Self {
        Self {
            machine: Machine::new(Arc::new(config.clone()), Arc::clone(&plan)),
            config,
            plan,
            events: Vec::new(),
            now: Now::default(),
            published: HashMap::new(),
            fired: Fired::new(),
            chain: Chain::start(),
            last_request: 0,
        }
    }

    /// Another coordinator takes the run over after the first `kept` events; all else is forgotten.
    pub(crate) fn resumed(&self, kept: usize) -> (Self, Seen) {
        let mut env = Self::empty(self.config.clone(), Arc::clone(&self.plan));
        // Wall time goes on, monotonic time starts again.
        env.now.wall = self.now.wall;
        env.fired.clone_from(&self.fired);
        for event in &self.events[..kept] {
            env.machine
                .apply(env.now, event)
                .expect("what was recorded folds");
            env.chain
                .append(event.ts, event.kind.clone(), &mut Vec::new());
            env.events.push(event.clone());
        }
        let mut seen = Seen::default();
        let decision = env.machine.resume(env.now);
        env.take(decision, &mut seen);
        env.check();
        env.settle(&mut seen);
        (env, seen)
    }

    /// One input and everything that follows from it.
    pub(crate) fn feed(&mut self, input: &Input) -> Seen {
        let mut seen = Seen::default();
        let decision = self.machine.decide(self.now, input);
        self.take(decision, &mut seen);
        self.settle(&mut seen);
        seen
    }

    fn settle(&mut self, seen: &mut Seen) {
        // Each step takes something from a queue, ends something or expands something; plans of tests
        // allow only so many.
        for _ in 0..=200_000 {
            let decision = self.machine.decide(self.now, &Input::Settle);
            if decision.is_empty() {
                return;
            }
            self.take(decision, seen);
        }
        panic!("settling does not end");
    }

    fn take(&mut self, decision: Decision, seen: &mut Seen) {
        for kind in decision.events {
            let mut line = Vec::new();
            let mut reader = self.chain;
            let event = self.chain.append(self.now.wall, kind, &mut line);
            let again = reader.read(&line[..line.len() - 1]).expect("its own line");
            assert_eq!(again, event, "an event survives its line");
            self.count(&event);
            self.machine
                .apply(self.now, &event)
                .expect("a decided event fits");
            seen.events.push(event.kind.clone());
            self.events.push(event);
        }
        for note in &decision.notes {
            self.machine.note(self.now, note);
        }
        for (_, effect) in &decision.effects {
            if let Effect::Publish { message, .. } = effect {
                let text = serde_json::to_vec(message).expect("a message");
                let again: TaskMessage = serde_json::from_slice(&text).expect("its own text");
                assert_eq!(again, **message, "a message survives the bus");
                self.published.insert(message.task_id.to_string(), again);
            }
        }
        seen.effects.extend(decision.effects);
        self.check();
    }

    fn count(&mut self, event: &Event) {
        let state = event.kind.task().and_then(|task| {
            let index = self.machine.run().index_of(task.as_str())?;
            let state = &self.machine.run().task(index).state;
            Some(match state {
                TaskState::Ended(_) => "ended",
                other => other.word(),
            })
        });
        let name = match (&event.kind, state) {
            (EventKind::ResultLate { .. }, _) | (_, None) => event.kind.name().to_owned(),
            (kind, Some(state)) => format!("{} when {state}", kind.name()),
        };
        *self.fired.entry(name).or_default() += 1;
    }

    #[track_caller]
    pub(crate) fn check(&self) {
        if let Err(problem) = self.machine.check_invariants() {
            panic!("{problem}");
        }
    }

    /// Folding the journal again gives the live state.
    #[track_caller]
    pub(crate) fn check_fold(&self) {
        let mut fold = RunState::new(Arc::clone(&self.plan));
        for event in &self.events {
            fold.apply(event).expect("what was recorded folds");
        }
        let live = self.machine.run();
        assert_eq!(fold.tasks(), live.tasks());
        assert_eq!(fold.phase(), live.phase());
        assert_eq!(fold.counts(), live.counts());
        assert_eq!(
            (fold.epoch(), fold.last_seq()),
            (live.epoch(), live.last_seq())
        );
    }

    pub(crate) fn request(&mut self) -> RequestId {
        self.last_request += 1;
        RequestId(self.last_request)
    }

    /// Time passes, and the timers see it.
    pub(crate) fn pass(&mut self, time: Duration) -> Seen {
        self.now.mono += time;
        self.now.wall = self.now.wall.plus(time);
        self.feed(&Input::Tick)
    }

    /// The token of the task's last message.
    #[track_caller]
    pub(crate) fn token(&self, task: &str) -> LeaseToken {
        let message = self.published.get(task).expect("it was published");
        token(&self.config, task, message.lease)
    }

    pub(crate) fn hello(&mut self, worker: &str, life: &str, slots: u32) -> Seen {
        self.feed(&Input::Hello(WorkerHello {
            version: MESSAGE_VERSION,
            worker: worker.parse().expect("a token"),
            incarnation: life.parse().expect("a token"),
            slots,
            level: SandboxLevel::None,
        }))
    }

    pub(crate) fn claim(&mut self, token: &LeaseToken, worker: &str, life: &str) -> Seen {
        let id = self.request();
        self.feed(&Input::Claim(id, claim_request(token, worker, life)))
    }

    pub(crate) fn result(
        &mut self,
        token: &LeaseToken,
        worker: &str,
        outcome: TaskOutcome,
    ) -> Seen {
        let id = self.request();
        let result = TaskResult {
            version: MESSAGE_VERSION,
            token: token.clone(),
            worker: worker.parse().expect("a token"),
            incarnation: "life1".parse().expect("a token"),
            outcome,
        };
        self.feed(&Input::Result(id, Box::new(result)))
    }

    pub(crate) fn report(&mut self, report: AttemptReport) -> Seen {
        let id = self.request();
        self.feed(&Input::Attempt(id, report))
    }

    pub(crate) fn heartbeat(&mut self, worker: &str, life: &str, tokens: &[LeaseToken]) -> Seen {
        let id = self.request();
        let heartbeat = Heartbeat {
            worker: worker.parse().expect("a token"),
            incarnation: life.parse().expect("a token"),
            tokens: tokens.to_vec(),
        };
        self.feed(&Input::Heartbeat(id, heartbeat))
    }

    pub(crate) fn stored(&mut self, token: &LeaseToken, seq: u64) -> Seen {
        let task = self
            .machine
            .run()
            .index_of(token.task.as_str())
            .expect("a task of the plan");
        let lease = token.lease;
        self.feed(&Input::Stored { task, lease, seq })
    }

    pub(crate) fn cancel(&mut self) -> Seen {
        self.feed(&Input::Cancel(Origin::Interrupt))
    }
}

fn token(config: &Config, task: &str, lease: LeaseId) -> LeaseToken {
    LeaseToken {
        run: config.run,
        task: task.parse().expect("a task id"),
        lease,
    }
}

fn claim_request(token: &LeaseToken, worker: &str, life: &str) -> ClaimRequest {
    ClaimRequest {
        version: MESSAGE_VERSION,
        token: token.clone(),
        worker: worker.parse().expect("a token"),
        incarnation: life.parse().expect("a token"),
        delivered: 1,
    }
}
