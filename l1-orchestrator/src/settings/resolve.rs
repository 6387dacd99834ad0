//! Flags and environment over defaults; no option is left open here.

use std::path::PathBuf;

use clap::ArgMatches;
use protocol::policy::SandboxLevel;

use super::origin::{Origin, Setting};
use crate::cli::args::{Driving, LogLevel, Progress, RunsDir};
use crate::runs::Runs;

/// Where runs are kept unless somebody says otherwise, beneath the working directory.
const RUNS_DIR: &str = "runs";

/// How a run is driven and shown.
#[derive(Clone, Debug)]
pub struct Drive {
    /// Attempts at once, if the command line says so.
    pub max_parallel: Option<Setting<u32>>,
    /// Cancel at the first failure.
    pub fail_fast: Setting<bool>,
    /// Confinement.
    pub sandbox: Setting<SandboxLevel>,
    /// A line a task.
    pub lines: bool,
    /// Task output live (1), orchestra's log too (2).
    pub verbose: u8,
    /// Detail of `log.jsonl`.
    pub log_level: Setting<LogLevel>,
}

/// Resolves how a run is driven.
#[must_use]
pub fn driving(typed: &Driving, matches: &ArgMatches) -> Drive {
    let fail_fast = typed.fail_fast.then_some(true);
    Drive {
        max_parallel: typed.max_parallel.map(|value| {
            let origin = Origin::of(matches, "max_parallel").unwrap_or(Origin::Default);
            Setting { value, origin }
        }),
        fail_fast: Setting::or_default(fail_fast, false, matches, "fail_fast"),
        sandbox: Setting::or_default(typed.sandbox, SandboxLevel::None, matches, "sandbox"),
        lines: typed.progress.unwrap_or_default() != Progress::None,
        verbose: typed.verbose,
        log_level: Setting::or_default(typed.log_level, LogLevel::default(), matches, "log_level"),
    }
}

/// Resolves where runs are kept.
#[must_use]
pub fn runs_dir(typed: &RunsDir) -> Runs {
    match &typed.runs_dir {
        Some(dir) => Runs::new(dir.clone(), false),
        None => Runs::new(PathBuf::from(RUNS_DIR), true),
    }
}
