//! `orchestra run` as typed.

use std::path::PathBuf;

use clap::Args;

use super::modelling::{Modelling, Recording};
use super::shared::{Driving, Output, Policing, RunsDir};
use super::switch::switch;

/// Digits of a digest that somebody who writes plans cannot hit by trying: fewer tell plans apart only.
const MIN_DIGITS: usize = 16;

/// `orchestra run`
///
/// Checks the scenario, makes a run directory, runs every task and writes the report. Exits with 0
/// when every required task succeeded, 1 when one failed. A plan saved with --plan-only --save runs
/// exactly as it was saved, or not at all.
#[derive(Args, Debug)]
#[command(about = "Run a scenario to its end")]
#[command(after_help = "\
Examples:
  orchestra run scenarios/hello.yaml -i name=world
  orchestra run scenarios/diamond.yaml --max-parallel 2 -o jsonl
  orchestra run scenarios/hello.yaml --plan-only --save plan.json")]
pub struct Run {
    /// The scenario file, or a saved plan
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,
    /// Value of one of the scenario's inputs; may be repeated
    #[arg(short, long = "input", value_name = "KEY=VALUE", value_parser = parse_input)]
    #[arg(env = "ORCHESTRA_INPUT", hide_env = true)]
    pub inputs: Vec<(String, String)>,
    /// Show the checked plan and its worst case, and run nothing
    #[arg(long, conflicts_with = "dry_run", help_heading = "Looking ahead")]
    #[arg(env = "ORCHESTRA_PLAN_ONLY", hide_env = true, value_parser = switch)]
    pub plan_only: bool,
    /// With --plan-only: write the plan to FILE, for `orchestra run FILE`
    #[arg(
        long,
        value_name = "FILE",
        requires = "plan_only",
        help_heading = "Looking ahead"
    )]
    #[arg(env = "ORCHESTRA_SAVE", hide_env = true)]
    pub save: Option<PathBuf>,
    /// Walk the whole schedule, check every task, and start nothing
    #[arg(long, help_heading = "Looking ahead")]
    #[arg(env = "ORCHESTRA_DRY_RUN", hide_env = true, value_parser = switch)]
    pub dry_run: bool,
    /// Approve exactly the plan whose digest begins like this, and no other; PLAN@POLICY names the
    /// policy, too
    #[arg(long, value_name = "DIGEST", value_parser = parse_approval, help_heading = "Approving")]
    #[arg(env = "ORCHESTRA_APPROVE", hide_env = true)]
    pub approve: Option<Approve>,
    /// Approve the plan unseen, as far as the policy allows what it does
    #[arg(
        short,
        long,
        env = "ORCHESTRA_YES",
        hide_env = true,
        help_heading = "Approving"
    )]
    #[arg(value_parser = switch)]
    pub yes: bool,
    /// Never ask; a plan that somebody has to approve is refused then
    #[arg(
        long,
        env = "ORCHESTRA_NO_INPUT",
        hide_env = true,
        help_heading = "Approving"
    )]
    #[arg(value_parser = switch)]
    pub no_input: bool,
    /// Under which policy.
    #[command(flatten)]
    pub policing: Policing,
    /// Who plans it.
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

pub(super) fn parse_input(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

/// A plan that is approved, by how its digest begins, and the policy it is approved under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approve {
    /// Of the plan.
    pub plan: String,
    /// Of the policy; whichever holds when it is left out.
    pub policy: Option<String>,
}

pub(super) fn parse_approval(text: &str) -> Result<Approve, String> {
    let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let fits = |text: &str| (MIN_DIGITS..=64).contains(&text.len()) && text.bytes().all(is_hex);
    let (plan, policy) = match text.split_once('@') {
        Some((plan, policy)) => (plan, Some(policy)),
        None => (text, None),
    };
    if fits(plan) && policy.is_none_or(fits) {
        return Ok(Approve {
            plan: plan.to_owned(),
            policy: policy.map(str::to_owned),
        });
    }
    Err(format!(
        "expected {MIN_DIGITS} to 64 digits of 0-9 and a-f, or two such numbers as PLAN@POLICY"
    ))
}
