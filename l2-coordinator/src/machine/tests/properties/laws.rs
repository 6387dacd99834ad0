//! What every finished journal obeys, told from its events alone.

use std::collections::HashMap;
use std::sync::Arc;

use protocol::event::{EventKind, LeaseEnd};
use protocol::outcome::FailureClass;
use protocol::plan::{Bounds, TaskIndex};
use protocol::state::{Phase, RunState};

use crate::testing::TestEnv;

#[derive(Default)]
struct Story {
    started: u32,
    running: Option<u32>,
    done: bool,
    over: bool,
    /// It was over once: whatever follows from it may be under way.
    reopened: bool,
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
            check_needs(&fold, task.as_str(), &stories);
        }
        fold.apply(event).expect("checked above");
        if let Some(task) = event.kind.task() {
            let story = stories.entry(task.to_string()).or_default();
            tell(story, &event.kind, env, &fold);
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
    assert_eq!(stories.len(), fold.tasks().len(), "every task has a story");
    let ids = (0..fold.tasks().len()).map(TaskIndex::new);
    for index in ids {
        let id = fold.id(index);
        assert_eq!(fold.index_of(id.as_str()), Some(index), "{id}");
        check_tightens(&fold, index);
    }
}

/// Whatever a child says, it gets no more than its parent.
fn check_tightens(fold: &RunState, index: TaskIndex) {
    let Some(parent) = fold.parent(index) else {
        return;
    };
    let (own, outer) = (fold.bounds(index), fold.bounds(parent));
    let id = fold.id(index);
    let tighter = |own: Option<u64>, outer: Option<u64>| match (own, outer) {
        (_, None) => true,
        (own, Some(outer)) => own.is_some_and(|own| own <= outer),
    };
    let max = |bounds: &Bounds| bounds.retry.as_ref().map(|retry| u64::from(retry.max));
    assert!(
        tighter(own.timeout.wall_ms, outer.timeout.wall_ms),
        "{id}: time"
    );
    assert!(tighter(max(&own), max(&outer)), "{id}: attempts");
    let crashes = |bounds: &Bounds| bounds.crash_limit.map(u64::from);
    assert!(tighter(crashes(&own), crashes(&outer)), "{id}: crashes");
}

/// Needs are over when an attempt starts, its own and those of all that is around it; what was over
/// before may be open again.
fn check_needs(fold: &RunState, task: &str, stories: &HashMap<String, Story>) {
    let index = fold.index_of(task).expect("a task of the run");
    let around = fold.ancestors(index);
    for need in std::iter::once(index)
        .chain(around)
        .flat_map(|at| fold.needs(at))
    {
        let story = stories.get(fold.id(need).as_str());
        assert!(
            fold.task(need).state.is_terminal() || story.is_some_and(|story| story.reopened),
            "{task} started before its needs were over"
        );
    }
}

fn tell(story: &mut Story, event: &EventKind, env: &TestEnv, fold: &RunState) {
    let task = event.task().expect("an event about a task");
    let index = fold.index_of(task.as_str()).expect("a task of the run");
    let bounds = fold.bounds(index);
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
            let most = bounds.retry.unwrap_or_default().max + 1;
            assert!(story.failures <= most, "{task}: more failures than granted");
        }
        EventKind::LeaseLost { cause, .. } => {
            story.running = None;
            story.crashes += u32::from(*cause == LeaseEnd::WorkerLost);
            let most = bounds.crash_limit.unwrap_or(env.config.crash_limit);
            assert!(story.crashes <= most, "{task} is poison");
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
            let is_parent = fold.expansion(index).is_some();
            let was_over = story.done || (is_parent && story.over);
            assert!(was_over, "{task} is reopened without being done");
            story.done = false;
            story.over = false;
            story.reopened = true;
        }
        _ => {}
    }
}
