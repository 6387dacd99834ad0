//! `task.expanded`, and what undoes the end of a task with children. Whoever wrote the journal, an
//! expansion stays inside the plan's envelope and the bounds of a run.

use serde_json::{Map, Value};

use super::expansion::Children;
use super::lookup::Role;
use super::run::RunState;
use super::task::{IllegalTransition, TaskState};
use crate::event::EventKind;
use crate::ids::TaskId;
use crate::plan::{MAX_ITEMS, MAX_RUN_TASKS, TaskIndex, Uses};

impl RunState {
    pub(super) fn expand(
        &mut self,
        parent: TaskIndex,
        kind: &EventKind,
    ) -> Result<(), IllegalTransition> {
        self.try_expand(parent, kind).ok_or(IllegalTransition {
            event: kind.name(),
            state: self.task(parent).state.word(),
        })
    }

    fn try_expand(&mut self, parent: TaskIndex, kind: &EventKind) -> Option<()> {
        let EventKind::TaskExpanded {
            first,
            items,
            inputs,
            complete,
            ..
        } = kind
        else {
            return None;
        };
        if self.task(parent).state != TaskState::Pending {
            return None;
        }
        match (self.role(parent), items, inputs) {
            (Role::FanOut(_), Some(items), None) => {
                self.take_items(parent, *first as usize, items, *complete)
            }
            (Role::Nested(uses), None, Some(inputs)) if *first == 0 && *complete => {
                let children = scenario(uses, inputs);
                self.has_room(parent, uses.scenario.len()).then_some(())?;
                self.adopt(parent, children);
                Some(())
            }
            _ => None,
        }
    }

    fn take_items(
        &mut self,
        parent: TaskIndex,
        first: usize,
        items: &[Value],
        complete: bool,
    ) -> Option<()> {
        // An earlier set without its last chunk never was.
        let before = if first == 0 {
            0
        } else {
            self.expansions().pending(parent)
        };
        let width = before.saturating_add(items.len());
        if before != first || width > MAX_ITEMS || !self.has_room(parent, width) {
            return None;
        }
        if first == 0 {
            self.expansions_mut().drop_pending(parent);
        }
        self.expansions_mut().keep_pending(parent, items);
        if complete {
            let items = self.expansions_mut().take_pending(parent);
            self.adopt(parent, Children::Items(items));
        }
        Some(())
    }

    /// Whether a task may get so many children: a run holds [`MAX_RUN_TASKS`], and their ids have to
    /// fit into [`TaskId::MAX_BYTES`].
    #[must_use]
    pub fn has_room(&self, parent: TaskIndex, width: usize) -> bool {
        self.tasks().len().saturating_add(width) <= MAX_RUN_TASKS && self.ids_fit(parent, width)
    }

    /// Whether the ids of so many children of a task would not be too long.
    #[must_use]
    pub fn ids_fit(&self, parent: TaskIndex, width: usize) -> bool {
        let longest = match self.role(parent) {
            Role::Work => 0,
            Role::FanOut(_) => width.saturating_sub(1).to_string().len() + 2,
            Role::Nested(uses) => {
                let ids = uses
                    .scenario
                    .tasks()
                    .map(|(_, task)| task.id().as_str().len());
                ids.max().unwrap_or_default() + 1
            }
        };
        self.id(parent).as_str().len() + longest <= TaskId::MAX_BYTES
    }

    /// A task with children is open again.
    pub(super) fn reopen_parent(&mut self, parent: TaskIndex) -> Result<(), IllegalTransition> {
        let open = |child: &TaskIndex| !self.task(*child).state.is_terminal();
        let open = self.children(parent).filter(open).count();
        let record = &mut self.tasks[parent.get()];
        match record.state {
            TaskState::Done | TaskState::Failed { .. } => {
                record.state = TaskState::Expanded {
                    open: u32::try_from(open).expect("a run's tasks are bounded"),
                };
                record.results = None;
                Ok(())
            }
            _ => Err(IllegalTransition {
                event: "task.reopened",
                state: record.state.word(),
            }),
        }
    }
}

fn scenario(uses: &Uses, inputs: &Map<String, Value>) -> Children {
    let inputs = inputs.iter();
    Children::Scenario {
        plan: std::sync::Arc::clone(&uses.scenario),
        inputs: inputs
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    }
}
