//! A sealed output: which file, how big, with what digest.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// One file of an artifact, copied out of a workspace and hashed while copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct SealedFile {
    /// Path beneath the run directory, `artifacts/<task>/…`, `/`-separated, never `..`.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the content.
    pub sha256: Digest,
}

/// A named output of a task: one file, or all files beneath a declared directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct Artifact {
    /// The name the scenario gives it.
    pub name: String,
    /// Media type by file name, `application/octet-stream` when unknown.
    pub media_type: String,
    /// Present and true when a directory was declared; then `files` may hold any number, sorted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub directory: bool,
    /// Links, pipes, sockets and devices beneath the directory, which are no results and were left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// The files.
    pub files: Vec<SealedFile>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Artifact {
    /// Size of all files in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        // The sizes come from a journal, which anybody can write.
        self.files
            .iter()
            .fold(0, |sum, file| sum.saturating_add(file.bytes))
    }
}
