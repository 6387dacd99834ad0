//! `orchestra clean` as typed.

use std::time::Duration;

use clap::Args;

use super::shared::{Output, RunsDir};
use super::switch::switch;

/// `orchestra clean`
///
/// Removes whole run directories and says which. With both --keep and --older-than a run goes only
/// when it is beyond both. A run that a process drives, or that is damaged, always stays; one that
/// could be resumed stays unless --interrupted is given. Nothing else in the directory is touched,
/// and no link is followed. A terminal is asked first; without one, --yes has to be given.
#[derive(Args, Debug)]
#[command(about = "Remove old runs")]
#[command(after_help = "\
Examples:
  orchestra clean --keep 50 --older-than 30d --dry-run
  orchestra clean --scenario nightly --keep 7 --yes")]
pub struct Clean {
    /// Keep the newest N of each scenario
    #[arg(long, value_name = "N", env = "ORCHESTRA_KEEP", hide_env = true)]
    pub keep: Option<usize>,
    /// Remove only what ended longer ago than this, such as 30d or 12h
    #[arg(
        long,
        value_name = "SPAN",
        env = "ORCHESTRA_OLDER_THAN",
        hide_env = true
    )]
    #[arg(value_parser = parse_span)]
    pub older_than: Option<Duration>,
    /// Only runs of this scenario: its name or its file; may be repeated
    #[arg(long = "scenario", value_name = "NAME")]
    #[arg(env = "ORCHESTRA_SCENARIO", hide_env = true)]
    pub scenarios: Vec<String>,
    /// Also runs that could be resumed: interrupted and paused ones
    #[arg(long, env = "ORCHESTRA_INTERRUPTED", hide_env = true)]
    #[arg(value_parser = switch)]
    pub interrupted: bool,
    /// Only say what would be removed
    #[arg(long, env = "ORCHESTRA_DRY_RUN", hide_env = true)]
    #[arg(value_parser = switch)]
    pub dry_run: bool,
    /// Remove without asking
    #[arg(short, long, env = "ORCHESTRA_YES", hide_env = true)]
    #[arg(value_parser = switch)]
    pub yes: bool,
    /// Never ask; without --yes nothing is removed then
    #[arg(long, env = "ORCHESTRA_NO_INPUT", hide_env = true)]
    #[arg(value_parser = switch)]
    pub no_input: bool,
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

fn parse_span(text: &str) -> Result<Duration, String> {
    crate::runs::span(text).ok_or_else(|| "expected a span such as 30d, 2w or 12h".to_owned())
}
