//! The few facts that the panel shows, small enough to be kept while a hundred thousand tasks pass, and
//! to be shared with the thread that draws.

use std::time::Duration;

use protocol::event::Event;
use protocol::ids::TaskId;
use protocol::time::Timestamp;

use crate::report::summary::RunSummary;
use crate::report::task::{Standing, TaskSummary};

/// A task with an attempt that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    task: TaskId,
    /// As people see it.
    pub name: String,
    /// Since when.
    pub since: Timestamp,
}

/// What a run is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Doing {
    /// What it is for.
    #[default]
    Running,
    /// Somebody cancelled it.
    Stopping,
    /// Nothing is dispatched.
    Paused,
}

/// What is true of a run at this moment.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// What it is doing.
    pub doing: Doing,
    /// When it began, or was resumed.
    pub begun: Option<Timestamp>,
    /// Tasks that are over.
    pub over: usize,
    /// Tasks there are.
    pub planned: u64,
    /// Required tasks that failed.
    pub failed: usize,
    /// Longest first.
    pub running: Vec<Running>,
}

impl Board {
    /// As the events so far leave it. Walks every task, once.
    #[must_use]
    pub fn of(summary: &RunSummary) -> Self {
        let mut board = Self::default();
        let running = summary.tasks.iter().filter_map(running);
        board.running = running.collect();
        board.running.sort_by_key(|running| running.since);
        board.count(summary);
        board
    }

    /// Takes the next event in; `summary` has it.
    pub fn take(&mut self, event: &Event, summary: &RunSummary) {
        if let Some(id) = event.kind.task() {
            let known = self.running.iter().position(|one| one.task == *id);
            let now = summary.task(id).and_then(running);
            match (known, now) {
                (Some(at), Some(now)) if self.running[at].since == now.since => {}
                (known, now) => {
                    if let Some(at) = known {
                        self.running.remove(at);
                    }
                    self.running.extend(now);
                }
            }
        }
        self.count(summary);
    }

    /// How long it has been going on.
    #[must_use]
    pub fn elapsed(&self, now: Timestamp) -> Duration {
        self.begun.map_or(Duration::ZERO, |begun| now.since(begun))
    }

    fn count(&mut self, summary: &RunSummary) {
        let first = summary.started.as_ref().map(|(at, _)| *at);
        self.begun = summary.resumed.last().map(|life| life.at).or(first);
        self.over = summary.tally.over();
        self.planned = summary.planned;
        self.failed = summary.tally.failed;
        self.doing = if summary.cancelling.is_some() {
            Doing::Stopping
        } else if summary.paused.is_some() {
            Doing::Paused
        } else {
            Doing::Running
        };
    }
}

fn running(task: &TaskSummary) -> Option<Running> {
    let attempt = task.last_attempt()?;
    (task.standing == Standing::Running).then(|| Running {
        task: task.id.clone(),
        name: task.name().into_owned(),
        since: attempt.started,
    })
}
