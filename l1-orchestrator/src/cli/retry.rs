//! `orchestra retry`: a new run of a finished run's plan, with its good results carried over.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use clap::ArgMatches;
use l2_coordinator::has_prompts;
use protocol::event::{EventKind, Origin};
use protocol::ids::{RunId, TaskId};
use protocol::nearest::nearest;
use protocol::plan::{Plan, TaskIndex};
use protocol::run_dir;
use protocol::state::{RunState, TaskState};

use super::args::Retry;
use super::begin::{begin, models_record as told, settings_record};
use super::context::Context;
use super::driving::{self, slots};
use super::error::{CliError, Kind};
use super::opened::{Recorded, may_go_on};
use super::resume::{agrees_with_seal, intact};
use crate::models::Tiers;
use crate::planning::{self, Selection, Wanted};
use crate::policy;
use crate::report::{is_unplanned, words};
use crate::runs::{RunEntry, RunRecord, Stored, each_event, open_regular, quoted};
use crate::session::{Carry, NewRun, absolute, record_of, recorded_policy};
use crate::settings;

/// Longest scenario that is read, bytes; what a run was made from.
const MAX_SCENARIO_BYTES: u64 = 64 * 1024 * 1024;
/// Tasks named before they are counted.
const MAX_NAMED: usize = 8;

pub(super) fn retry(context: &Context, args: &Retry, matches: &ArgMatches) -> Result<u8, CliError> {
    let how = settings::driving(&args.driving, matches, &context.files);
    let runs = settings::runs_dir(&args.runs, &context.files);
    let entry = runs.resolve(&args.run)?;
    let stored = finished(context, &entry)?;
    agrees_with_seal(context, &entry, &stored)?;
    if is_unplanned(&stored.summary) {
        return Err(unplanned(context, &entry));
    }
    let (started, plan) = intact(context, &entry, &stored)?;
    let recorded = Recorded {
        entry: &entry,
        stored: &stored,
        verb: "retry",
        rest: typed(args),
    };
    may_go_on(context, &recorded, args.approving.approve.as_ref())?;
    let chosen = how.sandbox.as_ref().map(|chosen| chosen.value);
    let policy = recorded_policy(&entry.dir, chosen)?;
    // The same plan under the same policy: whoever approved it did.
    let approval = stored.summary.approval.as_ref();
    let by = approval.map_or(Origin::Default, |approval| approval.by.clone());
    let (state, origins) = fold(&entry, &plan)?;
    let wanted = wanted(context, &entry, args, &state)?;
    let selection = select(context, &entry, &state, started.run_id, &origins, &wanted)?;
    if let Some(missing) = planning::missing(&plan).into_iter().next() {
        let planning::Missing {
            input,
            path,
            task,
            source,
        } = missing;
        let message = format!("input `{input}` names `{path}`, which task `{task}` gets a copy of");
        return Err(CliError::not_ready("input-missing", message)
            .because(source)
            .hint("put it back, or run the scenario again with another one"));
    }
    let models = match has_prompts(&plan) {
        true => {
            let told = entry.record().map(|record| record.settings);
            let models = settings::models(&args.modelling, matches, &context.files)
                .or_recorded(&args.modelling, &told.unwrap_or_default());
            Some((Tiers::of(&models, &args.recording, false)?, models))
        }
        false => None,
    };
    let scenario = scenario(&entry)?;
    let key = driving::key()?;
    let slots = slots(&how, &plan);
    let old = entry.record().ok_or_else(|| {
        CliError::new(
            Kind::VerifyFailed,
            "file-changed",
            "run.json is not what was written",
        )
    })?;
    let record = RunRecord {
        retry_of: Some(started.run_id),
        inputs: old.inputs,
        root: old.root,
        settings: settings_record(&how, &slots)
            .into_iter()
            .chain(
                models
                    .iter()
                    .flat_map(|(tiers, models)| told(tiers, models)),
            )
            .collect(),
        ..record_of(old.scenario, old.scenario_path.as_ref())
    };
    context.ui.note(&scope(context, started.run_id, &selection));
    if let Some(note) = followers(context, &entry, args, &selection) {
        context.ui.note(&note);
    }
    let root = record.root.as_deref().map(Path::new);
    let site = policy::site(&policy, &plan, root, Some(&absolute(runs.dir())));
    let new = NewRun {
        runs: &runs,
        scenario: &scenario,
        plan: &plan,
        policy: &policy,
        site,
        findings: stored.summary.findings[..stored.summary.planned_findings].to_vec(),
        slots: slots.value,
        trace_id: settings::inherited_trace_id(),
        record,
        by,
        carry: Some(Carry {
            from: entry.dir.clone(),
            events: selection.events,
        }),
    };
    let models = models.map(|(tiers, _)| tiers);
    begin(context, &how, new, &plan, models, &key).map_err(|error| {
        if error.code != "artifact-changed" {
            return error;
        }
        let verify = context.reference(&entry).command("verify", "");
        error.hint(format!("`{verify}` says what differs"))
    })
}

/// The tasks, as they were typed, with a space behind each word.
fn typed(args: &Retry) -> String {
    let tasks = args.tasks.iter().map(|task| quoted(task.as_ref()));
    let downstream = args.downstream.then(|| "--downstream".to_owned());
    let words = tasks.chain(downstream).map(|word| word + " ");
    words.collect()
}

/// The run, if nobody drives it and it is over.
fn finished(context: &Context, entry: &RunEntry) -> Result<Stored, CliError> {
    let holder = l2_coordinator::read_holder(&entry.dir).ok().flatten();
    let reference = context.reference(entry);
    if let Some(holder) = holder {
        let message = format!("the run is held by process {}", holder.pid);
        let stop = reference.command("cancel", "");
        return Err(CliError::not_ready("run-held", message)
            .hint(format!("wait for its end; `{stop}` stops it")));
    }
    let stored = Stored::load(&entry.dir)?;
    if stored.summary.ending.is_none() {
        let resume = reference.command("resume", "");
        return Err(CliError::not_ready("run-unfinished", "the run is not over")
            .hint(format!("`{resume}` goes on")));
    }
    Ok(stored)
}

/// The old run's state, and which run did what it had carried over itself.
fn fold(
    entry: &RunEntry,
    plan: &Arc<Plan>,
) -> Result<(RunState, HashMap<TaskId, RunId>), CliError> {
    let mut state = RunState::new(Arc::clone(plan));
    let mut origins = HashMap::new();
    each_event(&entry.dir, |event| {
        if let EventKind::TaskReused { task, run, .. } = &event.kind {
            origins.insert(task.clone(), *run);
        }
        state.apply(event).map_err(|error| {
            let message = "the journal does not follow from its plan";
            CliError::new(Kind::VerifyFailed, "journal-unfit", message).because(error)
        })
    })?;
    Ok((state, origins))
}

fn wanted(
    context: &Context,
    entry: &RunEntry,
    args: &Retry,
    state: &RunState,
) -> Result<Wanted, CliError> {
    let mut tasks: Vec<TaskIndex> = Vec::new();
    for name in &args.tasks {
        let found = state.index_of(name).ok_or_else(|| {
            let show = context.reference(entry).command("show", "");
            unknown(name, state, &show)
        })?;
        tasks.push(found);
    }
    Ok(match (tasks.is_empty(), args.downstream) {
        (true, _) => Wanted::Unsuccessful,
        (false, false) => Wanted::Tasks(tasks),
        (false, true) => Wanted::Downstream(tasks),
    })
}

fn unknown(name: &str, state: &RunState, show: &str) -> CliError {
    let ids = || (0..state.tasks().len()).map(|at| state.id(TaskIndex::new(at)).to_string());
    let ids: Vec<String> = ids().collect();
    let hint = match nearest(name, ids.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("`{show}` names the tasks"),
    };
    let shown = crate::ui::sanitize(name);
    CliError::usage("unknown-task", format!("the run has no task `{shown}`")).hint(hint)
}

fn select(
    context: &Context,
    entry: &RunEntry,
    state: &RunState,
    run: RunId,
    origins: &HashMap<TaskId, RunId>,
    wanted: &Wanted,
) -> Result<Selection, CliError> {
    let is_settled = |record: &protocol::state::TaskRecord| {
        matches!(
            record.state,
            TaskState::Done
                | TaskState::Skipped {
                    cause: protocol::event::SkipCause::If
                }
        )
    };
    if matches!(wanted, Wanted::Unsuccessful) && state.tasks().iter().all(is_settled) {
        return Err(CliError::usage("nothing-to-retry", "every task succeeded")
            .hint("name the tasks that are to run again"));
    }
    planning::select(state, run, origins, wanted).map_err(|blocked| {
        let planning::Blocked { task, need } = blocked;
        let message = format!("`{task}` needs `{need}`, which did not succeed");
        let both = format!("{need} {task}");
        let retry = context.reference(entry).command("retry", &both);
        CliError::usage("task-blocked", message).hint(format!("`{retry}` runs both again"))
    })
}

pub(super) fn scenario(entry: &RunEntry) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    open_regular(&entry.dir.join(run_dir::SCENARIO))
        .and_then(|file| file.take(MAX_SCENARIO_BYTES).read_to_end(&mut bytes))
        .map_err(|error| {
            let message = "the run's scenario cannot be read";
            CliError::not_ready("scenario-unreadable", message).because(error)
        })?;
    Ok(bytes)
}

/// There is nothing to run again where no plan came of a goal.
fn unplanned(context: &Context, entry: &RunEntry) -> CliError {
    let message = "the run never had a plan: no task of it can run again";
    let error = CliError::new(Kind::Invalid, "no-plan", message);
    match entry.record() {
        Some(record) => error.hint(format!(
            "plan it anew: `orchestra run {}`",
            quoted(Path::new(
                &context.redact.place(Path::new(&record.scenario_path))
            ))
        )),
        None => error,
    }
}

/// What will run again, said before anything starts.
fn scope(context: &Context, run: RunId, selection: &Selection) -> String {
    let Selection {
        again,
        reused,
        left_out,
        ..
    } = selection;
    let (run, tasks) = (context.redact.run(&run), words::count(again.len(), "task"));
    let verb = if again.len() == 1 { "runs" } else { "run" };
    let mut text = format!("Retry of {run}: {tasks} {verb} again ({})", names(again));
    if *reused > 0 {
        text.push_str(&format!(" · {reused} carried over"));
    }
    if !left_out.is_empty() {
        let count = left_out.len();
        text.push_str(&format!(" · {count} left out ({})", names(left_out)));
    }
    text
}

fn names(tasks: &[TaskId]) -> String {
    let named = tasks.iter().take(MAX_NAMED).map(ToString::to_string);
    let more = (tasks.len() > MAX_NAMED).then(|| "…".to_owned());
    named.chain(more).collect::<Vec<_>>().join(", ")
}

/// What follows from what runs again and does not run itself: nothing in the new run's verdict says so.
fn followers(
    context: &Context,
    entry: &RunEntry,
    args: &Retry,
    selection: &Selection,
) -> Option<String> {
    let Selection {
        stale,
        leaves_followers,
        ..
    } = selection;
    let says = match (stale.len(), leaves_followers) {
        (0, false) => return None,
        (0, true) => "what needs them is left out".to_owned(),
        (1, _) => format!("{} keeps its old result", names(stale)),
        (_, _) => format!("{} keep their old results", names(stale)),
    };
    let mut again = Vec::new();
    for task in &args.tasks {
        again.push(quoted(Path::new(task)));
    }
    again.push("--downstream".to_owned());
    let retry = context.reference(entry).command("retry", &again.join(" "));
    Some(format!(
        "note: {says}; `{retry}` runs all that follows again"
    ))
}
