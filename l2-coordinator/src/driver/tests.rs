//! The loop itself: who gets a turn, and what a closed bus or a full disk ends.

use std::sync::Arc;
use std::time::Duration;

use protocol::budget::{CallId, Purpose, Reserved};
use protocol::bus::{Bus, MemoryBus};
use protocol::digest::Digest;
use protocol::event::EventKind;
use protocol::ids::LeaseToken;
use protocol::message::{
    ClaimReply, ClaimRequest, Heartbeat, MESSAGE_VERSION, TaskMessage, WorkerHello,
};
use protocol::policy::SandboxLevel;
use protocol::queue;
use protocol::subject::{
    ClaimSubject, DEFAULT_POOL, HeartbeatSubject, HelloSubject, Priority, Subject as _,
};
use protocol::time::{Clock, Timestamp};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{BATCH, Driver};
use crate::coordinator::{CoordinatorError, Options};
use crate::desk::{Desk, desk};
use crate::journal::{MemoryDisk, Reader, Storage as _, SyncMode, Writer};
use crate::machine::{Config, Input, LEASE_LOST, Machine};
use crate::model::{CallJournal as _, JournalError, Recall};
use crate::sources::Inbox;
use crate::testing::{config, plan_of, run_opening, task};

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
}

/// A run of one task that only remote workers serve.
struct Bench {
    bus: Arc<MemoryBus>,
    disk: Arc<MemoryDisk>,
    config: Config,
    driver: Driver,
    desk: Desk,
    _commands: mpsc::Sender<Input>,
    asking: JoinSet<()>,
}

impl Bench {
    async fn new() -> Self {
        let (bus, disk) = (Arc::new(MemoryBus::new()), Arc::new(MemoryDisk::new()));
        let config = Config {
            embedded: None,
            ..config()
        };
        let plan = plan_of([task("a")]);
        let options = Options {
            config: config.clone(),
            plan: Arc::clone(&plan),
            bus: Arc::clone(&bus) as Arc<dyn Bus>,
            clock: Arc::new(Still),
            storage: Arc::clone(&disk) as _,
            sync: SyncMode::Inline,
            run_dir: None,
            observers: Vec::new(),
        };
        let machine = Machine::new(Arc::new(config.clone()), Arc::clone(&plan));
        let writer = Writer::create(Arc::clone(&disk) as _, SyncMode::Inline).unwrap();
        let (commands, inbox) = mpsc::channel(1);
        let (desk, calls) = desk();
        let inbox = Inbox {
            commands: inbox,
            calls,
        };
        let mut driver = Driver::new(options, machine, Recall::default(), writer, inbox)
            .await
            .unwrap();
        driver.record_opening(run_opening(&config, &plan)).unwrap();
        Self {
            bus,
            disk,
            config,
            driver,
            desk,
            _commands: commands,
            asking: JoinSet::new(),
        }
    }

    async fn hello(&self) {
        let hello = WorkerHello {
            version: MESSAGE_VERSION,
            worker: "w".parse().unwrap(),
            incarnation: "life".parse().unwrap(),
            slots: 1,
            level: SandboxLevel::None,
        };
        let worker = hello.worker.clone();
        let subject = HelloSubject { worker }.subject();
        let payload = serde_json::to_vec(&hello).unwrap().into();
        self.bus.broadcast(&subject, payload).await.unwrap();
    }

    /// Requests that wait for an answer, once this returns.
    async fn ask(&mut self, subject: &str, payload: Vec<u8>, times: usize) {
        for _ in 0..times {
            let (bus, subject) = (Arc::clone(&self.bus), subject.to_owned());
            let payload = payload.clone().into();
            let patience = Duration::from_secs(3600);
            self.asking.spawn(async move {
                let _answer = bus.request(&subject, payload, patience).await;
            });
        }
        for _ in 0..times {
            tokio::task::yield_now().await;
        }
    }

    async fn ask_claims(&mut self, times: usize) {
        let claim = self.claim("1-9");
        let payload = serde_json::to_vec(&claim).unwrap();
        self.ask(&self.claims(), payload, times).await;
    }

    fn claims(&self) -> String {
        ClaimSubject {
            coordinator: self.config.coordinator.clone(),
            worker: "w".parse().unwrap(),
        }
        .subject()
    }

    fn claim(&self, lease: &str) -> ClaimRequest {
        ClaimRequest {
            version: MESSAGE_VERSION,
            token: LeaseToken {
                run: self.config.run,
                task: "a".parse().unwrap(),
                lease: lease.parse().unwrap(),
            },
            worker: "w".parse().unwrap(),
            incarnation: "life".parse().unwrap(),
            delivered: 1,
        }
    }

    async fn gather(&mut self) -> Vec<Input> {
        let mut inputs = Vec::new();
        self.driver.gather(&mut inputs).await.unwrap();
        inputs
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_claims_keeps_no_heartbeat_and_no_hello_waiting() {
    let mut bench = Bench::new().await;
    bench.ask_claims(2 * BATCH).await;
    let subject = HeartbeatSubject {
        coordinator: bench.config.coordinator.clone(),
        worker: "w".parse().unwrap(),
    };
    let heartbeat = Heartbeat {
        worker: "w".parse().unwrap(),
        incarnation: "life".parse().unwrap(),
        tokens: Vec::new(),
    };
    let payload = serde_json::to_vec(&heartbeat).unwrap();
    bench.ask(&subject.subject(), payload, 1).await;
    bench.hello().await;
    let inputs = bench.gather().await;
    assert!(inputs.len() >= BATCH, "{} inputs", inputs.len());
    let has = |wanted: fn(&Input) -> bool| inputs.iter().any(wanted);
    assert!(has(|input| matches!(input, Input::Heartbeat(..))));
    assert!(has(|input| matches!(input, Input::Hello(_))));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_claims_keeps_no_deadline_waiting() {
    let mut bench = Bench::new().await;
    bench.hello().await;
    let hello = bench.gather().await;
    bench.driver.step(&hello).await.unwrap();
    bench.ask_claims(2 * BATCH).await;
    tokio::time::advance(2 * LEASE_LOST).await;
    let inputs = bench.gather().await;
    assert!(inputs.len() > BATCH, "{} inputs", inputs.len());
    assert!(matches!(inputs.last(), Some(Input::Tick)));
}

#[tokio::test(start_paused = true)]
async fn a_closed_bus_ends_the_drive() {
    let bench = Bench::new().await;
    bench.bus.close();
    let driven = tokio::time::timeout(Duration::from_secs(3600), bench.driver.run()).await;
    let error = driven.expect("it does not wait for ever").unwrap_err();
    assert!(matches!(error, CoordinatorError::Bus(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn on_a_full_disk_nothing_of_the_batch_happens_and_the_pause_is_said() {
    let bench = Bench::new().await;
    bench.hello().await;
    let (bus, disk) = (Arc::clone(&bench.bus), Arc::clone(&bench.disk));
    let (subject, granted) = (bench.claims(), bench.claim("1-1"));
    let Bench { driver, .. } = bench;
    let mut driving = JoinSet::from_iter([driver.run()]);
    let consumer = queue::pool_consumer_name(DEFAULT_POOL, Priority::Normal);
    let wait = Duration::from_secs(60);
    let pulled = bus.pull(queue::TASKS, &consumer, 1, wait).await.unwrap();
    let message: TaskMessage = serde_json::from_slice(&pulled[0].message.payload).unwrap();
    assert_eq!(message.lease, granted.token.lease);

    disk.set_capacity(disk.len().unwrap() + 64 * 1024 + 10);
    let claim = serde_json::to_vec(&granted).unwrap().into();
    let answer = bus.request(&subject, claim, wait).await;
    assert!(answer.is_err(), "granted without a journal: {answer:?}");
    let ended = driving.join_next().await.unwrap();
    let error = ended.unwrap().unwrap_err();
    assert!(matches!(error, CoordinatorError::Journal(_)), "{error}");
    let mut reader = Reader::new(disk.reader().unwrap());
    let mut last = None;
    while let Some(event) = reader.next_event().unwrap() {
        last = Some(event.kind);
    }
    assert!(
        matches!(last, Some(EventKind::RunPaused { .. })),
        "{last:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_claim_is_granted_once_it_is_certain() {
    let bench = Bench::new().await;
    bench.hello().await;
    let (bus, disk) = (Arc::clone(&bench.bus), Arc::clone(&bench.disk));
    let (subject, claim) = (bench.claims(), bench.claim("1-1"));
    let Bench { driver, .. } = bench;
    let _driving = JoinSet::from_iter([driver.run()]);
    let consumer = queue::pool_consumer_name(DEFAULT_POOL, Priority::Normal);
    let wait = Duration::from_secs(60);
    bus.pull(queue::TASKS, &consumer, 1, wait).await.unwrap();
    let claim = serde_json::to_vec(&claim).unwrap().into();
    let answer = bus.request(&subject, claim, wait).await.unwrap();
    let answer: ClaimReply = serde_json::from_slice(&answer).unwrap();
    assert!(matches!(answer, ClaimReply::Granted { .. }), "{answer:?}");
    let synced = &disk.content()[..disk.synced_len()];
    assert!(String::from_utf8_lossy(synced).contains("attempt.started"));
}

fn ask() -> Reserved {
    Reserved {
        call: CallId(9),
        task: None,
        purpose: Purpose::Plan,
        round: 0,
        provider: "scripted".into(),
        model: "m".into(),
        request: Digest::of(b"request"),
        prompt: 30,
        output: 70,
        usd: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_may_be_made_once_it_is_certain_that_it_is_counted() {
    let bench = Bench::new().await;
    let (desk, disk) = (bench.desk.clone(), Arc::clone(&bench.disk));
    let Bench { driver, .. } = bench;
    let certain = || String::from_utf8_lossy(&disk.content()[..disk.synced_len()]).into_owned();
    let mut driving = JoinSet::from_iter([driver.run()]);
    let call = desk.reserve(ask()).await.unwrap();
    assert_eq!(call, CallId(1));
    assert!(certain().contains("budget.reserved"));
    let reserved = Reserved { call, ..ask() };
    desk.settle(reserved.in_full(None)).await.unwrap();
    assert!(certain().contains("budget.settled"));
    driving.abort_all();
    while driving.join_next().await.is_some() {}
    let closed = desk.reserve(ask()).await;
    assert!(matches!(closed, Err(JournalError::Closed(_))), "{closed:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_stays_set_aside_for_whoever_went_away() {
    let mut bench = Bench::new().await;
    {
        let asking = bench.desk.reserve(ask());
        tokio::pin!(asking);
        assert!(futures::poll!(&mut asking).is_pending());
    }
    for _ in 0..2 {
        let inputs = bench.gather().await;
        bench.driver.step(&inputs).await.unwrap();
    }
    let ledger = bench.driver.machine().run().ledger();
    assert_eq!((ledger.in_flight().count(), ledger.settled().calls), (0, 1));
    assert_eq!(ledger.settled().tokens(), 0);
}
