//! Canned attempts on tokio's time: simulation and scenarios without processes.

use std::time::Duration;

use async_trait::async_trait;
use protocol::artifact::Artifact;
use protocol::event::AttemptEnd;
use protocol::message::TaskMessage;
use protocol::outcome::{Failure, FailureClass};
use protocol::policy::SandboxLevel;
use serde_json::{Map, Value};

use super::api::{Attempt, AttemptResult, Executor};

/// What one scripted attempt does.
#[derive(Clone, Debug, Default)]
pub struct Scripted {
    /// How long it takes, unless it is stopped.
    pub takes: Duration,
    /// Why it fails; nothing: it succeeds.
    pub failure: Option<Failure>,
    /// Exit code; 0 for a success when nothing is said.
    pub exit: Option<i32>,
    /// Outputs of a success.
    pub outputs: Map<String, Value>,
    /// Artifacts of a success.
    pub artifacts: Vec<Artifact>,
}

type Script = Box<dyn Fn(&TaskMessage, u32) -> Scripted + Send + Sync>;

/// Asks a script what each attempt does. Deterministic if the script is.
pub struct ScriptedExecutor {
    script: Script,
}

impl ScriptedExecutor {
    /// From a function of the task and the attempt's number.
    #[must_use]
    pub fn new(script: impl Fn(&TaskMessage, u32) -> Scripted + Send + Sync + 'static) -> Self {
        Self {
            script: Box::new(script),
        }
    }
}

#[async_trait]
impl Executor for ScriptedExecutor {
    fn level(&self) -> SandboxLevel {
        SandboxLevel::None
    }

    fn blocks(&self) -> bool {
        false
    }

    async fn execute(&self, attempt: Attempt<'_>) -> AttemptResult {
        let begun = tokio::time::Instant::now();
        let mut scripted = (self.script)(attempt.task, attempt.number);
        tokio::select! {
            biased;
            _ = attempt.stop.raised() => {
                let cancelled = Failure::new(FailureClass::Cancelled, "cancelled");
                scripted = Scripted { failure: Some(cancelled), ..Scripted::default() };
            }
            () = tokio::time::sleep(scripted.takes) => {}
        }
        let succeeded = scripted.failure.is_none();
        let end = AttemptEnd {
            level: SandboxLevel::None,
            degraded: Vec::new(),
            denied: Vec::new(),
            agent_denied: Vec::new(),
            model: None,
            writes: Vec::new(),
            exit: scripted.exit.or(succeeded.then_some(0)),
            signal: None,
            failure: scripted.failure,
            wall_us: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
            cpu_us: 0,
            peak_rss_bytes: 0,
            peak_memory_bytes: None,
            peak_disk_bytes: None,
            out: None,
            err: None,
            tail: None,
        };
        AttemptResult {
            end,
            outputs: scripted.outputs,
            artifacts: scripted.artifacts,
        }
    }
}
