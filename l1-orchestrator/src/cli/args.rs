//! The command line as typed: one struct a verb, its doc comments are the help text.
//!
//! Nothing is resolved here; [`crate::settings`] turns flags, environment and files into values.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::exit_code;
use crate::ui::ColorChoice;

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

/// What is printed, and how: the same flags for every verb.
#[derive(Args, Debug)]
pub struct Output {
    /// What stdout carries [default: text]
    #[arg(short, long, value_enum, value_name = "FORMAT", alias = "output")]
    #[arg(
        env = "ORCHESTRA_OUTPUT_FORMAT",
        hide_env = true,
        help_heading = "Output"
    )]
    pub output_format: Option<Format>,
    /// Same as `-o json`
    #[arg(long, conflicts_with = "output_format", help_heading = "Output")]
    #[arg(env = "ORCHESTRA_JSON", hide_env = true, value_parser = FalseyValueParser::new())]
    pub json: bool,
    /// Say only errors and the final line
    #[arg(short, long, help_heading = "Output")]
    #[arg(env = "ORCHESTRA_QUIET", hide_env = true, value_parser = FalseyValueParser::new())]
    pub quiet: bool,
    /// When to color [default: auto]
    #[arg(long, value_enum, value_name = "WHEN", help_heading = "Output")]
    #[arg(env = "ORCHESTRA_COLOR", hide_env = true)]
    pub color: Option<ColorChoice>,
}

impl Output {
    /// The format asked for.
    #[must_use]
    pub fn format(&self) -> Format {
        if self.json {
            Format::Json
        } else {
            self.output_format.unwrap_or_default()
        }
    }
}

/// What stdout carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// Exactly one object, on errors too
    Json,
    /// One object a line: events of a run, or one line an item
    Jsonl,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a scenario to its end
    Run(Run),
    /// Continue an interrupted run
    Resume(Resume),
    /// Stop a run and close its record
    Cancel(Cancel),
    /// Say everything that is wrong with a scenario
    Validate(Validate),
    /// Check a run directory against its journal and seal
    Verify(Verify),
    /// List runs, newest first
    List(List),
    /// Show a run: verdict, failures, tasks
    Show(Show),
    /// Print what tasks wrote
    Logs(Logs),
    /// Render a run's report from its journal
    Report(Report),
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
            Self::Cancel(args) => &args.output,
            Self::Validate(args) => &args.output,
            Self::Verify(args) => &args.output,
            Self::List(args) => &args.output,
            Self::Show(args) => &args.output,
            Self::Logs(args) => &args.output,
            Self::Report(args) => &args.output,
            Self::Schema(args) => &args.output,
            Self::Version(args) => &args.output,
        }
    }
}

/// Where runs are kept.
#[derive(Args, Debug)]
pub struct RunsDir {
    /// Where runs are kept [default: runs]
    #[arg(long, value_name = "DIR", env = "ORCHESTRA_RUNS_DIR", hide_env = true)]
    pub runs_dir: Option<PathBuf>,
}

/// How a run is driven and shown.
#[derive(Args, Debug)]
pub struct Driving {
    /// Attempts that run at once [default: the scenario's, else the number of cores]
    #[arg(
        long,
        value_name = "N",
        env = "ORCHESTRA_MAX_PARALLEL",
        hide_env = true
    )]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub max_parallel: Option<u32>,
    /// Cancel what runs as soon as a required task has failed
    #[arg(long, env = "ORCHESTRA_FAIL_FAST", hide_env = true)]
    #[arg(value_parser = FalseyValueParser::new())]
    pub fail_fast: bool,
    /// Confinement of tasks; `none` is the only level of this build [default: none]
    #[arg(long, value_name = "LEVEL", env = "ORCHESTRA_SANDBOX", hide_env = true)]
    #[arg(value_parser = parse_sandbox)]
    pub sandbox: Option<protocol::policy::SandboxLevel>,
    /// Progress on stderr [default: auto, which is lines]
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        env = "ORCHESTRA_PROGRESS",
        hide_env = true
    )]
    #[arg(help_heading = "Output")]
    pub progress: Option<Progress>,
    /// Show what tasks write, as they write it; -vv adds orchestra's own log
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "quiet")]
    #[arg(env = "ORCHESTRA_VERBOSE", hide_env = true, help_heading = "Output")]
    pub verbose: u8,
    /// Detail of log.jsonl in the run directory [default: info]
    #[arg(
        long,
        value_enum,
        value_name = "LEVEL",
        env = "ORCHESTRA_LOG_LEVEL",
        hide_env = true
    )]
    #[arg(help_heading = "Output")]
    pub log_level: Option<LogLevel>,
}

/// Progress on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Progress {
    /// One line a finished task
    #[default]
    Auto,
    /// One line a finished task
    Lines,
    /// Nothing until the end
    None,
}

/// Detail of `log.jsonl`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Nothing
    Off,
    /// What went wrong
    Error,
    /// And what looks wrong
    Warn,
    /// And what happened
    #[default]
    Info,
    /// And how
    Debug,
    /// Everything
    Trace,
}

/// `orchestra run`
///
/// Checks the scenario, makes a run directory, runs every task and writes the report. Exits with 0
/// when every required task succeeded, 1 when one failed.
#[derive(Args, Debug)]
#[command(about = "Run a scenario to its end")]
#[command(after_help = "\
Examples:
  orchestra run scenarios/hello.yaml -i name=world
  orchestra run scenarios/diamond.yaml --max-parallel 2 -o jsonl")]
pub struct Run {
    /// The scenario file
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,
    /// Value of one of the scenario's inputs; may be repeated
    #[arg(short, long = "input", value_name = "KEY=VALUE", value_parser = parse_input)]
    #[arg(env = "ORCHESTRA_INPUT", hide_env = true)]
    pub inputs: Vec<(String, String)>,
    /// How it is driven.
    #[command(flatten)]
    pub driving: Driving,
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

/// `orchestra resume`
///
/// Finished tasks never run again. A finished run is not touched: its result is printed and its exit
/// code returned.
#[derive(Args, Debug)]
#[command(about = "Continue an interrupted run")]
pub struct Resume {
    /// The run: id, unique prefix, @last, @failed or its directory
    #[arg(value_name = "RUN")]
    pub run: String,
    /// How it is driven.
    #[command(flatten)]
    pub driving: Driving,
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

/// `orchestra cancel`
///
/// Whoever drives the run is asked to stop its tasks and write the report. A run that nobody drives
/// is closed as cancelled.
#[derive(Args, Debug)]
#[command(about = "Stop a run and close its record")]
pub struct Cancel {
    /// The run: id, unique prefix, @last, @failed or its directory
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

/// `orchestra validate`
///
/// Reads the file, runs nothing and writes nothing. Exits with 3 when something is wrong.
#[derive(Args, Debug)]
#[command(about = "Say everything that is wrong with a scenario")]
pub struct Validate {
    /// The scenario file
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

/// `orchestra verify`
///
/// Recomputes the journal's hash chain and the digests of plan, scenario, logs and artifacts, and
/// checks the seal. Exits with 8 when anything differs.
#[derive(Args, Debug)]
#[command(about = "Check a run directory against its journal and seal")]
pub struct Verify {
    /// The run: id, unique prefix, @last, @failed or its directory
    #[arg(value_name = "RUN", default_value = "@last")]
    pub run: String,
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

/// `orchestra list`
#[derive(Args, Debug)]
#[command(about = "List runs, newest first")]
pub struct List {
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

/// `orchestra show`
#[derive(Args, Debug)]
#[command(about = "Show a run: verdict, failures, tasks")]
pub struct Show {
    /// The run: id, unique prefix, @last, @failed or its directory
    #[arg(value_name = "RUN", default_value = "@last")]
    pub run: String,
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

/// `orchestra logs`
///
/// Without TASK: of every task. Each kept stream of each attempt is printed on its own, never
/// concatenated without a heading.
#[derive(Args, Debug)]
#[command(about = "Print what tasks wrote")]
#[command(after_help = "\
Examples:
  orchestra logs @last build
  orchestra logs @failed --failed")]
pub struct Logs {
    /// The run: id, unique prefix, @last, @failed or its directory
    #[arg(value_name = "RUN")]
    pub run: String,
    /// One task
    #[arg(value_name = "TASK")]
    pub task: Option<String>,
    /// Only this attempt
    #[arg(long, value_name = "N", env = "ORCHESTRA_ATTEMPT", hide_env = true)]
    pub attempt: Option<u32>,
    /// Only attempts that failed
    #[arg(long, env = "ORCHESTRA_FAILED", hide_env = true)]
    #[arg(value_parser = FalseyValueParser::new())]
    pub failed: bool,
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

/// `orchestra report`
///
/// Markdown on stdout; `-o json` is the machine's report, `-o jsonl` the events themselves.
#[derive(Args, Debug)]
#[command(about = "Render a run's report from its journal")]
pub struct Report {
    /// The run: id, unique prefix, @last, @failed or its directory
    #[arg(value_name = "RUN", default_value = "@last")]
    pub run: String,
    /// Where runs are kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

/// `orchestra schema`
#[derive(Args, Debug)]
#[command(about = "Print a JSON Schema")]
pub struct Schema {
    /// Of what [default: scenario]
    #[arg(value_enum, value_name = "WHAT")]
    pub what: Option<SchemaOf>,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

/// `orchestra version`
#[derive(Args, Debug)]
#[command(about = "Print the version")]
pub struct Version {
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// What a person writes
    #[default]
    Scenario,
    /// Lines of events.jsonl
    Events,
    /// Between coordinator and workers
    Messages,
}

fn parse_input(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

fn parse_sandbox(text: &str) -> Result<protocol::policy::SandboxLevel, String> {
    text.parse()
}
