//! The fold and its renderers over stories told in events.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use insta::assert_snapshot;
use proptest::prelude::*;
use protocol::budget::{CallId, Purpose, Reserved};
use protocol::digest::Digest;
use protocol::event::{
    AttemptEnd, Event, EventKind, LeaseEnd, Origin, PlanRejected, RunStarted, SkipCause,
};
use protocol::ids::TaskId;
use protocol::outcome::{Failure, FailureClass, RunOutcome};
use protocol::policy::SandboxLevel;
use protocol::time::Timestamp;

use super::console::{Console, Shown};
use super::stats::Stats;
use super::{
    Observers, Redactor, Reporter, RunRef, RunSummary, View, closing, html, json, junit, markdown,
    words,
};
use crate::ui::{ColorChoice, ColorFacts, Io, Painter, Ui};

/// Events with a second between them.
#[derive(Default)]
pub(super) struct Story(pub(super) Vec<Event>);

impl Story {
    pub(super) fn begun(tasks: u64) -> Self {
        let started = RunStarted {
            version: 1,
            run_id: "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a".parse().unwrap(),
            scenario: "story".parse().unwrap(),
            run_file: None,
            scenario_file: Digest::of(b"scenario"),
            policy: "default@0".into(),
            policy_digest: Digest::of(b"policy"),
            coordinator: "c-1".parse().unwrap(),
            slots: 2,
            level: SandboxLevel::None,
            trace_id: "0".repeat(32),
            orchestra: "0.1.0".into(),
            retry_of: None,
            unplanned: None,
        };
        let plan = Digest::of(b"plan");
        Self::default()
            .then(EventKind::RunStarted(Box::new(started)))
            .then(EventKind::PlanProposed { plan, tasks })
            .then(EventKind::PlanApproved {
                plan,
                plan_file: plan,
                policy: Digest::of(b"policy"),
                policy_file: None,
                scenario_file: Digest::of(b"scenario"),
                by: Origin::Default,
                signed: None,
            })
    }

    pub(super) fn then(mut self, kind: EventKind) -> Self {
        let seq = self.0.len() as u64 + 1;
        let ts = Timestamp::from_micros(i64::try_from(seq).unwrap() * 1_000_000);
        self.0.push(Event { seq, ts, kind });
        self
    }

    pub(super) fn starts(self, task: &str, attempt: u32) -> Self {
        self.then(EventKind::AttemptStarted {
            task: id(task),
            lease: "1-1".parse().unwrap(),
            attempt,
        })
    }

    pub(super) fn ends(self, task: &str, attempt: u32, failure: Option<Failure>) -> Self {
        let end = Box::new(end(failure));
        self.then(EventKind::AttemptFinished {
            task: id(task),
            lease: "1-1".parse().unwrap(),
            attempt,
            end,
        })
    }

    pub(super) fn passes(self, task: &str) -> Self {
        self.starts(task, 1)
            .ends(task, 1, None)
            .then(EventKind::TaskDone {
                task: id(task),
                attempt: 1,
                outputs: serde_json::Map::new(),
                artifacts: Vec::new(),
            })
    }

    pub(super) fn fails(self, task: &str, tolerated: bool) -> Self {
        self.starts(task, 1)
            .ends(task, 1, Some(broke()))
            .then(EventKind::TaskFailed {
                task: id(task),
                attempts: 1,
                failure: broke(),
                tolerated,
            })
    }

    pub(super) fn skips(self, task: &str, because: &str) -> Self {
        self.then(EventKind::TaskSkipped {
            task: id(task),
            cause: SkipCause::Failure,
            because: Some(id(because)),
        })
    }

    pub(super) fn finishes(self, outcome: RunOutcome, exit_code: u8) -> Self {
        self.then(EventKind::RunFinished {
            outcome,
            exit_code,
            outputs: serde_json::Map::new(),
        })
    }

    pub(super) fn summary(&self) -> RunSummary {
        RunSummary::from_events(&self.0)
    }
}

/// The end of an attempt that was not confined.
pub(super) fn end(failure: Option<Failure>) -> AttemptEnd {
    let exit = failure.as_ref().map_or(0, |_| 3);
    let tail = failure.as_ref().map(|_| "it broke\n```\n\u{1b}[2J".into());
    AttemptEnd {
        level: SandboxLevel::None,
        degraded: Vec::new(),
        denied: Vec::new(),
        agent_denied: Vec::new(),
        model: None,
        writes: Vec::new(),
        exit: Some(exit),
        signal: None,
        failure,
        wall_us: 1_000_000,
        cpu_us: 10_000,
        peak_rss_bytes: 4096,
        peak_memory_bytes: None,
        peak_disk_bytes: None,
        out: None,
        err: None,
        tail,
    }
}

pub(super) fn id(task: &str) -> TaskId {
    task.parse().unwrap()
}

pub(super) fn broke() -> Failure {
    Failure::new(FailureClass::ToolFailed, "exit 3")
}

pub(super) fn view() -> View {
    View {
        plan: None,
        run: RunRef("4be1c07a".into()),
        dir: "runs/x".into(),
        driven: None,
        redact: Redactor::default(),
    }
}

#[test]
fn the_first_required_failure_comes_before_an_earlier_tolerated_one() {
    let story = Story::begun(4).fails("soft", true).fails("hard", false);
    assert_eq!(story.summary().first_failure().unwrap().id, id("hard"));
    let story = Story::begun(4).fails("one", false).fails("two", false);
    assert_eq!(story.summary().first_failure().unwrap().id, id("one"));
    let story = Story::begun(4).fails("soft", true);
    assert_eq!(story.summary().first_failure().unwrap().id, id("soft"));
}

#[test]
fn a_chain_of_skipped_tasks_leads_to_the_failure() {
    let story = Story::begun(3)
        .fails("a", false)
        .skips("b", "a")
        .skips("c", "b");
    let summary = story.summary();
    let c = summary.task(&id("c")).unwrap();
    assert_eq!(summary.root_cause(c).unwrap().id, id("a"));
    assert_eq!(summary.root_cause(summary.task(&id("a")).unwrap()), None);
}

/// Walking each chain anew would be two hundred million steps.
#[test]
fn long_chains_are_walked_once() {
    let mut story = Story::begun(20_001).fails("t0", false);
    for n in 1..20_000 {
        story = story.skips(&format!("t{n}"), &format!("t{}", n - 1));
    }
    let summary = story.finishes(RunOutcome::Failed, 1).summary();
    let text = closing(&summary, &view(), Painter::PLAIN);
    assert!(
        text.contains("and 19991 more   because t0 failed"),
        "{text}"
    );
}

#[test]
fn numbers() {
    let story = Story::begun(3)
        .passes("a")
        .fails("b", false)
        .starts("c", 1)
        .then(EventKind::LeaseLost {
            task: id("c"),
            lease: "1-1".parse().unwrap(),
            cause: LeaseEnd::WorkerLost,
        })
        .starts("c", 2)
        .ends("c", 2, None);
    let stats = Stats::of(&story.summary(), None);
    assert_eq!((stats.attempts, stats.attempts_succeeded), (4, 2));
    assert_eq!((stats.retries, stats.crashes), (0, 1));
    assert_eq!(stats.attempt_time.count, 4);
    assert_eq!(stats.attempt_time.p50, Duration::from_secs(1));
    assert_eq!(stats.task_time.max, Duration::from_secs(2));
    assert_eq!(stats.classes.len(), 1);
    assert_eq!(stats.classes[0].tasks, [id("b")]);
}

/// The coordinator died seven seconds in; an hour later somebody resumed.
#[test]
fn time_in_which_nobody_drove_the_run_is_counted_by_no_task() {
    let mut story = Story::begun(2).starts("a", 1).passes("b");
    let lease = "1-1".parse().unwrap();
    let cause = LeaseEnd::CoordinatorRestarted;
    let coordinator = "c-2".parse().unwrap();
    for kind in [
        EventKind::JournalRecovered {
            torn_bytes: 9,
            file: "events.torn.1".into(),
        },
        EventKind::RunResumed {
            epoch: 2,
            coordinator,
            slots: 2,
        },
        EventKind::LeaseLost {
            task: id("a"),
            lease,
            cause,
        },
    ] {
        story = story.then(kind);
    }
    for event in &mut story.0[7..] {
        event.ts = event.ts.plus(Duration::from_hours(1));
    }
    let end = story.summary();
    assert_eq!(end.tally.waiting, 1);
    let mut story = story.passes("a");
    for event in &mut story.0[10..] {
        event.ts = event.ts.plus(Duration::from_hours(1));
    }
    let summary = story.summary();
    let a = summary.task(&id("a")).unwrap();
    // Started at 4, driven to 7 and again from 9 on, over at 13.
    assert_eq!(a.duration(), Some(Duration::from_secs(7)));
    assert_eq!(a.attempts[0].wall, Duration::from_secs(3));
    assert_eq!(a.attempts[0].how(), "interrupted");
    assert_eq!(words::repeats(a), "1 interruption");
    assert_eq!(summary.undriven, Duration::from_secs(3602));
    assert_eq!(summary.driven_until(summary.last), Duration::from_secs(10));
}

#[test]
fn a_task_that_waits_for_a_retry_says_for_which_and_until_when() {
    let story = Story::begun(2)
        .starts("a", 1)
        .ends("a", 1, Some(broke()))
        .then(EventKind::AttemptRetrying {
            task: id("a"),
            attempt: 2,
            delay_ms: 90_000,
            in_place: false,
        });
    let summary = story.summary();
    let a = summary.task(&id("a")).unwrap();
    assert_eq!((summary.tally.waiting, summary.tally.told()), (1, 1));
    let said = words::waiting(a, None, Redactor::default());
    assert_eq!(said, "waits for attempt 2, due 00:01:36 UTC");
}

#[test]
fn a_reopened_task_is_open_and_has_lost_its_artifacts() {
    let story = Story::begun(1).passes("a").then(EventKind::TaskReopened {
        task: id("a"),
        path: "artifacts/a/x".into(),
    });
    let summary = story.summary();
    assert_eq!((summary.tally.passed, summary.tally.over()), (0, 0));
    assert_eq!(summary.task(&id("a")).unwrap().ended, None);
}

#[test]
fn closing_block_of_a_cancelled_run() {
    let story = Story::begun(3)
        .passes("a")
        .starts("b", 1)
        .then(EventKind::RunCancelling {
            by: Origin::Interrupt,
        })
        .then(EventKind::TaskCancelled { task: id("b") })
        .then(EventKind::TaskCancelled { task: id("c") })
        .finishes(RunOutcome::Cancelled, 130);
    assert_snapshot!(closing(&story.summary(), &view(), Painter::PLAIN), @r#"
    ────────────
      CANCELLED in 10.0s   1 passed · 2 cancelled
        stopped by Ctrl-C
        no sandbox: tasks ran with your user's rights
      report: runs/x/report.md
      next: orchestra retry 4be1c07a
    "#);
}

#[test]
fn closing_block_of_a_paused_run() {
    let story = Story::begun(3).passes("a").then(EventKind::RunPaused {
        cause: "no space left on device".into(),
    });
    assert_snapshot!(closing(&story.summary(), &view(), Painter::PLAIN), @r#"
    ────────────
      PAUSED in 6.0s   1 passed · 2 not started
        paused: no space left on device
        no sandbox: tasks ran with your user's rights
      next: orchestra resume 4be1c07a
    "#);
}

#[test]
fn many_failures_are_bounded_and_counted() {
    let mut story = Story::begun(60);
    for n in 0..30 {
        story = story.fails(&format!("bad{n}"), false);
    }
    for n in 0..30 {
        story = story.skips(&format!("after{n}"), "bad0");
    }
    let summary = story.finishes(RunOutcome::Failed, 1).summary();
    let text = closing(&summary, &view(), Painter::PLAIN);
    assert!(text.contains("… and 20 more failed"), "{text}");
    assert!(text.contains("and 22 more   because bad0 failed"), "{text}");
    let page = markdown::render(&summary, None, None, Redactor::default());
    assert!(page.contains("## Other failures, earliest first"), "{page}");
}

#[test]
fn a_tail_cannot_leave_its_fence_nor_move_the_cursor() {
    let summary = Story::begun(1).fails("a", false).summary();
    let page = markdown::render(&summary, None, None, Redactor::default());
    assert!(
        page.contains("````text\nit broke\n```\n\\x1b[2J\n````"),
        "{page}"
    );
    assert!(!page.contains('\u{1b}'));
    assert!(!closing(&summary, &view(), Painter::PLAIN).contains('\u{1b}'));
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A printer, and what it says on stderr.
pub fn ui() -> (Ui, Arc<Mutex<Vec<u8>>>) {
    let sink = Sink::default();
    let io = Io {
        stdout: Box::new(io::sink()),
        stderr: Box::new(sink.clone()),
        stdout_terminal: false,
        stderr_terminal: false,
    };
    let ui = Ui::new(io, ColorChoice::Never, ColorFacts::default(), false);
    (ui, sink.0)
}

fn console() -> (Console, Sink) {
    let (ui, sink) = ui();
    let before = RunSummary::default();
    let console = Console::new(Arc::new(ui), view(), Shown::Lines, &before);
    (console, Sink(sink))
}

#[test]
fn half_a_minute_of_silence_says_what_runs() {
    let (console, sink) = console();
    let mut observers = Observers::new(RunSummary::default(), vec![Box::new(console)]);
    let story = Story::begun(2).starts("slow", 1).starts("other", 1);
    for event in &story.0 {
        observers.on_event(event);
    }
    for second in 5..70 {
        observers.on_tick(Timestamp::from_micros(second * 1_000_000));
    }
    let said = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    assert_snapshot!(said, @r#"
    running: slow 31.0s, other 30.0s
    running: slow 1m01s, other 1m00s
    "#);
}

#[test]
fn lines_of_things_that_go_wrong_on_the_way() {
    let (mut console, sink) = console();
    let lease = "1-1".parse().unwrap();
    let lost = |cause| EventKind::LeaseLost {
        task: id("a"),
        lease,
        cause,
    };
    let story = Story::begun(1)
        .then(EventKind::JournalRecovered {
            torn_bytes: 12,
            file: "events.torn.1".into(),
        })
        .starts("a", 1)
        .then(lost(LeaseEnd::WorkerLost))
        .then(lost(LeaseEnd::CoordinatorRestarted))
        .then(lost(LeaseEnd::HandedBack))
        .then(EventKind::RunPaused {
            cause: "disk\u{7} full".into(),
        })
        .passes("a")
        .then(EventKind::TaskReopened {
            task: id("a"),
            path: "artifacts/a/x".into(),
        });
    let mut summary = RunSummary::default();
    for event in &story.0 {
        summary.apply(event);
        console.on_event(event, &summary);
    }
    let said = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    assert_snapshot!(said, @r#"
      NOTE the journal's torn end (12 bytes) is kept as events.torn.1
      LOST          (0/1) a   its worker died; it runs again
      LOST          (0/1) a   interrupted; it runs again
     PAUSE disk\x07 full
      PASS [  7.0s] (1/1) a
    REOPEN          (0/1) a   artifacts/a/x changed on disk
    "#);
}

fn reserved(call: u64, task: TaskId) -> Reserved {
    Reserved {
        call: CallId(call),
        task: Some(task),
        purpose: Purpose::Prompt,
        round: 0,
        provider: "scripted".into(),
        model: "m".into(),
        request: Digest::of(b"request"),
        prompt: 10,
        output: 20,
        usd: None,
    }
}

fn any_kind() -> impl Strategy<Value = EventKind> {
    let names = ["t0", "t1", "t0[0]", "t0[1]", "t1/x", "t1/x[0]", "t0[0]/y"];
    let task = (0..names.len()).prop_map(move |n| id(names[n]));
    let attempt = 1u32..4;
    (task, attempt, 0u8..18, any::<bool>()).prop_map(|(task, attempt, pick, flag)| {
        let lease = "1-1".parse().unwrap();
        match pick {
            0 | 1 => EventKind::AttemptStarted {
                task,
                lease,
                attempt,
            },
            2 => EventKind::AttemptRetrying {
                task,
                attempt,
                delay_ms: 5,
                in_place: flag,
            },
            3 => EventKind::LeaseLost {
                task,
                lease,
                cause: LeaseEnd::WorkerLost,
            },
            4 => EventKind::TaskDone {
                task,
                attempt,
                outputs: serde_json::Map::new(),
                artifacts: Vec::new(),
            },
            5 => EventKind::TaskFailed {
                task,
                attempts: attempt,
                failure: broke(),
                tolerated: flag,
            },
            6 => EventKind::TaskSkipped {
                task: task.clone(),
                cause: if flag {
                    SkipCause::If
                } else {
                    SkipCause::Failure
                },
                because: Some(task),
            },
            7 => EventKind::TaskCancelled { task },
            8 => EventKind::TaskReopened {
                task,
                path: "p".into(),
            },
            11 => EventKind::TaskExpanded {
                task,
                first: attempt - 1,
                items: flag.then(|| vec!["x".into(), 2.into()]),
                inputs: None,
                complete: attempt < 3,
            },
            12 => EventKind::TaskReused {
                task,
                run: "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a".parse().unwrap(),
                outputs: serde_json::Map::new(),
                artifacts: Vec::new(),
            },
            13 => EventKind::BudgetReserved(Box::new(reserved(attempt.into(), task))),
            14 => {
                let reserved = reserved(attempt.into(), task);
                EventKind::BudgetSettled(Box::new(reserved.in_full(flag.then(broke))))
            }
            15 => EventKind::PlanRejected(Box::new(PlanRejected::by_rule(attempt, "r", "p"))),
            9 => EventKind::RunPaused { cause: "c".into() },
            10 => EventKind::RunResumed {
                epoch: 2,
                coordinator: "c-2".parse().unwrap(),
                slots: 1,
            },
            _ => EventKind::RunFinished {
                outcome: RunOutcome::Failed,
                exit_code: 1,
                outputs: serde_json::Map::new(),
            },
        }
    })
}

proptest! {
    /// Whatever a journal says, in whatever order: it folds, it renders, it counts every task once.
    #[test]
    fn any_events_fold_and_render(kinds in proptest::collection::vec(any_kind(), 0..60)) {
        let mut story = Story::begun(4);
        for kind in kinds {
            story = story.then(kind);
        }
        let summary = story.summary();
        let tally = summary.tally;
        prop_assert!(tally.told() <= summary.tasks.len());
        prop_assert!(markdown::render(&summary, None, None, Redactor::default()).len() <= 900 * 1024);
        prop_assert!(!closing(&summary, &view(), Painter::PLAIN).is_empty());
        let mut bytes = Vec::new();
        json::write(&summary, None, &mut bytes).unwrap();
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
        let page = html::render(&summary, None, None, Redactor::default()).unwrap();
        prop_assert!(page.ends_with("</html>\n") || page.ends_with("</html>"));
        let mut cases = Vec::new();
        junit::write(&summary, Redactor::default(), &mut cases).unwrap();
        let cases = String::from_utf8(cases).unwrap();
        prop_assert!(roxmltree::Document::parse(&cases).is_ok(), "{cases}");
    }
}
