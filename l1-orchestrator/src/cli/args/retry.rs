//! `orchestra retry` as typed.

use clap::Args;

use super::modelling::{Modelling, Recording};
use super::shared::{Approving, Driving, Output, RunsDir};
use super::switch::switch;

/// `orchestra retry`
///
/// Makes a new run of the same plan, inputs and policy. Results of the old run are carried over, their
/// files verified; only what is named runs again, or without a name all that did not succeed and what
/// follows from it. The old run stays as it is.
#[derive(Args, Debug)]
#[command(about = "Run failed or chosen tasks of a finished run again")]
#[command(after_help = "\
Examples:
  orchestra retry @failed
  orchestra retry @last build --downstream")]
pub struct Retry {
    /// The run: id, unique prefix, @last, @failed or its directory
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Tasks to run again, such as `build` or `test[3]` [default: all that did not succeed]
    #[arg(value_name = "TASK")]
    pub tasks: Vec<String>,
    /// Also run again whatever follows from TASK
    #[arg(
        long,
        requires = "tasks",
        env = "ORCHESTRA_DOWNSTREAM",
        hide_env = true
    )]
    #[arg(value_parser = switch)]
    pub downstream: bool,
    /// Whether it may go on here.
    #[command(flatten)]
    pub approving: Approving,
    /// Who answers its prompts.
    #[command(flatten)]
    pub modelling: Modelling,
    /// Where replies come from.
    #[command(flatten)]
    pub recording: Recording,
    /// How it is driven.
    #[command(flatten)]
    pub driving: Driving,
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}
