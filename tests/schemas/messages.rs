//! Everything that coordinator and worker say to each other, overheard on the bus.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use l2_coordinator::journal::{MemoryDisk, SyncMode};
use l2_coordinator::{CRASH_LIMIT, Config, Coordinator, Options};
use l3_worker::{Scripted, ScriptedExecutor, Worker};
use protocol::bus::{
    Bus, BusError, ConsumerSpec, Delivery, Headers, MemoryBus, PubAck, PublishOptions, StreamSpec,
    Subscription,
};
use protocol::digest::Digest;
use protocol::event::{EventKind, JOURNAL_VERSION, Origin, RunStarted};
use protocol::expr::Template;
use protocol::outcome::{Failure, FailureClass, RunOutcome};
use protocol::plan::{DraftPlan, DraftTask, Limits, OutputType, Plan};
use protocol::policy::{Backoff, Dispatch, RetryPolicy, SandboxLevel};
use protocol::subject::DEFAULT_POOL;
use protocol::time::{Clock, Timestamp};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::schemas::published::{check, schema};

/// What was said, by the name of its schema.
type Heard = Arc<Mutex<BTreeMap<&'static str, Vec<Bytes>>>>;

/// A bus with an ear.
struct Tap {
    inner: MemoryBus,
    heard: Heard,
}

impl Tap {
    fn hear(&self, name: &'static str, payload: &Bytes) {
        let mut heard = self.heard.lock().unwrap();
        heard.entry(name).or_default().push(payload.clone());
    }
}

/// Names of the schemas of what travels on a subject, and of its answer.
fn names(subject: &str) -> (&'static str, &'static str) {
    let is = |part: &str| subject.contains(&format!(".{part}."));
    match () {
        () if is("task") => ("task", ""),
        () if is("res") => ("result", ""),
        () if is("ctl.claim") => ("claim-request", "claim-reply"),
        () if is("ctl.attempt") => ("attempt-report", "attempt-reply"),
        () if is("ctl.cancel") => ("cancel", ""),
        () if is("hb.all") => ("hello", ""),
        () if is("hb") => ("heartbeat", "heartbeat-reply"),
        () => panic!("what is said on {subject}?"),
    }
}

#[async_trait]
impl Bus for Tap {
    async fn ensure_stream(&self, spec: &StreamSpec) -> Result<(), BusError> {
        self.inner.ensure_stream(spec).await
    }

    async fn ensure_consumer(&self, spec: &ConsumerSpec) -> Result<(), BusError> {
        self.inner.ensure_consumer(spec).await
    }

    async fn publish(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
        options: PublishOptions,
    ) -> Result<PubAck, BusError> {
        self.hear(names(subject).0, &payload);
        self.inner.publish(subject, headers, payload, options).await
    }

    async fn pull(
        &self,
        stream: &str,
        consumer: &str,
        batch: usize,
        expires: Duration,
    ) -> Result<Vec<Delivery>, BusError> {
        self.inner.pull(stream, consumer, batch, expires).await
    }

    async fn delete(&self, stream: &str, seq: u64) -> Result<(), BusError> {
        self.inner.delete(stream, seq).await
    }

    async fn request(
        &self,
        subject: &str,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, BusError> {
        let (question, answer) = names(subject);
        self.hear(question, &payload);
        let reply = self.inner.request(subject, payload, timeout).await?;
        self.hear(answer, &reply);
        Ok(reply)
    }

    async fn subscribe(&self, pattern: &str, capacity: usize) -> Result<Subscription, BusError> {
        self.inner.subscribe(pattern, capacity).await
    }

    async fn broadcast(&self, subject: &str, payload: Bytes) -> Result<(), BusError> {
        self.hear(names(subject).0, &payload);
        self.inner.broadcast(subject, payload).await
    }
}

struct NoTime;

impl Clock for NoTime {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(0)
    }
}

/// A retry in place, one that is handed back, a task that takes long, and one that never ends.
fn plan() -> Arc<Plan> {
    let task = |id: &str, delay_ms: u64| DraftTask {
        id: id.into(),
        run: Some("true".into()),
        outputs: [("n".to_owned(), OutputType::Int)].into(),
        env: [("N".to_owned(), Template::new("${{ inputs.n }}"))].into(),
        retry: Some(RetryPolicy {
            max: 1,
            delay_ms,
            backoff: Backoff::Fixed,
            ..RetryPolicy::default()
        }),
        ..DraftTask::default()
    };
    let draft = DraftPlan {
        name: "overheard".into(),
        inputs: [("n".to_owned(), Value::from(3))].into(),
        tasks: vec![
            task("soon", 10),
            task("later", 20_000),
            task("long", 0),
            task("endless", 0),
        ],
        ..DraftPlan::default()
    };
    Arc::new(
        draft
            .check(&Limits::default())
            .expect("a plan without problems"),
    )
}

fn executor() -> ScriptedExecutor {
    ScriptedExecutor::new(|task, attempt| {
        let (seconds, fails) = match task.task_id.as_str() {
            "soon" | "later" => (0, attempt == 1),
            "long" => (10, false),
            _ => (100_000, false),
        };
        Scripted {
            takes: Duration::from_secs(seconds),
            failure: fails.then(|| Failure::new(FailureClass::ToolFailed, "it said no")),
            exit: fails.then_some(1),
            outputs: [("n".to_owned(), Value::from(7))].into_iter().collect(),
            ..Scripted::default()
        }
    })
}

fn config() -> Config {
    Config {
        coordinator: "c".parse().unwrap(),
        run: "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a".parse().unwrap(),
        trace_id: "0af7651916cd43dd8448eb211c80319c".into(),
        max_parallel: None,
        slots: 1,
        fail_fast: false,
        policy: std::sync::Arc::new(Dispatch::unconfined()),
        embedded: None,
        crash_limit: CRASH_LIMIT,
        project: None,
        budget: protocol::budget::Budget::default(),
        models: None,
    }
}

fn opening(config: &Config, plan: &Plan) -> Vec<EventKind> {
    let digest = Digest::of(b"overheard");
    let started = RunStarted {
        version: JOURNAL_VERSION,
        run_id: config.run,
        scenario: "overheard".parse().unwrap(),
        scenario_file: digest,
        run_file: None,
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
    let (digest_of_plan, tasks) = (plan.digest(), plan.len() as u64);
    vec![
        EventKind::RunStarted(Box::new(started)),
        EventKind::PlanProposed {
            plan: digest_of_plan,
            tasks,
        },
        EventKind::PlanApproved {
            plan: digest_of_plan,
            plan_file: digest,
            policy: digest,
            policy_file: None,
            scenario_file: digest,
            by: Origin::Default,
            signed: None,
        },
    ]
}

/// One run by a remote worker, cancelled when everything but `endless` is over.
async fn overheard(heard: Heard) -> RunOutcome {
    let bus: Arc<dyn Bus> = Arc::new(Tap {
        inner: MemoryBus::new(),
        heard,
    });
    let (config, plan) = (config(), plan());
    let opening = opening(&config, &plan);
    let options = Options {
        config,
        plan,
        bus: Arc::clone(&bus),
        clock: Arc::new(NoTime),
        storage: Arc::new(MemoryDisk::new()),
        sync: SyncMode::Inline,
        run_dir: None,
        observers: Vec::new(),
    };
    let (coordinator, handle) = Coordinator::start(options, opening).await.unwrap();
    let options = l3_worker::Options {
        worker: "w1".parse().unwrap(),
        incarnation: "life1".parse().unwrap(),
        pool: DEFAULT_POOL.into(),
        slots: 4,
        seed: 1,
    };
    let (worker, _reach) = Worker::new(options, bus, Arc::new(executor())).unwrap();
    let mut others = JoinSet::new();
    others.spawn(worker.run(CancellationToken::new()));
    let cancelling = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        handle.cancel(Origin::Interrupt);
        std::future::pending::<()>().await;
    };
    let finished = tokio::select! {
        finished = coordinator.run() => finished.unwrap(),
        () = cancelling => unreachable!("it waits for ever"),
    };
    others.shutdown().await;
    finished.outcome
}

#[test]
fn every_message_on_the_bus_fits_its_schema() {
    let heard = Heard::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let outcome = runtime.block_on(overheard(Arc::clone(&heard)));
    assert_eq!(outcome, RunOutcome::Cancelled);
    let schemas = schema("messages");
    let heard = heard.lock().unwrap();
    for (name, schema) in schemas["messages"].as_object().unwrap() {
        let validator = jsonschema::validator_for(schema).unwrap();
        let said = heard
            .get(name.as_str())
            .unwrap_or_else(|| panic!("nobody said {name}"));
        for payload in said {
            check(&validator, &serde_json::from_slice(payload).unwrap());
        }
        assert!(
            !validator.is_valid(&Value::from(1)),
            "{name} refuses something"
        );
    }
    assert_eq!(heard.len(), schemas["messages"].as_object().unwrap().len());
    let tasks: Vec<Value> = heard["task"]
        .iter()
        .map(|payload| serde_json::from_slice(payload).unwrap())
        .collect();
    for task in tasks {
        assert!(
            task["task_id"].is_string() && task["constraints"].is_object(),
            "{task}"
        );
        assert_eq!(task["env"]["N"], "3");
    }
}
