//! Drives one run to its end: memory bus, coordinator, embedded worker, observers, signals, on one
//! runtime of this thread; slots have threads of their own.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use l2_coordinator::journal::{FileStorage, ReadError, Storage, SyncMode};
use l2_coordinator::{
    CRASH_LIMIT, Config, Coordinator, CoordinatorError, Embedded, Finished, Observer,
};
use l3_worker::launcher::Launcher;
use l3_worker::secrets::Guard;
use l3_worker::{CommandExecutor, CommandOptions, StopLevel, Worker};
use protocol::budget::Budget;
use protocol::bus::{Bus, BusError, MemoryBus};
use protocol::event::{Event, EventKind};
use protocol::ids::{CoordinatorId, InvalidId, RunId, WorkerId, local_asker, local_worker};
use protocol::plan::Plan;
use protocol::policy::{Constraints, Dispatch};
use protocol::subject::{AI_POOL, DEFAULT_POOL};
use protocol::time::Clock as _;
use tokio::task::{JoinError, JoinSet};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::ai::{self, ModelExecutor, Surroundings};
use super::blame::{JOURNAL_GONE, blame, blame_start};
use super::ids::{self, SystemClock};
use super::live::LiveOutput;
use super::phases::{Moment, reached};
use super::secrets;
use super::signals::{self, Asked, Signals};
use crate::cli::error::CliError;
use crate::models::Tiers;
use crate::report::Observers;
use crate::runs::{RunEntry, RunRecord, never_began};
use crate::settings;
use crate::ui::Ui;

/// Between looks at how long nothing was said.
const TICK: Duration = Duration::from_secs(1);
/// A worker that drains waits for attempts to die: their grace and as much again.
const DRAIN: Duration = Duration::from_millis(2 * Constraints::GRACE_MS);
/// The same once somebody said twice that it is to end.
const DRAIN_AT_ONCE: Duration = Duration::from_secs(1);

/// What one drive of a run needs.
pub struct Session<'a> {
    /// The printer.
    pub ui: Arc<Ui>,
    /// The run's directory, locked by the caller.
    pub entry: &'a RunEntry,
    /// The run.
    pub run: RunId,
    /// Who drives.
    pub coordinator: CoordinatorId,
    /// W3C trace id.
    pub trace_id: String,
    /// What runs.
    pub plan: Arc<Plan>,
    /// What tasks may do.
    pub policy: Arc<Dispatch>,
    /// Slots of the embedded worker; without any, nothing is started.
    pub slots: u32,
    /// Attempts at once, where somebody said so.
    pub max_parallel: Option<u32>,
    /// Cancel at the first failure.
    pub fail_fast: bool,
    /// Who answers prompts; without any, no task that has one is started.
    pub models: Option<Tiers>,
    /// Shows task output as it comes.
    pub live: Option<LiveOutput>,
    /// Who is shown events.
    pub observers: Observers,
}

/// How a run begins here.
pub enum Start {
    /// With its first events.
    New(Vec<EventKind>),
    /// After its plan was approved, by this process.
    Planned,
    /// Where another coordinator left it.
    Resume,
    /// As with `Resume`, and it ends at once.
    Cancel,
}

/// A run that came to its end.
pub struct Driven {
    /// How.
    pub finished: Finished,
    /// Fold and reporters, not finished yet.
    pub observers: Observers,
}

/// How one drive of a run ended.
pub enum Ended {
    /// With the run.
    Over(Driven),
    /// Somebody paused it; the observers are not finished yet.
    Paused(Observers),
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Observers>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Observers> {
        // A reporter that panicked may have half a line out; the fold is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Shared {
    fn on_event(&mut self, event: &Event) {
        let task = event.kind.task().map(protocol::ids::TaskId::as_str);
        tracing::debug!(seq = event.seq, task, "{}", event.kind.name());
        self.lock().on_event(event);
        reached(Moment::Event);
    }
}

/// Drives the run to its end, or until it is paused.
///
/// # Errors
/// Nothing could be started, or the journal could not be written; the observers are finished then, and
/// the run can be resumed.
pub fn drive(mut session: Session<'_>, start: Start) -> Result<Ended, CliError> {
    let observers = Shared(Arc::new(Mutex::new(std::mem::take(&mut session.observers))));
    let driven = start_and_run(&session, start, &observers);
    let observers = std::mem::take(&mut *observers.lock());
    match driven {
        Ok(Some(finished)) => Ok(Ended::Over(Driven {
            finished,
            observers,
        })),
        Ok(None) => Ok(Ended::Paused(observers)),
        Err(error) => {
            // Without its journal there is nothing to say about the run that would stay true.
            if observers.summary().started.is_some() && error.code != JOURNAL_GONE {
                let _summary = observers.finish();
            }
            Err(error)
        }
    }
}

fn start_and_run(
    session: &Session<'_>,
    start: Start,
    observers: &Shared,
) -> Result<Option<Finished>, CliError> {
    // Before the runtime and its threads: the launcher is a copy of a small process.
    let secrets = secrets::guard(&session.plan, session.entry);
    let executor = executor(session, &secrets).map_err(|error| {
        CliError::not_ready("worker-unready", "the worker cannot be started").because(error)
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| {
        CliError::not_ready("runtime-unready", "the runtime cannot be started").because(error)
    })?;
    let is_new = matches!(start, Start::New(_));
    match runtime.block_on(run(session, start, observers, executor, secrets)) {
        Ok(finished) => Ok(Some(finished)),
        Err(CoordinatorError::Paused) => Ok(None),
        Err(error) if is_new && never_began(&session.entry.dir) => Err(blame_start(error)),
        Err(error) => Err(blame(error)),
    }
}

fn executor(session: &Session<'_>, secrets: &Guard) -> io::Result<Option<Arc<CommandExecutor>>> {
    if session.slots == 0 {
        return Ok(None);
    }
    let options = CommandOptions {
        // The sandbox shows it at this path: without `..` or links in it.
        run_dir: fs_err::canonicalize(&session.entry.dir)?,
        path: settings::task_path(),
        slots: session.slots as usize,
        secrets: secrets.clone(),
        observer: session.live.as_ref().map(LiveOutput::observer),
        on_phase: cfg!(feature = "test-phases")
            .then(|| Arc::new(|phase: l3_worker::Phase| reached(phase.into())) as _),
    };
    Ok(Some(Arc::new(CommandExecutor::new(
        Launcher::start()?,
        options,
    )?)))
}

async fn run(
    session: &Session<'_>,
    start: Start,
    observers: &Shared,
    executor: Option<Arc<CommandExecutor>>,
    secrets: Guard,
) -> Result<Finished, CoordinatorError> {
    let mut signals = Signals::listen().map_err(internal)?;
    signals::watch_over(Arc::clone(&session.ui)).map_err(internal)?;
    let bus: Arc<dyn Bus> = Arc::new(MemoryBus::new());
    // By their names a later life of the run knows that they died with this one.
    let embedded = alive(local_worker(&session.coordinator))?;
    let asker = alive(local_asker(&session.coordinator))?;
    let asker = session.models.as_ref().map(|tiers| (asker, tiers));
    let own = [
        (session.slots > 0).then_some(&embedded),
        asker.as_ref().map(|(asker, _)| asker),
    ];
    let options = options(session, &start, observers, Arc::clone(&bus), own)?;
    let cancels = matches!(start, Start::Cancel);
    let (coordinator, handle) = match start {
        Start::New(opening) => Coordinator::start(options, opening).await?,
        Start::Planned => Coordinator::take_over(options).await?,
        Start::Resume | Start::Cancel => Coordinator::resume(options).await?,
    };
    if cancels {
        handle.cancel(protocol::event::Origin::Cancel);
    }
    let shutdown = CancellationToken::new();
    let mut workers = JoinSet::new();
    let mut reached = Vec::new();
    if let Some((asker, tiers)) = &asker {
        let at = Surroundings {
            // As the sandbox shows it, for links to lead nowhere else.
            run_dir: fs_err::canonicalize(&session.entry.dir).map_err(internal)?,
            secrets,
            live: session.live.as_ref().map(LiveOutput::observer),
            journal: handle.calls(),
            recall: coordinator.recall(),
        };
        let executor = Arc::new(ModelExecutor::new(tiers, at));
        let options = worker_options(asker, AI_POOL, ai::SLOTS);
        let (worker, reach) = Worker::new(options, Arc::clone(&bus), executor).map_err(internal)?;
        reached.push(reach);
        workers.spawn(worker.run(shutdown.clone()));
    }
    if let Some(executor) = executor {
        let options = worker_options(&embedded, DEFAULT_POOL, session.slots as usize);
        let (worker, reach) = Worker::new(options, bus, executor).map_err(internal)?;
        reached.push(reach);
        workers.spawn(worker.run(shutdown.clone()));
    }
    tracing::info!(
        run = %session.run,
        coordinator = %session.coordinator,
        slots = session.slots,
        tasks = session.plan.len(),
        trace_id = session.trace_id,
        "driving"
    );
    let mut driving = std::pin::pin!(coordinator.run());
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Each arm only waits; a dropped wait loses nothing: signals queue, ticks are not owed, and the
    // coordinator is polled in place.
    let outcome = loop {
        let give_up = signals.give_up();
        tokio::select! {
            outcome = &mut driving => break outcome,
            asked = signals.next() => match asked {
                Asked::End(press) => signals.press(press, &handle, &session.ui),
                Asked::Pause(how) => signals.pause(how, &handle, &session.ui),
            },
            () = signals::overdue(give_up) => {
                signals.gave_up();
                tracing::error!("attempts do not end; their worker is given up");
                for gone in [Some(&embedded), asker.as_ref().map(|(asker, _)| asker)].into_iter().flatten() {
                    handle.worker_gone(gone.worker.clone(), gone.incarnation.clone());
                }
            }
            _ = ticks.tick() => observers.lock().on_tick(SystemClock.now()),
            Some(ended) = workers.join_next() => break Err(lost(&ended)),
        }
    };
    shutdown.cancel();
    if outcome.is_err() {
        // Nothing that is still running can be recorded.
        reached
            .iter()
            .for_each(|reach| reach.stop_all(StopLevel::Kill));
    }
    let patience = if signals.is_urgent() {
        DRAIN_AT_ONCE
    } else {
        DRAIN
    };
    let drained = tokio::time::timeout(patience, async {
        while workers.join_next().await.is_some() {}
    });
    if drained.await.is_err() {
        tracing::error!("the worker did not end in time");
    }
    match &outcome {
        Ok(finished) => {
            tracing::info!(outcome = %finished.outcome, seq = finished.chain.seq, "over");
        }
        Err(CoordinatorError::Paused) => tracing::info!("paused"),
        Err(error) => tracing::error!(error = error as &dyn std::error::Error, "stopped"),
    }
    outcome
}

fn options(
    session: &Session<'_>,
    start: &Start,
    observers: &Shared,
    bus: Arc<dyn Bus>,
    [embedded, models]: [Option<&Embedded>; 2],
) -> Result<l2_coordinator::Options, CoordinatorError> {
    let storage = match start {
        Start::New(_) => FileStorage::create(&session.entry.dir),
        Start::Planned | Start::Resume | Start::Cancel => FileStorage::open(&session.entry.dir),
    };
    let storage: Arc<dyn Storage> = Arc::new(storage.map_err(ReadError::Io)?);
    Ok(l2_coordinator::Options {
        config: Config {
            coordinator: session.coordinator.clone(),
            run: session.run,
            trace_id: session.trace_id.clone(),
            max_parallel: session.max_parallel,
            slots: session.slots,
            fail_fast: session.fail_fast,
            policy: Arc::clone(&session.policy),
            embedded: embedded.cloned(),
            crash_limit: CRASH_LIMIT,
            project: RunRecord::read(&session.entry.dir)
                .ok()
                .and_then(|record| record.root),
            budget: Budget::from(session.policy.budgets()),
            models: models.cloned(),
        },
        plan: Arc::clone(&session.plan),
        bus,
        clock: Arc::new(SystemClock),
        storage,
        sync: SyncMode::Thread,
        run_dir: Some(session.entry.dir.clone()),
        observers: vec![Box::new(observers.clone())],
    })
}

/// A new life of a worker of this process.
fn alive(name: Result<WorkerId, InvalidId>) -> Result<Embedded, CoordinatorError> {
    Ok(Embedded {
        worker: name.map_err(|error| CoordinatorError::Internal(error.to_string()))?,
        incarnation: ids::incarnation(),
    })
}

fn worker_options(own: &Embedded, pool: &str, slots: usize) -> l3_worker::Options {
    l3_worker::Options {
        worker: own.worker.clone(),
        incarnation: own.incarnation.clone(),
        pool: pool.into(),
        slots,
        seed: ids::seed(),
    }
}

/// Nothing can run without the worker, and only a fault of ours ends it early.
fn lost(ended: &Result<Result<(), BusError>, JoinError>) -> CoordinatorError {
    tracing::error!(?ended, "the worker ended before the run");
    CoordinatorError::Internal("the worker ended before the run".into())
}

fn internal(error: io::Error) -> CoordinatorError {
    CoordinatorError::Internal(error.to_string())
}
