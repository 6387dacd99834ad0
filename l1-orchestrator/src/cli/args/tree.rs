//! The tree of verbs.

use clap::{CommandFactory as _, Parser, Subcommand};

use super::clean::Clean;
use super::completions::Completions;
use super::config::{Config, ConfigOf};
use super::diff::Diff;
use super::doctor::Doctor;
use super::explain::Explain;
use super::fmt::Fmt;
use super::groups;
use super::graph::Graph;
use super::list::List;
use super::man::Man;
use super::pause::Pause;
use super::report::Report;
use super::run::Run;
use super::schema::Schema;
use super::shared::Output;
use super::stats::Stats;
use super::trust::Trust;
use super::verbs::{Cancel, Logs, Resume, Show, Validate, Verify, Version};
use super::watch::Watch;
use crate::exit_code;

const EXAMPLES: &str = "\
Examples:
  orchestra run scenarios/hello.yaml
  orchestra run scenarios/repo-audit.yaml -i root=.";

/// Verbs stand by purpose instead of in clap's own list, see [`groups`].
const TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

{before-help}Options:
{options}{after-help}";

/// The tree as it is parsed, printed and completed.
#[must_use]
pub fn command() -> clap::Command {
    let tree = Cli::command();
    let (short, long) = (groups::short(&tree), groups::long(&tree));
    tree.before_help(short).before_long_help(long)
}

fn long_after_help() -> String {
    format!(
        "{EXAMPLES}\n\n{}\n\nEnvironment:\n  Every flag can be given as ORCHESTRA_<FLAG>, such as \
         ORCHESTRA_RUNS_DIR=/var/runs.\n  NO_COLOR, CLICOLOR_FORCE, FORCE_COLOR and TERM=dumb decide \
         on color; CI and TERM on progress.\n\nA RUN is an id, a unique prefix of one, @last, @failed, or a \
         run directory's path.",
        exit_code::help()
    )
}

/// Run a scenario's tasks; keep a run directory anyone can read, resume and verify
#[derive(Debug, Parser)]
#[command(
    name = "orchestra",
    version,
    help_template = TEMPLATE,
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
    /// Rewrite a scenario's words to the canonical ones
    Fmt(Fmt),
    /// Check a run directory against its journal and seal
    Verify(Verify),
    /// List runs, newest first
    List(List),
    /// Remove old runs
    Clean(Clean),
    /// Show a run: verdict, failures, tasks
    Show(Show),
    /// Say why a task went the way it went
    Explain(Explain),
    /// Follow a run that another process drives
    Watch(Watch),
    /// Print what tasks wrote
    Logs(Logs),
    /// Success rates and durations over many runs
    Stats(Stats),
    /// Render a run's report from its journal
    Report(Report),
    /// Draw a scenario, a plan or a run
    Graph(Graph),
    /// Compare two runs
    Diff(Diff),
    /// Print a JSON Schema
    Schema(Schema),
    /// Say whether this machine is ready, and what to fix
    Doctor(Doctor),
    /// Show settings, and where each value comes from
    Config(Config),
    /// Accept what a project's orchestra.yaml asks for
    Trust(Trust),
    /// Print a completion script for your shell
    Completions(Completions),
    /// Print the manual page of orchestra or of one verb
    Man(Man),
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
            Self::Fmt(args) => &args.output,
            Self::Verify(args) => &args.output,
            Self::List(args) => &args.output,
            Self::Clean(args) => &args.output,
            Self::Show(args) => &args.output,
            Self::Explain(args) => &args.output,
            Self::Watch(args) => &args.output,
            Self::Logs(args) => &args.output,
            Self::Stats(args) => &args.output,
            Self::Report(args) => &args.output,
            Self::Graph(args) => &args.output,
            Self::Diff(args) => &args.output,
            Self::Schema(args) => &args.output,
            Self::Doctor(args) => &args.output,
            Self::Config(args) => &args.output,
            Self::Trust(args) => &args.output,
            Self::Completions(args) => &args.output,
            Self::Man(args) => &args.output,
            Self::Version(args) => &args.output,
        }
    }

    /// Whether a settings file that is wrong stops it. What helps to find and mend one goes on, as does
    /// what no setting changes.
    #[must_use]
    pub const fn needs_settings(&self) -> bool {
        match self {
            Self::Config(args) => matches!(args.what, None | Some(ConfigOf::Show)),
            Self::Doctor(_)
            | Self::Trust(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Schema(_)
            | Self::Version(_) => false,
            _ => true,
        }
    }
}
