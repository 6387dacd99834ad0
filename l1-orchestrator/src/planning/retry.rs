//! What a retry does with each task of a finished run: run it again, carry its result over, or leave it
//! out. Pure: from the old run's state and what was asked for to the new run's first events.

use std::collections::HashMap;

use protocol::event::{EventKind, SkipCause};
use protocol::expr::{Condition, Gate};
use protocol::ids::{RunId, TaskId};
use protocol::plan::TaskIndex;
use protocol::state::{Children, RunState, TaskState};

/// What was asked for.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// Whatever did not succeed, and what follows from it.
    Unsuccessful,
    /// These tasks alone.
    Tasks(Vec<TaskIndex>),
    /// These tasks and what follows from them.
    Downstream(Vec<TaskIndex>),
}

/// What becomes of the old run's tasks.
#[derive(Debug, Default)]
pub struct Selection {
    /// Tasks that run again, as people name them; what they expand into is not named.
    pub again: Vec<TaskId>,
    /// The new run's events about all the others, between `plan.proposed` and `plan.approved`.
    pub events: Vec<EventKind>,
    /// How many tasks are carried over.
    pub reused: usize,
    /// Tasks that are left out.
    pub left_out: Vec<TaskId>,
    /// Tasks that follow from what runs again and are carried over all the same, with results made of
    /// what was there before.
    pub stale: Vec<TaskId>,
    /// Something that is left out follows from what runs again.
    pub leaves_followers: bool,
}

/// A task that would only be skipped, because something it needs did not succeed and is not selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The task.
    pub task: TaskId,
    /// What it needs.
    pub need: TaskId,
}

/// Sorts the tasks of a finished run. `origins` says which run did what this one had carried over.
///
/// # Errors
/// A selected task could not run.
pub fn select(
    state: &RunState,
    run: RunId,
    origins: &HashMap<TaskId, RunId>,
    wanted: &Wanted,
) -> Result<Selection, Blocked> {
    let mut sorting = Sorting {
        state,
        run,
        origins,
        chosen: vec![false; state.tasks().len()],
        touched: vec![false; state.tasks().len()],
        follows: vec![false; state.tasks().len()],
        found: Selection::default(),
    };
    match wanted {
        Wanted::Unsuccessful => {
            for index in state.plan().order() {
                sorting.choose_unsuccessful(index);
            }
            sorting.follow();
        }
        Wanted::Tasks(tasks) => tasks.iter().for_each(|task| sorting.choose(*task)),
        Wanted::Downstream(tasks) => {
            tasks.iter().for_each(|task| sorting.choose(*task));
            sorting.follow();
        }
    }
    sorting.choose_tolerated_needs();
    sorting.unblocked()?;
    sorting.mark_followers();
    for index in state.plan().order() {
        sorting.sort(index);
    }
    Ok(sorting.found)
}

struct Sorting<'a> {
    state: &'a RunState,
    run: RunId,
    origins: &'a HashMap<TaskId, RunId>,
    /// Runs again, with all that it expands into.
    chosen: Vec<bool>,
    /// Something beneath it runs again.
    touched: Vec<bool>,
    /// Comes after something that runs again.
    follows: Vec<bool>,
    found: Selection,
}

impl Sorting<'_> {
    fn choose(&mut self, index: TaskIndex) {
        self.chosen[index.get()] = true;
        for above in self.state.ancestors(index) {
            self.touched[above.get()] = true;
        }
    }

    /// Of what expanded only those parts that did not succeed.
    fn choose_unsuccessful(&mut self, index: TaskIndex) {
        if self.state.task(index).state == TaskState::Done {
            return;
        }
        let children: Vec<TaskIndex> = self.state.children(index).collect();
        if children.is_empty() {
            self.choose(index);
        }
        for child in children {
            self.choose_unsuccessful(child);
        }
    }

    /// Chooses whatever waits for something chosen, or for something with a chosen part.
    fn follow(&mut self) {
        let is_again = |at: usize| self.chosen[at] || self.touched[at];
        let mut open: Vec<TaskIndex> = (0..self.chosen.len())
            .filter(|at| is_again(*at))
            .map(TaskIndex::new)
            .collect();
        while let Some(index) = open.pop() {
            let dependents: Vec<TaskIndex> = self.state.dependents(index).collect();
            for dependent in dependents {
                if !self.chosen[dependent.get()] {
                    let above: Vec<TaskIndex> = self.state.ancestors(dependent).collect();
                    open.extend(above.iter().filter(|at| !self.touched[at.get()]));
                    self.choose(dependent);
                    open.push(dependent);
                }
            }
        }
    }

    /// Whatever comes after something chosen, and all that it expanded into.
    fn mark_followers(&mut self) {
        let is_again = |at: usize| self.chosen[at] || self.touched[at];
        let mut open: Vec<TaskIndex> = (0..self.chosen.len())
            .filter(|at| is_again(*at))
            .map(TaskIndex::new)
            .collect();
        while let Some(index) = open.pop() {
            let after: Vec<TaskIndex> = match self.follows[index.get()] {
                true => self
                    .state
                    .dependents(index)
                    .chain(self.state.children(index))
                    .collect(),
                false => self.state.dependents(index).collect(),
            };
            for follower in after {
                if !self.follows[follower.get()] {
                    self.follows[follower.get()] = true;
                    open.push(follower);
                }
            }
        }
    }

    /// A failure cannot be carried over: what a chosen task went on from in spite of its failure runs
    /// again, too.
    fn choose_tolerated_needs(&mut self) {
        let chosen = (0..self.chosen.len()).filter(|at| self.chosen[*at]);
        let mut open: Vec<TaskIndex> = chosen.map(TaskIndex::new).collect();
        while let Some(index) = open.pop() {
            let failed = |need: &TaskIndex| {
                let is_again = self.chosen[need.get()] || self.touched[need.get()];
                let state = &self.state.task(*need).state;
                !is_again && matches!(state, TaskState::Failed { .. })
            };
            let tolerated = |need: &TaskIndex| self.state.planned(*need).continue_on_error();
            let needs: Vec<TaskIndex> = self
                .state
                .needs(index)
                .filter(failed)
                .filter(tolerated)
                .collect();
            for need in needs {
                self.choose(need);
                open.push(need);
            }
        }
    }

    /// Every chosen task can run once the chosen ones before it did.
    fn unblocked(&self) -> Result<(), Blocked> {
        let chosen = (0..self.chosen.len()).filter(|at| self.chosen[*at]);
        for index in chosen.map(TaskIndex::new) {
            let condition = self.state.planned(index).condition();
            if condition.map(Condition::gate).unwrap_or_default() != Gate::Default {
                continue;
            }
            let fails = |need: &TaskIndex| {
                let record = &self.state.task(*need).state;
                let succeeded = matches!(
                    record,
                    TaskState::Done
                        | TaskState::Failed {
                            tolerated: true,
                            ..
                        }
                );
                !succeeded && !self.chosen[need.get()] && !self.touched[need.get()]
            };
            if let Some(need) = self.state.needs(index).find(fails) {
                return Err(Blocked {
                    task: self.state.id(index),
                    need: self.state.id(need),
                });
            }
        }
        Ok(())
    }

    fn sort(&mut self, index: TaskIndex) {
        let id = self.state.id(index);
        let record = self.state.task(index);
        if self.chosen[index.get()] {
            self.found.again.push(id);
            return;
        }
        let is_done = record.state == TaskState::Done;
        let expansion = self.state.expansion(index);
        match expansion.filter(|_| is_done || self.touched[index.get()]) {
            Some(expansion) => {
                self.expand(&id, expansion.children());
                for child in expansion.all() {
                    self.sort(child);
                }
            }
            None if is_done => {
                let results = record.results.as_deref().cloned().unwrap_or_default();
                let run = self.origins.get(&id).copied().unwrap_or(self.run);
                self.found.reused += 1;
                if self.follows[index.get()] {
                    self.found.stale.push(id.clone());
                }
                self.found.events.push(EventKind::TaskReused {
                    task: id,
                    run,
                    outputs: results.outputs,
                    artifacts: results.artifacts,
                });
            }
            // Its own condition passed it over, and nothing runs again that could change that.
            None if self.stays_skipped(index) => {
                self.found.events.push(EventKind::TaskSkipped {
                    task: id,
                    cause: SkipCause::If,
                    because: None,
                });
            }
            None => {
                self.found.leaves_followers |= self.follows[index.get()];
                self.found.left_out.push(id.clone());
                self.found.events.push(EventKind::TaskSkipped {
                    task: id,
                    cause: SkipCause::NotSelected,
                    because: None,
                });
            }
        }
    }

    fn stays_skipped(&self, index: TaskIndex) -> bool {
        let by_condition = TaskState::Skipped {
            cause: SkipCause::If,
        };
        self.state.task(index).state == by_condition && !self.follows[index.get()]
    }

    fn expand(&mut self, id: &TaskId, children: &Children) {
        match children {
            Children::Scenario { inputs, .. } => {
                let inputs = inputs.clone().into_iter().collect();
                let event = EventKind::expanded_into_scenario(id.clone(), inputs);
                self.found.events.push(event);
            }
            Children::Items(items) => {
                let events = EventKind::expanded_into_items(id, items.clone());
                self.found.events.extend(events);
            }
        }
    }
}

#[cfg(test)]
mod tests;
