//! `orchestra watch`: a run that another process drives, shown as that process shows it.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use protocol::time::Timestamp;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::args::{Format, Progress, Watch};
use super::context::Context;
use super::driving;
use super::error::CliError;
use super::follow::{Followed, LOOK, Look};
use crate::exit_code;
use crate::report::jsonl::{self, Jsonl};
use crate::report::{Observers, Reporter, RunSummary, View, closing, words};
use crate::runs::{RunEntry, Runs, Stored, load_plan};
use crate::session::now;
use crate::settings;

/// Why the watching ends.
enum End {
    /// The run is over.
    Over,
    /// It was paused.
    Paused,
    /// Whoever drove it is gone.
    Left,
    /// A required task failed, and that was enough.
    Failed,
    /// Somebody ended the watching.
    Pressed(u8),
}

pub(super) fn watch(context: &Context, args: &Watch, matches: &ArgMatches) -> Result<u8, CliError> {
    let progress = settings::progress(args.progress, matches, &context.files).value;
    let runs = settings::runs_dir(&args.runs, &context.files);
    let entry = runs.resolve(&args.run)?;
    let mut followed = Followed::open(&entry)?;
    // What happened so far is told in a sum, except to machines.
    let mut before = RunSummary::default();
    let mut look = followed.look(|event| {
        before.apply(event);
        if context.format == Format::Jsonl {
            // Who does not read it still gets the exit code.
            let _read = context.ui.data(&jsonl::line(event));
        }
    })?;
    let presses = RefCell::new(Presses::listen()?);
    let view = view(context, &entry, &before);
    say_where(context, &before, &view.dir, look);
    let mut observers = observers(context, progress, &runs, &entry, view.clone(), before);
    let end = loop {
        let summary = observers.summary();
        if args.fail_fast && summary.tally.failed > 0 && look != Look::Over {
            break End::Failed;
        }
        match look {
            Look::Over => break End::Over,
            Look::Left if summary.paused.is_some() => break End::Paused,
            Look::Left => break End::Left,
            Look::Goes => {}
        }
        observers.on_tick(now());
        if let Some(code) = presses.borrow_mut().wait(LOOK) {
            break End::Pressed(code);
        }
        look = followed.look(|event| observers.on_event(event))?;
    };
    if let End::Over = end {
        followed.wait_for_seal();
    }
    let summary = close(context, &end, observers, view);
    context
        .ui
        .settle(|| presses.borrow_mut().wait(Duration::ZERO).is_some());
    let code = match end {
        End::Left => return Err(followed.left(context, &entry, &summary)),
        End::Pressed(code) => return Ok(code),
        _ if args.no_exit_status && !args.exit_status => exit_code::OK,
        End::Failed => exit_code::TASK_FAILED,
        End::Paused => exit_code::PARKED,
        End::Over => summary.ending.map_or(exit_code::INTERNAL, |ending| {
            exit_code::of_outcome(ending.outcome, ending.exit_code)
        }),
    };
    let told = driving::answer(context, &entry, &Stored::load(&entry.dir)?);
    driving::told_or_gone(told, code)
}

fn view(context: &Context, entry: &RunEntry, summary: &RunSummary) -> View {
    let approved = summary.approval.as_ref().map(|approval| approval.plan);
    View {
        plan: load_plan(&entry.dir).filter(|plan| Some(plan.digest()) == approved),
        run: context.reference(entry),
        dir: context.redact.run_dir(&entry.dir),
        driven: None,
        redact: context.redact,
    }
}

fn say_where(context: &Context, summary: &RunSummary, dir: &str, look: Look) {
    let Some((_, started)) = &summary.started else {
        return;
    };
    let run = context.redact.run(&started.run_id);
    let name = &started.scenario;
    context.ui.note(&format!("Watch {run} {name}   {dir}"));
    if look == Look::Goes {
        let tally = words::tally(&summary.tally, " · ");
        let planned = usize::try_from(summary.planned).unwrap_or(usize::MAX);
        let planned = words::count(planned, "task");
        context.ui.note(&format!("So far: {tally} of {planned}"));
    }
}

fn observers(
    context: &Context,
    progress: Progress,
    runs: &Runs,
    entry: &RunEntry,
    view: View,
    before: RunSummary,
) -> Observers {
    let is_first = before.resumed.is_empty();
    let console = driving::console(context, progress, runs, entry, view, &before, is_first);
    let mut reporters: Vec<Box<dyn Reporter>> = vec![Box::new(console)];
    if context.format == Format::Jsonl {
        reporters.push(Box::new(Jsonl::new(Arc::clone(&context.ui))));
    }
    Observers::new(before, reporters)
}

/// Says how it ended, or how far it is.
fn close(context: &Context, end: &End, observers: Observers, view: View) -> RunSummary {
    let so_far = |driven: Timestamp, summary: &RunSummary| {
        let view = View {
            driven: Some(driven),
            ..view
        };
        context.ui.hide_panel();
        let painter = context.ui.err_painter();
        context.ui.say(&closing(summary, &view, painter));
    };
    match end {
        End::Over | End::Paused | End::Left => observers.finish(),
        End::Failed => {
            let (summary, _) = observers.split();
            so_far(now(), &summary);
            summary
        }
        End::Pressed(_) => {
            let (summary, _) = observers.split();
            context.ui.hide_panel();
            context
                .ui
                .note("    STOP no longer watched; the run goes on");
            summary
        }
    }
}

/// Ctrl-C and SIGTERM, which end the watching.
struct Presses {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
}

impl Presses {
    fn listen() -> Result<Self, CliError> {
        let unready = |error: std::io::Error| {
            CliError::not_ready("runtime-unready", "the runtime cannot be started").because(error)
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(unready)?;
        let within = runtime.enter();
        let interrupt = signal(SignalKind::interrupt()).map_err(unready)?;
        let terminate = signal(SignalKind::terminate()).map_err(unready)?;
        drop(within);
        Ok(Self {
            runtime,
            interrupt,
            terminate,
        })
    }

    /// Waits, at most so long, for a press; the exit code it asks for.
    fn wait(&mut self, patience: Duration) -> Option<u8> {
        let (interrupt, terminate) = (&mut self.interrupt, &mut self.terminate);
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                _ = interrupt.recv() => Some(exit_code::INTERRUPTED),
                _ = terminate.recv() => Some(exit_code::TERMINATED),
                () = tokio::time::sleep(patience) => None,
            }
        })
    }
}
