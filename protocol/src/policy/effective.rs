//! The effective policy of a run: a pack, tightened on the way. It is `policy.json`, and everything
//! that is decided or enforced is decided by this value.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

use super::grant::Grant;
use super::limits::LimitsRequest;
use super::origin::Origins;
use super::place::PolicyPath;
use super::rule::{Approvals, Budgets, Mode, ProgramRule, SecretSourceKind, Toolchain};
use super::sandbox::{Guarantee, Network, SandboxLevel, UnixSockets};

/// The `schema` of this version of `policy.json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub enum PolicySchema {
    /// The only one.
    #[default]
    #[serde(rename = "orchestra.policy/v1")]
    V1,
}

/// How tasks are confined.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SandboxRule {
    /// By which means.
    pub level: SandboxLevel,
    /// Whether the person who starts a run may choose a lower level.
    pub may_lower: bool,
    /// Guarantees without which nothing starts.
    #[serde(default)]
    pub require: BTreeSet<Guarantee>,
    /// Guarantees that a host need not keep; every other one is required, named or not.
    #[serde(default)]
    pub allow_degraded: BTreeSet<Guarantee>,
    /// Unix sockets.
    pub unix_sockets: UnixSockets,
    /// Debuggers.
    pub debug: bool,
}

/// What of the file system is open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PathRule {
    /// Read, beyond the system's own files.
    #[serde(default)]
    pub read: BTreeSet<PolicyPath>,
    /// Written, beyond a fresh workspace.
    #[serde(default)]
    pub write: BTreeSet<PolicyPath>,
    /// Beneath what can be written: read only.
    #[serde(default)]
    pub protect: BTreeSet<PolicyPath>,
}

/// Variables beyond those that every task has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EnvironmentRule {
    /// Handed through from the worker's own environment.
    #[serde(default)]
    pub pass: BTreeSet<String>,
    /// Variables that make loaders and interpreters run other code, which a task may set nevertheless.
    #[serde(default)]
    pub allow: BTreeSet<String>,
}

/// Secrets that may be granted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SecretRule {
    /// Names; `*` stands for any characters.
    #[serde(default)]
    pub allow: BTreeSet<String>,
    /// Where their values may come from.
    #[serde(default)]
    pub sources: BTreeSet<SecretSourceKind>,
}

/// What a run may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// This version of the shape.
    pub schema: PolicySchema,
    /// `pack@version`.
    pub pack: String,
    /// What findings about governance do.
    pub mode: Mode,
    /// Confinement.
    pub sandbox: SandboxRule,
    /// Programs that may be started, sorted by name, each name once.
    pub programs: Vec<ProgramRule>,
    /// Whether programs in a workspace or in the tree may be started.
    pub workspace_programs: bool,
    /// Paths.
    pub paths: PathRule,
    /// Toolchains in the user's home, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub toolchains: BTreeMap<String, Toolchain>,
    /// Network.
    pub network: Network,
    /// Environment.
    pub environment: EnvironmentRule,
    /// Secrets.
    pub secrets: SecretRule,
    /// Bounds of every attempt.
    pub limits: LimitsRequest,
    /// Bounds of the run.
    pub budgets: Budgets,
    /// When a plan waits for a person.
    pub approvals: Approvals,
    /// What a person granted beyond all that, by approving a digest.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub grants: BTreeSet<Grant>,
    /// Where each value comes from. No part of the file nor of the digest.
    #[serde(skip)]
    pub(super) origins: Origins,
}

/// Why bytes are no policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// More than are read.
    #[error("the policy has {0} bytes; at most {max} are read", max = Policy::MAX_BYTES)]
    TooBig(usize),
    /// Not this JSON.
    #[error("not a policy of this version")]
    Json(#[from] serde_json::Error),
}

impl Policy {
    /// The domain of its digest.
    pub const DIGEST_DOMAIN: &'static str = "policy/v1";
    /// Bytes of `policy.json` that are read: far beyond the largest pack with a grant for every task.
    pub const MAX_BYTES: usize = 16 * 1024 * 1024;

    /// SHA-256 over the canonical JSON.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_canonical(Self::DIGEST_DOMAIN, self)
            .expect("a policy holds integers and text only")
    }

    /// The content of `policy.json`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("a policy serializes");
        text.push(b'\n');
        text
    }

    /// Reads `policy.json`.
    ///
    /// # Errors
    /// It is too big, or not of this version.
    pub fn from_json(bytes: &[u8]) -> Result<Self, PolicyError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(PolicyError::TooBig(bytes.len()));
        }
        let mut policy: Self = serde_json::from_slice(bytes)?;
        policy.programs.sort_unstable();
        policy
            .programs
            .dedup_by(|one, other| one.program == other.program);
        Ok(policy)
    }
}
