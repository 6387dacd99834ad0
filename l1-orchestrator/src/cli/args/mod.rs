//! The command line as typed, help text included.
//!
//! Nothing is resolved here; [`crate::settings`] turns flags and environment into values.

mod clean;
mod completions;
mod config;
mod diff;
mod doctor;
mod explain;
mod fmt;
mod graph;
mod groups;
mod init;
mod list;
mod logs;
mod man;
mod modelling;
mod pack_name;
mod pause;
mod policy;
mod report;
mod retry;
mod run;
mod schema;
mod shared;
mod stats;
mod switch;
mod tree;
mod trust;
mod verbs;
mod watch;

pub use clean::Clean;
pub use completions::{Completions, ShellName};
pub use config::{Config, ConfigOf};
pub use diff::Diff;
pub use doctor::Doctor;
pub use explain::Explain;
pub use fmt::Fmt;
pub use graph::{Graph, GraphFormat};
pub use init::Init;
pub use list::{Choice, List};
pub use logs::Logs;
pub use man::Man;
pub use modelling::{Modelling, Recording};
pub use pause::Pause;
pub use policy::{Policy, PolicyVerb};
pub use report::{Report, ReportFormat};
pub use retry::Retry;
pub use run::{Approve, Run};
pub use schema::{Schema, SchemaOf};
pub use shared::{Driving, Format, LogLevel, Output, Paging, Policing, Progress, RunsDir};
pub use stats::Stats;
pub use tree::{Cli, Command, command};
pub use trust::Trust;
pub use verbs::{Cancel, Resume, Show, Validate, Verify};
pub use watch::Watch;
