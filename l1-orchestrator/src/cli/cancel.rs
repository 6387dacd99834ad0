//! `orchestra cancel`: asks whoever drives the run, or closes a run that nobody drives.

use std::sync::Arc;

use l2_coordinator::Asked;
use protocol::outcome::RunOutcome;
use serde_json::json;

use super::args::Cancel;
use super::context::Context;
use super::driving;
use super::error::CliError;
use super::resume::{agrees_with_seal, hold, intact, sweep};
use super::resume_planning::{self, has_no_plan};
use crate::exit_code;
use crate::report::Observers;
use crate::runs::{RunEntry, Stored};
use crate::session::{Ended, Session, Start, drive, mend, new_coordinator};
use crate::settings;

pub(super) fn cancel(context: &Context, args: &Cancel) -> Result<u8, CliError> {
    let entry = settings::runs_dir(&args.runs, &context.files).resolve(&args.run)?;
    let unreadable = |error: std::io::Error| {
        CliError::not_ready("holder-unknown", "whoever drives the run cannot be asked")
            .because(error)
    };
    match l2_coordinator::terminate_holder(&entry.dir).map_err(unreadable)? {
        Asked::Sent(holder) => {
            let pid = holder.pid;
            let text = format!("process {pid} was asked to stop; it writes the report and ends\n");
            say(context, &entry, "asked", text, Some(pid))
        }
        Asked::Elsewhere(holder) | Asked::Deaf(holder) => {
            let message = format!("the run is held by process {} of another host", holder.pid);
            Err(CliError::not_ready("run-elsewhere", message).hint("run `orchestra cancel` there"))
        }
        Asked::NotHeld => unheld(context, &entry),
    }
}

fn unheld(context: &Context, entry: &RunEntry) -> Result<u8, CliError> {
    let coordinator = new_coordinator();
    let lock = hold(context, entry, &coordinator)?;
    let stored = Stored::load(&entry.dir)?;
    agrees_with_seal(context, entry, &stored)?;
    if stored.summary.ending.is_some() {
        mend(&entry.dir, &stored)?;
        return say(
            context,
            entry,
            "over",
            "the run is over already\n".into(),
            None,
        );
    }
    if has_no_plan(&stored.summary) {
        resume_planning::cancel(context, entry, coordinator, stored)?;
        drop(lock);
        let text = "the run is closed as cancelled\n".to_owned();
        return say(context, entry, "cancelled", text, None);
    }
    let (started, plan) = intact(context, entry, &stored)?;
    let key = driving::key()?;
    sweep(context, entry, started.run_id, &stored.summary)?;
    let session = Session {
        ui: Arc::clone(&context.ui),
        entry,
        run: started.run_id,
        coordinator,
        trace_id: started.trace_id.clone(),
        plan: Arc::clone(&plan),
        policy: Arc::new(protocol::policy::Dispatch::unconfined()),
        // Nothing is to be started, so there is no worker.
        slots: 0,
        max_parallel: None,
        fail_fast: false,
        models: None,
        live: None,
        observers: Observers::new(stored.summary, Vec::new()),
    };
    let Ended::Over(driven) = drive(session, Start::Cancel)? else {
        return Err(CliError::internal("a cancelled run was paused"));
    };
    let outcome = driven.finished.outcome;
    driving::seal(entry, started.run_id, &plan, driven, &key)?;
    drop(lock);
    // Its tasks may all have been over already; then only its last event was missing.
    let (result, text) = match outcome {
        RunOutcome::Cancelled => ("cancelled", "the run is closed as cancelled\n".to_owned()),
        RunOutcome::Completed | RunOutcome::Failed => (
            "over",
            format!("every task was over already: the run is {outcome}\n"),
        ),
    };
    say(context, entry, result, text, None)
}

fn say(
    context: &Context,
    entry: &RunEntry,
    what: &str,
    text: String,
    pid: Option<u32>,
) -> Result<u8, CliError> {
    let json = json!({
        "schema": "orchestra.cancel/v1",
        "dir": entry.dir.display().to_string(),
        "result": what,
        "pid": pid,
    });
    context.answer(|| text, json)?;
    Ok(exit_code::OK)
}
