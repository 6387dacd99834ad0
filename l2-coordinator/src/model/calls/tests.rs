//! One call with the process dying around every step of it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use futures::FutureExt as _;
use protocol::budget::{
    Ask, Budget, CallId, Exhausted, Ledger, Money, PriceTable, Purpose, Reserved, Settled, Spend,
    Usage, Used,
};
use protocol::event::EventKind;
use protocol::outcome::FailureClass;

use super::{Asked, CallBook, CallError, CallFor, CallJournal, JournalError, Recall, settle_left};
use crate::model::{
    ErrorKind, Model, ModelError, ModelReply, ModelRequest, Progress, Role, Stop, Turn,
    known_prices,
};

/// Where the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    Never,
    BeforeReserve,
    AfterReserve,
    InCall,
    BeforeSettle,
    AfterSettle,
}

/// A journal that outlives its process.
#[derive(Default)]
struct Disk {
    events: Vec<EventKind>,
    ledger: Ledger,
}

struct Journal {
    disk: Arc<Mutex<Disk>>,
    budget: Budget,
    death: Death,
}

impl Journal {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap()
    }

    fn dies(&self, at: Death) -> Result<(), JournalError> {
        match self.death == at {
            true => Err(JournalError::Closed("dead".into())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl CallJournal for Journal {
    async fn reserve(&self, mut ask: Reserved) -> Result<CallId, JournalError> {
        self.dies(Death::BeforeReserve)?;
        let mut disk = self.disk();
        self.budget.admits(&disk.ledger, &Ask::of(&ask, 0))?;
        ask.call = disk.ledger.next_call();
        disk.ledger.reserve(&ask).unwrap();
        let call = ask.call;
        disk.events.push(EventKind::BudgetReserved(Box::new(ask)));
        drop(disk);
        self.dies(Death::AfterReserve)?;
        Ok(call)
    }

    async fn settle(&self, settled: Settled) -> Result<(), JournalError> {
        self.dies(Death::BeforeSettle)?;
        let mut disk = self.disk();
        disk.ledger.settle(&settled).unwrap();
        disk.events
            .push(EventKind::BudgetSettled(Box::new(settled)));
        drop(disk);
        self.dies(Death::AfterSettle)
    }
}

/// Says how often it was asked; may hang, fail, or say nothing of what it used.
struct Fake {
    asked: AtomicU64,
    says: Says,
}

#[derive(Clone)]
enum Says {
    Text,
    Nothing,
    Used(Vec<Used>),
    Fails(ModelError),
}

impl Fake {
    fn new(says: Says) -> Arc<Self> {
        let asked = AtomicU64::new(0);
        Arc::new(Self { asked, says })
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

fn usage(input: u64, output: u64) -> Usage {
    Usage {
        input,
        output,
        ..Usage::default()
    }
}

fn opus(usage: Usage) -> Vec<Used> {
    let model = "claude-opus-5-5".into();
    vec![Used { model, usage }]
}

#[async_trait]
impl Model for Fake {
    fn provider(&self) -> &'static str {
        "anthropic"
    }

    async fn call(
        &self,
        request: &ModelRequest,
        _: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ModelReply, ModelError> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let used = match &self.says {
            Says::Text => opus(usage(10, 20)),
            Says::Nothing => std::future::pending().await,
            Says::Used(used) => used.clone(),
            Says::Fails(error) => return Err(error.clone()),
        };
        Ok(ModelReply {
            text: format!("answer {asked}"),
            stop: Stop::End,
            used,
            model: request.model.clone(),
            id: None,
            request_id: None,
            tool_calls: Vec::new(),
            findings: Vec::new(),
        })
    }
}

fn request() -> ModelRequest {
    let text = "x".repeat(300);
    ModelRequest {
        model: "claude-opus-5-5".into(),
        system: String::new(),
        messages: vec![Turn {
            role: Role::User,
            text,
        }],
        schema: None,
        max_tokens: 100,
        effort: None,
    }
}

fn prompt() -> CallFor {
    CallFor {
        task: Some("t".parse().unwrap()),
        purpose: Purpose::Prompt,
        round: 0,
    }
}

/// The run, through all its lives.
struct Run {
    dir: tempfile::TempDir,
    disk: Arc<Mutex<Disk>>,
    budget: Budget,
}

impl Run {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            disk: Arc::default(),
            budget: Budget::default(),
        }
    }

    fn journal(&self, death: Death) -> Arc<Journal> {
        Arc::new(Journal {
            disk: Arc::clone(&self.disk),
            budget: self.budget,
            death,
        })
    }

    /// A life that goes on after what is on disk.
    fn book(&self, model: &Arc<Fake>, death: Death) -> CallBook {
        let recall = Recall::default();
        for kind in &self.disk.lock().unwrap().events {
            recall.apply(kind);
        }
        let dir = self.dir.path().to_owned();
        let (model, prices) = (Arc::<Fake>::clone(model), Arc::new(known_prices()));
        CallBook::new(dir, model, prices, self.journal(death), recall)
    }

    async fn resume(&self) {
        let ledger = self.disk.lock().unwrap().ledger.clone();
        let journal = self.journal(Death::Never);
        settle_left(self.dir.path(), &ledger, journal.as_ref())
            .await
            .unwrap();
    }

    fn settled(&self) -> Spend {
        let disk = self.disk.lock().unwrap();
        assert_eq!(disk.ledger.in_flight().count(), 0);
        disk.ledger.settled()
    }

    fn last(&self) -> Settled {
        match self.disk.lock().unwrap().events.last() {
            Some(EventKind::BudgetSettled(settled)) => (**settled).clone(),
            other => panic!("{other:?}"),
        }
    }
}

async fn ask(book: &CallBook) -> Result<Asked, CallError> {
    book.ask(prompt(), &request(), &|_| {}).await
}

fn files(run: &Path) -> Vec<String> {
    let Ok(entries) = fs_err::read_dir(run.join("calls")) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[tokio::test]
async fn wherever_the_process_dies_nothing_journaled_is_paid_twice() {
    use Death::{AfterReserve, AfterSettle, BeforeReserve, BeforeSettle, InCall, Never};
    // The death; then how often the model is asked in all, calls that count, and of these estimates.
    for (death, asked, calls, estimated) in [
        (Never, 1, 1, 0),
        (BeforeReserve, 1, 1, 0),
        (AfterReserve, 1, 2, 1),
        (InCall, 2, 2, 1),
        (BeforeSettle, 2, 2, 1),
        (AfterSettle, 1, 1, 0),
    ] {
        let run = Run::new();
        let model = Fake::new(Says::Text);
        if death == InCall {
            let hangs = Fake::new(Says::Nothing);
            let book = run.book(&hangs, Never);
            let cut_off = async { ask(&book).await }.now_or_never();
            assert!(cut_off.is_none());
            model.asked.store(hangs.asked(), Ordering::Relaxed);
        } else {
            let first = ask(&run.book(&model, death)).await;
            assert_eq!(first.is_ok(), death == Never, "{death:?}");
        }
        run.resume().await;
        let again = ask(&run.book(&model, Never)).await.unwrap();
        assert_eq!(
            again.recalled,
            matches!(death, Never | AfterSettle),
            "{death:?}"
        );
        assert_eq!(again.reply.text, format!("answer {asked}"), "{death:?}");
        assert_eq!(model.asked(), asked, "{death:?}");
        let spent = run.settled();
        assert_eq!(
            (spent.calls, spent.estimated),
            (calls, estimated),
            "{death:?}"
        );
        // The request's 108 and 100 tokens where nobody knows, 10 and 20 where the provider said so.
        assert_eq!(
            spent.tokens(),
            estimated * (8 + 108 + 100) + 30,
            "{death:?}"
        );
        assert!(
            files(run.dir.path())
                .iter()
                .all(|name| name.ends_with(".json"))
        );
    }
}

#[tokio::test]
async fn a_reply_is_a_file_named_by_its_digest() {
    let run = Run::new();
    let asked = ask(&run.book(&Fake::new(Says::Text), Death::Never))
        .await
        .unwrap();
    let name = format!("{}.json", asked.file);
    assert_eq!(files(run.dir.path()), std::slice::from_ref(&name));
    let bytes = fs_err::read(run.dir.path().join("calls").join(name)).unwrap();
    assert_eq!(protocol::digest::Digest::of(&bytes), asked.file);
    let file: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(file["schema"], "orchestra.call/v1");
    assert_eq!(file["reply"]["text"], "answer 1");
    let settled = run.last();
    assert_eq!(settled.reply, Some(asked.file));
    // 10 tokens at 4 dollars a million, 20 at 20.
    assert_eq!(settled.usd, Some(Money::from_nanos(40_000 + 400_000)));
}

#[tokio::test]
async fn a_reply_that_is_no_longer_what_it_was_is_asked_for_again() {
    let run = Run::new();
    let model = Fake::new(Says::Text);
    let asked = ask(&run.book(&model, Death::Never)).await.unwrap();
    let path = run
        .dir
        .path()
        .join("calls")
        .join(format!("{}.json", asked.file));
    fs_err::write(&path, "{}").unwrap();
    let again = ask(&run.book(&model, Death::Never)).await.unwrap();
    assert!(!again.recalled);
    assert_eq!(again.reply.text, "answer 2");
    fs_err::remove_file(&path).unwrap();
    let book = run.book(&model, Death::Never);
    assert!(!ask(&book).await.unwrap().recalled);
    // The second reply of the journal is next.
    assert!(ask(&book).await.unwrap().recalled);
}

#[tokio::test]
async fn what_an_attempt_was_told_is_used_up_with_it() {
    let run = Run::new();
    let model = Fake::new(Says::Text);
    ask(&run.book(&model, Death::Never)).await.unwrap();
    let task = "t".parse().unwrap();
    let cancelled = EventKind::TaskCancelled { task };
    run.disk.lock().unwrap().events.push(cancelled);
    assert!(!ask(&run.book(&model, Death::Never)).await.unwrap().recalled);
    let other = CallFor {
        purpose: Purpose::Plan,
        task: None,
        round: 0,
    };
    let book = run.book(&model, Death::Never);
    let asked = book.ask(other, &request(), &|_| {}).await.unwrap();
    assert!(!asked.recalled, "an equal request of somebody else");
}

#[tokio::test]
async fn a_budget_refuses_before_anybody_is_asked() {
    let mut run = Run::new();
    run.budget.tokens = Some(50);
    let model = Fake::new(Says::Text);
    let error = ask(&run.book(&model, Death::Never)).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::BudgetExhausted);
    assert_eq!(model.asked(), 0);
    run.budget = Budget {
        usd: Some(Money::MAX),
        ..Budget::default()
    };
    let dir = run.dir.path().to_owned();
    let (journal, prices) = (run.journal(Death::Never), Arc::new(PriceTable::default()));
    let book = CallBook::new(dir, model, prices, journal, Recall::default());
    let error = ask(&book).await.unwrap_err();
    let CallError::Journal(JournalError::Exhausted(Exhausted::Unpriced { model })) = error else {
        panic!("{error:?}");
    };
    assert_eq!(model, "claude-opus-5-5");
}

#[tokio::test]
async fn what_nobody_reported_counts_in_full() {
    let fails = |used| {
        let error = ModelError::new(ErrorKind::Transient, "cut off\nsecond line");
        Says::Fails(ModelError { used, ..error })
    };
    let bound = ModelError {
        used: Some(opus(usage(1, 0))),
        is_bound: true,
        ..ModelError::new(ErrorKind::Transient, "cut off")
    };
    let other = vec![Used {
        model: "somebody-else".into(),
        usage: usage(1, 1),
    }];
    let worst = Some(Money::from_nanos(116 * 4_000 + 100 * 20_000));
    for (says, tokens, usd, estimated) in [
        (Says::Used(Vec::new()), 216, worst, true),
        (Says::Used(other), 2, worst, true),
        (fails(None), 0, Some(Money::ZERO), false),
        (fails(Some(Vec::new())), 216, worst, true),
        (
            fails(Some(opus(usage(1, 0)))),
            1,
            Some(Money::from_nanos(4_000)),
            false,
        ),
        (Says::Fails(bound), 1, Some(Money::from_nanos(4_000)), true),
    ] {
        let run = Run::new();
        let is_failure = matches!(says, Says::Fails(_));
        let asked = ask(&run.book(&Fake::new(says), Death::Never)).await;
        assert_eq!(asked.is_err(), is_failure);
        let settled = run.last();
        assert_eq!(settled.usage().total(), tokens);
        assert_eq!((settled.usd, settled.estimated), (usd, estimated));
        let failure = settled.failure.map(|failure| failure.message);
        assert_eq!(failure.as_deref(), is_failure.then_some("cut off"));
    }
}

#[tokio::test]
async fn a_reply_that_cannot_be_kept_is_settled_all_the_same() {
    let run = Run::new();
    fs_err::write(run.dir.path().join("calls"), "in the way").unwrap();
    let error = ask(&run.book(&Fake::new(Says::Text), Death::Never))
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Store(_)), "{error:?}");
    let settled = run.last();
    assert_eq!((settled.reply, settled.usage().total()), (None, 30));
    assert_eq!(
        settled.failure.map(|failure| failure.class),
        Some(FailureClass::Internal)
    );
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_settled_in_full_at_once() {
    let run = Run::new();
    let book = run.book(&Fake::new(Says::Nothing), Death::Never);
    let until = std::pin::pin!(async { ModelError::new(ErrorKind::Cancelled, "cancelled") });
    let asked = book.ask_until(prompt(), &request(), &|_| {}, until).await;
    assert!(matches!(asked, Err(CallError::Stopped(_))), "{asked:?}");
    let events = run.disk.lock().unwrap().events.len();
    assert_eq!(events, 0, "gone before it was set aside");
    let until = std::pin::pin!(async {
        tokio::task::yield_now().await;
        ModelError::new(ErrorKind::Cancelled, "cancelled")
    });
    let asked = book.ask_until(prompt(), &request(), &|_| {}, until).await;
    let error = asked.unwrap_err();
    assert!(matches!(error, CallError::Stopped(_)), "{error:?}");
    assert_eq!(error.class(), FailureClass::Cancelled);
    let settled = run.last();
    assert_eq!((settled.usage().total(), settled.estimated), (216, true));
    assert_eq!(run.disk.lock().unwrap().ledger.in_flight().count(), 0);
}
