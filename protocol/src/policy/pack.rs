//! Packs as they are written, and what tightens them: the same words, every one optional. Reading
//! them is [`crate::scenario`]'s, merging them is `merge`'s and `tighten`'s.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::LimitsRequest;
use super::place::PolicyPath;
use super::request::PolicyRequest;
use super::rule::{
    ApproveWhen, Budgets, Mode, ProgramRule, SecretSourceKind, TaskApproval, Toolchain,
};
use super::sandbox::{Guarantee, Network, SandboxLevel, UnixSockets};

/// What a pack, a project or a scenario says. `None`: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// What findings about governance do.
    pub mode: Option<Mode>,
    /// Means of confinement.
    pub level: Option<SandboxLevel>,
    /// Whether a lower level may be chosen.
    pub may_lower: Option<bool>,
    /// Guarantees without which nothing starts.
    pub require: Option<BTreeSet<Guarantee>>,
    /// Guarantees a host need not keep.
    pub allow_degraded: Option<BTreeSet<Guarantee>>,
    /// Unix sockets.
    pub unix_sockets: Option<UnixSockets>,
    /// Debuggers.
    pub debug: Option<bool>,
    /// Programs.
    pub programs: Option<Vec<ProgramRule>>,
    /// Programs in a workspace or in the tree.
    pub workspace_programs: Option<bool>,
    /// Paths read.
    pub read: Option<BTreeSet<PolicyPath>>,
    /// Paths written.
    pub write: Option<BTreeSet<PolicyPath>>,
    /// Paths protected.
    pub protect: Option<BTreeSet<PolicyPath>>,
    /// Toolchains by name.
    pub toolchains: Option<BTreeMap<String, Toolchain>>,
    /// Network.
    pub network: Option<Network>,
    /// Variables handed through.
    pub pass: Option<BTreeSet<String>>,
    /// Variables of loaders and interpreters that may be set.
    pub allow_variables: Option<BTreeSet<String>>,
    /// Secrets by name.
    pub secrets: Option<BTreeSet<String>>,
    /// Where secrets may come from.
    pub secret_sources: Option<BTreeSet<SecretSourceKind>>,
    /// Bounds of an attempt; `Some(None)` where a pack takes an inherited one away.
    pub limits: LimitTerms,
    /// Bounds of a run.
    pub budgets: Budgets,
    /// When any plan waits for a person.
    pub plans: Option<ApproveWhen>,
    /// When one that a model made does.
    pub planned: Option<ApproveWhen>,
    /// Tasks whose plans wait for one.
    pub tasks: Option<BTreeSet<TaskApproval>>,
}

/// Limits that are given, and those that are taken away (`none`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitTerms {
    /// Given.
    pub given: LimitsRequest,
    /// Names of those that are `none`.
    pub unbounded: BTreeSet<&'static str>,
}

/// A pack as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pack {
    /// Its name.
    pub name: String,
    /// Its own version.
    pub version: u32,
    /// What it is for.
    pub description: Option<String>,
    /// The pack of this build that it is built on.
    pub base: Option<String>,
    /// What it says.
    pub terms: Terms,
}

impl Pack {
    /// `name@version`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// What a project or a scenario asks to have narrowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tightening {
    /// The pack it was written for.
    pub pack: Option<String>,
    /// What it says.
    pub terms: Terms,
}

impl Tightening {
    /// A scenario's `policy`. Paths that are none, which the scenario's own check reports, are left out.
    #[must_use]
    pub fn of_request(request: &PolicyRequest) -> Self {
        let paths = |texts: &Vec<String>| {
            let paths = texts.iter().map(|text| PolicyPath::of_scenario(text));
            paths.filter_map(Result::ok).collect()
        };
        let programs = |names: &Vec<String>| names.iter().map(ProgramRule::any_arguments).collect();
        Self {
            pack: request.pack.clone(),
            terms: Terms {
                programs: request.programs.as_ref().map(programs),
                read: request.read.as_ref().map(paths),
                write: request.write.as_ref().map(paths),
                network: request.network,
                budgets: request.budget.unwrap_or_default(),
                limits: LimitTerms {
                    given: request.limits.unwrap_or_default(),
                    ..LimitTerms::default()
                },
                ..Terms::default()
            },
        }
    }
}
