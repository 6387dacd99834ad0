//! What expressions can see while a run goes on.

use std::borrow::Cow;

use protocol::artifact::Artifact;
use protocol::expr::{Scope, any_failure};
use protocol::plan::{FanOut, TaskIndex};
use protocol::state::{Instance, Results, Role, RunState};
use serde_json::Value;

use super::value::Machine;

/// The names that a task, or a whole scenario, may use.
pub(super) struct RunScope<'a> {
    machine: &'a Machine,
    run: &'a RunState,
    instance: Instance<'a>,
    /// The task, for its item and its needs.
    task: Option<TaskIndex>,
}

impl<'a> RunScope<'a> {
    /// For what a scenario hands out once its tasks are over.
    pub(super) fn of_instance(machine: &'a Machine, instance: Instance<'a>) -> Self {
        Self {
            machine,
            run: &machine.run,
            instance,
            task: None,
        }
    }

    fn results(&self, task: &str) -> Option<&'a Results> {
        let index = self.instance.index_of(task)?;
        self.run.task(index).results.as_deref()
    }

    /// What every item of a fan-out left behind, in order; null where one left nothing.
    fn of_items(&self, parent: TaskIndex, name: &str) -> Option<Value> {
        self.run.expansion(parent)?;
        let of_child = |child: TaskIndex| {
            let results = self.run.task(child).results.as_deref();
            results.and_then(|results| results.outputs.get(name).cloned())
        };
        let values = self.run.children(parent).map(of_child);
        Some(Value::Array(
            values.map(Option::unwrap_or_default).collect(),
        ))
    }
}

impl Scope for RunScope<'_> {
    fn input(&self, name: &str) -> Option<&Value> {
        self.instance.inputs.get(name)
    }

    fn output(&self, task: &str, name: &str) -> Option<Cow<'_, Value>> {
        let index = self.instance.index_of(task)?;
        if matches!(self.run.role(index), Role::FanOut(_)) {
            return self.of_items(index, name).map(Cow::Owned);
        }
        self.results(task)?.outputs.get(name).map(Cow::Borrowed)
    }

    fn artifact(&self, task: &str, name: &str) -> Option<&Artifact> {
        let artifacts = &self.results(task)?.artifacts;
        artifacts.iter().find(|artifact| artifact.name == name)
    }

    fn status(&self, task: &str) -> Option<&str> {
        let index = self.instance.index_of(task)?;
        Some(self.run.task(index).state.word())
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        let task = self.task?;
        let planned = self.run.planned(task);
        let is_matrix = matches!(planned.fan_out(), Some(FanOut::Matrix(_)));
        let is_item =
            name == "item" || (name == "matrix" && is_matrix) || planned.item_name() == Some(name);
        is_item.then(|| self.run.item(task)).flatten()
    }

    /// Computed when asked for: needs may be many, and few conditions ask.
    fn failure(&self) -> bool {
        let needs = |task| any_failure(self.machine.need_outcomes(task));
        self.task.is_some_and(needs)
    }
}

impl Machine {
    pub(super) fn scope(&self, task: TaskIndex) -> RunScope<'_> {
        RunScope {
            machine: self,
            run: &self.run,
            instance: self.run.instance(task),
            task: Some(task),
        }
    }
}
