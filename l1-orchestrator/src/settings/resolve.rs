//! Flags over environment over files over defaults; no option is left open here.

use std::path::PathBuf;

use clap::{ArgMatches, ValueEnum};
use protocol::policy::SandboxLevel;

use super::files::{Files, Layer};
use super::origin::{Origin, Setting};
use super::table::Key;
use crate::cli::args::{Driving, LogLevel, Output, Policing, Progress, RunsDir};
use crate::runs::Runs;
use crate::ui::ColorChoice;

/// How a run is driven and shown.
#[derive(Clone, Debug)]
pub struct Drive {
    /// Attempts at once, if anybody said so.
    pub max_parallel: Option<Setting<u32>>,
    /// Attempts at once that a project's file does not want exceeded by default.
    pub project_cap: Option<Setting<u32>>,
    /// Cancel at the first failure.
    pub fail_fast: Setting<bool>,
    /// Confinement, if anybody said so; else it is what the policy says.
    pub sandbox: Option<Setting<SandboxLevel>>,
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
    // A variable can also say no, which a file's yes does not survive.
    let fail_fast = given("fail_fast").map(|_| typed.fail_fast);
    Drive {
        max_parallel: max_parallel(typed, matches, files),
        project_cap: count(&files.project),
        fail_fast: Setting::resolve(
            fail_fast,
            given("fail_fast"),
            written(files, "fail_fast", |text| text.parse().ok()),
            false,
        ),
        sandbox: sandbox(typed.sandbox, matches, files),
        progress: progress(typed.progress, matches, files),
        verbose: typed.verbose,
        log_level: Setting::resolve(
            typed.log_level,
            given("log_level"),
            written(files, "log_level", word),
            LogLevel::default(),
        ),
    }
}

/// Resolves how progress is shown.
#[must_use]
pub fn progress(typed: Option<Progress>, matches: &ArgMatches, files: &Files) -> Setting<Progress> {
    Setting::resolve(
        typed,
        Origin::of(matches, "progress"),
        written(files, "progress", word),
        Progress::default(),
    )
}

/// Typed, else the user's. A project's file only tightens, see [`Drive::project_cap`].
fn max_parallel(typed: &Driving, matches: &ArgMatches, files: &Files) -> Option<Setting<u32>> {
    match (typed.max_parallel, Origin::of(matches, "max_parallel")) {
        (Some(value), Some(origin)) => Some(Setting { value, origin }),
        _ => count(&files.user),
    }
}

/// Typed, else written; a word for `auto` is there to overrule a file that says more.
/// Resolves the level that somebody chose, if anybody did.
#[must_use]
pub fn sandbox(
    typed: Option<SandboxLevel>,
    matches: &ArgMatches,
    files: &Files,
) -> Option<Setting<SandboxLevel>> {
    if let (Some(value), Some(origin)) = (typed, Origin::of(matches, "sandbox")) {
        return Some(Setting { value, origin });
    }
    let layers = files.last_first();
    let said = layers
        .into_iter()
        .find(|layer| text(layer, "sandbox").is_some())?;
    let value = text(said, "sandbox")?.parse().ok()?;
    let origin = said.origin();
    Some(Setting { value, origin })
}

fn count(layer: &Layer) -> Option<Setting<u32>> {
    // `auto` is what holds without it.
    let value = text(layer, "max_parallel")?.parse().ok()?;
    let origin = layer.origin();
    Some(Setting { value, origin })
}

/// What files say about a setting, the one that wins first. A value was held against the table when
/// its file was read.
fn written<T>(
    files: &Files,
    name: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> [(Option<T>, PathBuf); 2] {
    files.last_first().map(|layer| {
        let value = text(layer, name).and_then(&parse);
        (value, layer.path.clone())
    })
}

fn text<'a>(layer: &'a Layer, name: &str) -> Option<&'a str> {
    layer.value(Key::find(name)?)
}

fn word<T: ValueEnum>(text: &str) -> Option<T> {
    T::from_str(text, false).ok()
}

/// The pack that holds: typed, else a trusted project's, else the user's, else the usual one. A map in
/// a file names none; it narrows.
#[must_use]
pub fn policy(typed: &Policing, matches: &ArgMatches, files: &Files) -> Setting<String> {
    let key = Key::find("policy");
    let written = files.last_first().map(|layer| {
        let word = key.and_then(|key| layer.word(key));
        (word.map(str::to_owned), layer.path.clone())
    });
    Setting::resolve(
        typed.policy.clone(),
        Origin::of(matches, "policy"),
        written,
        key.map_or("default", |key| key.default).to_owned(),
    )
}

/// Resolves when to color.
#[must_use]
pub fn color(typed: &Output, files: &Files) -> ColorChoice {
    let written = written(files, "color", word);
    let written = written.into_iter().find_map(|(choice, _)| choice);
    typed.color.or(written).unwrap_or_default()
}

/// Resolves where runs are kept.
#[must_use]
pub fn runs_dir(typed: &RunsDir, files: &Files) -> Runs {
    let default = || Key::find("runs_dir").map_or("runs", |key| key.default);
    let written = || {
        files
            .last_first()
            .into_iter()
            .find_map(|layer| text(layer, "runs_dir"))
    };
    match &typed.runs_dir {
        Some(typed) => Runs::new(typed.clone(), false),
        None => Runs::new(PathBuf::from(written().unwrap_or_else(default)), true),
    }
}
