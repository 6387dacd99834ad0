//! `orchestra pause` as typed.

use clap::Args;

use super::shared::{Output, RunsDir};
use super::switch::switch;

/// `orchestra pause`
///
/// Whoever drives the run starts nothing more, lets the running attempts end, and exits with 10.
/// `orchestra resume` goes on. A run that nobody drives is left as it is.
#[derive(Args, Debug)]
#[command(about = "Stop a run for now; resume goes on")]
pub struct Pause {
    /// The run: id, unique prefix, @last, @failed or its directory
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Stop running attempts, too; they run again after a resume
    #[arg(long, env = "ORCHESTRA_NOW", hide_env = true, value_parser = switch)]
    pub now: bool,
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}
