//! The coordinator of one run: options in, a finished run out, and a cheap handle meanwhile.

use std::path::PathBuf;
use std::sync::Arc;

use protocol::bus::{Bus, BusError};
use protocol::digest::CanonicalError;
use protocol::event::{Chain, EventKind, Origin};
use protocol::ids::{Incarnation, WorkerId};
use protocol::outcome::RunOutcome;
use protocol::plan::Plan;
use protocol::state::{IllegalEvent, Phase, RunState};
use protocol::time::Clock;
use tokio::sync::mpsc;

use crate::desk::{Desk, desk};
use crate::driver::Driver;
use crate::journal::{ReadError, Storage, SyncMode, WriteError, Writer};
use crate::machine::{Config, Input, Machine, Now};
use crate::model::{CallJournal, Recall, sweep_calls};
use crate::observer::Observer;
use crate::recover;
use crate::sources::Inbox;

/// Commands that wait for the driver. A person presses Ctrl-C a few times at most.
const COMMANDS: usize = 64;

/// What a coordinator needs from outside.
pub struct Options {
    /// Constant facts about the run.
    pub config: Config,
    /// The checked plan.
    pub plan: Arc<Plan>,
    /// The way to workers.
    pub bus: Arc<dyn Bus>,
    /// Wall clock for event times.
    pub clock: Arc<dyn Clock>,
    /// Where the journal is.
    pub storage: Arc<dyn Storage>,
    /// Who syncs it.
    pub sync: SyncMode,
    /// The run directory, where a resume verifies the artifacts of done tasks.
    pub run_dir: Option<PathBuf>,
    /// Who is shown events.
    pub observers: Vec<Box<dyn Observer>>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// How.
    pub outcome: RunOutcome,
    /// The process's exit code.
    pub exit_code: u8,
    /// The journal's last event, to be sealed.
    pub chain: Chain,
}

/// Why a coordinator stopped without finishing its run.
#[derive(Debug, thiserror::Error)]
pub enum CoordinatorError {
    /// The journal cannot be written; the run is paused where it was, and can be resumed.
    #[error("the run stopped because its journal cannot be written")]
    Journal(#[from] WriteError),
    /// The journal cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The journal does not fit the plan, or itself.
    #[error("the journal does not fit its plan")]
    Fold(#[from] IllegalEvent),
    /// The bus cannot be used.
    #[error("the bus cannot be used")]
    Bus(#[from] BusError),
    /// A plan without canonical form.
    #[error("the plan has no digest")]
    Digest(#[from] CanonicalError),
    /// A sealed file cannot be read for another reason than being gone.
    #[error("artifacts cannot be verified")]
    Artifacts(#[source] std::io::Error),
    /// Whoever began the run died before its plan was approved; nothing ran, so it is begun again
    /// rather than resumed.
    #[error("the run stopped before its plan was approved; begin it again")]
    NotApproved,
    /// Somebody asked for a pause, and every attempt has ended; the run can be resumed.
    #[error("the run is paused")]
    Paused,
    /// The run is over already.
    #[error("the run is over")]
    AlreadyFinished(RunOutcome),
    /// A fault of the coordinator itself.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Steers a running coordinator.
#[derive(Clone, Debug)]
pub struct Handle {
    commands: mpsc::Sender<Input>,
    calls: Desk,
}

fn reach() -> (Handle, Inbox) {
    let (tell, commands) = mpsc::channel(COMMANDS);
    let (desk, calls) = desk();
    let handle = Handle {
        commands: tell,
        calls: desk,
    };
    (handle, Inbox { commands, calls })
}

impl Handle {
    /// Ends the run: no new attempt starts, running ones are stopped with grace. Again: at once.
    /// A coordinator that has ended is no error.
    pub fn cancel(&self, by: Origin) {
        self.tell(Input::Cancel(by));
    }

    /// Dispatches nothing more; once the running attempts have ended, the coordinator stops with
    /// [`CoordinatorError::Paused`]. Nothing for a run that is being cancelled.
    pub fn pause(&self, cause: String) {
        self.tell(Input::Pause(cause));
    }

    /// Stops the attempts of a run that is being paused, too; they run again after a resume.
    pub fn halt(&self) {
        self.tell(Input::Halt);
    }

    /// The in-process worker ended, seen by its owner.
    pub fn worker_gone(&self, worker: WorkerId, incarnation: Incarnation) {
        self.tell(Input::WorkerGone(worker, incarnation));
    }

    /// Where tasks that ask models have their calls journaled: set aside within the run's budget, and
    /// settled.
    #[must_use]
    pub fn calls(&self) -> Arc<dyn CallJournal> {
        self.calls.journal()
    }

    fn tell(&self, input: Input) {
        // Full or closed: the driver is gone or has more of the same waiting.
        let _told = self.commands.try_send(input);
    }
}

/// Drives one run from its first or next event to its last.
pub struct Coordinator {
    driver: Driver,
}

impl Coordinator {
    /// For a new run: writes and syncs the opening events (`run.started`, `plan.proposed`,
    /// `plan.approved`) before it returns, so that they can be shown.
    ///
    /// # Errors
    /// The journal cannot be made, or the bus cannot be used.
    pub async fn start(
        options: Options,
        opening: Vec<EventKind>,
    ) -> Result<(Self, Handle), CoordinatorError> {
        let writer = Writer::create(Arc::clone(&options.storage), options.sync)?;
        let machine = Machine::new(Arc::new(options.config.clone()), Arc::clone(&options.plan));
        let (handle, inbox) = reach();
        let recall = Recall::default();
        let mut driver = Driver::new(options, machine, recall, writer, inbox).await?;
        driver.record_opening(opening)?;
        Ok((Self { driver }, handle))
    }

    /// For a run whose plan was just approved by whoever planned it, in this same life of the run: folds its
    /// journal and goes on with it.
    ///
    /// # Errors
    /// As with [`Self::resume`].
    pub async fn take_over(options: Options) -> Result<(Self, Handle), CoordinatorError> {
        let now = Now {
            mono: std::time::Duration::ZERO,
            wall: options.clock.now(),
        };
        let mut machine = Machine::new(Arc::new(options.config.clone()), Arc::clone(&options.plan));
        let recall = Recall::default();
        let end = recover::fold(options.storage.as_ref(), &mut machine, &recall, now)?;
        if *machine.run().phase() != Phase::Running {
            return Err(CoordinatorError::NotApproved);
        }
        let storage = Arc::clone(&options.storage);
        let (writer, recovered) = Writer::resume(storage, &end, now.wall, options.sync)?;
        if recovered.is_some() {
            let message = "the journal of a run that was just approved is damaged";
            return Err(CoordinatorError::Internal(message.into()));
        }
        let (handle, inbox) = reach();
        let driver = Driver::new(options, machine, recall, writer, inbox).await?;
        Ok((Self { driver }, handle))
    }

    /// For a run that another coordinator left: folds its journal, sets a damaged end aside, raises
    /// the epoch. The caller holds the run's lock, and swept leftover processes.
    ///
    /// # Errors
    /// The journal is damaged before promised events, does not fit the plan, cannot be written, is
    /// finished, or ends before the plan's approval.
    pub async fn resume(options: Options) -> Result<(Self, Handle), CoordinatorError> {
        let now = Now {
            mono: std::time::Duration::ZERO,
            wall: options.clock.now(),
        };
        let mut machine = Machine::new(Arc::new(options.config.clone()), Arc::clone(&options.plan));
        let recall = Recall::default();
        let end = recover::fold(options.storage.as_ref(), &mut machine, &recall, now)?;
        match machine.run().phase() {
            Phase::Finished(outcome) => return Err(CoordinatorError::AlreadyFinished(*outcome)),
            Phase::Empty | Phase::Planning => return Err(CoordinatorError::NotApproved),
            Phase::Running | Phase::Paused | Phase::Cancelling => {}
        }
        let storage = Arc::clone(&options.storage);
        let (writer, recovered) = Writer::resume(storage, &end, now.wall, options.sync)?;
        if let Some(event) = &recovered {
            machine.apply(now, event)?;
        }
        // Before the epoch rises: hashing may take longer than a lease holds without an answer.
        let corrupt = match &options.run_dir {
            Some(run_dir) => recover::corrupt(run_dir, machine.run()),
            None => Ok(Vec::new()),
        };
        let corrupt = corrupt.map_err(CoordinatorError::Artifacts)?;
        if let Some(run_dir) = &options.run_dir {
            sweep_calls(run_dir).map_err(|error| CoordinatorError::Internal(error.to_string()))?;
        }
        let (handle, inbox) = reach();
        let mut driver = Driver::new(options, machine, recall, writer, inbox).await?;
        driver.show(recovered);
        driver.record_resume(corrupt)?;
        Ok((Self { driver }, handle))
    }

    /// The state so far.
    #[must_use]
    pub fn state(&self) -> &RunState {
        self.driver.machine().run()
    }

    /// Replies that the run paid for and that nothing has come of yet, now and as it goes on: whoever asks
    /// models for its tasks looks there first.
    #[must_use]
    pub fn recall(&self) -> Recall {
        self.driver.recall()
    }

    /// Drives the run to its end. Dropping the future is a crash: the journal stays as it is, and
    /// the run can be resumed.
    ///
    /// # Errors
    /// The journal or the bus failed; the run can be resumed.
    pub async fn run(self) -> Result<Finished, CoordinatorError> {
        self.driver.run().await
    }
}
