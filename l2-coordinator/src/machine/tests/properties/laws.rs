//! What every finished journal obeys, told from its events alone.

use std::collections::HashMap;
use std::sync::Arc;

use protocol::event::{EventKind, LeaseEnd};
use protocol::outcome::FailureClass;
use protocol::state::{Phase, RunState};

use crate::testing::TestEnv;

#[derive(Default)]
struct Story {
    started: u32,
    running: Option<u32>,
    done: bool,
    over: bool,
    failures: u32,
    crashes: u32,
}

pub(super) fn check(env: &TestEnv) {
    env.check();
    env.check_fold();
    let mut fold = RunState::new(Arc::clone(&env.plan));
    let mut stories: HashMap<String, Story> = HashMap::new();
    for event in &env.events {
        if let EventKind::AttemptStarted { task, .. } = &event.kind {
            check_needs(&fold, task.as_str());
        }
        fold.apply(event).expect("checked above");
        if let Some(task) = event.kind.task() {
            let story = stories.entry(task.to_string()).or_default();
            tell(story, &event.kind, env);
        }
    }
    assert!(
        matches!(fold.phase(), Phase::Finished(_)),
        "{:?}",
        fold.phase()
    );
    let last = env.events.last().expect("events");
    assert_eq!(last.kind.name(), "run.finished");
    for (name, story) in &stories {
        assert_eq!(story.running, None, "{name}: an attempt never ended");
        assert!(story.over, "{name} is open");
    }
    assert_eq!(stories.len(), env.plan.len(), "every task has a story");
}

/// Needs are over when an attempt starts; one that ran before may be open again, reopened.
fn check_needs(fold: &RunState, task: &str) {
    let index = fold.plan().index_of(task).expect("a task of the plan");
    for need in fold.plan().needs(index) {
        let record = fold.task(*need);
        assert!(
            record.state.is_terminal() || record.attempts > 0,
            "{task} started before its needs were over"
        );
    }
}

fn tell(story: &mut Story, event: &EventKind, env: &TestEnv) {
    let task = event.task().expect("an event about a task");
    let index = env
        .plan
        .index_of(task.as_str())
        .expect("a task of the plan");
    match event {
        EventKind::AttemptStarted { attempt, .. } => {
            assert!(!story.over, "{task} started after its end");
            assert_eq!(story.running, None, "{task}: two attempts at once");
            assert_eq!(*attempt, story.started + 1, "{task}: attempts count up");
            story.started = *attempt;
            story.running = Some(*attempt);
        }
        EventKind::AttemptFinished { attempt, end, .. } => {
            assert_eq!(story.running.take(), Some(*attempt), "{task}");
            let own = |class| class != FailureClass::Cancelled;
            story.failures += u32::from(end.failure.as_ref().is_some_and(|f| own(f.class)));
            let most = env.plan.task(index).retry().max + 1;
            assert!(story.failures <= most, "{task}: more failures than granted");
        }
        EventKind::LeaseLost { cause, .. } => {
            story.running = None;
            story.crashes += u32::from(*cause == LeaseEnd::WorkerLost);
            assert!(story.crashes <= env.config.crash_limit, "{task} is poison");
        }
        EventKind::TaskDone { .. } => {
            assert!(!story.done, "{task} is done twice");
            story.done = true;
            story.over = true;
        }
        EventKind::TaskFailed { .. }
        | EventKind::TaskSkipped { .. }
        | EventKind::TaskCancelled { .. } => {
            assert!(!story.over, "{task} ends twice");
            story.over = true;
        }
        EventKind::TaskReopened { .. } => {
            assert!(story.done, "{task} is reopened without being done");
            story.done = false;
            story.over = false;
        }
        _ => {}
    }
}
