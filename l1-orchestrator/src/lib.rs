//! What a person touches: the command line, settings, run directories, reports.
//!
//! [`run`] is the whole program behind the binary. It composes coordinator and worker over a bus
//! (`session`), and never looks inside them.

mod cli;
mod compare;
mod doctor;
pub mod exit_code;
mod explain;
mod models;
mod planning;
mod policy;
mod report;
mod runs;
mod session;
mod settings;
mod stats;
#[cfg(feature = "otlp")]
mod telemetry;
mod templates;
mod ui;
pub mod verify;

pub use cli::{run, tree};
pub use ui::Io;
