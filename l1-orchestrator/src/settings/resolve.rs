//! Flags over environment over files over defaults; no option is left open here.

use std::path::PathBuf;

use clap::ArgMatches;
use protocol::policy::SandboxLevel;

use super::files::{Files, Layer};
use super::origin::{Origin, Setting};
use crate::cli::args::{Driving, LogLevel, Output, Progress, RunsDir};
use crate::runs::Runs;
use crate::ui::ColorChoice;

/// Where runs are kept unless somebody says otherwise, beneath the working directory.
const RUNS_DIR: &str = "runs";

/// How a run is driven and shown.
#[derive(Clone, Debug)]
pub struct Drive {
    /// Attempts at once, if anybody said so.
    pub max_parallel: Option<Setting<u32>>,
    /// Attempts at once that a project's file does not want exceeded by default.
    pub project_cap: Option<Setting<u32>>,
    /// Cancel at the first failure.
    pub fail_fast: Setting<bool>,
    /// Confinement.
    pub sandbox: Setting<SandboxLevel>,
    /// Progress on stderr.
    pub progress: Setting<Progress>,
    /// Task output live (1), orchestra's log too (2).
    pub verbose: u8,
    /// Detail of `log.jsonl`.
    pub log_level: Setting<LogLevel>,
}

/// Resolves how a run is driven.
#[must_use]
pub fn driving(typed: &Driving, matches: &ArgMatches, files: &Files) -> Drive {
    let given = |id| Origin::of(matches, id);
    let fail_fast = typed.fail_fast.then_some(true);
    let progress = Setting::resolve(
        typed.progress,
        given("progress"),
        last_first(files, |layer| layer.progress),
        Progress::default(),
    );
    Drive {
        max_parallel: max_parallel(typed, matches, files),
        project_cap: of_file(&files.project),
        fail_fast: Setting::resolve(fail_fast, given("fail_fast"), [], false),
        sandbox: Setting::resolve(typed.sandbox, given("sandbox"), [], SandboxLevel::None),
        progress,
        verbose: typed.verbose,
        log_level: Setting::resolve(
            typed.log_level,
            given("log_level"),
            last_first(files, |layer| layer.log_level),
            LogLevel::default(),
        ),
    }
}

/// Typed, else the user's. A project's file only tightens, see [`Drive::project_cap`].
fn max_parallel(typed: &Driving, matches: &ArgMatches, files: &Files) -> Option<Setting<u32>> {
    match (typed.max_parallel, Origin::of(matches, "max_parallel")) {
        (Some(value), Some(origin)) => Some(Setting { value, origin }),
        _ => of_file(&files.user),
    }
}

fn of_file(layer: &Layer) -> Option<Setting<u32>> {
    let origin = Origin::File(layer.path.clone());
    layer.max_parallel.map(|value| Setting { value, origin })
}

fn last_first<T>(files: &Files, of: impl Fn(&Layer) -> Option<T>) -> [(Option<T>, PathBuf); 2] {
    [&files.project, &files.user].map(|layer| (of(layer), layer.path.clone()))
}

/// Resolves when to color.
#[must_use]
pub fn color(typed: &Output, files: &Files) -> ColorChoice {
    let written = files.project.color.or(files.user.color);
    typed.color.or(written).unwrap_or_default()
}

/// Resolves where runs are kept.
#[must_use]
pub fn runs_dir(typed: &RunsDir, files: &Files) -> Runs {
    match (&typed.runs_dir, &files.user.runs_dir) {
        (Some(typed), _) => Runs::new(typed.clone(), false),
        (None, Some(written)) => Runs::new(written.clone(), true),
        (None, None) => Runs::new(PathBuf::from(RUNS_DIR), true),
    }
}
