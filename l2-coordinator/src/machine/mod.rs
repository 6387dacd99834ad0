//! The run's state machine, a pure value: inputs in, events and effects out.

mod attempt;
mod calls;
mod claim;
mod config;
mod decide;
mod effect;
mod foresee;
mod input;
mod invariants;
mod items;
mod leases;
mod lived;
mod order;
mod outgoing;
mod parents;
mod pool;
mod remarks;
mod render;
mod render_prompt;
mod result;
mod resume;
mod schedule;
mod scope;
mod settle;
#[cfg(test)]
mod tests;
mod turns;
mod value;

pub use calls::Unreserved;
pub use config::{CRASH_LIMIT, Config, Embedded, FENCE, LEASE_LOST, Now, REDISPATCH_DELAY};
pub use effect::{Decision, Effect, Gate, Note};
pub use foresee::{Width, known_inputs, width};
pub use input::{Input, RequestId};
pub use pool::{Pool, has_prompts};
pub use render::{Unready, render};
pub use render_prompt::MAX_PROMPT_TEXT_BYTES;
pub use value::Machine;
