//! Effects on their way out: bus calls that are started at once and finished whenever they finish.
//! Publishes are repeated under the same message id until the bus has them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use protocol::bus::{Acker, Bus, BusError, PublishOptions, Replier};
use protocol::ids::{CoordinatorId, LeaseId, RunId, TaskId};
use protocol::message::{Cancel, TaskMessage};
use protocol::plan::TaskIndex;
use protocol::queue::TASKS;
use protocol::subject::{CancelSubject, Priority, Subject as _, TaskSubject};

use crate::machine::{Input, Pool};
use crate::wire;

/// First pause before a publish is repeated; doubles up to [`AGAIN_MOST`].
const AGAIN_FIRST: Duration = Duration::from_millis(20);
/// Longest pause between two tries.
const AGAIN_MOST: Duration = Duration::from_secs(4);

/// A bus call under way; some end in an input.
type Side = BoxFuture<'static, Option<Input>>;

/// What is owed to the bus.
pub(crate) struct Outbox {
    bus: Arc<dyn Bus>,
    coordinator: CoordinatorId,
    run: RunId,
    /// Calls that did not finish at once.
    pub(crate) sides: FuturesUnordered<Side>,
    /// Inputs from calls that did.
    ready: VecDeque<Input>,
}

impl Outbox {
    pub(crate) fn new(bus: Arc<dyn Bus>, coordinator: CoordinatorId, run: RunId) -> Self {
        Self {
            bus,
            coordinator,
            run,
            sides: FuturesUnordered::new(),
            ready: VecDeque::new(),
        }
    }

    /// An input that follows from an effect itself.
    pub(crate) fn feed(&mut self, input: Input) {
        self.ready.push_back(input);
    }

    /// An input from a call that finished at once.
    pub(crate) fn take_ready(&mut self) -> Option<Input> {
        self.ready.pop_front()
    }

    pub(crate) async fn publish(&mut self, task: TaskIndex, message: &TaskMessage) {
        let subject = TaskSubject {
            pool: pool_of(message).token().to_owned(),
            priority: Priority::Normal,
            coordinator: self.coordinator.clone(),
            run: self.run,
            task: message.task_id.wire(),
            lease: message.lease,
        };
        let payload = wire::encode(message);
        self.start(publish(
            Arc::clone(&self.bus),
            subject,
            payload,
            task,
            message.lease,
        ))
        .await;
    }

    pub(crate) async fn unpublish(&mut self, seq: u64) {
        let bus = Arc::clone(&self.bus);
        self.start(async move {
            // Best effort: a message that stays is claimed, and the claim is denied.
            if let Err(error) = bus.delete(TASKS, seq).await {
                tracing::debug!(%error, seq, "a published task could not be taken back");
            }
            None
        })
        .await;
    }

    pub(crate) async fn cancel(&mut self, task: Option<TaskId>, kill: bool) {
        let bus = Arc::clone(&self.bus);
        let subject = CancelSubject {
            coordinator: self.coordinator.clone(),
            run: self.run,
        };
        let payload = wire::encode(&Cancel {
            run_id: self.run,
            task_id: task,
            kill,
        });
        self.start(async move {
            // May be lost: heartbeat replies and denied claims say the same.
            if let Err(error) = bus.broadcast(&subject.subject(), payload).await {
                tracing::debug!(%error, "a cancel could not be sent");
            }
            None
        })
        .await;
    }

    pub(crate) async fn ack(&mut self, acker: Box<dyn Acker>) {
        self.start(acknowledge(acker)).await;
    }

    /// As `ack`, started by the next wait.
    pub(crate) fn ack_later(&mut self, acker: Box<dyn Acker>) {
        self.sides.push(Box::pin(acknowledge(acker)));
    }

    pub(crate) async fn reply(&mut self, replier: Box<dyn Replier>, payload: Bytes) {
        self.start(async move {
            // The asker asks again when the answer is lost.
            if let Err(error) = replier.reply(payload).await {
                tracing::debug!(%error, "a reply could not be sent");
            }
            None
        })
        .await;
    }

    /// Runs a call as far as it goes now; the in-memory bus finishes every call at once.
    async fn start(&mut self, call: impl Future<Output = Option<Input>> + Send + 'static) {
        let mut call: Side = Box::pin(call);
        match futures::poll!(&mut call) {
            Poll::Ready(input) => self.ready.extend(input),
            Poll::Pending => self.sides.push(call),
        }
    }
}

/// Whose work it is.
const fn pool_of(message: &TaskMessage) -> Pool {
    match message.prompt {
        Some(_) => Pool::Ai,
        None => Pool::Cpu,
    }
}

async fn acknowledge(acker: Box<dyn Acker>) -> Option<Input> {
    // A lost acknowledgement brings the result back, which is then known.
    if let Err(error) = acker.ack().await {
        tracing::debug!(%error, "a result could not be acknowledged");
    }
    None
}

async fn publish(
    bus: Arc<dyn Bus>,
    subject: TaskSubject,
    payload: Bytes,
    task: TaskIndex,
    lease: LeaseId,
) -> Option<Input> {
    let name = subject.subject();
    let mut pause = AGAIN_FIRST;
    loop {
        let options = PublishOptions {
            msg_id: Some(subject.message_id()),
            ..PublishOptions::default()
        };
        match bus
            .publish(&name, Vec::new(), payload.clone(), options)
            .await
        {
            Ok(ack) => {
                return Some(Input::Stored {
                    task,
                    lease,
                    seq: ack.seq,
                });
            }
            // It is queued already: an earlier try had taken effect.
            Err(BusError::SubjectTaken(_) | BusError::Closed) => return None,
            Err(error) => tracing::debug!(%error, %name, "a publish is repeated"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(AGAIN_MOST);
    }
}
