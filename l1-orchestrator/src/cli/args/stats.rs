//! `orchestra stats` as typed.

use clap::Args;

use super::list::Choice;
use super::shared::{Output, RunsDir};

/// `orchestra stats`
///
/// With SCENARIO also its tasks, the worst first. Cancelled runs count neither as success nor as
/// failure, and runs that are not over not at all. Percentiles are by nearest rank, so each is a
/// value that was measured; items of a fan-out are counted together as task[*]. Flaky is a success
/// that took more than one attempt.
#[derive(Args, Debug)]
#[command(about = "Success rates and durations over many runs")]
#[command(after_help = "\
Examples:
  orchestra stats
  orchestra stats release-notes --since 30d")]
pub struct Stats {
    /// One scenario, with its tasks: its name or its file
    #[arg(value_name = "SCENARIO")]
    pub of: Option<String>,
    /// Which runs.
    #[command(flatten)]
    pub choice: Choice,
    /// The newest runs of each scenario that count [default: 100]
    #[arg(long, value_name = "N", env = "ORCHESTRA_LIMIT", hide_env = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: Option<u32>,
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}
