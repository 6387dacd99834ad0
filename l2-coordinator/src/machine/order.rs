//! Places in the queue of what is ready, and queues of those whose turn it would be but whose ancestor
//! lets no more through.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use protocol::plan::TaskIndex;
use protocol::state::RunState;

use super::pool::Pool;

/// Levels of nesting that count for the order; what lies deeper goes by position.
const LEVELS: usize = 4;

/// A place in the queue. Smaller is earlier: priority first; then the outermost task's position, which
/// is the order by critical path; then that of the task beneath it, and so on, so that one item's tasks
/// end before the next one's begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    priority: Reverse<i32>,
    path: [u32; LEVELS],
    pub(super) pool: Pool,
    pub(super) task: TaskIndex,
    /// The items behind this one follow it, one by one.
    pub(super) leads: bool,
}

impl Place {
    pub(super) fn of(run: &RunState, task: TaskIndex, leads: bool) -> Self {
        let mut path = [0; LEVELS];
        let mut line: Vec<_> = run.ancestors(task).collect();
        line.reverse();
        line.push(task);
        for (level, at) in path.iter_mut().zip(line) {
            *level = u32::try_from(at.get()).unwrap_or(u32::MAX);
        }
        Self {
            priority: Reverse(run.priority(task)),
            path,
            pool: Pool::of(run, task),
            task,
            leads,
        }
    }
}

/// A task whose descendants may not all run at once.
#[derive(Debug)]
struct Gauge {
    most: u32,
    under_way: u32,
    waiting: BinaryHeap<Reverse<Place>>,
}

impl Gauge {
    const fn is_full(&self) -> bool {
        self.under_way >= self.most
    }
}

/// All tasks with `max_parallel` that have expanded.
#[derive(Debug, Default)]
pub(super) struct Gauges(BTreeMap<TaskIndex, Gauge>);

impl Gauges {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, parent: TaskIndex, most: u32) {
        let gauge = Gauge {
            most,
            under_way: 0,
            waiting: BinaryHeap::new(),
        };
        self.0.insert(parent, gauge);
    }

    /// The nearest of these that lets no more through.
    pub(super) fn full(&self, mut line: impl Iterator<Item = TaskIndex>) -> Option<TaskIndex> {
        line.find(|at| self.0.get(at).is_some_and(Gauge::is_full))
    }

    pub(super) fn enter(&mut self, line: impl Iterator<Item = TaskIndex>) {
        for at in line {
            if let Some(gauge) = self.0.get_mut(&at) {
                gauge.under_way += 1;
            }
        }
    }

    pub(super) fn leave(&mut self, line: impl Iterator<Item = TaskIndex>) {
        for at in line {
            if let Some(gauge) = self.0.get_mut(&at) {
                gauge.under_way = gauge.under_way.saturating_sub(1);
            }
        }
    }

    pub(super) fn park(&mut self, parent: TaskIndex, place: Place) {
        if let Some(gauge) = self.0.get_mut(&parent) {
            gauge.waiting.push(Reverse(place));
        }
    }

    /// The next one of each of these that has room: as long as there is room and somebody waits, one
    /// of them is in the queue.
    pub(super) fn next(&mut self, line: impl Iterator<Item = TaskIndex>) -> Vec<Place> {
        let mut freed = Vec::new();
        for at in line {
            if let Some(gauge) = self.0.get_mut(&at).filter(|gauge| !gauge.is_full()) {
                freed.extend(gauge.waiting.pop().map(|Reverse(place)| place));
            }
        }
        freed
    }

    /// Every gauge with its count and its bound, for checks.
    pub(super) fn counts(&self) -> impl Iterator<Item = (TaskIndex, u32, u32)> {
        self.0
            .iter()
            .map(|(at, gauge)| (*at, gauge.under_way, gauge.most))
    }
}
