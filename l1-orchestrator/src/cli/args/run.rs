//! `orchestra run` as typed.

use std::path::PathBuf;

use clap::Args;

use super::shared::{Driving, Output, RunsDir};
use super::switch::switch;

/// Digits of a digest that tell plans apart; as many as are shown.
const MIN_DIGITS: usize = 8;

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
    /// Refuse any plan but the one whose digest begins like this
    #[arg(long, value_name = "DIGEST", value_parser = parse_digest, help_heading = "Looking ahead")]
    #[arg(env = "ORCHESTRA_APPROVE", hide_env = true)]
    pub approve: Option<String>,
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

fn parse_input(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

fn parse_digest(text: &str) -> Result<String, String> {
    let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if (MIN_DIGITS..=64).contains(&text.len()) && text.bytes().all(is_hex) {
        Ok(text.to_owned())
    } else {
        Err(format!("expected {MIN_DIGITS} to 64 digits of 0-9 and a-f"))
    }
}
