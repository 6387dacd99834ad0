//! What executes one attempt: real processes, or a script for simulation.

mod agent;
mod api;
mod bound;
mod command;
mod ending;
mod given;
mod observed;
mod prepare;
mod processes;
mod pump;
mod scripted;
mod verdict;

pub use api::{Attempt, AttemptResult, Executor};
pub use command::{CommandExecutor, CommandOptions};
pub use given::{Produced, conclude, peek_input};
pub use prepare::{Phase, Program, foresee};
pub use pump::{OutputChunk, OutputObserver, StreamName};
pub use scripted::{Scripted, ScriptedExecutor};
