//! A plan as it comes from outside: from a planner, a file, or a lowered scenario. Untrusted.
//!
//! Strict: an unknown field is an error. Same words as a scenario, with durations in milliseconds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::expr::Template;
use crate::policy::{Effects, PolicyRequest, RetryPolicy, Secrets, Timeout};

use super::limits::MAX_PLAN_BYTES;
use super::prompt::{DraftContext, Fallback, ModelChoice, Parse};
use super::types::{InputType, OutputType, Workspace};

/// An unchecked plan.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftPlan {
    /// `orchestra.plan/v1`, if given.
    #[serde(default)]
    pub schema: Option<String>,
    /// The scenario's name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// What is to be achieved. Without tasks it is still to be planned; with tasks, they were planned
    /// for it.
    #[serde(default)]
    pub goal: Option<String>,
    /// Resolved inputs.
    #[serde(default)]
    pub inputs: BTreeMap<String, Value>,
    /// Environment of every task; a task's own entries win. May refer to inputs only.
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
    /// Tasks at once.
    #[serde(default)]
    pub max_parallel: Option<u32>,
    /// What the scenario hands to its caller, or to the reader of the run, by name.
    #[serde(default)]
    pub outputs: BTreeMap<String, Template>,
    /// What a nested scenario takes; the outermost has `inputs` instead.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// Where secrets come from, by the name that tasks ask for. Never a value.
    #[serde(default)]
    pub secrets: Secrets,
    /// What its tasks shall be kept to; narrows only.
    #[serde(default)]
    pub policy: Option<PolicyRequest>,
    /// Nested scenarios by the path from the root that `uses` names; only the outermost plan has any.
    #[serde(default)]
    pub scenarios: BTreeMap<String, Self>,
    /// The tasks, in any order.
    #[serde(default)]
    pub tasks: Vec<DraftTask>,
}

/// What a nested scenario takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Value when none is given; without it the parameter is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Whether it may be left out without a default; then it is null.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: InputType,
}

/// An unchecked task.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftTask {
    /// Its id.
    pub id: String,
    /// What it is for, one line.
    #[serde(default)]
    pub description: Option<String>,
    /// The task it was expanded from.
    #[serde(default)]
    pub parent_id: Option<String>,
    /// Tasks that end before it starts.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Shell text; exactly one of `run`, `command`, `prompt` and `uses`.
    #[serde(default)]
    pub run: Option<String>,
    /// Argument list.
    #[serde(default)]
    pub command: Option<Vec<Template>>,
    /// What a model is asked.
    #[serde(default)]
    pub prompt: Option<Template>,
    /// What the model gets to see, in this order.
    #[serde(default)]
    pub context: Vec<DraftContext>,
    /// Most tokens of all that together.
    #[serde(default)]
    pub context_tokens: Option<u32>,
    /// JSON Schema that the reply has to match; a text is the path of a file with one, which nobody has
    /// read yet.
    #[serde(default)]
    pub output_schema: Option<Value>,
    /// How the reply is read.
    #[serde(default)]
    pub parse: Option<Parse>,
    /// Which of the user's models is asked, and how.
    #[serde(default)]
    pub model: Option<ModelChoice>,
    /// What is tried once when that comes to nothing.
    #[serde(default)]
    pub fallback: Option<Fallback>,
    /// The shell of `run`, called as `SHELL -c TEXT`.
    #[serde(default)]
    pub shell: Option<String>,
    /// The condition.
    #[serde(default, rename = "if")]
    pub condition: Option<String>,
    /// Environment.
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
    /// Secrets that its environment holds, by name.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// What it touches; narrows what the policy grants.
    #[serde(default)]
    pub effects: Option<Effects>,
    /// What the task is repeated over: a list, whose texts may hold expressions, or one expression.
    #[serde(default)]
    pub for_each: Option<Value>,
    /// The item's name in expressions; `item` always works, too.
    #[serde(default, rename = "as")]
    pub item_name: Option<String>,
    /// Axes whose product the task is repeated over; each as `for_each`.
    #[serde(default)]
    pub matrix: BTreeMap<String, Value>,
    /// The nested scenario, by its path from the root.
    #[serde(default)]
    pub uses: Option<String>,
    /// Its inputs; texts may hold expressions.
    #[serde(default)]
    pub with: BTreeMap<String, Value>,
    /// Tasks it has something to do with: context, not order.
    #[serde(default)]
    pub refers: Vec<String>,
    /// Higher starts first among the ready; then the longer remaining chain, then the id.
    #[serde(default)]
    pub priority: Option<i32>,
    /// Workers that may die under it before it is failed.
    #[serde(default)]
    pub crash_limit: Option<u32>,
    /// Children at once.
    #[serde(default)]
    pub max_parallel: Option<u32>,
    /// Declared small results.
    #[serde(default)]
    pub outputs: BTreeMap<String, OutputType>,
    /// Declared files: name to path in the workspace; a final `/` means a directory.
    #[serde(default)]
    pub artifacts: BTreeMap<String, String>,
    /// Staged files: path in the workspace to source.
    #[serde(default)]
    pub files: BTreeMap<String, Template>,
    /// Time limits of one attempt.
    #[serde(default)]
    pub timeout: Timeout,
    /// Repetition.
    #[serde(default)]
    pub retry: Option<RetryPolicy>,
    /// Whether its failure is tolerated.
    #[serde(default)]
    pub continue_on_error: bool,
    /// Directory in the workspace to start in.
    #[serde(default)]
    pub working_dir: Option<String>,
    /// Where it runs.
    #[serde(default)]
    pub workspace: Workspace,
}

impl DraftPlan {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// Too big, not JSON, or not of this shape: one diagnostic with line and column in its message.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Box<Diagnostic>> {
        if bytes.len() > MAX_PLAN_BYTES {
            let message = format!("plan of {} bytes; at most {MAX_PLAN_BYTES}", bytes.len());
            return Err(Box::new(Diagnostic::error("plan-too-big", message)));
        }
        serde_json::from_slice(bytes)
            .map_err(|error| Diagnostic::error("plan-shape", format!("not a plan: {error}")).into())
    }
}
