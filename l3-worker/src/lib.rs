//! The worker: runs one attempt at a time in every slot, inside a fence.
//!
//! [`Worker`] speaks with coordinators over the bus and hands attempts to an [`Executor`]. The one
//! that ships, [`CommandExecutor`], asks a [`launcher::Launcher`] for processes and takes an attempt
//! from a fresh workspace to sealed artifacts; [`ScriptedExecutor`] does as told, for simulation.
//! Nothing here decides what runs next, knows the planner, or reads the journal.
//!
//! A program that embeds a worker calls [`launcher::entry`] first in `main` when its first argument
//! is [`launcher::WORD`], before any thread.

mod artifacts;
mod capture;
mod environment;
mod executor;
pub mod launcher;
mod markers;
mod outputs;
pub mod sandbox;
pub mod secrets;
mod stop;
mod sweep;
mod worker;
mod workspace;

pub use capture::{ByteFilter, Detector, Identity, Patterns, Redactor};
pub use environment::DEFAULT_PATH;
pub use executor::{
    Attempt, AttemptResult, CommandExecutor, CommandOptions, Executor, OutputChunk, OutputObserver,
    Phase, Produced, Program, Scripted, ScriptedExecutor, StreamName, conclude, foresee,
    peek_input,
};
pub use stop::{Stop, StopLevel};
pub use sweep::{SweepReport, sweep};
pub use worker::{FENCE_AFTER, HEARTBEAT_EVERY, Handle, Options, Worker};
pub use workspace::{Peeked, Room, clear_leftovers, remove_tree};
