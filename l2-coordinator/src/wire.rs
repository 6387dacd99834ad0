//! Between bytes on the bus and inputs of the machine. Everything here comes from outside: bounded
//! before it is parsed, and dropped with a note when it makes no sense.

use bytes::Bytes;
use protocol::budget::CallId;
use protocol::bus::{Acker, Delivery, Incoming, Replier};
use protocol::message::{
    AttemptReport, ClaimRequest, Heartbeat, MAX_MESSAGE_BYTES, MESSAGE_VERSION, TaskResult,
    WorkerHello,
};
use protocol::subject::{AttemptSubject, ClaimSubject, HeartbeatSubject, ResultSubject};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use crate::desk::Word;
use crate::machine::{Input, RequestId, Unreserved};

/// The way back of one request.
pub(crate) enum Way {
    /// Waits for a reply.
    Reply(Box<dyn Replier>),
    /// Waits for an acknowledgement.
    Ack(Box<dyn Acker>),
    /// Waits for permission to ask a model.
    Reserve(oneshot::Sender<Result<CallId, Unreserved>>),
    /// Waits until a call's end is certain.
    Settle(oneshot::Sender<()>),
}

/// A message from outside and what it means.
pub(crate) struct Request {
    pub(crate) input: Input,
    pub(crate) way: Way,
}

pub(crate) fn call(id: RequestId, word: Word) -> Request {
    match word {
        Word::Reserve(ask, way) => Request {
            input: Input::Reserve(id, ask),
            way: Way::Reserve(way),
        },
        Word::Settle(settled, way) => Request {
            input: Input::Settled(id, settled),
            way: Way::Settle(way),
        },
    }
}

pub(crate) fn claim(id: RequestId, incoming: Incoming) -> Option<Request> {
    let request: ClaimRequest = parse(&incoming.message.payload)?;
    let subject: ClaimSubject = incoming.message.subject.parse().ok()?;
    let fits = subject.worker == request.worker && request.version == MESSAGE_VERSION;
    let way = Way::Reply(incoming.reply?);
    fits.then_some(Request {
        input: Input::Claim(id, request),
        way,
    })
}

pub(crate) fn attempt(id: RequestId, incoming: Incoming) -> Option<Request> {
    let report: AttemptReport = parse(&incoming.message.payload)?;
    let subject: AttemptSubject = incoming.message.subject.parse().ok()?;
    let worker = match &report {
        AttemptReport::Ended { worker, .. } | AttemptReport::Starting { worker, .. } => worker,
    };
    let fits = subject.worker == *worker;
    let way = Way::Reply(incoming.reply?);
    fits.then_some(Request {
        input: Input::Attempt(id, report),
        way,
    })
}

pub(crate) fn heartbeat(id: RequestId, incoming: Incoming) -> Option<Request> {
    let heartbeat: Heartbeat = parse(&incoming.message.payload)?;
    let subject: HeartbeatSubject = incoming.message.subject.parse().ok()?;
    let fits = subject.worker == heartbeat.worker;
    let way = Way::Reply(incoming.reply?);
    fits.then_some(Request {
        input: Input::Heartbeat(id, heartbeat),
        way,
    })
}

pub(crate) fn hello(incoming: &Incoming) -> Option<Input> {
    let hello: WorkerHello = parse(&incoming.message.payload)?;
    (hello.version == MESSAGE_VERSION).then_some(Input::Hello(hello))
}

/// A result, or the acker of a message that is none: it is acknowledged, or it would come back for
/// ever.
pub(crate) fn result(id: RequestId, delivery: Delivery) -> Result<Request, Box<dyn Acker>> {
    let parse_result = || {
        let result: TaskResult = parse(&delivery.message.payload)?;
        let subject: ResultSubject = delivery.message.subject.parse().ok()?;
        let fits = subject.worker == result.worker
            && subject.run == result.token.run
            && result.version == MESSAGE_VERSION;
        fits.then_some(result)
    };
    match parse_result() {
        Some(result) => {
            let input = Input::Result(id, Box::new(result));
            Ok(Request {
                input,
                way: Way::Ack(delivery.acker),
            })
        }
        None => {
            tracing::warn!(
                subject = delivery.message.subject,
                "a message is no result; dropped"
            );
            Err(delivery.acker)
        }
    }
}

fn parse<T: DeserializeOwned>(payload: &[u8]) -> Option<T> {
    if payload.len() > MAX_MESSAGE_BYTES {
        tracing::warn!(bytes = payload.len(), "a message is too large; dropped");
        return None;
    }
    match serde_json::from_slice(payload) {
        Ok(message) => Some(message),
        Err(error) => {
            tracing::warn!(%error, "a message makes no sense; dropped");
            None
        }
    }
}

pub(crate) fn encode<T: Serialize>(message: &T) -> Bytes {
    serde_json::to_vec(message)
        .expect("messages serialize")
        .into()
}
