//! Numbers over many runs: how often a scenario and its tasks succeed, how long they take, what only
//! succeeded when repeated. Folds of what was read; nothing here reads a directory or prints.

mod fold;
mod sample;

pub use fold::{LastFailure, RunStats, TaskStats, tasks};
pub use sample::{Sample, of_report, of_summary};
