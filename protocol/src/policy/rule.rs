//! Words and small records that packs and effective policies share. Data only.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::place::PolicyPath;
use super::request::SecretSource;

/// What happens to a finding about governance. Containment and approvals do not depend on it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It is told, and the run goes on.
    #[default]
    Warn,
    /// It refuses the plan.
    Enforce,
}

/// When a person is asked.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApproveWhen {
    /// Never: a plan inside the pack is approved `by: default`.
    #[default]
    Never,
    /// When there is a warning.
    OnWarning,
    /// Always.
    Always,
}

/// A program, by name, and what may follow it. Admission, not containment: what an admitted program
/// starts is confined by the sandbox, not by this.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProgramRule {
    /// Its name; `*` stands for any characters.
    pub program: String,
    /// What its arguments may be.
    #[serde(default, skip_serializing_if = "ArgumentRule::is_empty")]
    pub args: ArgumentRule,
    /// Why, one line; shown where the rule refuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Command lines that show what it means; the verb `policy test` holds the rule against them.
    #[serde(default, skip_serializing_if = "RuleExamples::is_empty")]
    pub examples: RuleExamples,
}

impl ProgramRule {
    /// A program with any arguments.
    #[must_use]
    pub fn any_arguments(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            args: ArgumentRule::default(),
            why: None,
            examples: RuleExamples::default(),
        }
    }
}

/// Arguments by patterns. A pattern is words; `*` in a word stands for any characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ArgumentRule {
    /// If any: the arguments have to begin with the words of one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// The arguments must not hold the words of one of these in their order, whatever stands between.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

impl ArgumentRule {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }
}

/// Command lines a rule is tested with.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RuleExamples {
    /// Admitted by the rule.
    #[serde(default, rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub matching: Vec<String>,
    /// Not admitted by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub no_match: Vec<String>,
}

impl RuleExamples {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.matching.is_empty() && self.no_match.is_empty()
    }
}

/// What of a home directory a toolchain needs. What does not exist is passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Toolchain {
    /// Places read and executed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub read: BTreeSet<PolicyPath>,
    /// Directories before those of `PATH`, in this order; read, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<PolicyPath>,
    /// Variables; a value that starts with `~/` is a path in the home.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

/// A kind of [`SecretSource`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SecretSourceKind {
    /// A variable of orchestra's own environment.
    Env,
    /// A file.
    File,
    /// What a program prints.
    Command,
}

impl SecretSourceKind {
    /// The kind of a source.
    #[must_use]
    pub const fn of(source: &SecretSource) -> Self {
        match source {
            SecretSource::Env { .. } => Self::Env,
            SecretSource::File { .. } => Self::File,
            SecretSource::Command { .. } => Self::Command,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Env => "env",
            Self::File => "file",
            Self::Command => "command",
        }
    }
}

/// Tasks whose plan a person approves whatever `plans` says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TaskApproval {
    /// Of their ids; `*` stands for any characters.
    #[serde(rename = "match")]
    pub pattern: String,
    /// When.
    pub approve: ApproveWhen,
}

/// When a plan waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Approvals {
    /// Any plan.
    pub plans: ApproveWhen,
    /// A plan that a model made. Left out, as policies of earlier builds have it: always, for nobody has
    /// read what it would run.
    #[serde(default = "always", skip_serializing_if = "is_always")]
    pub planned: ApproveWhen,
    /// Plans that hold certain tasks.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tasks: BTreeSet<TaskApproval>,
}

impl Default for Approvals {
    fn default() -> Self {
        Self {
            plans: ApproveWhen::default(),
            planned: always(),
            tasks: BTreeSet::new(),
        }
    }
}

const fn always() -> ApproveWhen {
    ApproveWhen::Always
}

fn is_always(when: &ApproveWhen) -> bool {
    *when == ApproveWhen::Always
}

/// Bounds of a whole run. Absent: what the engine takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    /// Tasks, those that are expanded included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<u64>,
    /// Scenarios within each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u64>,
    /// Items of one fan-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u64>,
    /// Attempts of all tasks together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u64>,
    /// Tokens of all model calls together, prompts and replies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Cost of all model calls together, in nano-dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_nanos: Option<u64>,
    /// Model calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// Time from the run's beginning after which no model call starts, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u64>,
}
