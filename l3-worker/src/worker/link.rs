//! The worker's calls to coordinators. Each is repeated while the bus or the other side is slow,
//! because the coordinator answers a repeated question the same way, and gives up at a bound.

use std::sync::Arc;
use std::time::Duration;

use protocol::bus::{Bus, BusError, Headers, PublishOptions};
use protocol::ids::CoordinatorId;
use protocol::message::{
    AttemptReply, AttemptReport, ClaimReply, ClaimRequest, Heartbeat, HeartbeatReply,
    MAX_MESSAGE_BYTES, TaskResult, WorkerHello,
};
use protocol::subject::{
    AttemptSubject, ClaimSubject, HeartbeatSubject, HelloSubject, RequestSubject, ResultSubject,
    Subject,
};
use tokio::time::Instant;

use super::options::Options;

/// A coordinator answers from its journal: a slow disk takes seconds, a lost message for ever. Asked
/// anew in time: what was granted by an answer that got lost is a dead worker's after five seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(1500);
/// Heartbeats overtake each other rather than wait.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(1);
/// Asked this often before the delivery is given back.
const TRIES: u32 = 15;
/// The same while nobody serves the question: the coordinator is over, or a second from back.
const UNSERVED_TRIES: u32 = 6;
/// A result is a worker's last word: said for as long as leases and redelivery take to notice.
const RESULT_TRIES: u32 = 30;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Why there is no answer to be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// The bus did not carry the question or the answer.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// An answer that makes no sense.
    #[error("the coordinator's answer makes no sense")]
    Answer(#[source] serde_json::Error),
    /// An answer beyond the bound.
    #[error("the coordinator's answer has {0} bytes")]
    TooLarge(usize),
}

/// One worker's way to every coordinator.
pub(super) struct Link {
    bus: Arc<dyn Bus>,
    options: Options,
}

impl Link {
    pub(super) fn new(bus: Arc<dyn Bus>, options: Options) -> Self {
        Self { bus, options }
    }

    pub(super) fn bus(&self) -> &Arc<dyn Bus> {
        &self.bus
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// The answer, and when the question was asked that it answers: a lease counts from there.
    pub(super) async fn claim(
        &self,
        coordinator: &CoordinatorId,
        request: &ClaimRequest,
    ) -> Result<(ClaimReply, Instant), LinkError> {
        let subject = ClaimSubject {
            coordinator: coordinator.clone(),
            worker: self.options.worker.clone(),
        };
        self.insist(&subject, request).await
    }

    pub(super) async fn report(
        &self,
        coordinator: &CoordinatorId,
        report: &AttemptReport,
    ) -> Result<AttemptReply, LinkError> {
        let subject = AttemptSubject {
            coordinator: coordinator.clone(),
            worker: self.options.worker.clone(),
        };
        Ok(self.insist(&subject, report).await?.0)
    }

    /// One heartbeat; the next one is the repetition.
    pub(super) async fn heartbeat(
        &self,
        coordinator: &CoordinatorId,
        heartbeat: &Heartbeat,
    ) -> Result<HeartbeatReply, LinkError> {
        let subject = HeartbeatSubject {
            coordinator: coordinator.clone(),
            worker: self.options.worker.clone(),
        };
        self.ask(&subject, heartbeat, HEARTBEAT_TIMEOUT).await
    }

    /// Tells every coordinator; may be lost.
    pub(super) async fn hello(&self, hello: &WorkerHello) {
        let subject = HelloSubject {
            worker: self.options.worker.clone(),
        };
        if let Err(error) = self
            .bus
            .broadcast(&subject.subject(), encode(hello).into())
            .await
        {
            tracing::debug!(%error, "hello not sent");
        }
    }

    /// Stores a result for its coordinator, once however often it is said.
    pub(super) async fn result(
        &self,
        coordinator: &CoordinatorId,
        result: &TaskResult,
    ) -> Result<(), LinkError> {
        let subject = ResultSubject {
            coordinator: coordinator.clone(),
            worker: self.options.worker.clone(),
            run: result.token.run,
            task: result.token.task.wire(),
        };
        let payload = bytes::Bytes::from(encode(result));
        let msg_id = Some(subject.message_id(result.token.lease));
        let subject = subject.subject();
        let mut pause = FIRST_PAUSE;
        for tries in 1.. {
            let options = PublishOptions {
                msg_id: msg_id.clone(),
                ..PublishOptions::default()
            };
            match self
                .bus
                .publish(&subject, Headers::new(), payload.clone(), options)
                .await
            {
                Ok(_) => return Ok(()),
                Err(error @ (BusError::Closed | BusError::TooLarge(_))) => return Err(error.into()),
                Err(error) if tries == RESULT_TRIES => return Err(error.into()),
                Err(error) => tracing::warn!(%error, subject, "result not stored yet"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        unreachable!("the loop returns at its bound")
    }

    async fn insist<S: RequestSubject>(
        &self,
        subject: &S,
        body: &S::Body,
    ) -> Result<(S::Reply, Instant), LinkError> {
        let mut pause = FIRST_PAUSE;
        let mut tries = 1;
        loop {
            let asked = Instant::now();
            match self.ask(subject, body, ANSWER_TIMEOUT).await {
                Err(LinkError::Bus(error)) if tries < most_tries(&error) => {
                    tracing::debug!(%error, "asking again");
                }
                answer => return Ok((answer?, asked)),
            }
            tries += 1;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn ask<S: RequestSubject>(
        &self,
        subject: &S,
        body: &S::Body,
        timeout: Duration,
    ) -> Result<S::Reply, LinkError> {
        let reply = self
            .bus
            .request(&subject.subject(), encode(body).into(), timeout)
            .await?;
        if reply.len() > MAX_MESSAGE_BYTES {
            return Err(LinkError::TooLarge(reply.len()));
        }
        serde_json::from_slice(&reply).map_err(LinkError::Answer)
    }
}

const fn most_tries(error: &BusError) -> u32 {
    match error {
        BusError::Closed => 0,
        BusError::NoResponders(_) => UNSERVED_TRIES,
        _ => TRIES,
    }
}

fn encode<T: serde::Serialize>(body: &T) -> Vec<u8> {
    serde_json::to_vec(body).expect("messages serialize into memory")
}
