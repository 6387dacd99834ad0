//! `orchestra resume`: an interrupted run goes on; a finished one says how it ended.

use std::path::Path;
use std::sync::Arc;

use clap::ArgMatches;
use l2_coordinator::journal::read_seal;
use l2_coordinator::{LockError, RunLock, has_prompts};
use protocol::event::RunStarted;
use protocol::plan::Plan;
use protocol::policy::Dispatch;
use protocol::run_dir;

use super::args::{Format, Resume};
use super::banner::banner;
use super::context::Context;
use super::driving::{self, slots};
use super::error::{CliError, Kind};
use super::opened::{Recorded, may_go_on};
use super::resume_planning::{self, Taken, has_no_plan, no_plan};
use crate::exit_code;
use crate::models::Tiers;
use crate::policy;
use crate::report::{Ending, RunSummary, View, closing, jsonl, words};
use crate::runs::{RunEntry, RunRecord, Stored, each_event, never_began, not_begun};
use crate::session::{
    Moment, Session, Start, absolute, clear_leftovers, drive, mend, new_coordinator, reached,
    recorded_policy, start_log,
};
use crate::settings;
use crate::verify::{hash, policy_digest};

pub(super) fn resume(
    context: &Context,
    args: &Resume,
    matches: &ArgMatches,
) -> Result<u8, CliError> {
    let how = settings::driving(&args.driving, matches, &context.files);
    let runs = settings::runs_dir(&args.runs, &context.files);
    let entry = runs.resolve(&args.run)?;
    let coordinator = new_coordinator();
    let lock = hold(context, &entry, &coordinator)?;
    let stored = Stored::load(&entry.dir)?;
    agrees_with_seal(context, &entry, &stored)?;
    if let Some(ending) = stored.summary.ending {
        return finished(context, &entry, &stored, ending);
    }
    if has_no_plan(&stored.summary) {
        let (how, runs) = (&how, &runs);
        let taken = Taken {
            entry,
            lock,
            coordinator,
            stored,
            how,
            runs,
        };
        return resume_planning::resume(context, args, matches, taken);
    }
    let (started, plan) = intact(context, &entry, &stored)?;
    let recorded = Recorded {
        entry: &entry,
        stored: &stored,
        verb: "resume",
        rest: String::new(),
    };
    may_go_on(context, &recorded, args.approving.approve.as_ref())?;
    let run = started.run_id;
    let key = driving::key()?;
    let slots = slots(&how, &plan);
    let chosen = how.sandbox.as_ref().map(|chosen| chosen.value);
    let policy = recorded_policy(&entry.dir, chosen)?;
    let models = asked_again(context, args, matches, &entry, &plan)?;
    let (level, pack) = (policy.sandbox.level, policy.pack.clone());
    let root = RunRecord::read(&entry.dir)
        .ok()
        .and_then(|record| record.root);
    let site = policy::site(
        &policy,
        &plan,
        root.as_deref().map(Path::new),
        Some(&absolute(runs.dir())),
    );
    let dispatch = Arc::new(Dispatch::new(policy, &plan, site));
    let view = driving::view(context, &entry, &plan);
    say_where(context, &stored.summary, &view.dir);
    start_log(
        &entry.dir,
        how.log_level.value,
        (how.verbose > 1).then(|| Arc::clone(&context.ui)),
    )
    .map_err(|error| {
        CliError::not_ready("log-unwritable", "log.jsonl cannot be made").because(error)
    })?;
    sweep(context, &entry, run, &stored.summary)?;
    reached(Moment::Resuming);
    let trace_id = started.trace_id.clone();
    let (observers, live) = driving::observers(context, &how, &runs, &entry, view, stored.summary);
    banner(context, (level, &pack), how.sandbox.as_ref());
    let session = Session {
        ui: Arc::clone(&context.ui),
        entry: &entry,
        run,
        coordinator,
        trace_id,
        plan: Arc::clone(&plan),
        policy: dispatch,
        slots: slots.value,
        max_parallel: Some(slots.value),
        fail_fast: how.fail_fast.value,
        models,
        live,
        observers,
    };
    let driven = drive(session, Start::Resume)?;
    driving::end(context, &entry, run, &plan, driven, &key, lock)
}

/// The models of a run with prompts: what it was told before, unless somebody says otherwise.
fn asked_again(
    context: &Context,
    args: &Resume,
    matches: &ArgMatches,
    entry: &RunEntry,
    plan: &Plan,
) -> Result<Option<Tiers>, CliError> {
    if !has_prompts(plan) {
        return Ok(None);
    }
    let told = entry.record().map(|record| record.settings);
    let models = settings::models(&args.modelling, matches, &context.files)
        .or_recorded(&args.modelling, &told.unwrap_or_default());
    Tiers::of(&models, &args.recording, true).map(Some)
}

/// Takes the run's lock.
pub(super) fn hold(
    context: &Context,
    entry: &RunEntry,
    coordinator: &protocol::ids::CoordinatorId,
) -> Result<RunLock, CliError> {
    RunLock::acquire(&entry.dir, coordinator).map_err(|error| match error {
        LockError::Held { .. } => {
            let stop = context.reference(entry).command("cancel", "");
            CliError::not_ready("run-held", error.to_string()).hint(format!("`{stop}` stops it"))
        }
        LockError::Io(cause) => {
            CliError::not_ready("run-unlockable", "the run cannot be locked").because(cause)
        }
    })
}

/// A sealed run is over: a journal that ends elsewhere was changed, and going on would hide it.
pub(super) fn agrees_with_seal(
    context: &Context,
    entry: &RunEntry,
    stored: &Stored,
) -> Result<(), CliError> {
    let refuse = |message: String| {
        let verify = context.reference(entry).command("verify", "");
        CliError::new(Kind::VerifyFailed, "seal-mismatch", message)
            .hint(format!("`{verify}` says what differs"))
    };
    match read_seal(&entry.dir) {
        Ok(None) => Ok(()),
        Ok(Some(seal)) if seal.closes(stored.end) => Ok(()),
        Ok(Some(seal)) => Err(refuse(format!(
            "the run was sealed at event {}, but its journal ends at event {}: it was changed",
            seal.seq, stored.end.seq
        ))),
        Err(error) => Err(refuse("the run's seal cannot be read".into()).because(error)),
    }
}

/// The first event and the approved plan of a run whose files are what was approved.
pub(super) fn intact(
    context: &Context,
    entry: &RunEntry,
    stored: &Stored,
) -> Result<(RunStarted, Arc<Plan>), CliError> {
    let started = stored.summary.started.as_ref();
    let (Some((_, started)), Some(approval)) = (started, &stored.summary.approval) else {
        return Err(if has_no_plan(&stored.summary) {
            no_plan(context, entry, &stored.summary)
        } else if never_began(&entry.dir) {
            not_begun(&entry.dir)
        } else {
            let message = "the journal ends before what the run left behind: it was changed";
            CliError::new(Kind::VerifyFailed, "journal-damaged", message)
        });
    };
    let scenario = hash(&entry.dir, run_dir::SCENARIO).ok().flatten();
    let policy = policy_digest(&entry.dir).ok().flatten();
    let record = hash(&entry.dir, run_dir::RUN_JSON).ok().flatten();
    let is_record = |expected| record.is_some_and(|(_, digest)| digest == expected);
    let fit = [
        (run_dir::PLAN, stored.plan.is_some()),
        (run_dir::RUN_JSON, started.run_file.is_none_or(is_record)),
        (
            run_dir::SCENARIO,
            scenario.is_some_and(|(_, digest)| digest == started.scenario_file),
        ),
        (run_dir::POLICY, policy == Some(Ok(approval.policy))),
    ];
    let changed = fit.iter().find(|(_, fits)| !fits).map(|(file, _)| *file);
    match (&stored.plan, changed) {
        (Some(plan), None) => Ok(((**started).clone(), Arc::clone(plan))),
        (_, changed) => {
            let file = changed.unwrap_or(run_dir::PLAN);
            let message = format!("{file} is not what was approved");
            let verify = context.reference(entry).command("verify", "");
            Err(CliError::new(Kind::VerifyFailed, "file-changed", message)
                .hint(format!("`{verify}` says what differs")))
        }
    }
}

/// Ends what an earlier life left running, and removes its workspaces and unsealed artifacts.
pub(super) fn sweep(
    context: &Context,
    entry: &RunEntry,
    run: protocol::ids::RunId,
    summary: &RunSummary,
) -> Result<(), CliError> {
    let unready = |error: std::io::Error| {
        let message = "what an earlier life of the run left cannot be cleared";
        CliError::not_ready("sweep-failed", message).because(error)
    };
    let swept = l3_worker::sweep(run).map_err(unready)?;
    if swept.left > 0 {
        let message = words::count(swept.left as usize, "process");
        return Err(CliError::not_ready(
            "sweep-failed",
            format!("{message} cannot be ended"),
        ));
    }
    if swept.killed > 0 {
        context.ui.note(&format!(
            "   SWEEP {} ended that an earlier life left running",
            swept.killed
        ));
    }
    clear_leftovers(&entry.dir, summary).map_err(unready)
}

fn say_where(context: &Context, summary: &RunSummary, dir: &str) {
    let Some((_, started)) = &summary.started else {
        return;
    };
    let run = context.redact.run(&started.run_id);
    let tally = words::tally(&summary.tally, " · ");
    let planned = words::count(
        usize::try_from(summary.planned).unwrap_or(usize::MAX),
        "task",
    );
    let name = &started.scenario;
    context.ui.note(&format!(
        "Resume {run} {name}   {dir}\nSo far: {tally} of {planned}"
    ));
}

fn finished(
    context: &Context,
    entry: &RunEntry,
    stored: &Stored,
    ending: Ending,
) -> Result<u8, CliError> {
    // A crash between the last event and the seal leaves reports to write.
    mend(&entry.dir, stored)?;
    if context.format == Format::Jsonl {
        let mut last = None;
        each_event(&entry.dir, |event| {
            last = Some(event.clone());
            Ok(())
        })?;
        if let Some(event) = last {
            // Who does not read it still gets the exit code.
            let _read = context.ui.data(&jsonl::line(&event));
        }
    }
    let view = View {
        plan: stored.plan.clone(),
        run: context.reference(entry),
        dir: context.redact.run_dir(&entry.dir),
        driven: None,
        redact: context.redact,
    };
    context.ui.note("This run is over; nothing was started.");
    context
        .ui
        .say(&closing(&stored.summary, &view, context.ui.err_painter()));
    let told = driving::answer(context, entry, stored);
    driving::told_or_gone(
        told,
        exit_code::of_outcome(ending.outcome, ending.exit_code),
    )
}
