//! `orchestra explain` as typed.

use clap::Args;

use super::shared::{Output, Paging, RunsDir};

/// `orchestra explain`
///
/// Why it ran, waited, was repeated, skipped, cancelled or carried over: sentences with their time
/// since the run began, each naming the events of the journal that it rests on, such as #12.
#[derive(Args, Debug)]
#[command(about = "Say why a task went the way it went")]
#[command(after_help = "\
Examples:
  orchestra explain @failed build
  orchestra explain 4be1c07a 'each[3]' -o json")]
pub struct Explain {
    /// The run: id, unique prefix, @last, @failed or its directory
    #[arg(value_name = "RUN")]
    pub run: String,
    /// The task
    #[arg(value_name = "TASK")]
    pub task: String,
    /// Whether long text goes through a pager.
    #[command(flatten)]
    pub paging: Paging,
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}
