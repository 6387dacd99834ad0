//! Calls of models: whether one more may be made, what those come to that nobody waits for any more,
//! and when it is time to stop asking. The ledger itself is part of the fold; who asks, and what, is
//! not known here.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use protocol::budget::{Ask, CallId, Counted, Exhausted, Money, Purpose, Reserved, Settled};
use protocol::event::{Event, EventKind, Origin};
use protocol::ids::TaskId;
use protocol::outcome::{Failure, FailureClass};
use protocol::policy::{Finding, FindingSeverity};
use protocol::state::{Phase, TaskState};

use super::config::Now;
use super::effect::{Decision, Effect, Gate, Note};
use super::input::RequestId;
use super::lived::Lived;
use super::pool::Pool;
use super::value::Machine;

/// Asks that wait at once. A task asks one thing after another, so this is far above any number of slots.
const MAX_WAITING: usize = 1024;
/// Attempts that may end with the same failure in a row before nothing more is asked: the next ones
/// would cost the same and end the same.
const SAME_FAILURES: u32 = 3;

/// Why a model may not be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreserved {
    /// It may not fit the budget.
    Exhausted(Exhausted),
    /// Nobody may ask any more: the run, or the task it is for, is over or was taken away.
    Closed(&'static str),
}

/// What is known of calls beyond the ledger. All of it follows from events, but for who waits.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// Asks that fit once calls in flight have used less than was set aside for them, in order.
    waiting: VecDeque<(RequestId, Box<Reserved>)>,
    /// A call was settled since the first of those was looked at.
    is_freed: bool,
    /// Calls in flight that nobody waits for any more.
    orphans: BTreeSet<CallId>,
    /// The failure that attempts which asked models ended with, and how often in a row.
    failures: Option<(Failure, u32)>,
    time: Lived,
}

impl Calls {
    pub(super) fn wait(&mut self, id: RequestId, ask: &Reserved) {
        self.waiting.push_back((id, Box::new(ask.clone())));
    }

    pub(super) fn answered(&mut self, id: RequestId) {
        self.waiting.retain(|(other, _)| *other != id);
    }

    pub(super) const fn looked(&mut self) {
        self.is_freed = false;
    }

    /// The failure that ended too many attempts in a row.
    pub(super) fn repeated(&self) -> Option<&Failure> {
        let (failure, times) = self.failures.as_ref()?;
        (*times >= SAME_FAILURES).then_some(failure)
    }

    fn failed(&mut self, failure: &Failure) {
        let times = match &self.failures {
            Some((last, times)) if last == failure => times.saturating_add(1),
            _ => 1,
        };
        self.failures = Some((failure.clone(), times));
    }
}

/// What becomes of an ask.
enum Admission {
    Granted(Box<Reserved>),
    Refused(Unreserved),
    /// Until a call in flight is settled.
    Waits,
}

impl Machine {
    /// Takes in what an event means for calls. The run has it already.
    pub(super) fn apply_to_calls(&mut self, now: Now, event: &Event) {
        match &event.kind {
            EventKind::RunStarted(_) => self.calls.time.begin(now, event.ts),
            EventKind::RunResumed { .. } => {
                self.calls.time.begin(now, event.ts);
                // Somebody had a chance to change what was wrong.
                self.calls.failures = None;
                self.orphan(|_| true);
            }
            // Whoever planned is done with it.
            EventKind::PlanApproved { .. } => self.orphan(|_| true),
            EventKind::AttemptFinished { task, end, .. } => {
                self.orphan(|one| one.task.as_ref() == Some(task));
                let own = |failure: &&Failure| {
                    !matches!(
                        failure.class,
                        FailureClass::Cancelled | FailureClass::BudgetExhausted
                    )
                };
                if let Some(failure) = end.failure.as_ref().filter(own)
                    && self.asks_models(task)
                {
                    self.calls.failed(failure);
                }
            }
            EventKind::LeaseLost { task, .. } | EventKind::TaskCancelled { task } => {
                self.orphan(|one| one.task.as_ref() == Some(task));
            }
            EventKind::TaskDone { task, .. } if self.asks_models(task) => {
                self.calls.failures = None;
            }
            EventKind::BudgetSettled(settled) => {
                self.calls.orphans.remove(&settled.call);
                self.calls.is_freed = !self.calls.waiting.is_empty();
            }
            _ => {}
        }
        self.calls.time.heard(event.ts);
    }

    /// Nobody waits for these calls any more.
    fn orphan(&mut self, is_left: impl Fn(&Reserved) -> bool) {
        let left = self.run.ledger().in_flight().filter(|one| is_left(one));
        self.calls.orphans.extend(left.map(|one| one.call));
    }

    pub(super) fn reserve(&self, now: Now, id: RequestId, ask: &Reserved) -> Decision {
        // Whoever asked first is answered first, or the largest ask would wait for ever.
        if self.calls.waiting.is_empty() {
            return match self.admit(now, ask) {
                Admission::Waits => {
                    Decision::default().note(Note::AskWaits(id, Box::new(ask.clone())))
                }
                admission => answer(id, admission),
            };
        }
        if self.calls.waiting.len() >= MAX_WAITING {
            let full = Unreserved::Closed("too many calls wait for their budget");
            return answer(id, Admission::Refused(full));
        }
        Decision::default().note(Note::AskWaits(id, Box::new(ask.clone())))
    }

    pub(super) fn call_over(&self, id: RequestId, settled: &Settled) -> Decision {
        let told = Decision::default().effect(Gate::Decision, Effect::ReplySettle(id));
        // What was settled before, because its caller had been given up, stays as it was.
        match self.run.ledger().reserved(settled.call) {
            Some(_) if self.has_calls() => {
                told.event(EventKind::BudgetSettled(Box::new(settled.clone())))
            }
            _ => told,
        }
    }

    pub(super) fn unasked(&self, call: CallId) -> Decision {
        let Some(reserved) = self
            .run
            .ledger()
            .reserved(call)
            .filter(|_| self.has_calls())
        else {
            return Decision::default();
        };
        let settled = Settled {
            used: Vec::new(),
            usd: Some(Money::ZERO),
            estimated: false,
            ..reserved.in_full(None)
        };
        Decision::default().event(EventKind::BudgetSettled(Box::new(settled)))
    }

    /// What calls owe, before anything that tasks owe: a settlement, or an answer to who waits.
    pub(super) fn settle_calls(&self, now: Now) -> Option<Decision> {
        if !self.has_calls() {
            return None;
        }
        let ledger = self.run.ledger();
        if let Some(call) = self.calls.orphans.first() {
            return ledger
                .reserved(*call)
                .map(|reserved| Decision::default().event(in_full(reserved)));
        }
        let mut waiting = self.calls.waiting.iter();
        let closed = waiting.find_map(|(id, ask)| Some((*id, self.closed(ask)?)));
        if let Some((id, why)) = closed {
            let refused = Admission::Refused(Unreserved::Closed(why));
            return Some(answer(id, refused).note(Note::AskAnswered(id)));
        }
        if !self.calls.is_freed {
            return None;
        }
        let (id, ask) = self.calls.waiting.front()?;
        Some(match self.admit(now, ask) {
            Admission::Waits => Decision::default().note(Note::AsksLooked),
            admission => answer(*id, admission).note(Note::AskAnswered(*id)),
        })
    }

    fn admit(&self, now: Now, ask: &Reserved) -> Admission {
        if let Some(why) = self.closed(ask) {
            return Admission::Refused(Unreserved::Closed(why));
        }
        let ledger = self.run.ledger();
        let elapsed = self.calls.time.so_far(now).as_millis();
        let elapsed_ms = u64::try_from(elapsed).unwrap_or(u64::MAX);
        match self.config.budget.admits(ledger, &Ask::of(ask, elapsed_ms)) {
            Ok(()) => Admission::Granted(Box::new(Reserved {
                call: ledger.next_call(),
                ..ask.clone()
            })),
            Err(exhausted) if may_fit(&exhausted) => Admission::Waits,
            Err(exhausted) => Admission::Refused(Unreserved::Exhausted(exhausted)),
        }
    }

    /// Why nobody may ask this any more, if so.
    fn closed(&self, ask: &Reserved) -> Option<&'static str> {
        let may_run = match self.run.phase() {
            Phase::Running => true,
            Phase::Paused => !self.leases.halted,
            Phase::Empty | Phase::Planning | Phase::Cancelling | Phase::Finished(_) => false,
        };
        if !may_run {
            return Some("the run is being stopped");
        }
        let task = ask.task.as_ref();
        let index = task.and_then(|task| self.run.index_of(task.as_str()));
        let state = index.map(|index| &self.run.task(index).state);
        let is_awaited = match ask.purpose {
            Purpose::Prompt => matches!(state, Some(TaskState::Running { .. })),
            Purpose::Goal => state.is_some_and(|state| !state.is_terminal()),
            Purpose::Plan => true,
        };
        (!is_awaited).then_some("nobody waits for its task any more")
    }

    /// Whether events about calls may come.
    const fn has_calls(&self) -> bool {
        matches!(
            self.run.phase(),
            Phase::Running | Phase::Paused | Phase::Cancelling
        )
    }

    /// Too many attempts failed the same way: the rest would, too.
    pub(super) fn stop_asking(&self, failure: &Failure) -> Decision {
        let Failure { class, message, .. } = failure;
        let finding = Finding {
            code: "same-failure".into(),
            severity: FindingSeverity::Warning,
            message: format!(
                "{SAME_FAILURES} attempts in a row ended with {class}: {message}; nothing more is asked"
            ),
            task: None,
            suggested_fix: Some("put right what they name, then `retry` the run".into()),
        };
        let mut decision = self.remark(Decision::default(), &finding);
        let stop = self.begin_cancel(Origin::SameFailure);
        decision.events.extend(stop.events);
        decision.notes.extend(stop.notes);
        decision.effects.extend(stop.effects);
        decision
    }

    /// When the run's time is over, if it has a budget of it.
    pub(super) fn time_ends(&self) -> Option<Duration> {
        let most = self.config.budget.wall_ms.map(Duration::from_millis)?;
        (*self.run.phase() == Phase::Running).then(|| self.calls.time.ends(most))
    }

    pub(super) fn time_is_over(&self, now: Now) -> bool {
        self.time_ends().is_some_and(|end| end <= now.mono)
    }

    fn asks_models(&self, task: &TaskId) -> bool {
        let index = self
            .run
            .index_of(task.as_str())
            .filter(|_| self.has_prompts);
        index.is_some_and(|index| Pool::of(&self.run, index) == Pool::Ai)
    }

    /// What must hold of calls between any two inputs.
    pub(super) fn check_calls(&self) -> Result<(), String> {
        let ledger = self.run.ledger();
        for call in &self.calls.orphans {
            if ledger.reserved(*call).is_none() {
                return Err(format!("call {call} is left, and not in flight"));
            }
        }
        if !self.has_calls() {
            return Ok(());
        }
        for reserved in ledger.in_flight() {
            let is_left = self.calls.orphans.contains(&reserved.call);
            if reserved.purpose == Purpose::Prompt && !is_left && self.is_idle(reserved) {
                return Err(format!("nobody waits for call {}", reserved.call));
            }
        }
        let is_stuck = ledger.in_flight().next().is_none() && !self.calls.is_freed;
        if is_stuck && !self.calls.waiting.is_empty() {
            return Err("asks wait for nothing".into());
        }
        Ok(())
    }

    fn is_idle(&self, reserved: &Reserved) -> bool {
        let task = reserved.task.as_ref();
        let index = task.and_then(|task| self.run.index_of(task.as_str()));
        index.is_none_or(|index| !matches!(self.run.task(index).state, TaskState::Running { .. }))
    }
}

/// The settlement of a call whose end nobody heard.
pub(super) fn in_full(reserved: &Reserved) -> EventKind {
    EventKind::BudgetSettled(Box::new(reserved.in_full(None)))
}

fn answer(id: RequestId, admission: Admission) -> Decision {
    match admission {
        Admission::Granted(reserved) => {
            let call = reserved.call;
            Decision::default()
                .event(EventKind::BudgetReserved(reserved))
                .effect(Gate::Decision, Effect::ReplyReserve(id, Ok(call)))
        }
        Admission::Refused(why) => {
            Decision::default().effect(Gate::Written, Effect::ReplyReserve(id, Err(why)))
        }
        Admission::Waits => Decision::default(),
    }
}

/// Whether it would fit if calls in flight came to nothing. A call that is over counts as much as one in
/// flight, and time does not come back.
fn may_fit(exhausted: &Exhausted) -> bool {
    match exhausted {
        Exhausted::Bound {
            which: Counted::Tokens | Counted::Usd,
            limit,
            used,
            reserved,
            asked,
        } => *reserved > 0 && used.saturating_add(*asked) <= *limit,
        Exhausted::Bound {
            which: Counted::Calls | Counted::Wall,
            ..
        }
        | Exhausted::Unpriced { .. } => false,
    }
}
