//! The worker that asks models: a made-up model behind the real book of calls, and what must hold of it.
//! Every task asks two questions, one after the other, as one that has to be repaired does.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use l2_coordinator::model::{
    CallBook, CallFor, CallJournal, ErrorKind, Model, ModelError, ModelReply, ModelRequest,
    Progress, Recall, Role, Stop, Turn, Used, known_prices,
};
use l3_worker::{Attempt, AttemptResult, Executor, Scripted, ScriptedExecutor};
use protocol::budget::{Ask, Budget, CallId, Ledger, Purpose, Usage};
use protocol::digest::Digest;
use protocol::event::{Event, EventKind};
use protocol::ids::TaskId;
use protocol::outcome::{Failure, FailureClass};
use protocol::policy::SandboxLevel;

use super::log::{Log, Seen};
use super::tally::Tally;

/// Questions of one attempt.
const ROUNDS: u32 = 2;
/// Most tokens of a reply.
const MOST: u32 = 100;

/// A question that a model was asked, however it ended.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    question: Digest,
    /// Events shown before.
    after: usize,
}

/// Answers late, badly or not at all, by the seed and the question.
pub(super) struct Oracle {
    pub(super) seed: u64,
    pub(super) log: Log,
    /// It says that it used ten times what it may.
    pub(super) lies: bool,
}

impl Oracle {
    fn dice(&self, question: Digest) -> u64 {
        let mut seen = self.log.lock();
        let after = seen.shown.len();
        let before = seen.asked.iter().filter(|one| one.question == question);
        let mut hasher = DefaultHasher::new();
        (self.seed, question.to_string(), before.count()).hash(&mut hasher);
        seen.asked.push(Asked { question, after });
        hasher.finish()
    }
}

#[async_trait]
impl Model for Oracle {
    fn provider(&self) -> &'static str {
        "scripted"
    }

    async fn call(
        &self,
        request: &ModelRequest,
        _progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ModelReply, ModelError> {
        let dice = self.dice(request.digest().expect("no fractions"));
        tokio::time::sleep(Duration::from_millis(dice / 1000 % 3_000)).await;
        let output = u64::from(MOST) * if self.lies { 10 } else { 1 };
        let usage = Usage {
            input: 5,
            output: dice / 7 % output,
            ..Usage::default()
        };
        let used = vec![Used {
            model: request.model.clone(),
            usage,
        }];
        let fails = |used| ModelError {
            used,
            ..ModelError::new(ErrorKind::Transient, format!("busy {}", dice % 7))
        };
        match dice % 100 {
            0..8 => Err(fails(None)),
            8..12 => Err(fails(Some(Vec::new()))),
            12..16 => Err(fails(Some(used))),
            _ => Ok(ModelReply {
                text: "{}".into(),
                stop: Stop::End,
                used,
                model: request.model.clone(),
                id: None,
                request_id: None,
                tool_calls: Vec::new(),
                findings: Vec::new(),
            }),
        }
    }
}

/// Asks for its task, and gives up now and then.
pub(super) struct Asker {
    seed: u64,
    book: CallBook,
}

impl Asker {
    pub(super) fn new(
        dir: PathBuf,
        oracle: Arc<Oracle>,
        journal: Arc<dyn CallJournal>,
        recall: Recall,
    ) -> Self {
        let (seed, prices) = (oracle.seed, Arc::new(known_prices()));
        let book = CallBook::new(dir, oracle, prices, journal, recall);
        Self { seed, book }
    }

    async fn ask(&self, task: &TaskId) -> Option<Failure> {
        for round in 0..ROUNDS {
            let call_for = CallFor {
                task: Some(task.clone()),
                purpose: Purpose::Prompt,
                round,
            };
            let request = question(task, round);
            if let Err(error) = self.book.ask(call_for, &request, &|_| {}).await {
                return Some(Failure::new(error.class(), error.to_string()));
            }
        }
        None
    }
}

fn question(task: &TaskId, round: u32) -> ModelRequest {
    ModelRequest {
        model: "made-up".into(),
        system: String::new(),
        messages: vec![Turn {
            role: Role::User,
            text: format!("{task}, for the {round}. time"),
        }],
        schema: None,
        max_tokens: MOST,
        effort: None,
    }
}

#[async_trait]
impl Executor for Asker {
    fn level(&self) -> SandboxLevel {
        SandboxLevel::None
    }

    fn blocks(&self) -> bool {
        false
    }

    async fn execute(&self, attempt: Attempt<'_>) -> AttemptResult {
        let task = &attempt.task.task_id;
        assert!(attempt.task.prompt.is_some(), "it is here to ask: {task}");
        let mut hasher = DefaultHasher::new();
        (self.seed, task.as_str(), attempt.number).hash(&mut hasher);
        let dice = hasher.finish();
        let patience = match dice % 10 {
            0 => Duration::from_millis(dice / 10 % 3_000),
            _ => Duration::from_secs(3600),
        };
        let failure = tokio::select! {
            biased;
            _ = attempt.stop.raised() => None,
            failure = tokio::time::timeout(patience, self.ask(task)) => match failure {
                Ok(failure) => failure,
                Err(_) => Some(Failure::new(FailureClass::TimedOut, format!("{task} took too long"))),
            },
        };
        let ends = move |_: &_, _| Scripted {
            failure: failure.clone(),
            ..Scripted::default()
        };
        ScriptedExecutor::new(ends).execute(attempt).await
    }
}

/// Every law about calls.
pub(super) fn check(
    budget: Budget,
    events: &[Event],
    seen: &Seen,
    tally: &mut Tally,
) -> Result<(), String> {
    calls_stay_within(budget, events)?;
    for asked in &seen.asked {
        // Not what was shown: a coordinator may die between the two, and the next one knows it all.
        let last = seen.shown[..asked.after].last();
        let certain = last.map_or(0, |event| usize::try_from(event.seq).expect("small"));
        was_counted_and_owed(asked, &events[..certain])?;
    }
    tally.count("model: asked", seen.asked.len() as u64);
    for event in events {
        if let EventKind::BudgetSettled(settled) = &event.kind {
            let how = match (&settled.reply, settled.estimated) {
                (Some(_), _) => "settled: reply",
                (None, true) => "settled: in full",
                (None, false) => "settled: no reply",
            };
            tally.count(how, 1);
        }
    }
    Ok(())
}

/// Whatever may start fits beside what was used and set aside; every call is settled once; what is used
/// beyond the budget, calls in flight at that moment used beyond what was set aside for them.
fn calls_stay_within(budget: Budget, events: &[Event]) -> Result<(), String> {
    let mut ledger = Ledger::default();
    let mut beyond: HashMap<CallId, u64> = HashMap::new();
    let mut overshot: Option<HashSet<CallId>> = None;
    for event in events {
        let wrong = |what: String| Err(format!("event {}: {what}", event.seq));
        match &event.kind {
            EventKind::BudgetReserved(reserved) => {
                if let Err(why) = budget.admits(&ledger, &Ask::of(reserved, 0)) {
                    return wrong(format!("call {} was let through: {why}", reserved.call));
                }
                ledger
                    .reserve(reserved)
                    .map_err(|error| error.to_string())?;
            }
            EventKind::BudgetSettled(settled) => {
                let in_flight: HashSet<_> = ledger.in_flight().map(|one| one.call).collect();
                let aside = ledger.reserved(settled.call).map_or(0, |one| one.tokens());
                let more = settled.usage().total().saturating_sub(aside);
                beyond.insert(settled.call, more);
                ledger.settle(settled).map_err(|error| error.to_string())?;
                let all = ledger.settled().tokens() + ledger.set_aside().tokens();
                if budget.tokens.is_some_and(|most| all > most) && overshot.is_none() {
                    overshot = Some(in_flight);
                }
            }
            _ => {}
        }
    }
    if let Some(reserved) = ledger.in_flight().next() {
        return Err(format!("call {} was never settled", reserved.call));
    }
    let allowed = overshot
        .iter()
        .flatten()
        .map(|call| beyond[call])
        .sum::<u64>();
    let spent = ledger.settled().tokens();
    match budget.tokens {
        Some(most) if spent > most + allowed => Err(format!(
            "{spent} of {most} tokens, {allowed} beyond it may be"
        )),
        _ => Ok(()),
    }
}

/// Before a model is asked, it is certain that it is counted; and no reply to the question is in the
/// journal that nothing came of yet.
fn was_counted_and_owed(asked: &Asked, certain: &[Event]) -> Result<(), String> {
    let mut own: HashMap<CallId, &TaskId> = HashMap::new();
    let mut open = HashSet::new();
    let mut replied = false;
    for event in certain {
        match &event.kind {
            EventKind::BudgetReserved(reserved) if reserved.request == asked.question => {
                own.insert(reserved.call, reserved.task.as_ref().expect("a task asks"));
                open.insert(reserved.call);
            }
            EventKind::BudgetSettled(settled) if own.contains_key(&settled.call) => {
                open.remove(&settled.call);
                replied |= settled.reply.is_some();
            }
            EventKind::AttemptFinished { task, .. } if own.values().any(|own| *own == task) => {
                replied = false;
            }
            _ => {}
        }
    }
    match (open.len(), replied) {
        (1, false) => Ok(()),
        (1, true) => Err(format!(
            "a reply that is in the journal was paid again: {asked:?}"
        )),
        (open, _) => Err(format!("{open} calls were set aside for {asked:?}")),
    }
}
