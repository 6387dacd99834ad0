//! Bounds that travel with every task message.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::limit_origins::LimitOrigins;
use super::sandbox::{Confine, SandboxLevel};

/// Time limits of one attempt, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Timeout {
    /// From start to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u64>,
    /// Without any output on either stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_ms: Option<u64>,
}

/// Bounds on what an attempt uses. Absent: unbounded, or whatever the host's own limits are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Processor time of any one process, milliseconds, rounded up to seconds by the kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    /// Memory of all processes together, bytes; private temporary files count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Processes and threads at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<u32>,
    /// Bytes on disk in workspace and home together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_bytes: Option<u64>,
    /// Bytes of any one file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
    /// Files and directories in workspace and home together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// Bytes of private temporary files (`/tmp`, `/dev/shm`), which are memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tmp_bytes: Option<u64>,
}

/// Limits as a scenario asks for them, to be narrowed only. Absent: whatever the policy grants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LimitsRequest {
    /// From start to end of an attempt, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u64>,
    /// Without any output on either stream, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_ms: Option<u64>,
    /// As [`Limits::cpu_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    /// As [`Limits::memory_bytes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// As [`Limits::pids`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<u32>,
    /// Bytes kept of each output stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
    /// As [`Limits::disk_bytes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_bytes: Option<u64>,
    /// As [`Limits::files`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// As [`Limits::file_bytes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
    /// As [`Limits::tmp_bytes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tmp_bytes: Option<u64>,
}

/// What one attempt may use. Part of every task message; the worker enforces it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct Constraints {
    /// Required confinement.
    pub level: SandboxLevel,
    /// Time limits.
    #[serde(default)]
    pub timeout: Timeout,
    /// Between SIGTERM and SIGKILL of the tree, milliseconds.
    pub grace_ms: u64,
    /// Bytes kept of each output stream; the rest is drained and dropped.
    pub output_bytes: u64,
    /// Bytes of all outputs (`$ORCHESTRA_OUTPUT`) of one attempt.
    pub outputs_bytes: u64,
    /// Bytes of all artifacts of one attempt.
    pub artifact_bytes: u64,
    /// Files of all artifacts of one attempt.
    pub artifact_files: u64,
    /// Bounds on what it uses.
    #[serde(default)]
    pub limits: Limits,
    /// Who set the limits, where that is known; for messages to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits_by: Option<Arc<LimitOrigins>>,
    /// What is open to it.
    #[serde(default)]
    pub confine: Arc<Confine>,
    /// Its task declares what it writes: whether it does is to be looked at.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub observe: bool,
}

impl Constraints {
    /// Between SIGTERM and SIGKILL: long enough for a compiler or a database to tidy up, short enough
    /// to wait for.
    pub const GRACE_MS: u64 = 10_000;
    /// Outputs travel in messages and events; anything bigger is an artifact.
    pub const OUTPUTS_BYTES: u64 = 64 * 1024;

    /// Unconfined, with the bounds that every attempt has.
    #[must_use]
    pub fn unconfined() -> Self {
        Self {
            level: SandboxLevel::None,
            timeout: Timeout::default(),
            grace_ms: Self::GRACE_MS,
            // A verbose build writes a few MiB; a loop writes everything it can.
            output_bytes: 16 * 1024 * 1024,
            outputs_bytes: Self::OUTPUTS_BYTES,
            artifact_bytes: 16 * 1024 * 1024 * 1024,
            artifact_files: 10_000,
            limits: Limits::default(),
            limits_by: None,
            confine: Arc::default(),
            observe: false,
        }
    }
}

impl Default for Constraints {
    fn default() -> Self {
        Self::unconfined()
    }
}
