//! Bounds that travel with every task message.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How far the kernel confines an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SandboxLevel {
    /// No confinement: clean environment, fresh workspace, limits on time and output only.
    None,
}

impl fmt::Display for SandboxLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
        }
    }
}

impl FromStr for SandboxLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "strict" | "landlock" => Err(format!(
                "sandbox level `{text}` is not built yet; this build has `none`"
            )),
            other => Err(format!(
                "`{other}` is not a sandbox level; this build has `none`"
            )),
        }
    }
}

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
}

impl Constraints {
    /// What holds before policy packs exist.
    pub const DEFAULT: Self = Self {
        level: SandboxLevel::None,
        timeout: Timeout {
            wall_ms: None,
            idle_ms: None,
        },
        // Long enough for a compiler or a database to tidy up, short enough to wait for.
        grace_ms: 10_000,
        // A verbose build writes a few MiB; a loop writes everything it can.
        output_bytes: 16 * 1024 * 1024,
        // Outputs travel in messages and events; anything bigger is an artifact.
        outputs_bytes: 64 * 1024,
        artifact_bytes: 16 * 1024 * 1024 * 1024,
        artifact_files: 10_000,
    };
}

impl Default for Constraints {
    fn default() -> Self {
        Self::DEFAULT
    }
}
