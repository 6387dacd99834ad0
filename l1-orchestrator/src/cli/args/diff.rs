//! `orchestra diff` as typed.

use clap::Args;

use super::shared::{Output, Paging, RunsDir};

/// `orchestra diff`
///
/// One page of Markdown: how they ended, then plan, inputs, environment, outputs and artifacts as
/// far as they differ, and durations. Exits with 0 when the runs are equal and 1 when they differ;
/// ids, times and durations are shown and never count.
#[derive(Args, Debug)]
#[command(about = "Compare two runs")]
#[command(after_help = "\
Examples:
  orchestra diff 4be1c07a @last
  orchestra diff @failed > difference.md")]
pub struct Diff {
    /// The run to compare from: id, unique prefix, @last, @failed or its directory
    #[arg(value_name = "RUN")]
    pub from: String,
    /// The run to compare with
    #[arg(value_name = "RUN", default_value = "@last")]
    pub to: String,
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
