//! The command line as typed, help text included.
//!
//! Nothing is resolved here; [`crate::settings`] turns flags and environment into values.

mod clean;
mod diff;
mod list;
mod pause;
mod run;
mod shared;
mod stats;
mod tree;
mod verbs;

pub use clean::Clean;
pub use diff::Diff;
pub use list::{Choice, List};
pub use pause::Pause;
pub use run::Run;
pub use shared::{Driving, Format, LogLevel, Output, Progress, RunsDir};
pub use stats::Stats;
pub use tree::{Cli, Command};
pub use verbs::{Cancel, Logs, Report, Resume, Schema, SchemaOf, Show, Validate, Verify};
