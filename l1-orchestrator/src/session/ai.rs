//! The worker that asks models: an executor around [`AiTask`], in this process and in no other. What a
//! prompt names is read here, what comes of it sealed here; what is asked, and how often, is not decided
//! here.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use l2_coordinator::ai_task::{AiTask, Material, Outcome, PromptTask, Tiered, room_for_context};
use l2_coordinator::model::{CallBook, CallJournal, ErrorKind, ModelError, Recall};
use l3_worker::secrets::Guard;
use l3_worker::{
    Attempt, AttemptResult, Executor, OutputChunk, OutputObserver, Produced, Room, Stop,
    StreamName, conclude, peek_input,
};
use protocol::event::ModelEnd;
use protocol::message::{ContextSource, PromptMessage, TaskMessage};
use protocol::outcome::{Failure, FailureClass};
use protocol::policy::SandboxLevel;
use serde_json::Map;

use crate::models::{Chosen, Tiers};

/// Calls at once: what a provider's first tier lets through without being told to wait.
pub(super) const SLOTS: usize = 8;
/// Bytes of context that one attempt holds in memory; several times what any model takes.
const MAX_CONTEXT_BYTES: usize = 32 * 1024 * 1024;

/// Asks models for tasks with a prompt.
pub(super) struct ModelExecutor {
    ai: AiTask,
    run_dir: PathBuf,
    secrets: Guard,
    live: Option<OutputObserver>,
}

/// What an executor of a run works with.
pub(super) struct Surroundings {
    /// The run's directory.
    pub(super) run_dir: PathBuf,
    /// Keeps secrets out of what is told.
    pub(super) secrets: Guard,
    /// Shows replies.
    pub(super) live: Option<OutputObserver>,
    /// Takes calls into the journal.
    pub(super) journal: Arc<dyn CallJournal>,
    /// What an earlier life of the run paid for.
    pub(super) recall: Recall,
}

impl ModelExecutor {
    pub(super) fn new(tiers: &Tiers, at: Surroundings) -> Self {
        let prices = Arc::clone(&tiers.prices);
        let book = |chosen: &Chosen| {
            Arc::new(CallBook::new(
                at.run_dir.clone(),
                Arc::clone(&chosen.model),
                Arc::clone(&prices),
                Arc::clone(&at.journal),
                at.recall.clone(),
            ))
        };
        let smart = book(&tiers.smart);
        // One book for one model, so that no reply of an earlier life is given twice.
        let fast = match Arc::ptr_eq(&tiers.smart.model, &tiers.fast.model) {
            true => Arc::clone(&smart),
            false => book(&tiers.fast),
        };
        let tiered = |calls, chosen: &Chosen| Tiered {
            calls,
            model: chosen.name.clone(),
            effort: chosen.effort,
        };
        Self {
            ai: AiTask {
                fast: tiered(fast, &tiers.fast),
                smart: tiered(smart, &tiers.smart),
                max_tokens: tiers.smart.max_tokens,
            },
            run_dir: at.run_dir,
            secrets: at.secrets,
            live: at.live,
        }
    }

    /// Reads what the prompt names and asks.
    async fn ask(&self, task: &Arc<TaskMessage>, stop: &Stop) -> Produced {
        let Some(prompt) = task.prompt.as_deref() else {
            let message = "a task without a prompt came to those who ask models";
            return nothing(Failure::new(FailureClass::Internal, message));
        };
        let (run_dir, message) = (self.run_dir.clone(), Arc::clone(task));
        let read = blocking(move || material(&message, &run_dir)).await;
        let material = match read {
            Ok(Ok(material)) => material,
            Ok(Err(failure)) | Err(failure) => return nothing(failure),
        };
        let work = PromptTask {
            task: &task.task_id,
            prompt,
            material: &material,
            outputs: &task.outputs,
            artifacts: &task.artifacts,
        };
        let until = std::pin::pin!(until(task, stop));
        produced(self.ai.attempt(&work, until).await)
    }

    fn show(&self, attempt: Attempt<'_>, produced: &Produced) {
        let Some(live) = &self.live else { return };
        let streams = [
            (StreamName::Out, &produced.out),
            (StreamName::Err, &produced.err),
        ];
        for (stream, text) in streams {
            if !text.is_empty() {
                live(&OutputChunk {
                    task: &attempt.task.task_id,
                    attempt: attempt.number,
                    stream,
                    bytes: self.secrets.redact(text).as_bytes(),
                });
            }
        }
    }
}

#[async_trait]
impl Executor for ModelExecutor {
    fn level(&self) -> SandboxLevel {
        // It starts nothing that there would be to confine.
        SandboxLevel::Strict
    }

    fn blocks(&self) -> bool {
        false
    }

    async fn execute(&self, attempt: Attempt<'_>) -> AttemptResult {
        let begun = Instant::now();
        let task = Arc::new(attempt.task.clone());
        let produced = self.ask(&task, attempt.stop).await;
        self.show(attempt, &produced);
        let (run_dir, secrets) = (self.run_dir.clone(), self.secrets.clone());
        let (message, number) = (Arc::clone(&task), attempt.number);
        let kept = blocking(move || {
            conclude(
                &message,
                number,
                produced,
                &run_dir,
                &secrets,
                begun.elapsed(),
            )
        });
        match kept.await {
            Ok(result) => result,
            // Nothing is kept of an attempt whose keeping broke, but its end is told.
            Err(failure) => conclude(
                &task,
                attempt.number,
                nothing(failure),
                &self.run_dir,
                &self.secrets,
                begun.elapsed(),
            ),
        }
    }
}

/// Syncing and hashing take milliseconds and more: not on the thread of the coordinator.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))
}

/// Resolves when nobody waits for the attempt any more.
async fn until(task: &TaskMessage, stop: &Stop) -> ModelError {
    let wall = task.constraints.timeout.wall_ms;
    let late = async {
        match wall {
            Some(ms) => tokio::time::sleep(std::time::Duration::from_millis(ms)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        _ = stop.raised() => ModelError::new(ErrorKind::Cancelled, "cancelled"),
        () = late => {
            let seconds = std::time::Duration::from_millis(wall.unwrap_or_default()).as_secs_f64();
            ModelError::new(ErrorKind::TimedOut, format!("no answer that fits within {seconds} s"))
        }
    }
}

/// Everything that the prompt names, as far as there is use for it.
fn material(task: &TaskMessage, run_dir: &Path) -> Result<Vec<Material>, Failure> {
    let Some(PromptMessage {
        context,
        context_tokens,
        ..
    }) = task.prompt.as_deref()
    else {
        return Ok(Vec::new());
    };
    let mut room = Room {
        each: room_for_context(*context_tokens).min(MAX_CONTEXT_BYTES),
        all: MAX_CONTEXT_BYTES,
    };
    let mut material = Vec::new();
    for item in context {
        match &item.source {
            ContextSource::Text { text } => material.push(Material {
                label: item.label.clone(),
                bytes: text.clone().into_bytes(),
                total: text.len() as u64,
            }),
            ContextSource::File { source } => {
                let label = &item.label;
                let peeked = peek_input(source, label, run_dir, &task.constraints, &mut room)?;
                material.extend(peeked.into_iter().map(|file| Material {
                    label: match file.name.is_empty() {
                        true => label.clone(),
                        false => format!("{label}/{}", file.name),
                    },
                    bytes: file.bytes,
                    total: file.total,
                }));
            }
        }
    }
    Ok(material)
}

fn produced(outcome: Outcome) -> Produced {
    let lines = |said: Vec<String>| said.into_iter().map(|line| line + "\n").collect();
    Produced {
        failure: outcome.failure,
        outputs: outcome.outputs,
        files: outcome.files,
        out: outcome.text,
        err: lines(outcome.said),
        model: outcome.end,
    }
}

fn nothing(failure: Failure) -> Produced {
    Produced {
        failure: Some(failure),
        outputs: Map::new(),
        files: std::collections::BTreeMap::new(),
        out: String::new(),
        err: String::new(),
        model: ModelEnd {
            model: String::new(),
            calls: 0,
            findings: Vec::new(),
        },
    }
}
