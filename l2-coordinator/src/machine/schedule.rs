//! Which task is next: open needs, tasks that wait for a verdict, ready tasks in a heap, delays.
//!
//! Entries of the queues may be out of date; whoever takes one checks it against the state. That
//! keeps the cost of an event at its task's out-degree. Items of a fan-out are not queued at all: the
//! first one stands for those behind it.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

use protocol::plan::{Plan, TaskIndex};
use protocol::state::RunState;

use super::order::{Gauges, Place};
use super::pool::Pool;

/// Waiting tasks, by what they wait for.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Needs that are not over, by task.
    open_needs: Vec<u32>,
    /// Reopened tasks that are open, each with the tasks beyond its dependents that wait for it, too:
    /// they may use its outputs and artifacts. Empty unless an artifact was lost.
    reopened: HashMap<TaskIndex, Vec<TaskIndex>>,
    /// How many of those a task waits for.
    missed: HashMap<TaskIndex, u32>,
    /// Descendants of a task whose need was reopened. Empty unless an artifact was lost.
    held_back: HashMap<TaskIndex, Vec<Place>>,
    /// Last event that a start of the task depends on, by task.
    after: Vec<u64>,
    verdicts: VecDeque<TaskIndex>,
    /// For each pool.
    ready: [BinaryHeap<Reverse<Place>>; 2],
    pub(super) gauges: Gauges,
    delays: BTreeSet<(Duration, TaskIndex)>,
    due: HashMap<TaskIndex, Duration>,
}

impl Schedule {
    pub(super) fn new(plan: &Plan) -> Self {
        let open_needs: Vec<_> = plan
            .order()
            .map(|task| u32::try_from(plan.needs(task).len()).unwrap_or(u32::MAX))
            .collect();
        let verdicts = plan
            .order()
            .filter(|task| plan.needs(*task).is_empty())
            .collect();
        Self {
            open_needs,
            reopened: HashMap::new(),
            missed: HashMap::new(),
            held_back: HashMap::new(),
            after: vec![0; plan.len()],
            verdicts,
            ready: Default::default(),
            gauges: Gauges::default(),
            delays: BTreeSet::new(),
            due: HashMap::new(),
        }
    }

    /// A task got its children with event `seq`.
    pub(super) fn adopt(&mut self, run: &RunState, parent: TaskIndex, seq: u64) {
        let Some(expansion) = run.expansion(parent) else {
            return;
        };
        if let Some(most) = run.width_limit(parent) {
            self.gauges.add(parent, most);
        }
        if expansion.width() == 0 {
            self.verdicts.push_back(parent);
            return;
        }
        let first = expansion.child(0);
        self.after.resize(run.tasks().len(), seq);
        if run.is_item(first) {
            self.open_needs.resize(run.tasks().len(), 0);
            self.push_ready(Place::of(run, first, true));
            return;
        }
        for child in expansion.all() {
            let needs = run.needs(child).len();
            self.open_needs
                .push(u32::try_from(needs).unwrap_or(u32::MAX));
            if needs == 0 {
                self.verdicts.push_back(child);
            }
        }
    }

    /// Needs of the task that are not over.
    pub(super) fn open_needs(&self, task: TaskIndex) -> u32 {
        self.open_needs[task.get()]
    }

    /// Whether everything that the task may use is over.
    pub(super) fn has_needs(&self, task: TaskIndex) -> bool {
        self.open_needs(task) == 0 && !self.missed.contains_key(&task)
    }

    /// The event that must be synced before the task starts; 0 is none.
    pub(super) fn after(&self, task: TaskIndex) -> u64 {
        self.after[task.get()]
    }

    /// A task ended with event `seq`: its dependents have one need less.
    pub(super) fn need_over(&mut self, run: &RunState, task: TaskIndex, seq: u64) {
        for dependent in run.dependents(task) {
            let at = dependent.get();
            self.open_needs[at] -= 1;
            self.after[at] = seq;
            if self.open_needs[at] == 0 {
                self.verdicts.push_back(dependent);
            }
        }
        for waiting in self.reopened.remove(&task).unwrap_or_default() {
            self.after[waiting.get()] = seq;
            if let Some(missed) = self.missed.get_mut(&waiting) {
                *missed -= 1;
                if *missed == 0 {
                    self.missed.remove(&waiting);
                    self.verdicts.push_back(waiting);
                }
            }
        }
    }

    /// A task is open again.
    pub(super) fn need_reopened(&mut self, run: &RunState, task: TaskIndex) {
        for dependent in run.dependents(task) {
            self.open_needs[dependent.get()] += 1;
        }
        let beyond = beyond_dependents(run, task);
        for waiting in &beyond {
            *self.missed.entry(*waiting).or_default() += 1;
        }
        self.reopened.insert(task, beyond);
        self.verdicts.push_back(task);
    }

    /// The place waits until the needs of `behind`, an ancestor of its task, are over again.
    pub(super) fn hold_back(&mut self, behind: TaskIndex, place: Place) {
        self.held_back.entry(behind).or_default().push(place);
    }

    pub(super) fn holds_back(&self, behind: TaskIndex) -> bool {
        self.held_back.contains_key(&behind)
    }

    pub(super) fn release(&mut self, behind: TaskIndex) {
        for place in self.held_back.remove(&behind).unwrap_or_default() {
            if place.leads {
                self.push_ready(place);
            } else {
                self.push_verdict(place.task);
            }
        }
    }

    pub(super) fn push_verdict(&mut self, task: TaskIndex) {
        self.verdicts.push_back(task);
    }

    pub(super) fn next_verdict(&self) -> Option<TaskIndex> {
        self.verdicts.front().copied()
    }

    pub(super) fn pop_verdict(&mut self) {
        self.verdicts.pop_front();
    }

    pub(super) fn push_ready(&mut self, place: Place) {
        place.pool.of_each_mut(&mut self.ready).push(Reverse(place));
    }

    pub(super) fn next_ready(&self, pool: Pool) -> Option<Place> {
        let ready = pool.of_each(&self.ready).peek();
        ready.map(|Reverse(place)| *place)
    }

    pub(super) fn pop_ready(&mut self, pool: Pool) -> Option<Place> {
        let ready = pool.of_each_mut(&mut self.ready).pop();
        ready.map(|Reverse(place)| place)
    }

    /// The task waits until `due`.
    pub(super) fn delay(&mut self, task: TaskIndex, due: Duration) {
        self.end_delay(task);
        self.due.insert(task, due);
        self.delays.insert((due, task));
    }

    /// The task waits no longer.
    pub(super) fn end_delay(&mut self, task: TaskIndex) {
        if let Some(due) = self.due.remove(&task) {
            self.delays.remove(&(due, task));
        }
    }

    pub(super) fn is_delayed(&self, task: TaskIndex) -> bool {
        self.due.contains_key(&task)
    }

    /// The first delay to end.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.delays.first().map(|(due, _)| *due)
    }

    /// Tasks whose delay is over at `now`.
    pub(super) fn due(&self, now: Duration) -> impl Iterator<Item = TaskIndex> {
        self.delays
            .iter()
            .take_while(move |(due, _)| *due <= now)
            .map(|(_, task)| *task)
    }
}

/// What follows from a task in two steps or more and not in one.
fn beyond_dependents(run: &RunState, task: TaskIndex) -> Vec<TaskIndex> {
    let mut seen: BTreeSet<TaskIndex> = run.dependents(task).collect();
    let mut open: Vec<_> = seen.iter().copied().collect();
    let mut beyond = Vec::new();
    while let Some(next) = open.pop() {
        for dependent in run.dependents(next) {
            if seen.insert(dependent) {
                beyond.push(dependent);
                open.push(dependent);
            }
        }
    }
    beyond
}
