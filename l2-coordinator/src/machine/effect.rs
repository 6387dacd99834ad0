//! Everything a decision owes to the world outside: a closed enum.

use protocol::budget::{CallId, Reserved};
use protocol::event::EventKind;
use protocol::ids::{Incarnation, LeaseId, TaskId, WorkerId};
use protocol::message::{AttemptReply, ClaimReply, HeartbeatReply, TaskMessage, WorkerHello};
use protocol::outcome::RunOutcome;
use protocol::plan::TaskIndex;
use std::time::Duration;

use super::calls::Unreserved;
use super::input::RequestId;
use super::pool::Pool;

/// Which events must be on disk before an effect is performed. All are written by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Written is enough.
    Written,
    /// The events of the same decision are synced.
    Decision,
    /// This event and all before it are synced.
    Seq(u64),
}

/// One thing owed.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Put a task on the bus.
    Publish {
        /// The task.
        task: TaskIndex,
        /// The message.
        message: Box<TaskMessage>,
    },
    /// Take a published task back.
    Unpublish {
        /// Position in the stream.
        seq: u64,
    },
    /// Answer a claim.
    ReplyClaim(RequestId, ClaimReply),
    /// Answer an attempt report.
    ReplyAttempt(RequestId, AttemptReply),
    /// Answer a heartbeat.
    ReplyHeartbeat(RequestId, HeartbeatReply),
    /// Say whether a model may be asked, and under which number.
    ReplyReserve(RequestId, Result<CallId, Unreserved>),
    /// Say that a call's end is known.
    ReplySettle(RequestId),
    /// The result needs no further delivery.
    AckResult(RequestId),
    /// Tell all workers to stop attempts of this run.
    Cancel {
        /// One task only.
        task: Option<TaskId>,
        /// Without grace.
        kill: bool,
    },
    /// The run is over.
    Finished {
        /// How.
        outcome: RunOutcome,
        /// The process's exit code.
        exit_code: u8,
    },
}

/// A change of what is not journaled: workers, deliveries, timers. Lost with the process, and
/// rebuilt from what workers say.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// The first task that waited for its verdict was looked at.
    VerdictTaken,
    /// The first ready task of the pool was looked at.
    ReadyTaken(Pool),
    /// The first ready task waits until there is room beneath this ancestor, which has `max_parallel`.
    ReadyParked {
        /// Its pool.
        pool: Pool,
        /// The ancestor.
        full: TaskIndex,
    },
    /// The first ready task waits for a need of this ancestor that was reopened.
    ReadyHeldBack {
        /// Its pool.
        pool: Pool,
        /// The ancestor.
        behind: TaskIndex,
    },
    /// A task that waited for its verdict waits for a need of an ancestor that was reopened.
    HeldBack {
        /// The task.
        task: TaskIndex,
        /// The ancestor.
        behind: TaskIndex,
    },
    /// The reopened needs of this task are over again.
    Released(TaskIndex),
    /// The task may be published, or may expand.
    Ready(TaskIndex),
    /// The task is on its way to the bus.
    Published {
        /// The task.
        task: TaskIndex,
        /// Its delivery.
        lease: LeaseId,
    },
    /// The bus has it.
    Stored {
        /// The task.
        task: TaskIndex,
        /// Its delivery.
        lease: LeaseId,
        /// Position in the stream.
        seq: u64,
    },
    /// It was taken back, to be published anew.
    Unpublished(TaskIndex),
    /// A delay is over.
    Due(TaskIndex),
    /// The lease belongs to this life of its worker.
    Granted {
        /// The task.
        task: TaskIndex,
        /// The life.
        incarnation: Incarnation,
    },
    /// Leases of these tasks hold until then.
    Renewed {
        /// The tasks.
        tasks: Vec<TaskIndex>,
        /// On the monotonic clock.
        until: Duration,
    },
    /// A worker said that it lives.
    WorkerSeen(WorkerHello),
    /// A worker is no longer counted on.
    WorkerGone(WorkerId),
    /// Every open task without a lease is to be looked at again, because the run is cancelled.
    CancelAll,
    /// A paused run stops its attempts, too.
    Halted,
    /// Who wants to ask a model waits until calls in flight have used less than was set aside for them.
    AskWaits(RequestId, Box<Reserved>),
    /// Who waited has an answer.
    AskAnswered(RequestId),
    /// Who waits was looked at; calls in flight leave no room yet.
    AsksLooked,
}

/// What follows from one input: events first, then notes, then effects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// Facts for the journal.
    pub events: Vec<EventKind>,
    /// Changes that are not journaled.
    pub notes: Vec<Note>,
    /// What is owed outside.
    pub effects: Vec<(Gate, Effect)>,
}

impl Decision {
    /// Nothing follows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.notes.is_empty() && self.effects.is_empty()
    }

    pub(super) fn event(mut self, event: EventKind) -> Self {
        self.events.push(event);
        self
    }

    pub(super) fn note(mut self, note: Note) -> Self {
        self.notes.push(note);
        self
    }

    pub(super) fn effect(mut self, gate: Gate, effect: Effect) -> Self {
        self.effects.push((gate, effect));
        self
    }
}
