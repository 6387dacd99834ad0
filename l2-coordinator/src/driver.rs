//! The loop around the machine: take every input that waits, decide and apply, append all their
//! events with one write, then act. Effects that rest on a promise wait for the synced mark.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use protocol::bus::{Bus, BusError, Delivery, Subscription};
use protocol::event::{Event, EventKind};
use protocol::outcome::RunOutcome;
use protocol::queue;
use protocol::subject::{
    AttemptSubject, ClaimSubject, DEFAULT_POOL, HeartbeatSubject, HelloSubject, Priority,
};
use protocol::time::Clock;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::coordinator::{CoordinatorError, Finished, Options};
use crate::effects::Outbox;
use crate::journal::{SyncWatch, WriteError, Writer};
use crate::machine::{Decision, Effect, Gate, Input, Machine, Now, RequestId};
use crate::observer::Observer;
use crate::recover;
use crate::wire::{self, Request, Way};

/// Inputs taken into one write. Bounds the batch's memory and the delay of its first effect.
const BATCH: usize = 256;
/// Requests that wait on a subject. A worker has one request open per slot.
const WAITING_REQUESTS: usize = 4096;
/// Results pulled at once, and that wait between puller and driver.
const RESULTS: usize = 64;
/// How long one pull for results waits before it is renewed.
const PULL_EXPIRES: Duration = Duration::from_secs(30);
/// Pause before a failed pull is repeated.
const PULL_AGAIN: Duration = Duration::from_millis(200);

/// One run being driven.
pub(crate) struct Driver {
    machine: Machine,
    writer: Writer,
    synced: SyncWatch,
    clock: Arc<dyn Clock>,
    started: Instant,
    observers: Vec<Box<dyn Observer>>,
    /// Written events that are not certain yet.
    unseen: VecDeque<Event>,
    /// Effects that wait for an event to be certain.
    gated: BTreeMap<u64, Vec<Effect>>,
    ways: HashMap<RequestId, Way>,
    last_request: u64,
    outbox: Outbox,
    finished: Option<(RunOutcome, u8)>,
    sources: Sources,
}

/// Everything inputs come from.
struct Sources {
    commands: mpsc::Receiver<Input>,
    results: mpsc::Receiver<Delivery>,
    claims: Subscription,
    attempts: Subscription,
    heartbeats: Subscription,
    hellos: Subscription,
    /// Owns the puller; dropping it ends it.
    _puller: JoinSet<()>,
}

impl Driver {
    pub(crate) async fn new(
        options: Options,
        machine: Machine,
        writer: Writer,
        commands: mpsc::Receiver<Input>,
    ) -> Result<Self, CoordinatorError> {
        let bus = options.bus;
        let coordinator = &options.config.coordinator;
        bus.ensure_stream(&queue::tasks_stream()).await?;
        bus.ensure_stream(&queue::results_stream()).await?;
        bus.ensure_consumer(&queue::pool_consumer(DEFAULT_POOL, Priority::Normal))
            .await?;
        bus.ensure_consumer(&queue::results_consumer(coordinator))
            .await?;
        let listen = async |pattern: String| bus.subscribe(&pattern, WAITING_REQUESTS).await;
        let (into, results) = mpsc::channel(RESULTS);
        let mut puller = JoinSet::new();
        let consumer = queue::results_consumer_name(coordinator);
        puller.spawn(pull_results(Arc::clone(&bus), consumer, into));
        let sources = Sources {
            commands,
            results,
            claims: listen(ClaimSubject::filter(coordinator)).await?,
            attempts: listen(AttemptSubject::filter(coordinator)).await?,
            heartbeats: listen(HeartbeatSubject::filter(coordinator)).await?,
            hellos: listen(HelloSubject::ALL.to_owned()).await?,
            _puller: puller,
        };
        Ok(Self {
            outbox: Outbox::new(bus, options.config.coordinator.clone(), options.config.run),
            synced: writer.watch(),
            machine,
            writer,
            clock: options.clock,
            started: Instant::now(),
            observers: options.observers,
            unseen: VecDeque::new(),
            gated: BTreeMap::new(),
            ways: HashMap::new(),
            last_request: 0,
            finished: None,
            sources,
        })
    }

    pub(crate) const fn machine(&self) -> &Machine {
        &self.machine
    }

    fn now(&self) -> Now {
        Now {
            mono: self.started.elapsed(),
            wall: self.clock.now(),
        }
    }

    /// Events to be shown once certain.
    pub(crate) fn show(&mut self, events: impl IntoIterator<Item = Event>) {
        self.unseen.extend(events);
    }

    pub(crate) fn record_opening(
        &mut self,
        opening: Vec<EventKind>,
    ) -> Result<(), CoordinatorError> {
        let now = self.now();
        self.record(
            now,
            Decision {
                events: opening,
                ..Decision::default()
            },
        )
    }

    pub(crate) fn record_resume(&mut self, run_dir: Option<&Path>) -> Result<(), CoordinatorError> {
        let now = self.now();
        let decision = self.machine.resume(now);
        self.record(now, decision)?;
        if let Some(run_dir) = run_dir {
            let corrupt = recover::corrupt(run_dir, self.machine.run());
            for (task, path) in corrupt.map_err(CoordinatorError::Artifacts)? {
                let decision = self.machine.decide(now, &Input::Corrupt { task, path });
                self.record(now, decision)?;
            }
        }
        Ok(())
    }

    /// Writes and syncs events outside the loop, where nothing else waits.
    fn record(&mut self, now: Now, decision: Decision) -> Result<(), CoordinatorError> {
        let written = self.writer.append(now.wall, decision.events)?;
        for event in &written {
            self.machine.apply(now, event)?;
        }
        for note in &decision.notes {
            self.machine.note(now, note);
        }
        self.unseen.extend(written);
        self.writer.sync_now()?;
        self.show_certain();
        Ok(())
    }

    pub(crate) async fn run(mut self) -> Result<Finished, CoordinatorError> {
        let mut inputs = vec![Input::Settle];
        loop {
            if let Err(error) = self.step(&inputs).await {
                return Err(self.fall(error).await);
            }
            if let Some((outcome, exit_code)) = self.finished {
                self.drain().await;
                let chain = self.writer.close()?;
                return Ok(Finished {
                    outcome,
                    exit_code,
                    chain,
                });
            }
            inputs.clear();
            self.wait(&mut inputs).await?;
            self.take_waiting(&mut inputs);
        }
    }

    /// Decides about every input, then writes, then acts.
    async fn step(&mut self, inputs: &[Input]) -> Result<(), CoordinatorError> {
        let now = self.now();
        let first = self.writer.written_seq();
        let mut events = Vec::new();
        let mut effects = Vec::new();
        let mut consider = |machine: &mut Machine, input: &Input| {
            let decision = machine.decide(now, input);
            let is_empty = decision.is_empty();
            for kind in decision.events {
                let seq = first + events.len() as u64 + 1;
                let event = Event {
                    seq,
                    ts: now.wall,
                    kind,
                };
                machine.apply(now, &event)?;
                events.push(event.kind);
            }
            for note in &decision.notes {
                machine.note(now, note);
            }
            let last = first + events.len() as u64;
            effects.extend(decision.effects.into_iter().map(|(gate, effect)| {
                let seq = match gate {
                    Gate::Written => 0,
                    Gate::Decision => last,
                    Gate::Seq(seq) => seq,
                };
                (seq, effect)
            }));
            Ok::<bool, CoordinatorError>(is_empty)
        };
        for input in inputs {
            consider(&mut self.machine, input)?;
        }
        while !consider(&mut self.machine, &Input::Settle)? {}
        if !events.is_empty() {
            let written = self.writer.append(now.wall, events)?;
            self.unseen.extend(written);
        }
        let certain = self.writer.synced_seq();
        let mut is_urgent = false;
        for (seq, effect) in effects {
            if seq <= certain {
                self.perform(effect).await;
            } else {
                is_urgent |= !matches!(effect, Effect::AckResult(_));
                self.gated.entry(seq).or_default().push(effect);
            }
        }
        if is_urgent {
            self.writer.request_sync();
        }
        self.release_certain().await;
        match self.writer.mark().failed {
            Some(error) => Err(WriteError::from(crate::journal::SyncFailed::Disk(error)).into()),
            None => Ok(()),
        }
    }

    /// Performs what waited for events that are certain now, and shows those events.
    async fn release_certain(&mut self) {
        self.show_certain();
        let certain = self.writer.synced_seq();
        while let Some(entry) = self
            .gated
            .first_entry()
            .filter(|entry| *entry.key() <= certain)
        {
            for effect in entry.remove() {
                self.perform(effect).await;
            }
        }
    }

    fn show_certain(&mut self) {
        let certain = self.writer.synced_seq();
        while let Some(event) = self.unseen.pop_front_if(|event| event.seq <= certain) {
            for observer in &mut self.observers {
                observer.on_event(&event);
            }
        }
    }

    async fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Finished { outcome, exit_code } => self.finished = Some((outcome, exit_code)),
            Effect::ReplyClaim(id, reply) => self.reply(id, wire::encode(&reply)).await,
            Effect::ReplyAttempt(id, reply) => self.reply(id, wire::encode(&reply)).await,
            Effect::ReplyHeartbeat(id, reply) => self.reply(id, wire::encode(&reply)).await,
            Effect::AckResult(id) => {
                if let Some(Way::Ack(acker)) = self.ways.remove(&id) {
                    self.outbox.ack(acker).await;
                }
            }
            Effect::Publish { task, message } => self.outbox.publish(task, &message).await,
            Effect::Unpublish { seq } => self.outbox.unpublish(seq).await,
            Effect::Cancel { task, kill } => self.outbox.cancel(task, kill).await,
        }
    }

    async fn reply(&mut self, id: RequestId, payload: bytes::Bytes) {
        if let Some(Way::Reply(replier)) = self.ways.remove(&id) {
            self.outbox.reply(replier, payload).await;
        }
    }

    /// Waits for the first input. Every arm only wraps; what is not taken stays where it is, as all
    /// sources are queues.
    async fn wait(&mut self, inputs: &mut Vec<Input>) -> Result<(), CoordinatorError> {
        if let Some(input) = self.outbox.take_ready() {
            inputs.push(input);
            return Ok(());
        }
        let tick = self.machine.next_deadline().map(|at| self.started + at);
        let due = [tick, self.writer.deadline()].into_iter().flatten().min();
        let far = Instant::now() + Duration::from_secs(3600);
        let id = RequestId(self.last_request + 1);
        let request = tokio::select! {
            biased;
            Some(input) = self.sources.commands.recv() => { inputs.push(input); None }
            Some(incoming) = self.sources.claims.next() => wire::claim(id, incoming),
            Some(incoming) = self.sources.attempts.next() => wire::attempt(id, incoming),
            Some(delivery) = self.sources.results.recv() => { self.take_delivery(delivery, inputs); None }
            Some(incoming) = self.sources.heartbeats.next() => wire::heartbeat(id, incoming),
            Some(incoming) = self.sources.hellos.next() => { inputs.extend(wire::hello(&incoming)); None }
            Some(done) = self.outbox.sides.next() => { inputs.extend(done); None }
            changed = self.synced.changed() => { changed.map_err(WriteError::from)?; None }
            () = tokio::time::sleep_until(due.unwrap_or(far)) => { self.on_time(tick, inputs); None }
        };
        self.take(request, inputs);
        Ok(())
    }

    fn on_time(&mut self, tick: Option<Instant>, inputs: &mut Vec<Input>) {
        let now = Instant::now();
        if self
            .writer
            .deadline()
            .is_some_and(|deadline| deadline <= now)
        {
            self.writer.request_sync();
        }
        if tick.is_some_and(|at| at <= now) {
            inputs.push(Input::Tick);
        }
    }

    /// Everything else that waits already, up to a bound.
    fn take_waiting(&mut self, inputs: &mut Vec<Input>) {
        while inputs.len() < BATCH {
            let before = inputs.len();
            let id = RequestId(self.last_request + 1);
            if let Some(incoming) = self.sources.claims.try_next() {
                let request = wire::claim(id, incoming);
                self.take(request, inputs);
            } else if let Ok(delivery) = self.sources.results.try_recv() {
                self.take_delivery(delivery, inputs);
            } else if let Some(incoming) = self.sources.attempts.try_next() {
                let request = wire::attempt(id, incoming);
                self.take(request, inputs);
            } else if let Some(input) = self.outbox.take_ready() {
                inputs.push(input);
            }
            if inputs.len() == before {
                return;
            }
        }
    }

    fn take(&mut self, request: Option<Request>, inputs: &mut Vec<Input>) {
        if let Some(Request { input, way }) = request {
            self.last_request += 1;
            self.ways.insert(RequestId(self.last_request), way);
            inputs.push(input);
        }
    }

    fn take_delivery(&mut self, delivery: Delivery, inputs: &mut Vec<Input>) {
        match wire::result(RequestId(self.last_request + 1), delivery) {
            Ok(request) => self.take(Some(request), inputs),
            Err(acker) => self.outbox.ack_later(acker),
        }
    }

    /// Gives what is under way a moment to get out: acknowledgements and replies of a finished run.
    async fn drain(&mut self) {
        let patience = Duration::from_millis(200);
        let sides = &mut self.outbox.sides;
        let drained =
            tokio::time::timeout(patience, async { while sides.next().await.is_some() {} });
        // Whatever is still under way concerns a run that is over.
        let _in_time = drained.await;
    }

    /// The journal failed: the run stops where the journal says it is. None of the failed batch's
    /// effects happened; the reserve makes room to say that the run is paused.
    async fn fall(&mut self, error: CoordinatorError) -> CoordinatorError {
        tracing::error!(%error, "the run stops");
        self.outbox.cancel(None, true).await;
        if let CoordinatorError::Journal(cause) = &error {
            let paused = EventKind::RunPaused {
                cause: cause.to_string(),
            };
            let now = self.now();
            let said = self
                .writer
                .use_reserve()
                .and_then(|()| self.writer.append(now.wall, vec![paused]))
                .and_then(|events| self.writer.sync_now().map(|()| events));
            match said {
                Ok(events) => self.unseen.extend(events),
                Err(error) => tracing::error!(%error, "the pause cannot be written either"),
            }
            self.show_certain();
        }
        error
    }
}

async fn pull_results(bus: Arc<dyn Bus>, consumer: String, into: mpsc::Sender<Delivery>) {
    loop {
        match bus
            .pull(queue::RESULTS, &consumer, RESULTS, PULL_EXPIRES)
            .await
        {
            Ok(deliveries) => {
                for delivery in deliveries {
                    if into.send(delivery).await.is_err() {
                        return;
                    }
                }
            }
            Err(BusError::Closed) => return,
            Err(error) => {
                tracing::warn!(%error, "results cannot be pulled; trying again");
                tokio::time::sleep(PULL_AGAIN).await;
            }
        }
    }
}
