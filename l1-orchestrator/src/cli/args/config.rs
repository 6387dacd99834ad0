//! `orchestra config` as typed.

use clap::{Args, ValueEnum};

use super::modelling::Modelling;
use super::shared::{Driving, Output, Policing, RunsDir};
use super::switch::switch;

/// `orchestra config`
///
/// A setting comes from a flag, a variable, the project's `orchestra.yaml`, your own `config.yaml` or
/// its default, the first of them that says something. Give the same flags as to `run` to see what
/// they would do. `default` prints every setting with its default as a file to start from.
#[derive(Args, Debug)]
#[command(about = "Show settings, and where each value comes from")]
#[command(after_help = "\
Examples:
  orchestra config
  orchestra config show --origin --max-parallel 2
  orchestra config default")]
pub struct Config {
    /// What to show [default: show]
    #[arg(value_enum, value_name = "WHAT")]
    pub what: Option<ConfigOf>,
    /// Show the values that lost, too, and from where they were overruled
    #[arg(long, env = "ORCHESTRA_ORIGIN", hide_env = true)]
    #[arg(value_parser = switch)]
    pub origin: bool,
    /// How a run would be driven.
    #[command(flatten)]
    pub driving: Driving,
    /// Who plans.
    #[command(flatten)]
    pub modelling: Modelling,
    /// Under which policy.
    #[command(flatten)]
    pub policing: Policing,
    /// Where runs would be kept.
    #[command(flatten)]
    pub runs: RunsDir,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

/// What `orchestra config` shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ConfigOf {
    /// Every setting with its value and origin
    #[default]
    Show,
    /// The files that settings and state are read from
    Path,
    /// All defaults, commented, as a settings file
    Default,
}
