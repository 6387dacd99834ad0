//! `orchestra run`: scenario to plan to run directory to outcome.

use std::sync::Arc;

use clap::ArgMatches;

use super::args::Run;
use super::asked::{self, Asked};
use super::context::Context;
use super::driving::{self, slots};
use super::dry_run::dry_run;
use super::error::CliError;
use super::plan_only::plan_only;
use crate::report::{RunSummary, console};
use crate::session::{NewRun, Opened, Policy, Session, Start, drive, open, record_of, start_log};
use crate::settings::{self, Drive, Setting};

pub(super) fn run(context: &Context, args: &Run, matches: &ArgMatches) -> Result<u8, CliError> {
    let how = settings::driving(&args.driving, matches, &context.files);
    let policy = Policy::default_pack(how.sandbox.value);
    let asked = asked::read(context, args, &policy)?;
    let slots = slots(&how, &asked.plan);
    if args.plan_only {
        return plan_only(context, args, &asked, &policy, slots.value);
    }
    if args.dry_run {
        return dry_run(context, &asked, &policy, slots.value);
    }
    let Asked {
        plan,
        scenario,
        path,
        inputs,
        ..
    } = asked;
    let runs = settings::runs_dir(&args.runs, &context.files);
    let key = driving::key()?;
    let name = plan.name().parse().map_err(|error| {
        CliError::internal("a checked plan has an unusable name").because(error)
    })?;
    let mut record = record_of(name, &path);
    record.inputs = inputs;
    record.settings = settings_record(&how, &slots);
    let opened = open(NewRun {
        runs: &runs,
        scenario: &scenario,
        plan: &plan,
        policy: &policy,
        slots: slots.value,
        trace_id: settings::inherited_trace_id(),
        record,
    })?;
    drop(scenario);
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
