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
mod workspace;

pub use capture::{ByteFilter, Identity};
pub use environment::DEFAULT_PATH;
pub use executor::{
    Attempt, AttemptResult, CommandExecutor, CommandOptions, Executor, FilterFactory, OutputChunk,
    OutputObserver, Phase, StreamName,
};
pub use stop::{Stop, StopLevel};
pub use sweep::{SweepReport, sweep};
pub use workspace::clear as clear_workspaces;
