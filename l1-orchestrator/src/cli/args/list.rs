//! `orchestra list` as typed.

use clap::{Args, ValueEnum};

use super::shared::{Output, RunsDir};
use crate::runs::Since;

/// `orchestra list`
///
/// Filters add up: a run is listed when it fits each of them. On a terminal the newest 50 are
/// listed, elsewhere all.
#[derive(Args, Debug)]
#[command(about = "List runs, newest first")]
#[command(after_help = "\
Examples:
  orchestra list --status failed --since 2d
  orchestra list release-notes --limit 5 -o json")]
pub struct List {
    /// Only runs of this scenario: its name or its file
    #[arg(value_name = "SCENARIO")]
    pub of: Option<String>,
    /// Which runs.
    #[command(flatten)]
    pub choice: Choice,
    /// Only runs in this state; may be repeated
    #[arg(
        long = "status",
        value_enum,
        value_name = "STATUS",
        value_delimiter = ','
    )]
    #[arg(env = "ORCHESTRA_STATUS", hide_env = true)]
    pub statuses: Vec<StatusWord>,
    /// At most this many, 0 for all [default: 50 on a terminal, else all]
    #[arg(long, value_name = "N", env = "ORCHESTRA_LIMIT", hide_env = true)]
    pub limit: Option<usize>,
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

/// Which runs a verb is about.
#[derive(Args, Debug)]
pub struct Choice {
    /// Only runs of this scenario; may be repeated
    #[arg(long = "scenario", value_name = "NAME")]
    #[arg(env = "ORCHESTRA_SCENARIO", hide_env = true)]
    pub scenarios: Vec<String>,
    /// Only runs begun since: a span such as 2d or 12h, a day, or an RFC 3339 time, UTC
    #[arg(long, value_name = "WHEN", env = "ORCHESTRA_SINCE", hide_env = true)]
    pub since: Option<Since>,
}

/// Where a run is, as a word of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StatusWord {
    /// Every required task succeeded
    Passed,
    /// A required task failed
    Failed,
    /// Somebody cancelled it
    Cancelled,
    /// A process drives it
    Running,
    /// Nobody drives it, and it was paused
    Paused,
    /// Nobody drives it, and it is not over
    Interrupted,
    /// Nothing of it was started
    NeverBegan,
    /// Its journal is missing or none
    Damaged,
}

impl StatusWord {
    /// The word that runs carry.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Interrupted => "interrupted",
            Self::NeverBegan => "never began",
            Self::Damaged => "damaged",
        }
    }
}
