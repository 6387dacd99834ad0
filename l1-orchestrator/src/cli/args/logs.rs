//! `orchestra logs` as typed.

use clap::Args;

use super::shared::{Output, Paging, RunsDir};
use super::switch::switch;

/// `orchestra logs`
///
/// Without TASK: of every task. Each kept stream of each attempt is printed on its own, never
/// concatenated without a heading. With --follow lines come as tasks write them, each with its task's
/// name before it, until the run ends.
#[derive(Args, Debug)]
#[command(about = "Print what tasks wrote")]
#[command(after_help = "\
Examples:
  orchestra logs @last build
  orchestra logs @last --follow
  orchestra logs @failed --failed --stderr")]
pub struct Logs {
    /// The run: id, unique prefix, @last, @failed or its directory
    #[arg(value_name = "RUN")]
    pub run: String,
    /// One task; of a fan-out, all of its items
    #[arg(value_name = "TASK")]
    pub task: Option<String>,
    /// Lines as they are written, until the run ends
    #[arg(short, long, env = "ORCHESTRA_FOLLOW", hide_env = true)]
    #[arg(value_parser = switch)]
    pub follow: bool,
    /// Only this attempt
    #[arg(long, value_name = "N", env = "ORCHESTRA_ATTEMPT", hide_env = true)]
    pub attempt: Option<u32>,
    /// Only attempts that failed
    #[arg(
        long,
        env = "ORCHESTRA_FAILED",
        hide_env = true,
        conflicts_with = "follow"
    )]
    #[arg(value_parser = switch)]
    pub failed: bool,
    /// Only what was written to stdout
    #[arg(long, env = "ORCHESTRA_STDOUT", hide_env = true)]
    #[arg(value_parser = switch)]
    pub stdout: bool,
    /// Only what was written to stderr
    #[arg(long, env = "ORCHESTRA_STDERR", hide_env = true)]
    #[arg(value_parser = switch)]
    pub stderr: bool,
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
