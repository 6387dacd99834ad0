//! `orchestra report` as typed.

use clap::{Args, ValueEnum};

use super::shared::{Output, Paging, RunsDir};

/// `orchestra report`
///
/// The report a run leaves in its directory, rendered again from its journal: Markdown, one HTML page,
/// JUnit XML or JSON. `-o jsonl` prints the events themselves.
#[derive(Args, Debug)]
#[command(about = "Render a run's report from its journal")]
#[command(after_help = "\
Examples:
  orchestra report @last --format html > report.html
  orchestra report @failed")]
pub struct Report {
    /// The run: id, unique prefix, @last, @failed or its directory
    #[arg(value_name = "RUN", default_value = "@last")]
    pub run: String,
    /// What the report is written in [default: md]
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with_all = ["output_format", "json"])]
    #[arg(env = "ORCHESTRA_FORMAT", hide_env = true)]
    pub format: Option<ReportFormat>,
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

/// What a report is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Markdown
    #[default]
    Md,
    /// One page for a browser
    Html,
    /// JUnit XML
    Junit,
    /// For machines, as `-o json`
    Json,
}
