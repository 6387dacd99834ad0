//! `orchestra watch` as typed.

use clap::Args;

use super::shared::{Output, Progress, RunsDir};
use super::switch::switch;

/// `orchestra watch`
///
/// Shows a run as the process that drives it does, and exits with the run's exit code. Nothing is
/// written. Ends with 7 when the run is left unfinished, with 10 when it is paused; Ctrl-C ends the
/// watching, not the run.
#[derive(Args, Debug)]
#[command(about = "Follow a run that another process drives")]
#[command(after_help = "\
Examples:
  orchestra watch @last
  orchestra watch @last --fail-fast && orchestra report @last")]
pub struct Watch {
    /// The run: id, unique prefix, @last, @failed or its directory
    #[arg(value_name = "RUN", default_value = "@last")]
    pub run: String,
    /// Return as soon as a required task has failed; the run goes on
    #[arg(long, env = "ORCHESTRA_FAIL_FAST", hide_env = true)]
    #[arg(value_parser = switch)]
    pub fail_fast: bool,
    /// Exit with the run's exit code, which is the default
    #[arg(long, overrides_with = "no_exit_status")]
    #[arg(env = "ORCHESTRA_EXIT_STATUS", hide_env = true, value_parser = switch)]
    pub exit_status: bool,
    /// Exit with 0 however the run ends
    #[arg(long, overrides_with = "exit_status")]
    #[arg(env = "ORCHESTRA_NO_EXIT_STATUS", hide_env = true)]
    #[arg(value_parser = switch)]
    pub no_exit_status: bool,
    /// Progress on stderr [default: auto]
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        env = "ORCHESTRA_PROGRESS",
        hide_env = true
    )]
    #[arg(help_heading = "Output")]
    pub progress: Option<Progress>,
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}
