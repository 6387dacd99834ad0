//! `orchestra doctor` as typed.

use clap::Args;

use super::shared::{Output, RunsDir};
use super::switch::switch;

/// `orchestra doctor`
///
/// Looks at tools, settings, folders, disk, clock, limits, sandbox and terminal. Writes nothing, starts
/// nothing and opens no connection. Exits with 7 when something keeps runs from working.
#[derive(Args, Debug)]
#[command(about = "Say whether this machine is ready, and what to fix")]
pub struct Doctor {
    /// Only what can keep a run from working, for health checks
    #[arg(long, env = "ORCHESTRA_QUICK", hide_env = true)]
    #[arg(value_parser = switch)]
    pub quick: bool,
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}
