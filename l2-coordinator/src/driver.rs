//! The loop around the machine: take every input that waits, decide and apply, append all their
//! events with one write, then act. Effects that rest on a promise wait for the synced mark.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use protocol::event::{Event, EventKind};
use protocol::ids::TaskId;
use protocol::outcome::RunOutcome;
use protocol::state::IllegalEvent;
use protocol::time::Clock;
use tokio::time::Instant;

use crate::coordinator::{CoordinatorError, Finished, Options};
use crate::effects::Outbox;
use crate::journal::{SyncWatch, WriteError, Writer};
use crate::machine::{Decision, Effect, Gate, Input, Machine, Now};
use crate::model::Recall;
use crate::observer::Observer;
use crate::sources::{Inbox, Sources, Taken};

/// Inputs taken into one write. Bounds the batch's memory and the delay of its first effect.
const BATCH: usize = 256;
/// With nothing to do at any known time, the driver looks around this often.
const IDLE: Duration = Duration::from_secs(3600);

/// One run being driven.
pub(crate) struct Driver {
    machine: Machine,
    recall: Recall,
    writer: Writer,
    synced: SyncWatch,
    clock: Arc<dyn Clock>,
    started: Instant,
    observers: Vec<Box<dyn Observer>>,
    /// Written events that are not certain yet.
    unseen: VecDeque<Event>,
    /// Effects that wait for an event to be certain.
    gated: BTreeMap<u64, Vec<Effect>>,
    outbox: Outbox,
    finished: Option<(RunOutcome, u8)>,
    sources: Sources,
}

impl Driver {
    pub(crate) async fn new(
        options: Options,
        machine: Machine,
        recall: Recall,
        writer: Writer,
        inbox: Inbox,
    ) -> Result<Self, CoordinatorError> {
        let bus = options.bus;
        let sources = Sources::open(&bus, &options.config.coordinator, inbox).await?;
        Ok(Self {
            outbox: Outbox::new(bus, options.config.coordinator.clone(), options.config.run),
            synced: writer.watch(),
            machine,
            recall,
            writer,
            clock: options.clock,
            started: Instant::now(),
            observers: options.observers,
            unseen: VecDeque::new(),
            gated: BTreeMap::new(),
            finished: None,
            sources,
        })
    }

    pub(crate) fn recall(&self) -> Recall {
        self.recall.clone()
    }

    pub(crate) const fn machine(&self) -> &Machine {
        &self.machine
    }

    fn now(&self) -> Now {
        Now {
            mono: self.started.elapsed(),
            wall: self.clock.now(),
        }
    }

    /// Events to be shown once certain.
    pub(crate) fn show(&mut self, events: impl IntoIterator<Item = Event>) {
        self.unseen.extend(events);
    }

    pub(crate) fn record_opening(
        &mut self,
        opening: Vec<EventKind>,
    ) -> Result<(), CoordinatorError> {
        let now = self.now();
        self.record(
            now,
            Decision {
                events: opening,
                ..Decision::default()
            },
        )
    }

    /// Raises the epoch; then opens again what is no longer what was sealed.
    pub(crate) fn record_resume(
        &mut self,
        corrupt: Vec<(TaskId, String)>,
    ) -> Result<(), CoordinatorError> {
        let now = self.now();
        let decision = self.machine.resume(now);
        self.record(now, decision)?;
        for (task, path) in corrupt {
            let decision = self.machine.decide(now, &Input::Corrupt { task, path });
            self.record(now, decision)?;
        }
        Ok(())
    }

    /// Writes and syncs events outside the loop, where nothing else waits.
    fn record(&mut self, now: Now, decision: Decision) -> Result<(), CoordinatorError> {
        let written = self.writer.append(now.wall, decision.events)?;
        for event in &written {
            self.machine
                .apply(now, event)
                .map_err(|error| fault(&error))?;
            self.recall.follow(&event.kind);
        }
        for note in &decision.notes {
            self.machine.note(now, note);
        }
        self.unseen.extend(written);
        self.writer.sync_now()?;
        let _certain = self.show_certain();
        Ok(())
    }

    pub(crate) async fn run(mut self) -> Result<Finished, CoordinatorError> {
        let mut inputs = vec![Input::Settle];
        loop {
            if let Err(error) = self.step(&inputs).await {
                return Err(self.fall(error).await);
            }
            if let Some((outcome, exit_code)) = self.finished {
                debug_assert!(self.unseen.is_empty(), "the last event was not shown");
                self.drain().await;
                let chain = self.writer.close()?;
                return Ok(Finished {
                    outcome,
                    exit_code,
                    chain,
                });
            }
            if self.machine.is_parked() {
                self.writer.sync_now()?;
                self.release_certain().await;
                self.drain().await;
                self.writer.close()?;
                return Err(CoordinatorError::Paused);
            }
            inputs.clear();
            if let Err(error) = self.gather(&mut inputs).await {
                return Err(self.fall(error).await);
            }
        }
    }

    /// Decides about every input, then writes, then acts.
    async fn step(&mut self, inputs: &[Input]) -> Result<(), CoordinatorError> {
        let now = self.now();
        let first = self.writer.written_seq();
        let mut events = Vec::new();
        let mut effects = Vec::new();
        let mut consider = |machine: &mut Machine, input: &Input| {
            let decision = machine.decide(now, input);
            let is_empty = decision.is_empty();
            for kind in decision.events {
                let seq = first + events.len() as u64 + 1;
                let event = Event {
                    seq,
                    ts: now.wall,
                    kind,
                };
                machine.apply(now, &event).map_err(|error| fault(&error))?;
                events.push(event.kind);
            }
            for note in &decision.notes {
                machine.note(now, note);
            }
            let last = first + events.len() as u64;
            effects.extend(decision.effects.into_iter().map(|(gate, effect)| {
                let seq = match gate {
                    Gate::Written => 0,
                    Gate::Decision => last,
                    Gate::Seq(seq) => seq,
                };
                (seq, effect)
            }));
            Ok::<bool, CoordinatorError>(is_empty)
        };
        for input in inputs {
            consider(&mut self.machine, input)?;
        }
        while !consider(&mut self.machine, &Input::Settle)? {}
        if !events.is_empty() {
            let written = self.writer.append(now.wall, events)?;
            written
                .iter()
                .for_each(|event| self.recall.follow(&event.kind));
            self.unseen.extend(written);
        }
        let certain = self.writer.synced_seq();
        let mut is_urgent = false;
        for (seq, effect) in effects {
            if seq <= certain {
                self.perform(effect).await;
            } else {
                is_urgent |= !matches!(effect, Effect::AckResult(_));
                self.gated.entry(seq).or_default().push(effect);
            }
        }
        if is_urgent {
            self.writer.request_sync();
        }
        self.release_certain().await;
        match self.writer.mark().failed {
            Some(error) => Err(WriteError::from(crate::journal::SyncFailed::Disk(error)).into()),
            None => Ok(()),
        }
    }

    /// Performs what waited for events that are certain now, and shows those events.
    async fn release_certain(&mut self) {
        // Looked at once: a mark that moves in between must not act on what nobody was shown.
        let certain = self.show_certain();
        while let Some(entry) = self
            .gated
            .first_entry()
            .filter(|entry| *entry.key() <= certain)
        {
            for effect in entry.remove() {
                self.perform(effect).await;
            }
        }
    }

    /// Shows every event up to the synced mark, which it returns.
    fn show_certain(&mut self) -> u64 {
        let certain = self.writer.synced_seq();
        while let Some(event) = self.unseen.pop_front_if(|event| event.seq <= certain) {
            for observer in &mut self.observers {
                observer.on_event(&event);
            }
        }
        certain
    }

    /// Waits until something is to be done, then takes what else waits, up to a bound, and last the
    /// time: whoever spoke in time is heard before a deadline passes.
    async fn gather(&mut self, inputs: &mut Vec<Input>) -> Result<(), CoordinatorError> {
        let tick = self.machine.next_deadline().map(|at| self.started + at);
        match self.outbox.take_ready() {
            Some(input) => inputs.push(input),
            None => self.wait(tick, inputs).await?,
        }
        self.take_waiting(inputs);
        let now = Instant::now();
        if self.writer.deadline().is_some_and(|due| due <= now) {
            self.writer.request_sync();
        }
        if tick.is_some_and(|at| at <= now) {
            inputs.push(Input::Tick);
        }
        Ok(())
    }

    /// Every arm only wraps; what is not taken stays where it is, as all sources are queues.
    async fn wait(
        &mut self,
        tick: Option<Instant>,
        inputs: &mut Vec<Input>,
    ) -> Result<(), CoordinatorError> {
        let due = [tick, self.writer.deadline()].into_iter().flatten().min();
        let due = due.unwrap_or_else(|| Instant::now() + IDLE);
        tokio::select! {
            biased;
            taken = self.sources.next() => { let taken = taken?; self.sort(taken, inputs); }
            Some(done) = self.outbox.sides.next() => inputs.extend(done),
            changed = self.synced.changed() => { changed.map_err(WriteError::from)?; }
            () = tokio::time::sleep_until(due) => {}
        }
        Ok(())
    }

    fn take_waiting(&mut self, inputs: &mut Vec<Input>) {
        let mut taken = Vec::new();
        while inputs.len() < BATCH {
            self.sources.round(&mut taken);
            let ready = self.outbox.take_ready();
            let done = self.outbox.sides.next().now_or_never().flatten();
            if taken.is_empty() && ready.is_none() && done.is_none() {
                return;
            }
            for taken in taken.drain(..) {
                self.sort(taken, inputs);
            }
            inputs.extend(ready);
            inputs.extend(done.flatten());
        }
    }

    fn sort(&mut self, taken: Taken, inputs: &mut Vec<Input>) {
        match taken {
            Taken::Input(input) => inputs.push(input),
            Taken::Nothing => {}
            Taken::NoResult(acker) => self.outbox.ack_later(acker),
        }
    }

    /// Gives what is under way a moment to get out: acknowledgements and replies of a finished run.
    async fn drain(&mut self) {
        let patience = Duration::from_millis(200);
        let sides = &mut self.outbox.sides;
        let drained =
            tokio::time::timeout(patience, async { while sides.next().await.is_some() {} });
        // Whatever is still under way concerns a run that is over.
        let _in_time = drained.await;
    }

    /// The journal failed: the run stops where the journal says it is. None of the failed batch's
    /// effects happened; the reserve makes room to say that the run is paused.
    async fn fall(&mut self, error: CoordinatorError) -> CoordinatorError {
        tracing::error!(%error, "the run stops");
        self.outbox.cancel(None, true).await;
        if let CoordinatorError::Journal(cause) = &error {
            let paused = EventKind::RunPaused {
                cause: chain_of(cause),
            };
            let now = self.now();
            let said = self
                .writer
                .use_reserve()
                .and_then(|()| self.writer.append(now.wall, vec![paused]))
                .and_then(|events| self.writer.sync_now().map(|()| events));
            match said {
                Ok(events) => self.unseen.extend(events),
                Err(error) => tracing::error!(%error, "the pause cannot be written either"),
            }
            self.show_certain();
        }
        error
    }
}

/// An error and what it comes from, on one line.
fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Wrappers repeat what they wrap.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// An event of our own that does not fit the state is our fault, not the journal's.
fn fault(error: &IllegalEvent) -> CoordinatorError {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    CoordinatorError::Internal(format!("{error}{}", source.unwrap_or_default()))
}

mod perform;
#[cfg(test)]
mod tests;
