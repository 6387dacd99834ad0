//! The tree of verbs.

use clap::{CommandFactory as _, Parser, Subcommand};

use super::clean::Clean;
use super::completions::Completions;
use super::config::{Config, ConfigOf};
use super::diff::Diff;
use super::doctor::Doctor;
use super::explain::Explain;
use super::fmt::Fmt;
use super::graph::Graph;
use super::groups;
use super::init::Init;
use super::list::List;
use super::logs::Logs;
use super::man::Man;
use super::pause::Pause;
use super::policy::Policy;
use super::report::Report;
use super::retry::Retry;
use super::run::Run;
use super::schema::Schema;
use super::shared::Output;
use super::stats::Stats;
use super::trust::Trust;
use super::verbs::{Cancel, Resume, Show, Validate, Verify, Version};
use super::watch::Watch;
use crate::exit_code;

const EXAMPLES: &str = "\
Examples:
  orchestra init build --template build-matrix
  orchestra run build.yaml";

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
    let tree = tree.before_help(short).before_long_help(long);
    tree.mut_subcommands(with_long_about)
}

/// A verb's doc comment opens with its name; `--help` opens with what it is for.
fn with_long_about(verb: clap::Command) -> clap::Command {
    let more = verb.get_long_about().map(ToString::to_string);
    let about = verb.get_about().map(ToString::to_string);
    let more = more.and_then(|long| Some(long.split_once("\n\n")?.1.to_owned()));
    match (about, more) {
        (Some(about), Some(more)) => verb.long_about(format!("{about}\n\n{more}")),
        (Some(about), None) => verb.long_about(about),
        (None, _) => verb,
    }
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

/// The verbs. No doc comments here: they would take the place of the verbs' own texts.
#[derive(Debug, Subcommand)]
pub enum Command {
    Run(Run),
    Resume(Resume),
    Pause(Pause),
    Retry(Retry),
    Cancel(Cancel),
    Validate(Validate),
    Fmt(Fmt),
    Verify(Verify),
    List(List),
    Clean(Clean),
    Show(Show),
    Explain(Explain),
    Watch(Watch),
    Logs(Logs),
    Stats(Stats),
    Report(Report),
    Graph(Graph),
    Diff(Diff),
    Schema(Schema),
    Policy(Policy),
    Doctor(Doctor),
    Config(Config),
    Trust(Trust),
    Completions(Completions),
    Man(Man),
    Init(Init),
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
            Self::Retry(args) => &args.output,
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
            Self::Policy(args) => &args.output,
            Self::Doctor(args) => &args.output,
            Self::Config(args) => &args.output,
            Self::Trust(args) => &args.output,
            Self::Completions(args) => &args.output,
            Self::Man(args) => &args.output,
            Self::Init(args) => &args.output,
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
            | Self::Init(_)
            | Self::Man(_)
            | Self::Schema(_)
            | Self::Version(_) => false,
            _ => true,
        }
    }
}
