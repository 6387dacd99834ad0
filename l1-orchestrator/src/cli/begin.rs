//! A new run from its directory to its end: what `run` and `retry` share.

use std::collections::BTreeMap;
use std::sync::Arc;

use l2_coordinator::RunLock;
use protocol::ids::{CoordinatorId, RunId};
use protocol::plan::Plan;
use protocol::policy::{Dispatch, Finding, FindingSeverity, Policy, Site};
use protocol::seal::UserKey;

use super::banner::banner;
use super::context::Context;
use super::driving;
use super::error::CliError;
use crate::models::Tiers;
use crate::report::{RunSummary, console};
use crate::runs::{RunEntry, Runs, SettingRecord};
use crate::session::{NewRun, Opened, Session, Start, drive, open, start_log};
use crate::settings::{Drive, Models, Setting};

/// Makes the run's directory, says so, and drives the run to its end.
pub(super) fn begin(
    context: &Context,
    how: &Drive,
    new: NewRun<'_>,
    plan: &Arc<Plan>,
    models: Option<Tiers>,
    key: &UserKey,
) -> Result<u8, CliError> {
    let (runs, slots) = (new.runs, new.slots);
    let (policy, site) = (new.policy.clone(), new.site.clone());
    let Opened {
        id,
        entry,
        coordinator,
        lock,
        trace_id,
        opening,
    } = open(new, key)?;
    let ready = Prepared {
        id,
        entry,
        coordinator,
        lock,
        trace_id,
        plan: Arc::clone(plan),
        policy,
        site,
        slots,
        models,
        before: RunSummary::default(),
    };
    say_opening(context, &ready);
    log(context, how, &ready.entry)?;
    drive_on(context, how, runs, ready, Start::New(opening), key)
}

/// Begins `log.jsonl`.
pub(super) fn log(context: &Context, how: &Drive, entry: &RunEntry) -> Result<(), CliError> {
    let eyes = (how.verbose > 1).then(|| Arc::clone(&context.ui));
    start_log(&entry.dir, how.log_level.value, eyes).map_err(|error| {
        CliError::not_ready("log-unwritable", "log.jsonl cannot be made").because(error)
    })
}

/// A run that this process holds, with an approved plan.
pub(super) struct Prepared {
    pub(super) id: RunId,
    pub(super) entry: RunEntry,
    pub(super) coordinator: CoordinatorId,
    pub(super) lock: RunLock,
    pub(super) trace_id: String,
    pub(super) plan: Arc<Plan>,
    pub(super) policy: Policy,
    pub(super) site: Site,
    pub(super) slots: u32,
    /// Who answers its prompts, if it has any.
    pub(super) models: Option<Tiers>,
    /// What happened before it is driven.
    pub(super) before: RunSummary,
}

/// Says which run this is, and where.
pub(super) fn say_opening(context: &Context, ready: &Prepared) {
    let redact = context.redact;
    let opening_lines = console::Opening {
        scenario: ready.plan.name(),
        run: redact.run(&ready.id),
        plan: redact.digest(&ready.plan.digest()),
        slots: redact.machine(ready.slots),
        tasks: ready.plan.len(),
        is_planned: ready.plan.goal().is_some(),
        dir: &redact.run_dir(&ready.entry.dir),
        level: ready.policy.sandbox.level,
        pack: &ready.policy.pack,
    };
    // A model's plan is told of in a run that already was.
    context.ui.note(&match opening_lines.is_planned {
        false => opening_lines.render(),
        true => opening_lines.of_plan(),
    });
}

/// Drives a run to its end.
pub(super) fn drive_on(
    context: &Context,
    how: &Drive,
    runs: &Runs,
    ready: Prepared,
    start: Start,
    key: &UserKey,
) -> Result<u8, CliError> {
    let Prepared {
        id,
        entry,
        coordinator,
        lock,
        trace_id,
        plan,
        policy,
        site,
        slots,
        models,
        before,
    } = ready;
    let (level, pack) = (policy.sandbox.level, policy.pack.clone());
    let dispatch = Arc::new(Dispatch::new(policy, &plan, site));
    let view = driving::view(context, &entry, &plan);
    let (observers, live) = driving::observers(context, how, runs, &entry, view, before);
    banner(context, (level, &pack), how.sandbox.as_ref());
    let session = Session {
        ui: Arc::clone(&context.ui),
        entry: &entry,
        run: id,
        coordinator,
        trace_id,
        plan: Arc::clone(&plan),
        policy: dispatch,
        slots,
        max_parallel: Some(slots),
        fail_fast: how.fail_fast.value,
        models,
        live,
        observers,
    };
    let driven = drive(session, start)?;
    driving::end(context, &entry, id, &plan, driven, key, lock)
}

/// What the run was told, for `run.json`.
pub(super) fn settings_record(
    how: &Drive,
    slots: &Setting<u32>,
) -> BTreeMap<String, SettingRecord> {
    let level = how.log_level.value;
    let level = format!("{level:?}").to_lowercase();
    let log_level = Setting {
        value: level,
        origin: how.log_level.origin.clone(),
    };
    let sandbox = how
        .sandbox
        .as_ref()
        .map(|sandbox| ("sandbox", sandbox.record()));
    [
        ("max_parallel", slots.record()),
        ("fail_fast", how.fail_fast.record()),
        ("log_level", log_level.record()),
    ]
    .into_iter()
    .chain(sandbox)
    .map(|(name, record)| (name.to_owned(), record))
    .collect()
}

/// What a run with prompts was told of models, for the same.
pub(super) fn models_record(tiers: &Tiers, models: &Models) -> Vec<(String, SettingRecord)> {
    let smart = &tiers.smart;
    let told = models.record(&smart.name, smart.max_tokens, smart.effort);
    let told = told.into_iter().chain([models.record_fast()]);
    told.map(|(name, record)| (name.to_owned(), record))
        .collect()
}

/// What is worth an event: pages about plans tell the rest, which most tasks would have one of.
pub(super) fn told(findings: Vec<Finding>) -> Vec<Finding> {
    let is_told = |finding: &Finding| finding.severity > FindingSeverity::Info;
    findings.into_iter().filter(is_told).collect()
}
