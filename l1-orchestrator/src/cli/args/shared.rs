//! Flags that several verbs have.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use protocol::policy::SandboxLevel;

use crate::ui::ColorChoice;

use super::pack_name::PackName;
use super::run::{Approve, parse_approval};
use super::switch::switch;

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
    #[arg(env = "ORCHESTRA_JSON", hide_env = true, value_parser = switch)]
    pub json: bool,
    /// Say only errors and the final line
    #[arg(short, long, help_heading = "Output")]
    #[arg(env = "ORCHESTRA_QUIET", hide_env = true, value_parser = switch)]
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

/// Where runs are kept.
#[derive(Args, Debug)]
pub struct RunsDir {
    /// Where runs are kept [default: runs]
    #[arg(long, value_name = "DIR", env = "ORCHESTRA_RUNS_DIR", hide_env = true)]
    pub runs_dir: Option<PathBuf>,
}

/// Whether long text goes through a pager.
#[derive(Args, Debug)]
pub struct Paging {
    /// Print long text on a terminal as it is, not through $PAGER [default: less -FRX]
    #[arg(
        long,
        env = "ORCHESTRA_NO_PAGER",
        hide_env = true,
        help_heading = "Output"
    )]
    #[arg(value_parser = switch)]
    pub no_pager: bool,
}

/// Under which policy a plan is judged.
#[derive(Args, Debug)]
pub struct Policing {
    /// What tasks may do: a pack's name, or its file [default: default]
    #[arg(
        long,
        value_name = "PACK|FILE",
        env = "ORCHESTRA_POLICY",
        hide_env = true
    )]
    #[arg(value_parser = PackName, hide_possible_values = true)]
    pub policy: Option<String>,
}

/// Whether a recorded run may go on here.
#[derive(Args, Debug)]
pub struct Approving {
    /// Go on with exactly the plan and the policy whose digests begin like this, and no others, also
    /// where the run was not opened here
    #[arg(long, value_name = "PLAN@POLICY", value_parser = parse_approval)]
    #[arg(env = "ORCHESTRA_APPROVE", hide_env = true)]
    pub approve: Option<Approve>,
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
    #[arg(value_parser = switch)]
    pub fail_fast: bool,
    /// Confinement of tasks: strict, landlock or none [default: the policy's]
    #[arg(long, value_name = "LEVEL", env = "ORCHESTRA_SANDBOX", hide_env = true)]
    #[arg(value_parser = parse_sandbox)]
    pub sandbox: Option<SandboxLevel>,
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
    /// A bar on a terminal, else lines
    #[default]
    Auto,
    /// One line a finished task and, where stderr is a terminal, a bar, in CI too
    Bar,
    /// One counted line a finished task
    Lines,
    /// No lines of tasks, only beginning and end
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

pub(super) fn parse_sandbox(text: &str) -> Result<SandboxLevel, String> {
    text.parse()
}
