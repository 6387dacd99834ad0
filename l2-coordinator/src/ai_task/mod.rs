//! One attempt of a `prompt:` task: material into a question that fits its budget of tokens, a reply into
//! outputs and files, and a bounded number of rounds in between. Calls go through a
//! [`crate::model::CallBook`]; files are read before and sealed afterwards by others.

mod attempt;
mod context;
mod fences;
mod judge;
mod most;
mod outcome;
mod parse;
mod results;
mod schema;
mod subset;
mod task;
#[cfg(test)]
mod tests;
mod told;
mod words;

pub use attempt::{AiTask, MAX_CALLS, REPAIR_ROUNDS, Tiered};
pub use context::{CONTEXT_TOKENS, MAX_PIECES, Material, room_for_context};
pub use most::{MostAsked, most_asked};
pub use outcome::Outcome;
pub use task::PromptTask;
