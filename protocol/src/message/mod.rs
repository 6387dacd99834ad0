//! What coordinator and workers say to each other: task messages, claims, attempt reports, results,
//! heartbeats. JSON; tolerant of unknown fields, because the other side may be newer.

mod exchange;
mod prompt;
mod task;

pub use exchange::{
    AttemptReply, AttemptReport, Cancel, ClaimReply, ClaimRequest, Denial, Heartbeat,
    HeartbeatReply, TaskOutcome, TaskResult, WorkerHello,
};
pub use prompt::{ContextItem, ContextSource, FallbackMessage, PromptMessage};
pub use task::{FileSource, MAX_MESSAGE_BYTES, MESSAGE_VERSION, StagedFile, TaskMessage};
