//! A run that stopped before its plan was approved goes on, or is closed: its directory is used only as far
//! as a key that is trusted here signed it, and what its journal has is not paid for again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ArgMatches;
use l2_coordinator::RunLock;
use l2_coordinator::journal::write_durably;
use protocol::digest::Digest;
use protocol::event::{Origin, RunStarted, Unplanned as Opening};
use protocol::ids::CoordinatorId;
use protocol::outcome::RunOutcome;
use protocol::plan::Plan;
use protocol::run_dir;

use super::approval::{Approving, Ready};
use super::args::Resume;
use super::asked::{self, Asked};
use super::context::Context;
use super::driving::{self, slots};
use super::error::{CliError, Kind};
use super::goal::Asking;
use super::judged::Judge;
use super::opened::trusted_keys;
use super::planned_run::{End, Held, Unplanned, kept_before};
use super::retry::scenario;
use crate::exit_code;
use crate::models;
use crate::report::spend::in_words;
use crate::report::{Observers, Opener, RunSummary};
use crate::runs::{RunEntry, RunRecord, Runs, Stored, load_plan, quoted};
use crate::session::{self, recorded_policy};
use crate::settings::{self, Drive};
use crate::verify::hash;

/// Whether the run stopped, or ended, before a plan of it was approved.
pub(super) fn has_no_plan(summary: &RunSummary) -> bool {
    summary.approval.is_none() && !summary.calls.requested.is_empty()
}

/// Nothing that takes a plan can be done with it.
pub(super) fn no_plan(context: &Context, entry: &RunEntry, summary: &RunSummary) -> CliError {
    if summary.ending.is_none() {
        let resume = context.reference(entry).command("resume", "");
        let message = "the run has no plan yet: it stopped while it was planned";
        return CliError::not_ready("run-unplanned", message)
            .hint(format!("`{resume}` goes on with it"));
    }
    let message = "the run ended without a plan: there is nothing of it to repeat";
    let error = CliError::not_ready("run-unplanned", message);
    match RunRecord::read(&entry.dir) {
        Ok(record) => error.hint(again(context, &record)),
        Err(_) => error,
    }
}

fn again(context: &Context, record: &RunRecord) -> String {
    let path = context.redact.place(Path::new(&record.scenario_path));
    let words = asked::again(Path::new(&path), &record.inputs);
    format!("run it again: `orchestra run {words}`")
}

/// A run in planning that this process took over.
pub(super) struct Taken<'a> {
    pub(super) entry: RunEntry,
    pub(super) lock: RunLock,
    pub(super) coordinator: CoordinatorId,
    pub(super) stored: Stored,
    pub(super) how: &'a Drive,
    pub(super) runs: &'a Runs,
}

/// Plans to the end, has the plan approved, and runs it.
pub(super) fn resume(
    context: &Context,
    args: &Resume,
    matches: &ArgMatches,
    taken: Taken<'_>,
) -> Result<u8, CliError> {
    let Taken {
        entry,
        lock,
        coordinator,
        stored,
        how,
        runs,
    } = taken;
    let opened = opened(context, &entry, &stored.summary)?;
    let chosen = how.sandbox.as_ref().map(|chosen| chosen.value);
    let policy = recorded_policy(&entry.dir, chosen)?;
    let judge = Judge::recorded(policy, how.sandbox.clone(), runs.dir().into());
    let slots = slots(how, &opened.plan);
    let file = entry.dir.join(run_dir::SCENARIO);
    let paths = asked::paths_of(context, &file, opened.scenario.clone())?;
    let asked = asked::with_files(Asked {
        plan: opened.plan,
        scenario: opened.scenario,
        path: PathBuf::from(&opened.record.scenario_path),
        inputs: opened.record.inputs,
        paths,
        saved_under: None,
    })?;
    let judged = judge.judge(&asked);
    let models = settings::models(&args.modelling, matches, &context.files)
        .or_recorded(&args.modelling, &opened.record.settings);
    let chosen = models::model_for_resume(&models, &args.recording)?;
    let key = driving::key()?;
    let command = context.reference(&entry).command("resume", "");
    let dir = context.redact.run_dir(&entry.dir);
    let run = context.redact.run(&opened.started.run_id);
    let so_far = in_words(stored.summary.calls.ledger.settled(), None);
    context.ui.note(&format!(
        "Resume {run} {}   {dir}\nSo far: no plan, {so_far}",
        opened.started.scenario
    ));
    let unplanned = Unplanned {
        context,
        how,
        runs,
        judge: &judge,
        asking: Asking {
            context,
            settings: &models,
            chosen: &chosen,
            progress: how.progress.value,
        },
        approving: Approving::of_resume(args, command),
        key: &key,
        slots: slots.value,
    };
    let held = Held {
        id: opened.started.run_id,
        entry,
        coordinator,
        lock,
        started: opened.started,
    };
    unplanned.run(held, Ready { asked, judged }, Some(stored.summary))
}

/// Closes a run that nobody plans any more.
pub(super) fn cancel(
    context: &Context,
    entry: &RunEntry,
    coordinator: CoordinatorId,
    stored: Stored,
) -> Result<(), CliError> {
    let started = started(&stored.summary)?;
    if let Some(opening) = &started.unplanned {
        restore(entry, run_dir::PLAN, opening.plan_file)?;
        restore(entry, run_dir::POLICY, opening.policy_file)?;
    }
    // Nothing of it is executed: whoever made it may be a stranger.
    let plan = load_plan(&entry.dir).filter(|plan| plan.awaits_planning());
    let plan = plan.ok_or_else(|| changed(context, entry, run_dir::PLAN))?;
    let key = driving::key()?;
    let run = started.run_id;
    let observers = Observers::new(stored.summary, Vec::new());
    let reopened = session::reopen(&entry.dir, Arc::clone(&plan), coordinator, observers)?;
    let end = End {
        outcome: RunOutcome::Cancelled,
        exit_code: exit_code::TERMINATED,
        by: Some(Origin::Cancel),
    };
    end.write(entry, run, reopened, &plan, &key)?;
    Ok(())
}

/// What is known of the directory of a run without a plan.
struct Opened {
    started: Box<RunStarted>,
    record: RunRecord,
    scenario: Vec<u8>,
    plan: Plan,
}

fn started(summary: &RunSummary) -> Result<Box<RunStarted>, CliError> {
    let started = summary.started.as_ref().map(|(_, started)| started.clone());
    started.ok_or_else(|| {
        let message = "the journal does not begin with the run's start";
        CliError::new(Kind::VerifyFailed, "journal-damaged", message)
    })
}

/// Checks who made the directory, and that its files are what they made.
fn opened(context: &Context, entry: &RunEntry, summary: &RunSummary) -> Result<Opened, CliError> {
    let started = started(summary)?;
    let record = RunRecord::read(&entry.dir).map_err(|error| {
        CliError::new(
            Kind::VerifyFailed,
            "file-changed",
            "run.json cannot be used",
        )
        .because(error)
    })?;
    let opening = opening(context, entry, &started)?;
    restore(entry, run_dir::PLAN, opening.plan_file)?;
    restore(entry, run_dir::POLICY, opening.policy_file)?;
    let is = |file: &str, digest| {
        let found = hash(&entry.dir, file).ok().flatten();
        found.is_some_and(|(_, found)| found == digest)
    };
    let fit = [
        (
            run_dir::RUN_JSON,
            started
                .run_file
                .is_some_and(|digest| is(run_dir::RUN_JSON, digest)),
        ),
        (
            run_dir::SCENARIO,
            is(run_dir::SCENARIO, started.scenario_file),
        ),
        (run_dir::PLAN, is(run_dir::PLAN, opening.plan_file)),
        (run_dir::POLICY, is(run_dir::POLICY, opening.policy_file)),
    ];
    if let Some((file, _)) = fit.iter().find(|(_, fits)| !fits) {
        return Err(changed(context, entry, file));
    }
    let plan = load_plan(&entry.dir).ok_or_else(|| changed(context, entry, run_dir::PLAN))?;
    Ok(Opened {
        started,
        record,
        scenario: scenario(entry)?,
        plan: (*plan).clone(),
    })
}

fn changed(context: &Context, entry: &RunEntry, file: &str) -> CliError {
    let message = format!("{file} is not what the run began with");
    let verify = context.reference(entry).command("verify", "");
    CliError::new(Kind::VerifyFailed, "file-changed", message)
        .hint(format!("`{verify}` says what differs"))
}

/// What the run began with, if a key that is trusted here says so. Nobody can approve the plan of a
/// stranger's run before it is made, and making it costs.
fn opening<'s>(
    context: &Context,
    entry: &RunEntry,
    started: &'s RunStarted,
) -> Result<&'s Opening, CliError> {
    let opener = Opener::of_unplanned(started, &trusted_keys()?);
    let (code, message) = match (opener, &started.unplanned) {
        (Opener::Trusted, Some(opening)) => return Ok(opening),
        (Opener::Stranger(_), _) => (
            "run-foreign",
            "the run was opened with a key that is not trusted here, and has no plan that could be approved",
        ),
        (Opener::Forged, _) => {
            let message = "what the run would go on with is not what was signed when it was opened";
            return Err(CliError::new(
                Kind::VerifyFailed,
                "opening-mismatch",
                message,
            ));
        }
        _ => (
            "run-unsigned",
            "nobody signed the run when it was opened, and it has no plan that could be approved",
        ),
    };
    let scenario = context.redact.place(&entry.dir.join(run_dir::SCENARIO));
    Err(CliError::new(Kind::Refused, code, message).hint(format!(
        "read its scenario, and run it as your own: `orchestra run {}`",
        quoted(Path::new(&scenario))
    )))
}

/// A crash right before the approval leaves files that were to be approved: what was there before them
/// takes their place again.
fn restore(entry: &RunEntry, name: &str, began: Digest) -> Result<(), CliError> {
    let kept = kept_before(name);
    let is_kept = hash(&entry.dir, &kept).ok().flatten();
    if is_kept.is_none_or(|(_, digest)| digest != began) {
        return Ok(());
    }
    let bytes = fs_err::read(entry.dir.join(kept));
    bytes
        .and_then(|bytes| write_durably(&entry.dir.join(name), &bytes))
        .map_err(|error| {
            let message = format!("{name} cannot be written");
            CliError::not_ready("run-unwritable", message).because(error)
        })
}
