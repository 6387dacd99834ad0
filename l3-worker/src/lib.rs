//! Runs one attempt at a time, inside a fence.

mod artifacts;
mod capture;
mod environment;
mod executor;
pub mod launcher;
mod markers;
mod outputs;
mod stop;
mod sweep;
mod worker;
mod workspace;

pub use capture::{ByteFilter, Identity};
pub use environment::DEFAULT_PATH;
pub use executor::{
    Attempt, AttemptResult, CommandExecutor, CommandOptions, Executor, FilterFactory, OutputChunk,
    OutputObserver, Phase, Scripted, ScriptedExecutor, StreamName,
};
pub use stop::{Stop, StopLevel};
pub use sweep::{SweepReport, sweep};
pub use worker::{FENCE_AFTER, HEARTBEAT_EVERY, Handle, Options, Worker};
pub use workspace::clear_leftovers;
