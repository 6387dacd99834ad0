//! What a journal says about one task, and about the others as far as it waited for them.

use std::collections::{HashMap, HashSet};

use protocol::event::{Event, EventKind, SkipCause};
use protocol::ids::TaskId;
use protocol::time::Timestamp;

/// Events of one task that are kept; a task that crashed more often than this has told its story.
const MAX_EVENTS: usize = 1000;
/// Dependents that are named; the rest is counted.
const MAX_CAUSED: usize = 20;

/// Where in the journal something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its number.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
}

/// How a task ended, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It succeeded.
    Done,
    /// Its result came from another run.
    Reused,
    /// It failed.
    Failed {
        /// Its dependents ran all the same.
        tolerated: bool,
    },
    /// It was passed over.
    Skipped {
        /// Why.
        cause: SkipCause,
        /// The need that decided it.
        because: Option<TaskId>,
    },
    /// The run was cancelled.
    Cancelled,
}

/// An event of the task, or of the run while the task was open.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The event.
    pub event: Event,
    /// The last time before it that another task gave a slot back.
    pub freed: Option<Freed>,
}

/// A slot that was given back.
#[derive(Clone, Debug)]
pub struct Freed {
    /// When.
    pub point: Point,
    /// By whom.
    pub task: TaskId,
    /// Slots that were taken until then.
    pub taken: usize,
}

/// Takes events in journal order.
pub struct Gather {
    task: TaskId,
    /// `run.started`.
    pub begun: Option<Point>,
    /// `plan.approved`.
    pub approved: Option<Point>,
    /// Ends of all tasks.
    pub ends: HashMap<TaskId, (Point, End)>,
    /// When tasks expanded, first and last chunk.
    pub expanded: HashMap<TaskId, (Point, Point)>,
    /// The task's own story.
    pub moments: Vec<Moment>,
    /// Events of it that were not kept.
    pub dropped: usize,
    /// Tasks that were skipped because of it.
    pub caused: Vec<(Point, TaskId)>,
    /// More of these.
    pub caused_more: usize,
    held: HashSet<TaskId>,
    freed: Option<Freed>,
}

impl Gather {
    /// For one task.
    #[must_use]
    pub fn new(task: TaskId) -> Self {
        Self {
            task,
            begun: None,
            approved: None,
            ends: HashMap::new(),
            expanded: HashMap::new(),
            moments: Vec::new(),
            dropped: 0,
            caused: Vec::new(),
            caused_more: 0,
            held: HashSet::new(),
            freed: None,
        }
    }

    /// The task.
    #[must_use]
    pub const fn task(&self) -> &TaskId {
        &self.task
    }

    /// Takes the next event in.
    pub fn take(&mut self, event: &Event) {
        let point = Point {
            seq: event.seq,
            at: event.ts,
        };
        match event.kind.task() {
            Some(task) if *task == self.task => self.keep(event),
            None if self.is_open() => self.keep_of_run(event),
            _ => {}
        }
        match &event.kind {
            EventKind::RunStarted(_) => self.begun = Some(point),
            EventKind::PlanApproved { .. } => self.approved = Some(point),
            EventKind::TaskLeased { task, .. } => {
                self.held.insert(task.clone());
            }
            EventKind::LeaseLost { task, .. }
            | EventKind::AttemptRetrying {
                task,
                in_place: false,
                ..
            } => self.release(task, point),
            // Nobody holds anything after a restart.
            EventKind::RunResumed { .. } => self.held.clear(),
            EventKind::TaskExpanded { task, first, .. } => {
                let chunks = self.expanded.entry(task.clone()).or_insert((point, point));
                chunks.0 = if *first == 0 { point } else { chunks.0 };
                chunks.1 = point;
            }
            EventKind::TaskReopened { task, .. } => {
                self.ends.remove(task);
            }
            _ => self.end(event, point),
        }
    }

    fn end(&mut self, event: &Event, point: Point) {
        let (task, end) = match &event.kind {
            EventKind::TaskDone { task, .. } => (task, End::Done),
            EventKind::TaskReused { task, .. } => (task, End::Reused),
            EventKind::TaskFailed {
                task, tolerated, ..
            } => {
                let tolerated = *tolerated;
                (task, End::Failed { tolerated })
            }
            EventKind::TaskSkipped {
                task,
                cause,
                because,
            } => {
                if because.as_ref() == Some(&self.task) {
                    self.cause(task, point);
                }
                let (cause, because) = (cause.clone(), because.clone());
                (task, End::Skipped { cause, because })
            }
            EventKind::TaskCancelled { task } => (task, End::Cancelled),
            _ => return,
        };
        self.release(task, point);
        self.ends.insert(task.clone(), (point, end));
    }

    fn cause(&mut self, task: &TaskId, point: Point) {
        if self.caused.len() < MAX_CAUSED {
            self.caused.push((point, task.clone()));
        } else {
            self.caused_more += 1;
        }
    }

    fn release(&mut self, task: &TaskId, point: Point) {
        let taken = self.held.len();
        if self.held.remove(task) && *task != self.task {
            let task = task.clone();
            self.freed = Some(Freed { point, task, taken });
        }
    }

    fn is_open(&self) -> bool {
        !self.ends.contains_key(&self.task)
    }

    /// What happens to the run while the task is open happens to the task.
    fn keep_of_run(&mut self, event: &Event) {
        let matters = matches!(
            event.kind,
            EventKind::RunPaused { .. }
                | EventKind::RunResumed { .. }
                | EventKind::RunCancelling { .. }
        );
        if matters {
            self.keep(event);
        }
    }

    fn keep(&mut self, event: &Event) {
        if self.moments.len() >= MAX_EVENTS {
            self.dropped += 1;
            return;
        }
        self.moments.push(Moment {
            event: event.clone(),
            freed: self.freed.clone(),
        });
    }
}
