//! What one task costs the machine, and one event its fold: 10,000 tasks in a hundred layers, and
//! 100,000 items of one fan-out.
//!
//! `cargo bench -p l2-coordinator`; numbers go into the commit that changes them.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use l2_coordinator::journal::Reader;
use l2_coordinator::{CRASH_LIMIT, Config, Effect, Embedded, Input, Machine, Now, RequestId};
use protocol::digest::Digest;
use protocol::event::{AttemptEnd, Chain, Event, EventKind, JOURNAL_VERSION, Origin, RunStarted};
use protocol::expr::Template;
use protocol::ids::LeaseToken;
use protocol::message::{
    ClaimRequest, MESSAGE_VERSION, TaskMessage, TaskOutcome, TaskResult, WorkerHello,
};
use protocol::plan::{DraftPlan, DraftTask, Limits, Plan};
use protocol::policy::{Dispatch, SandboxLevel};
use serde_json::Map;

const LAYERS: usize = 100;
const WIDTH: usize = 100;
const TASKS: u64 = (LAYERS * WIDTH) as u64;
const WORKER: &str = "local-c";
const LIFE: &str = "life1";

fn plan() -> Arc<Plan> {
    let name = |layer: usize, at: usize| format!("t{layer}_{}", at % WIDTH);
    let tasks = (0..LAYERS).flat_map(|layer| {
        (0..WIDTH).map(move |at| DraftTask {
            id: name(layer, at),
            run: Some("true".into()),
            needs: match layer {
                0 => Vec::new(),
                _ => vec![name(layer - 1, at), name(layer - 1, at + 1)],
            },
            ..DraftTask::default()
        })
    });
    let draft = DraftPlan {
        name: "bench".into(),
        tasks: tasks.collect(),
        ..DraftPlan::default()
    };
    Arc::new(draft.check(&Limits::default()).expect("a plan"))
}

const ITEMS: u64 = 100_000;

fn wide() -> Arc<Plan> {
    let items: Vec<u64> = (0..ITEMS).collect();
    let fan_out = DraftTask {
        id: "each".into(),
        run: Some("true".into()),
        for_each: Some(items.into()),
        env: [("ITEM".to_owned(), Template::new("${{ item }}"))].into(),
        ..DraftTask::default()
    };
    let draft = DraftPlan {
        name: "wide".into(),
        tasks: vec![fan_out],
        ..DraftPlan::default()
    };
    Arc::new(draft.check(&Limits::default()).expect("a plan"))
}

fn config() -> Config {
    Config {
        coordinator: "c".parse().expect("a token"),
        run: "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a"
            .parse()
            .expect("a run id"),
        trace_id: "0af7651916cd43dd8448eb211c80319c".into(),
        max_parallel: None,
        slots: 16,
        fail_fast: false,
        policy: std::sync::Arc::new(Dispatch::unconfined()),
        embedded: Some(Embedded {
            worker: WORKER.parse().expect("a token"),
            incarnation: LIFE.parse().expect("a token"),
        }),
        crash_limit: CRASH_LIMIT,
        project: None,
        budget: protocol::budget::Budget::default(),
        models: None,
    }
}

fn opening(config: &Config, plan: &Plan) -> Vec<EventKind> {
    let digest = Digest::of(b"bench");
    let started = RunStarted {
        version: JOURNAL_VERSION,
        run_id: config.run,
        scenario: "bench".parse().expect("a name"),
        scenario_file: digest,
        run_file: Some(digest),
        policy: "default@0".into(),
        policy_digest: digest,
        coordinator: config.coordinator.clone(),
        slots: config.slots,
        level: SandboxLevel::None,
        trace_id: config.trace_id.clone(),
        orchestra: "0.0.0".into(),
        retry_of: None,
        unplanned: None,
    };
    vec![
        EventKind::RunStarted(Box::new(started)),
        EventKind::PlanApproved {
            plan: plan.digest(),
            plan_file: digest,
            policy: digest,
            policy_file: Some(digest),
            scenario_file: digest,
            by: Origin::Default,
            signed: None,
        },
    ]
}

/// The driver without bus and disk: every published task is claimed and done.
struct Run {
    machine: Machine,
    config: Config,
    seq: u64,
    queue: VecDeque<TaskMessage>,
    kept: Option<Vec<EventKind>>,
}

impl Run {
    fn new(plan: &Arc<Plan>) -> Self {
        let config = config();
        let mut run = Self {
            machine: Machine::new(Arc::new(config.clone()), Arc::clone(plan)),
            config,
            seq: 0,
            queue: VecDeque::new(),
            kept: None,
        };
        let opening = opening(&run.config, plan);
        run.apply(opening);
        run
    }

    fn apply(&mut self, events: Vec<EventKind>) {
        for kind in events {
            self.seq += 1;
            let event = Event {
                seq: self.seq,
                ts: Now::default().wall,
                kind,
            };
            let applied = self.machine.apply(Now::default(), &event);
            applied.expect("a decided event fits");
            if let Some(kept) = &mut self.kept {
                kept.push(event.kind);
            }
        }
    }

    fn feed(&mut self, input: &Input) {
        let mut next = Some(input);
        while let Some(input) = next {
            let decision = self.machine.decide(Now::default(), input);
            let is_settled = matches!(input, Input::Settle) && decision.is_empty();
            next = (!is_settled).then_some(&Input::Settle);
            self.apply(decision.events);
            for note in &decision.notes {
                self.machine.note(Now::default(), note);
            }
            for (_, effect) in decision.effects {
                if let Effect::Publish { message, .. } = effect {
                    self.queue.push_back(*message);
                }
            }
        }
    }

    /// The worker is there, and what can go out goes out.
    fn begin(&mut self) -> WorkerHello {
        let worker = WORKER.parse().expect("a token");
        let incarnation = LIFE.parse().expect("a token");
        let hello = WorkerHello {
            version: MESSAGE_VERSION,
            worker,
            incarnation,
            slots: self.config.slots,
            level: SandboxLevel::None,
        };
        self.feed(&Input::Hello(hello.clone()));
        hello
    }

    /// To the end; returns the number of events.
    fn play(&mut self) -> u64 {
        let hello = self.begin();
        while let Some(message) = self.queue.pop_front() {
            let token = LeaseToken {
                run: message.run_id,
                task: message.task_id,
                lease: message.lease,
            };
            let claim = ClaimRequest {
                version: MESSAGE_VERSION,
                token: token.clone(),
                worker: hello.worker.clone(),
                incarnation: hello.incarnation.clone(),
                delivered: 1,
            };
            self.feed(&Input::Claim(RequestId(1), claim));
            let result = TaskResult {
                version: MESSAGE_VERSION,
                token,
                worker: hello.worker.clone(),
                incarnation: hello.incarnation.clone(),
                outcome: TaskOutcome::Done {
                    attempt: 1,
                    end: Box::new(ended()),
                    outputs: Map::new(),
                    artifacts: Vec::new(),
                },
            };
            self.feed(&Input::Result(RequestId(2), Box::new(result)));
        }
        let counts = self.machine.run().counts();
        assert_eq!(counts.done, counts.total);
        self.seq
    }
}

fn ended() -> AttemptEnd {
    AttemptEnd {
        level: SandboxLevel::None,
        degraded: Vec::new(),
        denied: Vec::new(),
        agent_denied: Vec::new(),
        model: None,
        writes: Vec::new(),
        exit: Some(0),
        signal: None,
        failure: None,
        wall_us: 1_000,
        cpu_us: 500,
        peak_rss_bytes: 1 << 20,
        peak_memory_bytes: None,
        peak_disk_bytes: None,
        out: None,
        err: None,
        tail: None,
    }
}

/// The journal of such a run, as bytes.
fn journal(plan: &Arc<Plan>) -> (Vec<u8>, u64) {
    let mut run = Run::new(plan);
    run.kept = Some(opening(&run.config, plan));
    let events = run.play();
    let mut chain = Chain::start();
    let mut bytes = Vec::new();
    for kind in run.kept.into_iter().flatten() {
        chain.append(Now::default().wall, kind, &mut bytes);
    }
    (bytes, events)
}

fn decide_and_apply(c: &mut Criterion) {
    let plan = plan();
    let mut group = c.benchmark_group("machine");
    group.throughput(Throughput::Elements(TASKS));
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(8));
    group.bench_function("10k tasks claimed and done", |b| {
        b.iter_batched(
            || Run::new(&plan),
            |mut run| black_box(run.play()),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn fan_out(c: &mut Criterion) {
    let plan = wide();
    let mut group = c.benchmark_group("fan-out");
    group.throughput(Throughput::Elements(ITEMS));
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(8));
    group.bench_function("100k items expand and the first go out", |b| {
        b.iter_batched(
            || Run::new(&plan),
            |mut run| black_box(run.begin()),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("100k items claimed and done", |b| {
        b.iter_batched(
            || Run::new(&plan),
            |mut run| black_box(run.play()),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn fold(c: &mut Criterion) {
    let plan = plan();
    let (bytes, events) = journal(&plan);
    let config = Arc::new(config());
    let mut group = c.benchmark_group("journal");
    group.throughput(Throughput::Elements(events));
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(8));
    group.bench_function("read and fold 10k tasks", |b| {
        b.iter(|| {
            let mut machine = Machine::new(Arc::clone(&config), Arc::clone(&plan));
            let mut reader = Reader::new(black_box(bytes.as_slice()));
            while let Some(event) = reader.next_event().expect("its own journal") {
                machine.apply(Now::default(), &event).expect("it folds");
            }
            machine.run().counts()
        });
    });
    group.finish();
}

criterion_group!(benches, decide_and_apply, fan_out, fold);
criterion_main!(benches);
