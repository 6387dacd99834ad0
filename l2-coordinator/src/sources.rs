//! Where a run's inputs come from: commands of its owner, calls of models, requests and words of workers, results.
//!
//! All of them are bounded queues, so what is not taken stays where it is. None may starve another:
//! a lease whose heartbeat waits behind a thousand claims is lost. What inputs mean is decided
//! elsewhere.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::bus::{Acker, Bus, BusError, Delivery, Subscription};
use protocol::ids::CoordinatorId;
use protocol::queue;
use protocol::subject::{AttemptSubject, ClaimSubject, HeartbeatSubject, HelloSubject, Priority};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::desk::Word;
use crate::machine::{Input, Pool, RequestId};
use crate::wire::{self, Request, Way};

/// Requests that wait on a subject. A worker has one request open per slot.
const WAITING_REQUESTS: usize = 4096;
/// Results pulled at once, and that wait between puller and driver.
const RESULTS: usize = 64;
/// How long one pull for results waits before it is renewed.
const PULL_EXPIRES: Duration = Duration::from_secs(30);
/// Pause before a failed pull is repeated.
const PULL_AGAIN: Duration = Duration::from_millis(200);

/// What comes from within this process.
pub(crate) struct Inbox {
    pub(crate) commands: mpsc::Receiver<Input>,
    pub(crate) calls: mpsc::Receiver<Word>,
}

/// Everything inputs come from, and the ways back of what was taken.
pub(crate) struct Sources {
    commands: mpsc::Receiver<Input>,
    calls: mpsc::Receiver<Word>,
    results: mpsc::Receiver<Delivery>,
    claims: Subscription,
    attempts: Subscription,
    heartbeats: Subscription,
    hellos: Subscription,
    ways: HashMap<RequestId, Way>,
    last_request: u64,
    /// Owns the puller; dropping it ends it.
    _puller: JoinSet<()>,
}

/// One message taken.
pub(crate) enum Taken {
    Input(Input),
    /// It made no sense, and is dropped.
    Nothing,
    /// It is no result, and would come back for ever: to be acknowledged.
    NoResult(Box<dyn Acker>),
}

impl Sources {
    pub(crate) async fn open(
        bus: &Arc<dyn Bus>,
        coordinator: &CoordinatorId,
        inbox: Inbox,
    ) -> Result<Self, BusError> {
        bus.ensure_stream(&queue::tasks_stream()).await?;
        bus.ensure_stream(&queue::results_stream()).await?;
        for pool in Pool::ALL {
            let consumer = queue::pool_consumer(pool.token(), Priority::Normal);
            bus.ensure_consumer(&consumer).await?;
        }
        bus.ensure_consumer(&queue::results_consumer(coordinator))
            .await?;
        let listen = async |pattern: String| bus.subscribe(&pattern, WAITING_REQUESTS).await;
        let (into, results) = mpsc::channel(RESULTS);
        let mut puller = JoinSet::new();
        let consumer = queue::results_consumer_name(coordinator);
        puller.spawn(pull_results(Arc::clone(bus), consumer, into));
        Ok(Self {
            commands: inbox.commands,
            calls: inbox.calls,
            results,
            claims: listen(ClaimSubject::filter(coordinator)).await?,
            attempts: listen(AttemptSubject::filter(coordinator)).await?,
            heartbeats: listen(HeartbeatSubject::filter(coordinator)).await?,
            hellos: listen(HelloSubject::ALL.to_owned()).await?,
            ways: HashMap::new(),
            last_request: 0,
            _puller: puller,
        })
    }

    /// The way back of a request, once.
    pub(crate) fn way(&mut self, id: RequestId) -> Option<Way> {
        self.ways.remove(&id)
    }

    /// Waits for the first message. Cancel-safe: every arm only takes from a queue.
    ///
    /// # Errors
    /// The bus was closed.
    pub(crate) async fn next(&mut self) -> Result<Taken, BusError> {
        let id = self.next_id();
        Ok(tokio::select! {
            biased;
            Some(input) = self.commands.recv() => Taken::Input(input),
            Some(word) = self.calls.recv() => self.request(Some(wire::call(id, word))),
            Some(incoming) = self.claims.next() => self.request(wire::claim(id, incoming)),
            Some(incoming) = self.attempts.next() => self.request(wire::attempt(id, incoming)),
            delivery = self.results.recv() => self.delivery(delivery.ok_or(BusError::Closed)?),
            Some(incoming) = self.heartbeats.next() => self.request(wire::heartbeat(id, incoming)),
            Some(incoming) = self.hellos.next() => hello(&incoming),
        })
    }

    /// What waits already: at most one of every source, so that each gets its turn.
    pub(crate) fn round(&mut self, taken: &mut Vec<Taken>) {
        taken.extend(self.commands.try_recv().ok().map(Taken::Input));
        if let Ok(word) = self.calls.try_recv() {
            let request = wire::call(self.next_id(), word);
            taken.push(self.request(Some(request)));
        }
        if let Some(incoming) = self.claims.try_next() {
            let request = wire::claim(self.next_id(), incoming);
            taken.push(self.request(request));
        }
        if let Ok(delivery) = self.results.try_recv() {
            taken.push(self.delivery(delivery));
        }
        if let Some(incoming) = self.attempts.try_next() {
            let request = wire::attempt(self.next_id(), incoming);
            taken.push(self.request(request));
        }
        if let Some(incoming) = self.heartbeats.try_next() {
            let request = wire::heartbeat(self.next_id(), incoming);
            taken.push(self.request(request));
        }
        taken.extend(self.hellos.try_next().map(|incoming| hello(&incoming)));
    }

    fn next_id(&self) -> RequestId {
        RequestId(self.last_request + 1)
    }

    fn request(&mut self, request: Option<Request>) -> Taken {
        let Some(Request { input, way }) = request else {
            return Taken::Nothing;
        };
        self.last_request += 1;
        self.ways.insert(RequestId(self.last_request), way);
        Taken::Input(input)
    }

    fn delivery(&mut self, delivery: Delivery) -> Taken {
        match wire::result(self.next_id(), delivery) {
            Ok(request) => self.request(Some(request)),
            Err(acker) => Taken::NoResult(acker),
        }
    }
}

fn hello(incoming: &protocol::bus::Incoming) -> Taken {
    wire::hello(incoming).map_or(Taken::Nothing, Taken::Input)
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
