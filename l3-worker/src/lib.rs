//! Runs one attempt at a time, inside a fence.

pub mod launcher;
mod sweep;

pub use sweep::{SweepReport, sweep};
