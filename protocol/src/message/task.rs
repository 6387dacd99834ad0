//! The task message: everything a worker needs but the permission to start.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::artifact::SealedFile;
use crate::ids::{CoordinatorId, LeaseId, RunId, TaskId};
use crate::plan::OutputType;
use crate::policy::{Constraints, RetryPolicy};

use super::prompt::PromptMessage;

/// Version of these messages; a peer with another one is refused with a clear error.
pub const MESSAGE_VERSION: u32 = 1;

/// Largest message either side accepts. Anything bigger travels by digest.
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// Where a staged file comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum FileSource {
    /// Sealed files of an earlier task; digests are verified while staging.
    Artifact {
        /// The files; exactly one unless `directory`.
        files: Vec<SealedFile>,
        /// Staged as a directory: each path beneath `strip` keeps its rest.
        directory: bool,
        /// Prefix of every file's path that is the artifact itself.
        strip: String,
    },
    /// A file or directory of the coordinator's host, by absolute path. In-process workers only.
    Local {
        /// Absolute path.
        path: String,
    },
}

/// One entry of a task's `files`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct StagedFile {
    /// Path in the workspace, relative, without `..`.
    pub to: String,
    /// What is put there.
    pub source: FileSource,
}

/// One task, ready to run: everything a worker needs but the permission to start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct TaskMessage {
    /// [`MESSAGE_VERSION`].
    pub version: u32,
    /// Who decides about this task.
    pub coordinator: CoordinatorId,
    /// The run.
    pub run_id: RunId,
    /// The task.
    pub task_id: TaskId,
    /// The task that this one was expanded from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<TaskId>,
    /// This delivery.
    pub lease: LeaseId,
    /// Program and arguments, never through a shell of ours; `run:` is `[shell…, script]`. Empty of a
    /// task that starts none.
    pub argv: Vec<String>,
    /// What a model is asked instead of starting a program. Never leaves the coordinator's process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Box<PromptMessage>>,
    /// Environment beyond what the worker always sets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Names of the secrets it is granted, sorted. Values are resolved on the worker's host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Root of the scenario's own tree on the coordinator's host, absolute: the workspace of a task
    /// with `workspace: project`. In-process workers only; without it the workspace is fresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Directory in the workspace to start in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Files staged into the workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<StagedFile>,
    /// Declared outputs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, OutputType>,
    /// Declared artifacts: name to path in the workspace; a trailing `/` is a directory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub artifacts: BTreeMap<String, String>,
    /// When an attempt is repeated.
    pub retry: RetryPolicy,
    /// What an attempt may use.
    pub constraints: Constraints,
    /// W3C trace context of the task.
    pub traceparent: String,
}
