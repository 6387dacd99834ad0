//! `orchestra policy` as typed.

use clap::{Args, ValueEnum};
use protocol::policy::SandboxLevel;

use super::pack_name::PackName;
use super::run::parse_input;
use super::shared::{Output, Paging, Policing, parse_sandbox};
use super::switch::switch;

/// `orchestra policy`
///
/// A policy says what tasks may do; a pack is one that has a name. `show` prints the one that holds
/// here, or a pack; `list` the packs there are; `test` holds every rule of a pack against the command
/// lines beside it and exits with 9 when one is not as it says; `explain` says what a task of a scenario
/// may do, and why not more. Lists of programs say what a plan may start; the sandbox confines it.
#[derive(Args, Debug)]
#[command(about = "Show, list, test and explain what tasks may do")]
#[command(after_help = "\
Examples:
  orchestra policy show strict --origin
  orchestra policy test ./mine.yaml
  orchestra policy explain scenarios/hello.yaml greet")]
pub struct Policy {
    /// What to do [default: show]
    #[arg(value_enum, value_name = "WHAT")]
    pub what: Option<PolicyVerb>,
    /// Of `show` and `test`: a pack's name, or its file; of `explain`: the scenario
    #[arg(value_name = "PACK|FILE|SCENARIO", value_parser = PackName, hide_possible_values = true)]
    pub subject: Option<String>,
    /// Of `explain`: the task
    #[arg(value_name = "TASK")]
    pub task: Option<String>,
    /// Of `show`: say where each value comes from
    #[arg(long, env = "ORCHESTRA_ORIGIN", hide_env = true)]
    #[arg(value_parser = switch)]
    pub origin: bool,
    /// Of `explain`: value of one of the scenario's inputs; may be repeated
    #[arg(short, long = "input", value_name = "KEY=VALUE", value_parser = parse_input)]
    #[arg(env = "ORCHESTRA_INPUT", hide_env = true)]
    pub inputs: Vec<(String, String)>,
    /// As to `run`: strict, landlock or none
    #[arg(long, value_name = "LEVEL", env = "ORCHESTRA_SANDBOX", hide_env = true)]
    #[arg(value_parser = parse_sandbox)]
    pub sandbox: Option<SandboxLevel>,
    /// Under which policy.
    #[command(flatten)]
    pub policing: Policing,
    /// Whether long text goes through a pager.
    #[command(flatten)]
    pub paging: Paging,
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}

/// What `orchestra policy` does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PolicyVerb {
    /// The policy that holds here, or a pack
    #[default]
    Show,
    /// The packs there are
    List,
    /// Every rule of a pack against its examples
    Test,
    /// What a task of a scenario may do
    Explain,
}
