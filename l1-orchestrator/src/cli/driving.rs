//! What `run` and `resume` share: slots, observers, the end of a run.

use std::num::NonZero;
use std::sync::Arc;

use l2_coordinator::{Finished, RunLock};
use protocol::ids::RunId;
use protocol::plan::Plan;
use protocol::seal::{Seal, UserKey};

use super::args::{Format, Progress};
use super::context::Context;
use super::error::{CliError, Kind};
use crate::exit_code;
use crate::report::console::{Console, Shown};
use crate::report::jsonl::Jsonl;
use crate::report::{Observers, Reporter, RunSummary, View};
use crate::runs::{RunEntry, Runs, Stored, add_budget, status, usual_duration};
use crate::session::{Driven, Ended, LiveOutput, close, now, pressed_twice, result_object};
use crate::settings::{self, Drive, Origin, Setting};

/// Attempts at once: as told, else as the scenario says, else one a core; a project's file lowers what
/// nobody typed.
pub(super) fn slots(drive: &Drive, plan: &Plan) -> Setting<u32> {
    let typed =
        |setting: &Setting<u32>| matches!(setting.origin, Origin::Flag(_) | Origin::Environment(_));
    if let Some(told) = drive.max_parallel.as_ref().filter(|told| typed(told)) {
        return told.clone();
    }
    let wanted = match (plan.max_parallel(), &drive.max_parallel) {
        (Some(value), _) => Setting {
            value,
            origin: Origin::Scenario,
        },
        (None, Some(told)) => told.clone(),
        (None, None) => {
            let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
            Setting {
                value: u32::try_from(cores).unwrap_or(1),
                origin: Origin::Default,
            }
        }
    };
    match &drive.project_cap {
        Some(cap) if cap.value < wanted.value => cap.clone(),
        _ => wanted,
    }
}

/// The user's key, made at first need: a run that cannot be sealed does not start.
pub(super) fn key() -> Result<UserKey, CliError> {
    l2_coordinator::load_or_create_key(&settings::user_key()?).map_err(|error| {
        CliError::not_ready("key-unusable", "your signing key cannot be used").because(error)
    })
}

/// How reporters see this run.
pub(super) fn view(context: &Context, entry: &RunEntry, plan: &Arc<Plan>) -> View {
    View {
        plan: Some(Arc::clone(plan)),
        run: context.reference(entry),
        dir: context.redact.run_dir(&entry.dir),
        driven: None,
        redact: context.redact,
    }
}

/// Reporters by format and flags, and the worker's side of `-v`.
pub(super) fn observers(
    context: &Context,
    drive: &Drive,
    runs: &Runs,
    entry: &RunEntry,
    view: View,
    before: RunSummary,
) -> (Observers, Option<LiveOutput>) {
    let ui = &context.ui;
    let live = (drive.verbose > 0).then(|| LiveOutput::new(Arc::clone(ui)));
    // A life that took over says nothing about how long the whole takes.
    let is_first = before.started.is_none();
    let progress = drive.progress.value;
    #[cfg(feature = "otlp")]
    let spans = crate::telemetry::reporter(ui, view.plan.clone());
    let console = console(context, progress, runs, entry, view, &before, is_first);
    let mut reporters: Vec<Box<dyn Reporter>> = Vec::new();
    #[cfg(feature = "otlp")]
    reporters.extend(spans);
    if let Some(live) = &live {
        reporters.push(Box::new(live.clone()));
    }
    reporters.push(Box::new(console));
    if context.format == Format::Jsonl {
        reporters.push(Box::new(Jsonl::new(Arc::clone(ui))));
    }
    (Observers::new(before, reporters), live)
}

/// What shows progress, and everything for eyes is queued from here on. `is_first`: nobody drove the run
/// before whoever drives it now.
pub(super) fn console(
    context: &Context,
    progress: Progress,
    runs: &Runs,
    entry: &RunEntry,
    view: View,
    before: &RunSummary,
    is_first: bool,
) -> Console {
    let ui = &context.ui;
    let console = Console::new(Arc::clone(ui), view, shown(context, progress), before);
    let (runs, dir) = (runs.clone(), entry.dir.clone());
    let usual = move || usual_duration(&runs, &dir).filter(|_| is_first);
    if let Err(error) = ui.go_live(console.panel(now, usual)) {
        tracing::warn!(%error, "no thread for the terminal; it is written in place");
    }
    console
}

/// How much of what goes on is shown.
pub(super) fn shown(context: &Context, progress: Progress) -> Shown {
    let ui = &context.ui;
    // Events on the same terminal would run through the panel.
    let is_free = !(ui.stdout_terminal && context.format == Format::Jsonl);
    let can_draw = ui.can_redraw() && is_free;
    match progress {
        Progress::None => Shown::Nothing,
        _ if ui.is_quiet() => Shown::Nothing,
        Progress::Auto if can_draw && !ui.is_kept() => Shown::Panel,
        Progress::Bar if can_draw => Shown::Panel,
        Progress::Auto | Progress::Bar | Progress::Lines => Shown::Lines,
    }
}

/// A run that is over and closed.
pub(super) struct Closed {
    pub(super) stored: Stored,
    pub(super) seal: Result<Seal, CliError>,
    pub(super) reporters: Vec<Box<dyn Reporter>>,
}

/// Writes reports and seal of a run that came to its end.
pub(super) fn seal(
    entry: &RunEntry,
    run: RunId,
    plan: &Arc<Plan>,
    driven: Driven,
    key: &UserKey,
) -> Result<Closed, CliError> {
    let chain = driven.finished.chain;
    let (mut summary, reporters) = driven.observers.split();
    add_budget(&entry.dir, &mut summary);
    let stored = if summary.last_seq == chain.seq {
        Stored {
            summary,
            plan: Some(Arc::clone(plan)),
            torn_bytes: 0,
            end: chain,
        }
    } else {
        Stored::load(&entry.dir)?
    };
    let seal = close(&entry.dir, &stored, run, chain, key);
    Ok(Closed {
        stored,
        seal,
        reporters,
    })
}

/// Writes reports and seal, says how it ended, and returns the exit code.
pub(super) fn end(
    context: &Context,
    entry: &RunEntry,
    run: RunId,
    plan: &Arc<Plan>,
    driven: Ended,
    key: &UserKey,
    lock: RunLock,
) -> Result<u8, CliError> {
    let driven = match driven {
        Ended::Over(driven) => driven,
        Ended::Paused(observers) => {
            // Nobody drives it any more, and it is to be shown as such.
            drop(lock);
            return paused(context, entry, observers);
        }
    };
    let Finished {
        outcome, exit_code, ..
    } = driven.finished;
    let Closed {
        stored,
        seal,
        mut reporters,
    } = seal(entry, run, plan, driven, key)?;
    if let Ok(seal) = &seal {
        let hash = context.redact.sha256(&seal.hash);
        context.ui.note(&format!(
            "    SEAL event {} {hash}",
            context.redact.seq(seal.seq)
        ));
    }
    for reporter in &mut reporters {
        reporter.finish(&stored.summary);
    }
    // What comes on stdout comes last, also where both are one file.
    context.ui.settle(pressed_twice);
    seal?;
    // Held until reports and seal are written: a resume in between would write them too.
    drop(lock);
    let told = answer(context, entry, &stored);
    told_or_gone(told, exit_code::of_outcome(outcome, exit_code))
}

/// Says that the run goes on with `resume`.
fn paused(context: &Context, entry: &RunEntry, observers: Observers) -> Result<u8, CliError> {
    let _summary = observers.finish();
    context.ui.settle(pressed_twice);
    let told = answer(context, entry, &Stored::load(&entry.dir)?);
    told_or_gone(told, exit_code::PARKED)
}

/// The code of what was found out, whether or not somebody still reads about it.
pub(super) fn told_or_gone(told: Result<(), CliError>, code: u8) -> Result<u8, CliError> {
    match told {
        Err(error) if error.kind != Kind::Gone => Err(error),
        _ => Ok(code),
    }
}

/// What stdout gets when a run is over, apart from events. A reader that went away does not change how
/// the run ended.
pub(super) fn answer(context: &Context, entry: &RunEntry, stored: &Stored) -> Result<(), CliError> {
    match print(context, entry, stored) {
        Err(CliError {
            kind: Kind::Gone, ..
        }) => Ok(()),
        printed => printed,
    }
}

fn print(context: &Context, entry: &RunEntry, stored: &Stored) -> Result<(), CliError> {
    match context.format {
        Format::Text if !context.ui.stdout_terminal => {
            context
                .ui
                .data(&format!("{}\n", context.redact.run_dir(&entry.dir)))?;
        }
        Format::Json => {
            context
                .ui
                .data(&result_object(entry, stored, status(&entry.dir))?)?;
        }
        Format::Text | Format::Jsonl => {}
    }
    Ok(())
}
