//! The seam between the worker's loop and what it runs.

use async_trait::async_trait;
use protocol::artifact::Artifact;
use protocol::event::AttemptEnd;
use protocol::message::TaskMessage;
use protocol::policy::SandboxLevel;
use serde_json::{Map, Value};

use crate::stop::Stop;

/// One attempt to execute.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The task.
    pub task: &'a TaskMessage,
    /// Number of the attempt, from 1.
    pub number: u32,
    /// Which slot it runs in; a slot runs one attempt at a time.
    pub slot: usize,
    /// The order to stop it.
    pub stop: &'a Stop,
}

/// How an attempt ended, and what it produced.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptResult {
    /// How; without `failure` it succeeded.
    pub end: AttemptEnd,
    /// Declared outputs of a success.
    pub outputs: Map<String, Value>,
    /// Sealed, synced files of a success.
    pub artifacts: Vec<Artifact>,
}

/// Executes attempts. Never fails itself: whatever goes wrong is how the attempt ended.
#[async_trait]
pub trait Executor: Send + Sync + 'static {
    /// The confinement it gives.
    fn level(&self) -> SandboxLevel;

    /// Whether [`Self::execute`] blocks its thread, so that every slot needs one of its own.
    fn blocks(&self) -> bool;

    /// Runs one attempt until nothing of it is left. Not cancel-safe: stop it by its [`Stop`].
    async fn execute(&self, attempt: Attempt<'_>) -> AttemptResult;
}
