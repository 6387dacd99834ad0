//! The command line as people and scripts see it, through the real binary.

mod cancel;
mod clean;
mod completions;
mod config;
mod diff;
mod doctor;
mod dry_run;
mod exit_codes;
mod explain;
mod findings;
mod help;
mod inspect;
mod json;
mod list;
mod man;
mod pause;
mod plan;
mod resume;
mod run;
mod settings;
mod stats;
mod trust;
mod usage;
mod validate;
mod verify;
mod watch;
