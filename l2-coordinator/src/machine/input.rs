//! Everything that can happen to a run: a closed enum.

use std::time::Duration;

use protocol::budget::{CallId, Reserved, Settled};
use protocol::event::Origin;
use protocol::ids::{Incarnation, LeaseId, TaskId, WorkerId};
use protocol::message::{AttemptReport, ClaimRequest, Heartbeat, TaskResult, WorkerHello};
use protocol::plan::TaskIndex;

/// Names the request that an effect answers; the driver keeps the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub u64);

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A worker offers its slots.
    Hello(WorkerHello),
    /// A worker wants to start a task.
    Claim(RequestId, ClaimRequest),
    /// A worker is between two attempts.
    Attempt(RequestId, AttemptReport),
    /// A worker lives and says what it holds.
    Heartbeat(RequestId, Heartbeat),
    /// A worker's last word under a lease.
    Result(RequestId, Box<TaskResult>),
    /// Somebody wants to ask a model, which may come to this much.
    Reserve(RequestId, Box<Reserved>),
    /// A call of a model is over.
    Settled(RequestId, Box<Settled>),
    /// Whoever was to make this call was gone before the answer came: it was not made.
    Unasked(CallId),
    /// The owner of an in-process worker saw it end.
    WorkerGone(WorkerId, Incarnation),
    /// The bus has the task; where, so that it can be taken back.
    Stored {
        /// The task.
        task: TaskIndex,
        /// Its delivery.
        lease: LeaseId,
        /// Position in the stream.
        seq: u64,
    },
    /// Somebody wants the run to end; again: at once.
    Cancel(Origin),
    /// The journal cannot be written, or the run is to stop for another reason and go on later.
    Pause(String),
    /// The attempts of a paused run are to end, too; they run again after a resume.
    Halt,
    /// A sealed file of a done task is not what it was.
    Corrupt {
        /// The task that made it.
        task: TaskId,
        /// The file.
        path: String,
    },
    /// Time passed.
    Tick,
    /// Nothing happened; what follows from the state as it is? Asked until nothing does.
    Settle,
}

/// The earliest instant at which [`Input::Tick`] has something to do.
pub type Deadline = Option<Duration>;
