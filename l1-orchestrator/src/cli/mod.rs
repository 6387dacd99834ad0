//! The command line: one file a verb.

mod approval;
pub(crate) mod args;
mod asked;
mod bad_value;
mod banner;
mod begin;
mod cancel;
mod clean;
mod columns;
mod completions;
mod config;
mod confirm;
mod context;
mod diff;
mod dispatch;
mod doctor;
mod driving;
mod dry_run;
pub mod error;
mod explain;
mod fmt;
mod follow;
mod goal;
mod graph;
mod init;
mod judged;
mod list;
mod logs;
mod man;
mod nested_files;
mod opened;
mod patient;
mod pause;
mod plan_only;
mod plan_page;
mod planned_run;
mod policy;
mod report;
mod resume;
mod resume_planning;
mod retry;
mod run;
mod scenario_file;
mod schema;
mod show;
mod stats;
mod trust;
mod usage;
mod validate;
mod verify;
mod version;
mod watch;
mod whole_task;

pub use dispatch::main as run;

/// The tree of commands, for tests that check what help and hints promise.
#[must_use]
pub fn tree() -> clap::Command {
    args::command()
}
