//! The command line as people and scripts see it, through the real binary.

mod cancel;
mod clean;
mod diff;
mod dry_run;
mod exit_codes;
mod findings;
mod help;
mod inspect;
mod json;
mod list;
mod pause;
mod plan;
pub(crate) mod resume;
pub(crate) mod run;
mod settings;
mod stats;
mod usage;
mod validate;
mod verify;
