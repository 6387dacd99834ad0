//! What a scenario asks for. Requests only: a pack grants or refuses them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sandbox::Network;

/// A task's `effects`: what it touches. Narrows what the policy grants it; asking for more is a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effects {
    /// Paths it reads beyond the system's files and its workspace: relative to the scenario's root,
    /// absolute, or with `~/`. Absent: whatever the policy grants; empty: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Vec<String>>,
    /// Paths it writes beyond its workspace, or, in a project, all that it writes there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<Vec<String>>,
    /// The network it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// Programs it starts, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programs: Option<Vec<String>>,
}

impl Effects {
    /// Nothing is said.
    pub const NONE: Self = Self {
        read: None,
        write: None,
        network: None,
        programs: None,
    };
}

/// A scenario's `policy`: the pack it wants, and what it asks to have narrowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyRequest {
    /// Name of the pack it was written for. It is a request: a weaker pack than the user's own choice
    /// is a finding.
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
    /// Programs its tasks start; narrows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programs: Option<Vec<String>>,
    /// Paths its tasks read; narrows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Vec<String>>,
    /// Paths its tasks write; narrows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<Vec<String>>,
    /// Network of its tasks; narrows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// Upper bounds, by the name of the limit as in packs; narrows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<super::limits::LimitsRequest>,
    /// Bounds of the whole run, which a scenario writes as `budget` at its top level; narrows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<super::rule::Budgets>,
}

/// Where a secret's value comes from, on the host that runs the task. Never the value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(tag = "from", rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretSource {
    /// A variable of orchestra's own environment.
    Env {
        /// Its name; the secret's own name when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// A file; one final line break is not part of the value.
    File {
        /// Relative to the scenario's root, absolute, or with `~/`.
        path: String,
    },
    /// What a program prints, run once, by the user, outside any sandbox; one final line break is not
    /// part of the value.
    Command {
        /// Program and arguments; no shell.
        argv: Vec<String>,
    },
}

/// Secrets of a scenario, by the name tasks ask for.
pub type Secrets = BTreeMap<String, SecretSource>;
