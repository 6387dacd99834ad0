//! What events about planning carry: what a model was asked for, and why its answer was no plan. Texts
//! are cut: the whole conversation is in `calls/`.

use serde::{Deserialize, Serialize};

use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::ids::TaskId;
use crate::outcome::cut;

/// Bytes of a goal in the journal; the scenario has the rest.
const MAX_GOAL: usize = 4 * 1024;
/// Problems of a rejected plan that are told; further ones are counted.
const MAX_PROBLEMS: usize = 20;
/// Bytes of one of them.
const MAX_PROBLEM: usize = 512;

/// A model is about to be asked for a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct PlanRequested {
    /// The task whose goal it is; absent for the scenario's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// The goal, its beginning if it is long.
    pub goal: String,
    /// Version of the prompt: `plan@1`.
    pub prompt: String,
    /// Digest of the prompt's template.
    pub prompt_digest: Digest,
    /// Examples that were shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
    /// The model, as its provider spells it.
    pub model: String,
}

/// An example that a model was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct Example {
    /// Its name.
    pub name: String,
    /// Its digest.
    pub digest: Digest,
}

impl PlanRequested {
    /// The goal as it is told.
    #[must_use]
    pub fn told_goal(goal: &str) -> String {
        cut(goal.to_owned(), MAX_GOAL)
    }
}

/// What a model answered is no plan that may be proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct PlanRejected {
    /// The task whose goal was planned; absent for the scenario's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// How often the answer had been sent back before: 0 at first.
    pub round: u32,
    /// The rule that refused it, kebab-case; the first of several.
    pub rule: String,
    /// What is wrong with it, one line each, escaped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// Further problems.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u64,
}

impl PlanRejected {
    /// By one rule, for one reason.
    #[must_use]
    pub fn by_rule(round: u32, rule: &str, problem: &str) -> Self {
        Self {
            task: None,
            round,
            rule: rule.to_owned(),
            problems: vec![told(problem)],
            more: 0,
        }
    }

    /// By what was found in it: the first of them is the rule. `None` if nothing was.
    #[must_use]
    pub fn by_diagnostics(round: u32, all: &[Diagnostic]) -> Option<Self> {
        let first = all.first()?;
        let problems = all.iter().take(MAX_PROBLEMS);
        Some(Self {
            task: None,
            round,
            rule: first.code.to_string(),
            problems: problems.map(|one| told(&one.message)).collect(),
            more: all.len().saturating_sub(MAX_PROBLEMS) as u64,
        })
    }

    /// For this task.
    #[must_use]
    pub fn of_task(mut self, task: TaskId) -> Self {
        self.task = Some(task);
        self
    }
}

fn told(problem: &str) -> String {
    cut(problem.escape_debug().to_string(), MAX_PROBLEM)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
const fn is_zero(more: &u64) -> bool {
    *more == 0
}
