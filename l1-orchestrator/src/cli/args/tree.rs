//! The tree of verbs.

use clap::{Parser, Subcommand};

use super::clean::Clean;
use super::diff::Diff;
use super::list::List;
use super::pause::Pause;
use super::run::Run;
use super::shared::Output;
use super::stats::Stats;
use super::verbs::{Cancel, Logs, Report, Resume, Schema, Show, Validate, Verify, Version};
use crate::exit_code;

const EXAMPLES: &str = "\
Examples:
  orchestra run scenarios/hello.yaml
  orchestra run scenarios/repo-audit.yaml -i root=.";

fn long_after_help() -> String {
    format!(
        "{EXAMPLES}\n\n{}\n\nA RUN is an id, a unique prefix of one, @last, @failed, or a run \
         directory's path.\nEvery flag can be given as ORCHESTRA_<FLAG>, such as \
         ORCHESTRA_RUNS_DIR=/var/runs.",
        exit_code::help()
    )
}

/// Run a scenario's tasks; keep a run directory anyone can read, resume and verify
#[derive(Debug, Parser)]
#[command(
    name = "orchestra",
    version,
    color = clap::ColorChoice::Never,
    after_help = EXAMPLES,
    after_long_help = long_after_help(),
    disable_help_subcommand = true,
    infer_long_args = false,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a scenario to its end
    Run(Run),
    /// Continue an interrupted run
    Resume(Resume),
    /// Stop a run for now; resume goes on
    Pause(Pause),
    /// Stop a run and close its record
    Cancel(Cancel),
    /// Say everything that is wrong with a scenario
    Validate(Validate),
    /// Check a run directory against its journal and seal
    Verify(Verify),
    /// List runs, newest first
    List(List),
    /// Remove old runs
    Clean(Clean),
    /// Show a run: verdict, failures, tasks
    Show(Show),
    /// Print what tasks wrote
    Logs(Logs),
    /// Success rates and durations over many runs
    Stats(Stats),
    /// Render a run's report from its journal
    Report(Report),
    /// Compare two runs
    Diff(Diff),
    /// Print a JSON Schema
    Schema(Schema),
    /// Print the version
    #[command(hide = true)]
    Version(Version),
}

impl Command {
    /// The flags that every verb has.
    #[must_use]
    pub const fn output(&self) -> &Output {
        match self {
            Self::Run(args) => &args.output,
            Self::Resume(args) => &args.output,
            Self::Pause(args) => &args.output,
            Self::Cancel(args) => &args.output,
            Self::Validate(args) => &args.output,
            Self::Verify(args) => &args.output,
            Self::List(args) => &args.output,
            Self::Clean(args) => &args.output,
            Self::Show(args) => &args.output,
            Self::Logs(args) => &args.output,
            Self::Stats(args) => &args.output,
            Self::Report(args) => &args.output,
            Self::Diff(args) => &args.output,
            Self::Schema(args) => &args.output,
            Self::Version(args) => &args.output,
        }
    }
}
