//! A new run from its directory to its end: what `run` and `retry` share.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::plan::Plan;
use protocol::policy::Dispatch;
use protocol::seal::UserKey;

use super::banner::banner;
use super::context::Context;
use super::driving;
use super::error::CliError;
use crate::report::{RunSummary, console};
use crate::runs::SettingRecord;
use crate::session::{NewRun, Opened, Session, Start, drive, open, start_log};
use crate::settings::{Drive, Setting};

/// Makes the run's directory, says so, and drives the run to its end.
pub(super) fn begin(
    context: &Context,
    how: &Drive,
    new: NewRun<'_>,
    plan: &Arc<Plan>,
    key: &UserKey,
) -> Result<u8, CliError> {
    let (runs, slots) = (new.runs, new.slots);
    let dispatch = Dispatch::new(new.policy.clone(), plan, new.site.clone());
    let dispatch = Arc::new(dispatch);
    let (level, pack) = (new.policy.sandbox.level, new.policy.pack.clone());
    let Opened {
        id,
        entry,
        coordinator,
        lock,
        trace_id,
        opening,
    } = open(new, key)?;
    let view = driving::view(context, &entry, plan);
    let redact = context.redact;
    let opening_lines = console::Opening {
        scenario: plan.name(),
        run: redact.run(&id),
        plan: redact.digest(&plan.digest()),
        slots: redact.machine(slots),
        tasks: plan.len(),
        dir: &view.dir,
        level,
        pack: &pack,
    };
    context.ui.note(&opening_lines.render());
    let eyes = (how.verbose > 1).then(|| Arc::clone(&context.ui));
    start_log(&entry.dir, how.log_level.value, eyes).map_err(|error| {
        CliError::not_ready("log-unwritable", "log.jsonl cannot be made").because(error)
    })?;
    let (observers, live) =
        driving::observers(context, how, runs, &entry, view, RunSummary::default());
    banner(context, (level, &pack), how.sandbox.as_ref());
    let session = Session {
        ui: Arc::clone(&context.ui),
        entry: &entry,
        run: id,
        coordinator,
        trace_id,
        plan: Arc::clone(plan),
        policy: dispatch,
        slots,
        max_parallel: Some(slots),
        fail_fast: how.fail_fast.value,
        live,
        observers,
    };
    let driven = drive(session, Start::New(opening))?;
    driving::end(context, &entry, id, plan, driven, key, lock)
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
