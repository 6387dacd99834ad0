//! Plans: what was asked for ([`DraftPlan`], untrusted) and what was checked ([`Plan`], immutable).
//!
//! [`DraftPlan::check`] is the only road between them and reports every problem at once. Downstream
//! code takes `&Plan` and never checks again. Without feature `expr` the grammar inside `${{ }}` is left
//! unchecked, for there is nothing to evaluate it with; what it refers to is checked either way.

mod ancestors;
mod assemble;
mod check;
mod check_action;
mod check_declared;
mod check_expansion;
mod check_head;
mod check_item;
mod check_policy;
mod check_prompt;
mod check_reader;
mod check_references;
mod check_schema;
mod check_secrets;
mod check_task;
mod check_with;
mod checked;
mod cycle;
mod draft;
mod expansion;
mod graph;
mod interface;
mod limits;
mod nested;
mod overlap;
mod paths;
mod prompt;
mod task;
mod types;
mod wire;
mod wire_policy;
mod wire_prompt;

#[cfg(all(test, feature = "expr"))]
mod check_tests;
#[cfg(all(test, feature = "expr"))]
mod policy_tests;
#[cfg(all(test, feature = "expr"))]
mod prompt_tests;
#[cfg(all(test, feature = "expr"))]
mod property_tests;

#[cfg(feature = "author")]
pub(crate) use check::problems;
#[cfg(feature = "author")]
pub(crate) use check_head::is_scenario_name;
#[cfg(feature = "author")]
pub(crate) use check_policy::nested_budget;
#[cfg(feature = "author")]
pub(crate) use check_task::{invalid_id, is_variable};
pub use checked::Plan;
pub use draft::{DraftPlan, DraftTask, Parameter};
pub use expansion::{Bounds, FanOut, Items, Uses};
pub use graph::TaskIndex;
#[cfg(feature = "author")]
pub(crate) use interface::{Interface, Interfaces};
pub use limits::{Limits, MAX_DEPTH, MAX_ITEMS, MAX_RUN_TASKS};
#[cfg(feature = "author")]
pub(crate) use limits::{MAX_CONTEXT_TOKENS, MAX_REPLY_TOKENS};
pub use paths::{PathProblem, check_relative};
pub use prompt::{ContextRef, DraftContext, Effort, Fallback, ModelChoice, Parse, Prompt, Tier};
pub use task::{Action, FileSource, PlanTask};
#[cfg(feature = "author")]
pub(crate) use types::whole_number;
pub use types::{InputType, OutputType, Workspace};
