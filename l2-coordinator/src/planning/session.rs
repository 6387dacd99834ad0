//! A run before its plan: the journal is open, a model is asked, every call is set aside and settled in it.
//! Ends with the plan's approval, after which a coordinator takes over, or with the run. Nothing runs here.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use protocol::budget::{Ask, Budget, CallId, Ledger, PriceTable, Purpose, Reserved, Settled};
use protocol::diagnostic::Diagnostic;
use protocol::event::{Chain, Event, EventKind, PlanRejected};
use protocol::ids::CoordinatorId;
use protocol::plan::Plan;
use protocol::state::{Phase, RunState};
use protocol::time::{Clock, Timestamp};

use super::unplanned::NoPlan;
use crate::coordinator::CoordinatorError;
use crate::journal::{Reader, Storage, SyncMode, Writer};
use crate::model::{
    CallBook, CallError, CallFor, CallJournal, JournalError, Model, ModelReply, ModelRequest,
    Progress, Recall, settle_left,
};
use crate::observer::Observer;
use crate::planner::{Caller, Goal, Planned, Planner};

/// What planning needs from outside.
pub struct PlanningOptions {
    /// Where the journal is.
    pub storage: Arc<dyn Storage>,
    /// Who syncs it.
    pub sync: SyncMode,
    /// Wall clock for event times.
    pub clock: Arc<dyn Clock>,
    /// The run directory, where replies are kept.
    pub run_dir: PathBuf,
    /// The plan without tasks.
    pub plan: Arc<Plan>,
    /// What calls may add up to.
    pub budget: Budget,
    /// Who is shown events.
    pub observers: Vec<Box<dyn Observer>>,
}

/// A run that is being planned.
pub struct Planning {
    core: Arc<Core>,
    run_dir: PathBuf,
    recall: Recall,
}

/// What is told while a call goes on.
pub type Tell = Arc<dyn Fn(Progress) + Send + Sync>;

impl Planning {
    /// For a new run: writes and syncs its first event before it returns.
    ///
    /// # Errors
    /// The journal cannot be made.
    pub fn begin(options: PlanningOptions, started: EventKind) -> Result<Self, CoordinatorError> {
        let writer = Writer::create(Arc::clone(&options.storage), options.sync)?;
        let run = RunState::new(Arc::clone(&options.plan));
        let this = Self::of(options, writer, run, Recall::default());
        this.record(vec![started])?;
        Ok(this)
    }

    /// For a run that stopped before its plan was approved: folds its journal, sets a damaged end aside,
    /// raises the epoch, and settles calls that nobody waits for any more. Replies that the journal has
    /// are given again and not paid again.
    ///
    /// # Errors
    /// The journal is damaged before promised events, cannot be written, or the run has a plan.
    pub async fn resume(
        options: PlanningOptions,
        coordinator: CoordinatorId,
        slots: u32,
    ) -> Result<Self, CoordinatorError> {
        let mut run = RunState::new(Arc::clone(&options.plan));
        let recall = Recall::default();
        let source = options.storage.reader();
        let mut reader = Reader::new(source.map_err(crate::journal::ReadError::Io)?);
        while let Some(event) = reader.next_event()? {
            recall.apply(&event.kind);
            run.apply(&event)?;
        }
        let end = reader.finish()?;
        match run.phase() {
            Phase::Planning => {}
            Phase::Finished(outcome) => return Err(CoordinatorError::AlreadyFinished(*outcome)),
            other => {
                let message = format!("a run that is {other:?} has its plan");
                return Err(CoordinatorError::Internal(message));
            }
        }
        let (storage, now) = (Arc::clone(&options.storage), options.clock.now());
        let (writer, recovered) = Writer::resume(storage, &end, now, options.sync)?;
        if let Some(event) = &recovered {
            run.apply(event)?;
        }
        let resumed = EventKind::RunResumed {
            epoch: run.epoch() + 1,
            coordinator,
            slots,
        };
        let this = Self::of(options, writer, run, recall);
        this.core.lock().show(recovered.iter());
        this.record(vec![resumed])?;
        this.give_up().await?;
        Ok(this)
    }

    fn of(options: PlanningOptions, writer: Writer, run: RunState, recall: Recall) -> Self {
        let began = options.clock.now();
        Self {
            run_dir: options.run_dir,
            recall,
            core: Arc::new(Core(Mutex::new(State {
                writer,
                run,
                clock: options.clock,
                began,
                budget: options.budget,
                observers: options.observers,
            }))),
        }
    }

    /// Calls so far.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.core.lock().run.ledger().clone()
    }

    /// Asks a model for the plan, and tells the journal of it.
    ///
    /// # Errors
    /// There is none.
    pub async fn plan(
        &self,
        planner: &Planner<'_>,
        goal: &Goal<'_>,
        model: Arc<dyn Model>,
        prices: Arc<PriceTable>,
        tell: Tell,
    ) -> Result<Planned, NoPlan> {
        let requested = planner.requested(goal, None);
        self.record(vec![EventKind::PlanRequested(Box::new(requested))])?;
        let journal: Arc<dyn CallJournal> = Arc::clone(&self.core) as _;
        let calls = CallBook::new(
            self.run_dir.clone(),
            model,
            prices,
            journal,
            self.recall.clone(),
        );
        let core = Arc::clone(&self.core);
        let planned = planner.plan(&Booked { calls, core, tell }, goal).await;
        planned.map_err(NoPlan::from)
    }

    /// Settles calls that were dropped: nobody waits for them any more.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn give_up(&self) -> Result<(), CoordinatorError> {
        let ledger = self.ledger();
        let settled = settle_left(&self.run_dir, &ledger, self.core.as_ref()).await;
        settled.map_err(|error| CoordinatorError::Internal(error.to_string()))
    }

    /// Writes, syncs and shows events.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn record(&self, events: Vec<EventKind>) -> Result<(), CoordinatorError> {
        self.core.lock().record(events)
    }

    /// Writes and syncs the plan's approval, with what comes right before it, and closes the journal for the
    /// coordinator that takes over, which folds all of it over the approved plan.
    ///
    /// # Errors
    /// The journal cannot be written, or a call is still under way.
    pub fn approve(self, events: Vec<EventKind>) -> Result<(), CoordinatorError> {
        {
            let mut state = self.core.lock();
            let now = state.clock.now();
            let written = state.writer.append(now, events)?;
            state.writer.sync_now()?;
            state.show(written.iter());
        }
        self.close().map(drop)
    }

    /// Closes the journal, for whoever takes the run over, or for its seal.
    ///
    /// # Errors
    /// The journal cannot be written, or a call is still under way.
    pub fn close(self) -> Result<(Chain, Vec<Box<dyn Observer>>), CoordinatorError> {
        let core = Arc::into_inner(self.core).ok_or_else(|| {
            CoordinatorError::Internal("a call outlives the planning it was made for".into())
        })?;
        let state = core.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let chain = state.writer.close()?;
        Ok((chain, state.observers))
    }
}

/// The planner's calls, through the book.
struct Booked {
    calls: CallBook,
    core: Arc<Core>,
    tell: Tell,
}

#[async_trait]
impl Caller for Booked {
    type Error = CallError;

    async fn call(&self, request: &ModelRequest, round: u32) -> Result<ModelReply, CallError> {
        let call_for = CallFor {
            task: None,
            purpose: Purpose::Plan,
            round,
        };
        let asked = self.calls.ask(call_for, request, &*self.tell).await?;
        Ok(asked.reply)
    }

    async fn refused(&self, round: u32, problems: &[Diagnostic]) -> Result<(), CallError> {
        let Some(rejected) = PlanRejected::by_diagnostics(round, problems) else {
            return Ok(());
        };
        let event = EventKind::PlanRejected(Box::new(rejected));
        Ok(self.core.lock().journal(event)?)
    }
}

/// The journal, behind a lock: calls may be parallel, their events are not.
struct Core(Mutex<State>);

impl Core {
    fn lock(&self) -> MutexGuard<'_, State> {
        // An event is applied once it is written; nothing is ever half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct State {
    writer: Writer,
    run: RunState,
    clock: Arc<dyn Clock>,
    began: Timestamp,
    budget: Budget,
    observers: Vec<Box<dyn Observer>>,
}

impl State {
    fn record(&mut self, events: Vec<EventKind>) -> Result<(), CoordinatorError> {
        if events.is_empty() {
            return Ok(());
        }
        let written = self.writer.append(self.clock.now(), events)?;
        for event in &written {
            self.run.apply(event)?;
        }
        self.writer.sync_now()?;
        self.show(written.iter());
        Ok(())
    }

    fn show<'e>(&mut self, events: impl Iterator<Item = &'e Event>) {
        for event in events {
            for observer in &mut self.observers {
                observer.on_event(event);
            }
        }
    }

    fn journal(&mut self, event: EventKind) -> Result<(), JournalError> {
        self.record(vec![event])
            .map_err(|error| JournalError::Closed(error.to_string()))
    }
}

#[async_trait]
impl CallJournal for Core {
    async fn reserve(&self, mut ask: Reserved) -> Result<CallId, JournalError> {
        let mut state = self.lock();
        let elapsed = state.clock.now().since(state.began).as_millis();
        let most = Ask {
            model: ask.model.clone(),
            prompt: ask.prompt,
            output: ask.output,
            usd: ask.usd,
            elapsed_ms: u64::try_from(elapsed).unwrap_or(u64::MAX),
        };
        state.budget.admits(state.run.ledger(), &most)?;
        ask.call = state.run.ledger().next_call();
        let call = ask.call;
        state.journal(EventKind::BudgetReserved(Box::new(ask)))?;
        Ok(call)
    }

    async fn settle(&self, settled: Settled) -> Result<(), JournalError> {
        self.lock()
            .journal(EventKind::BudgetSettled(Box::new(settled)))
    }
}
