//! A model is asked for a run's plan: the journal is open, signals are heard, and somebody sees that it
//! goes on. Not what becomes of the plan.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use l2_coordinator::journal::{FileStorage, MemoryDisk, ReadError, Storage, SyncMode};
use l2_coordinator::model::{Model, Progress};
use l2_coordinator::planner::{Goal, Planned, Planner};
use l2_coordinator::{CoordinatorError, NoPlan, Observer, Planning, PlanningOptions};
use protocol::budget::{Budget, PriceTable};
use protocol::event::{Event, EventKind, Origin};
use protocol::ids::CoordinatorId;
use protocol::plan::Plan;
use tokio::time::MissedTickBehavior;

use super::ids::SystemClock;
use super::signals::{Asked, Signals};
use crate::cli::error::CliError;
use crate::report::{Observers, Waiting};

/// Between looks at how long nothing was said.
const TICK: Duration = Duration::from_secs(1);

/// Where the events of planning go.
pub enum Journal<'a> {
    /// A new run's directory.
    New(&'a Path, Box<EventKind>),
    /// The directory of a run that stopped while it was planned.
    Again(&'a Path, CoordinatorId),
    /// Nowhere: somebody only looks ahead. Replies are kept in this directory while it goes on.
    Nowhere(&'a Path, Box<EventKind>),
}

/// What planning needs.
pub struct ToPlan<'a> {
    /// Where events go.
    pub journal: Journal<'a>,
    /// The plan without tasks.
    pub plan: Arc<Plan>,
    /// What calls may add up to.
    pub budget: Budget,
    /// What calls cost.
    pub prices: Arc<PriceTable>,
    /// Who is asked.
    pub model: Arc<dyn Model>,
    /// How.
    pub planner: Planner<'a>,
    /// For what.
    pub goal: Goal<'a>,
    /// Who is shown events.
    pub observers: Observers,
    /// Shows whoever waits how it goes on.
    pub waiting: Arc<Waiting>,
}

/// What came of it.
pub enum Came {
    /// A plan.
    Plan(Box<Planned>),
    /// None.
    Nothing(NoPlan),
    /// Somebody stopped it.
    Stopped(Origin),
}

/// Events for the fold, while a plan is made.
#[derive(Clone)]
pub struct Watched(Arc<Mutex<Observers>>);

impl Watched {
    /// The fold with all events so far.
    #[must_use]
    pub fn take(self) -> Observers {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Watched {
    fn on_event(&mut self, event: &Event) {
        let mut observers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        observers.on_event(event);
    }
}

/// Asks for a plan. The planning that comes back is open: for the approval, or the run's end.
///
/// # Errors
/// Nothing can be journaled, or nothing started.
pub fn plan(asked: ToPlan<'_>) -> Result<(Planning, Watched, Came), CliError> {
    let unready = |error: std::io::Error| {
        CliError::not_ready("runtime-unready", "the runtime cannot be started").because(error)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(unready)?;
    runtime.block_on(ask(asked)).map_err(super::blame::blame)
}

/// Opens the journal of a run that stopped while it was planned, only to close it.
///
/// # Errors
/// It cannot be read or written.
pub fn reopen(
    dir: &Path,
    plan: Arc<Plan>,
    coordinator: CoordinatorId,
    observers: Observers,
) -> Result<(Planning, Watched), CliError> {
    let unready = |error: std::io::Error| {
        CliError::not_ready("runtime-unready", "the runtime cannot be started").because(error)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(unready)?;
    let watched = Watched(Arc::new(Mutex::new(observers)));
    let storage = FileStorage::open(dir)
        .map_err(|error| super::blame::blame(CoordinatorError::from(ReadError::Io(error))))?;
    let options = PlanningOptions {
        storage: Arc::new(storage),
        sync: SyncMode::Thread,
        clock: Arc::new(SystemClock),
        run_dir: dir.to_owned(),
        plan,
        budget: Budget::default(),
        observers: vec![Box::new(watched.clone())],
    };
    let planning = runtime.block_on(Planning::resume(options, coordinator, 0));
    Ok((planning.map_err(super::blame::blame)?, watched))
}

async fn ask(asked: ToPlan<'_>) -> Result<(Planning, Watched, Came), CoordinatorError> {
    let mut signals =
        Signals::listen().map_err(|error| CoordinatorError::Internal(error.to_string()))?;
    let watched = Watched(Arc::new(Mutex::new(asked.observers)));
    let file = |dir: &Path, is_new: bool| -> Result<Arc<dyn Storage>, CoordinatorError> {
        let storage = match is_new {
            true => FileStorage::create(dir),
            false => FileStorage::open(dir),
        };
        Ok(Arc::new(storage.map_err(ReadError::Io)?))
    };
    let (storage, dir): (Arc<dyn Storage>, &Path) = match &asked.journal {
        Journal::New(dir, _) => (file(dir, true)?, dir),
        Journal::Again(dir, _) => (file(dir, false)?, dir),
        Journal::Nowhere(dir, _) => (Arc::new(MemoryDisk::default()), dir),
    };
    let options = PlanningOptions {
        storage,
        sync: SyncMode::Thread,
        clock: Arc::new(SystemClock),
        run_dir: dir.to_owned(),
        plan: asked.plan,
        budget: asked.budget,
        observers: vec![Box::new(watched.clone())],
    };
    let planning = match asked.journal {
        Journal::New(_, started) | Journal::Nowhere(_, started) => {
            Planning::begin(options, *started)?
        }
        Journal::Again(_, coordinator) => Planning::resume(options, coordinator, 0).await?,
    };
    let shown = Arc::clone(&asked.waiting);
    let tell = Arc::new(move |progress: Progress| shown.tell(progress));
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let came = {
        let planned = planning.plan(&asked.planner, &asked.goal, asked.model, asked.prices, tell);
        let mut planned = std::pin::pin!(planned);
        loop {
            tokio::select! {
                planned = &mut planned => break match planned {
                    Ok(plan) => Came::Plan(Box::new(plan)),
                    Err(none) => Came::Nothing(none),
                },
                heard = signals.next() => if let Asked::End(press) = heard {
                    break Came::Stopped(press.by());
                },
                _ = ticks.tick() => asked.waiting.tick(),
            }
        }
    };
    if let Came::Stopped(_) = &came {
        // What was under way may be billed, and nobody waits for it any more.
        planning.give_up().await?;
    }
    Ok((planning, watched, came))
}
