//! One struct a verb; its doc comment is its help text.

use std::path::PathBuf;

use clap::Args;

use super::modelling::{Modelling, Recording};
use super::run::parse_input;
use super::shared::{Approving, Driving, Output, Paging, Policing, RunsDir};
use super::switch::switch;

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
    /// Whether it may go on here.
    #[command(flatten)]
    pub approving: Approving,
    /// Approve a plan that a model made unseen, as far as the policy allows what it does
    #[arg(short, long, env = "ORCHESTRA_YES", hide_env = true, value_parser = switch)]
    pub yes: bool,
    /// Never ask; a plan that somebody has to approve stays unapproved then
    #[arg(long, env = "ORCHESTRA_NO_INPUT", hide_env = true, value_parser = switch)]
    pub no_input: bool,
    /// Who plans, where the run has no plan yet.
    #[command(flatten)]
    pub modelling: Modelling,
    /// Where replies come from.
    #[command(flatten)]
    pub recording: Recording,
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
/// Reads the file, runs nothing and writes nothing. Exits with 3 when something is wrong. With
/// --policy it says as well what that policy has against the plan, and exits with 4 where it refuses.
#[derive(Args, Debug)]
#[command(about = "Say everything that is wrong with a scenario")]
pub struct Validate {
    /// The scenario file, or a saved plan
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,
    /// With --policy: value of one of the scenario's inputs; may be repeated
    #[arg(short, long = "input", value_name = "KEY=VALUE", value_parser = parse_input)]
    #[arg(env = "ORCHESTRA_INPUT", hide_env = true)]
    pub inputs: Vec<(String, String)>,
    /// Under which policy.
    #[command(flatten)]
    pub policing: Policing,
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

/// `orchestra show`
///
/// The same words as at the end of `run`, for any run: how it ended or where it stands, what failed
/// first and why, every task. Exits with 0 whatever the run did; `watch` exits with its code.
#[derive(Args, Debug)]
#[command(about = "Show a run: verdict, failures, tasks")]
pub struct Show {
    /// The run: id, unique prefix, @last, @failed or its directory
    #[arg(value_name = "RUN", default_value = "@last")]
    pub run: String,
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

/// `orchestra version`
#[derive(Args, Debug)]
#[command(about = "Print the version")]
pub struct Version {
    /// What is printed, and how.
    #[command(flatten)]
    pub output: Output,
}
