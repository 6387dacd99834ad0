//! From a goal to a checked plan: words for a model, the one object of its reply, rules that it has to pass,
//! and a bounded number of rounds in which it may mend what it wrote. Not budgets, not journals: a
//! [`Caller`] keeps those.

mod caps;
mod data;
mod examples;
mod extract;
mod fields;
mod form;
mod guard;
mod judge;
mod plan;
mod prompt;
mod strict_json;
mod surroundings;
#[cfg(test)]
mod tests;
mod transcript;

pub use caps::Caps;
pub use data::{Data, MAX_DATA_BYTES};
pub(crate) use data::{fenced_part, fenced_task, plain};
pub use examples::{ExampleError, PlanExample, builtin_examples};
pub(crate) use extract::check_end;
pub use extract::{Extracted, Form, MAX_REPLY_BYTES, extract, extract_text};
pub use form::{Written, read};
pub use plan::{
    Caller, Directly, Goal, MAX_GOAL_BYTES, Planned, Planner, REPAIR_ROUNDS, Unplanned,
};
pub use prompt::{DEFAULT_PROMPT, Prompt, prompt, prompt_versions};
pub(crate) use prompt::{MAX_PROBLEMS, problem_line};
pub(crate) use strict_json::prefix as strict_prefix;
pub use transcript::{Round, Transcript, reply_digest};
