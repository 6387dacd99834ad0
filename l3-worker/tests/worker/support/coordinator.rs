//! A coordinator for tests: publishes tasks, answers as told, remembers what it was told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use l3_worker::{Executor, Handle, Options, Worker};
use protocol::bus::{Bus, Headers, Incoming, MemoryBus, PublishOptions};
use protocol::ids::{CoordinatorId, LeaseToken};
use protocol::message::{
    AttemptReply, AttemptReport, Cancel, ClaimReply, ClaimRequest, Heartbeat, HeartbeatReply,
    TaskMessage, TaskOutcome, TaskResult, WorkerHello,
};
use protocol::queue;
use protocol::subject::{
    AttemptSubject, CancelSubject, ClaimSubject, DEFAULT_POOL, HeartbeatSubject, HelloSubject,
    Priority, Subject as _, TaskSubject,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

type Heard = Box<dyn Fn(&Heartbeat) -> Option<HeartbeatReply> + Send>;

/// How it answers; replaced by tests that want something else.
pub struct Answers {
    pub claim: Box<dyn Fn(&ClaimRequest) -> ClaimReply + Send>,
    pub attempt: Box<dyn Fn(&AttemptReport) -> AttemptReply + Send>,
    /// Nothing: it does not answer.
    pub heartbeat: Heard,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            claim: Box::new(|request| grant(request, 1, 0, None)),
            attempt: Box::new(|_| AttemptReply::Continue),
            heartbeat: Box::new(|_| Some(HeartbeatReply::default())),
        }
    }
}

pub fn grant(request: &ClaimRequest, first: u32, left: u32, lease_ms: Option<u64>) -> ClaimReply {
    let token = request.token.clone();
    ClaimReply::Granted {
        token,
        first_attempt: first,
        attempts_left: left,
        lease_ms,
    }
}

/// What the workers said, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    Claim(ClaimRequest),
    Attempt(AttemptReport),
    Heartbeat(Heartbeat),
    Hello(WorkerHello),
}

pub struct Coordinator {
    pub bus: Arc<MemoryBus>,
    pub id: CoordinatorId,
    pub said: Arc<Mutex<Vec<Said>>>,
    pub shutdown: CancellationToken,
    running: JoinSet<()>,
}

impl Coordinator {
    pub async fn start(answers: Answers) -> Self {
        let bus = Arc::new(MemoryBus::new());
        let id: CoordinatorId = "c1".parse().unwrap();
        bus.ensure_stream(&queue::tasks_stream()).await.unwrap();
        bus.ensure_stream(&queue::results_stream()).await.unwrap();
        bus.ensure_consumer(&queue::pool_consumer(DEFAULT_POOL, Priority::Normal))
            .await
            .unwrap();
        bus.ensure_consumer(&queue::results_consumer(&id))
            .await
            .unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let mut claims = bus
            .subscribe(&ClaimSubject::filter(&id), 100)
            .await
            .unwrap();
        let mut attempts = bus
            .subscribe(&AttemptSubject::filter(&id), 100)
            .await
            .unwrap();
        let mut heartbeats = bus
            .subscribe(&HeartbeatSubject::filter(&id), 100)
            .await
            .unwrap();
        let mut hellos = bus.subscribe(HelloSubject::ALL, 100).await.unwrap();
        let mut running = JoinSet::new();
        let log = Arc::clone(&said);
        running.spawn(async move {
            loop {
                tokio::select! {
                    Some(incoming) = claims.next() => {
                        let request: ClaimRequest = body(&incoming);
                        log.lock().unwrap().push(Said::Claim(request.clone()));
                        reply(incoming, &(answers.claim)(&request)).await;
                    }
                    Some(incoming) = attempts.next() => {
                        let report: AttemptReport = body(&incoming);
                        log.lock().unwrap().push(Said::Attempt(report.clone()));
                        reply(incoming, &(answers.attempt)(&report)).await;
                    }
                    Some(incoming) = heartbeats.next() => {
                        let heartbeat: Heartbeat = body(&incoming);
                        log.lock().unwrap().push(Said::Heartbeat(heartbeat.clone()));
                        if let Some(answer) = (answers.heartbeat)(&heartbeat) {
                            reply(incoming, &answer).await;
                        }
                    }
                    Some(incoming) = hellos.next() => {
                        log.lock().unwrap().push(Said::Hello(body(&incoming)));
                    }
                    else => return,
                }
            }
        });
        Self {
            bus,
            id,
            said,
            shutdown: CancellationToken::new(),
            running,
        }
    }

    pub fn worker(&mut self, slots: usize, executor: Arc<dyn Executor>) -> Handle {
        self.worker_on(Arc::clone(&self.bus) as _, slots, executor)
    }

    /// A worker that reaches this coordinator by another bus over the same one.
    pub fn worker_on(
        &mut self,
        bus: Arc<dyn Bus>,
        slots: usize,
        executor: Arc<dyn Executor>,
    ) -> Handle {
        let options = Options {
            worker: "w1".parse().unwrap(),
            incarnation: "life1".parse().unwrap(),
            pool: DEFAULT_POOL.to_owned(),
            slots,
            seed: 7,
        };
        let (worker, handle) = Worker::new(options, bus, executor).unwrap();
        let shutdown = self.shutdown.clone();
        self.running
            .spawn(async move { worker.run(shutdown).await.unwrap() });
        handle
    }

    pub async fn publish(&self, task: &TaskMessage) {
        self.publish_raw(task, serde_json::to_vec(task).unwrap())
            .await;
    }

    pub async fn publish_raw(&self, task: &TaskMessage, payload: Vec<u8>) {
        let subject = TaskSubject {
            pool: DEFAULT_POOL.to_owned(),
            priority: Priority::Normal,
            coordinator: self.id.clone(),
            run: task.run_id,
            task: task.task_id.wire(),
            lease: task.lease,
        };
        let options = PublishOptions::default();
        self.bus
            .publish(&subject.subject(), Headers::new(), payload.into(), options)
            .await
            .unwrap();
    }

    /// The next result, acknowledged.
    pub async fn result(&self) -> TaskResult {
        let name = queue::results_consumer_name(&self.id);
        let wait = Duration::from_secs(60);
        let mut batch = self.bus.pull(queue::RESULTS, &name, 1, wait).await.unwrap();
        let delivery = batch.pop().expect("a result within a minute");
        delivery.acker.ack().await.unwrap();
        serde_json::from_slice(&delivery.message.payload).unwrap()
    }

    pub async fn outcome(&self) -> TaskOutcome {
        self.result().await.outcome
    }

    pub async fn cancel(&self, kill: bool) {
        let run = super::bench::RUN.parse().unwrap();
        let cancel = Cancel {
            run_id: run,
            task_id: None,
            kill,
        };
        let subject = CancelSubject {
            coordinator: self.id.clone(),
            run,
        };
        let payload = serde_json::to_vec(&cancel).unwrap();
        self.bus
            .broadcast(&subject.subject(), payload.into())
            .await
            .unwrap();
    }

    /// Waits, in steps of the clock, until what was said satisfies `holds`.
    pub async fn until(&self, what: &str, holds: impl Fn(&[Said]) -> bool) {
        for _ in 0..10_000 {
            let said = self.said.lock().unwrap().clone();
            if holds(&said) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never said: {what}: {:?}", self.said.lock().unwrap());
    }

    pub fn claims(&self) -> usize {
        let said = self.said.lock().unwrap();
        said.iter()
            .filter(|said| matches!(said, Said::Claim(_)))
            .count()
    }

    pub fn attempts(&self) -> Vec<AttemptReport> {
        let said = self.said.lock().unwrap();
        let attempt = |said: &Said| match said {
            Said::Attempt(report) => Some(report.clone()),
            _ => None,
        };
        said.iter().filter_map(attempt).collect()
    }

    /// Tasks that no worker has acknowledged.
    pub fn queued(&self) -> usize {
        self.bus.stored(queue::TASKS)
    }

    /// Drains the worker and waits for it.
    pub async fn drained(mut self) {
        self.shutdown.cancel();
        // The worker ends by itself; the answering task ends with the bus.
        self.running.join_next().await.unwrap().unwrap();
        self.bus.close();
        self.running.shutdown().await;
    }
}

pub fn token(task: &TaskMessage) -> LeaseToken {
    LeaseToken {
        run: task.run_id,
        task: task.task_id.clone(),
        lease: task.lease,
    }
}

/// The same task under other names.
pub fn named(task: &TaskMessage, names: &[&str]) -> BTreeMap<String, TaskMessage> {
    let named = |name: &&str| {
        let task = TaskMessage {
            task_id: name.parse().unwrap(),
            ..task.clone()
        };
        ((*name).to_owned(), task)
    };
    names.iter().map(named).collect()
}

fn body<T: serde::de::DeserializeOwned>(incoming: &Incoming) -> T {
    serde_json::from_slice(&incoming.message.payload).unwrap()
}

async fn reply<T: serde::Serialize>(incoming: Incoming, answer: &T) {
    let answer = serde_json::to_vec(answer).unwrap();
    incoming.reply.unwrap().reply(answer.into()).await.unwrap();
}
