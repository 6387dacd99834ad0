//! What a person granted beyond the pack, by approving a digest under which it was shown.

use serde::{Deserialize, Serialize};

use super::effective::Policy;
use super::place::PolicyPath;
use super::rule::SecretSourceKind;
use super::sandbox::Network;
use super::verdict::Verdict;
use crate::ids::TaskId;

/// One thing that is granted. Everything that can be granted by an approval is here; what is not here,
/// such as a lower level, is for a pack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(tag = "grant", rename_all = "snake_case", deny_unknown_fields)]
pub enum Granted {
    /// Start this program, as the task names it.
    Program {
        /// Its name or path.
        program: String,
    },
    /// Read this path.
    Read {
        /// The path.
        path: PolicyPath,
    },
    /// Write this path.
    Write {
        /// The path.
        path: PolicyPath,
    },
    /// Use this network.
    Network {
        /// Which.
        network: Network,
    },
    /// Have this secret.
    Secret {
        /// Its name.
        name: String,
    },
    /// Take this secret from such a source.
    SecretSource {
        /// Its name.
        name: String,
        /// The source.
        source: SecretSourceKind,
    },
    /// Set this variable.
    Variable {
        /// Its name.
        name: String,
    },
}

/// A grant to a task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// What.
    pub what: Granted,
    /// To which task, as written: to all items of a fan-out. Absent: to the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// Who granted it; empty while it is only proposed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
}

/// A task's id as it was written: without the indices of fan-outs.
pub(super) fn authored(id: &str) -> std::borrow::Cow<'_, str> {
    if !id.contains('[') {
        return id.into();
    }
    let mut inside = false;
    let written = id.chars().filter(|c| {
        inside |= *c == '[';
        let keep = !inside;
        inside &= *c != ']';
        keep
    });
    written.collect::<String>().into()
}

impl Policy {
    /// The same policy with what an approval of this verdict grants.
    #[must_use]
    pub fn granting(&self, verdict: &Verdict, by: &str) -> Self {
        let mut granting = self.clone();
        for grant in &verdict.grants {
            granting.grants.insert(Grant {
                by: by.to_owned(),
                ..grant.clone()
            });
        }
        granting
    }
}
