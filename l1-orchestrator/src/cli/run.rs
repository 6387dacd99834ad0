//! `orchestra run`: scenario to plan to run directory to outcome.

use std::path::Path;
use std::sync::Arc;

use clap::ArgMatches;
use protocol::diagnostic::Diagnostic;
use protocol::plan::Plan;
use protocol::scenario::find_root;
use serde_json::Value;

use super::args::Run;
use super::context::Context;
use super::driving::{self, slots};
use super::error::{CliError, Kind};
use super::scenario_file::{self, Read};
use crate::report::{RunSummary, console};
use crate::session::{
    NewRun, Opened, Policy, Session, Start, absolute, drive, open, record_of, start_log,
};
use crate::settings::{self, Drive, Setting};

pub(super) fn run(context: &Context, args: &Run, matches: &ArgMatches) -> Result<u8, CliError> {
    let read = scenario_file::read(context, &args.scenario)?;
    let how = settings::driving(&args.driving, matches, &context.files);
    let runs = settings::runs_dir(&args.runs, &context.files);
    let path = absolute(&args.scenario);
    let (plan, bytes) = plan(read, &args.inputs, &path)?;
    let slots = slots(&how, &plan);
    let key = driving::key()?;
    let policy = Policy::default_pack(how.sandbox.value);
    let name = plan.name().parse().map_err(|error| {
        CliError::internal("a checked plan has an unusable name").because(error)
    })?;
    let mut record = record_of(name, &path);
    record.inputs = args.inputs.iter().cloned().collect();
    record.settings = settings_record(&how, &slots);
    let opened = open(NewRun {
        runs: &runs,
        scenario: &bytes,
        plan: &plan,
        policy: &policy,
        slots: slots.value,
        trace_id: settings::inherited_trace_id(),
        record,
    })?;
    drop(bytes);
    let plan = Arc::new(plan);
    let Opened {
        id,
        entry,
        coordinator,
        lock,
        trace_id,
        opening,
    } = opened;
    let view = driving::view(context, &entry, &plan);
    let redact = context.redact;
    context.ui.note(&console::opening(
        plan.name(),
        &redact.run(&id),
        &redact.digest(&plan.digest()),
        &redact.machine(slots.value),
        plan.len(),
        &view.dir,
    ));
    let eyes = (how.verbose > 1).then(|| Arc::clone(&context.ui));
    start_log(&entry.dir, how.log_level.value, eyes).map_err(|error| {
        CliError::not_ready("log-unwritable", "log.jsonl cannot be made").because(error)
    })?;
    let (observers, live) =
        driving::observers(context, &how, &runs, &entry, view, RunSummary::default());
    let session = Session {
        ui: Arc::clone(&context.ui),
        entry: &entry,
        run: id,
        coordinator,
        trace_id,
        plan: Arc::clone(&plan),
        constraints: policy.constraints,
        slots: slots.value,
        max_parallel: Some(slots.value),
        fail_fast: how.fail_fast.value,
        live,
        observers,
    };
    let driven = drive(session, Start::New(opening))?;
    driving::end(context, &entry, id, &plan, driven, &key, lock)
}

/// The checked plan with resolved inputs, and the bytes it came from.
fn plan(read: Read, given: &[(String, String)], path: &Path) -> Result<(Plan, Vec<u8>), CliError> {
    let Read {
        bytes,
        scenario,
        source,
        ..
    } = read;
    let working_dir = std::env::current_dir().map_err(|error| {
        CliError::not_ready("no-working-dir", "there is no working directory").because(error)
    })?;
    let inputs = scenario.resolve(given, &working_dir, &find_root(path));
    let inputs: std::collections::BTreeMap<String, Value> = inputs.map_err(|problems| {
        // What was typed is wrong, not the file.
        let by_file = problems.iter().any(is_of_file);
        let mut error = CliError::problems(Arc::clone(&source), problems);
        if !by_file {
            (error.kind, error.code) = (Kind::Usage, "invalid-input");
        }
        error
    })?;
    let plan = scenario
        .plan(inputs)
        .map_err(|problems| CliError::problems(source, problems))?;
    Ok((plan, bytes))
}

/// A default that does not fit is the file's fault; anything else about inputs is the caller's.
fn is_of_file(problem: &Diagnostic) -> bool {
    problem.code == "invalid-input" && problem.span.is_some()
}

fn settings_record(
    how: &Drive,
    slots: &Setting<u32>,
) -> std::collections::BTreeMap<String, crate::runs::SettingRecord> {
    let level = how.log_level.value;
    let level = format!("{level:?}").to_lowercase();
    let log_level = Setting {
        value: level,
        origin: how.log_level.origin.clone(),
    };
    [
        ("max_parallel", slots.record()),
        ("fail_fast", how.fail_fast.record()),
        ("sandbox", how.sandbox.record()),
        ("log_level", log_level.record()),
    ]
    .into_iter()
    .map(|(name, record)| (name.to_owned(), record))
    .collect()
}
