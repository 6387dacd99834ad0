//! What tasks expanded into. Tasks of the plan are 0 to n; every expansion appends a block of children
//! behind all that are there, so that a position never changes. Nothing of a task's definition is
//! copied: a child is a position, and what it does is said by its template.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::plan::{Plan, TaskIndex};

/// What the children of a task are.
#[derive(Clone, Debug)]
pub enum Children {
    /// One for each item; they do what the task itself says.
    Items(Vec<Value>),
    /// The tasks of a nested scenario.
    Scenario {
        /// Its plan.
        plan: Arc<Plan>,
        /// Its resolved inputs.
        inputs: BTreeMap<String, Value>,
    },
}

/// A task's children: a block of positions.
#[derive(Clone, Debug)]
pub struct Expansion {
    parent: TaskIndex,
    base: u32,
    width: u32,
    children: Children,
}

impl Expansion {
    /// The task that expanded.
    #[must_use]
    pub const fn parent(&self) -> TaskIndex {
        self.parent
    }

    /// How many children there are.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width as usize
    }

    /// What they are.
    #[must_use]
    pub const fn children(&self) -> &Children {
        &self.children
    }

    /// The child at a place; places are those of items, or those in the nested plan.
    #[must_use]
    pub fn child(&self, place: usize) -> TaskIndex {
        TaskIndex::new(self.base as usize + place)
    }

    /// All children, in order.
    pub fn all(&self) -> impl ExactSizeIterator<Item = TaskIndex> + use<> {
        (self.base as usize..self.base as usize + self.width as usize).map(TaskIndex::new)
    }

    /// The place of one of its children.
    #[must_use]
    pub fn place(&self, child: TaskIndex) -> usize {
        child.get() - self.base as usize
    }
}

/// All expansions of a run, and sets of items whose last chunk is still to come.
#[derive(Clone, Debug, Default)]
pub(super) struct Expansions {
    /// By base, which rises.
    list: Vec<Expansion>,
    by_parent: HashMap<TaskIndex, u32>,
    partial: HashMap<TaskIndex, Vec<Value>>,
}

impl Expansions {
    pub(super) fn of(&self, parent: TaskIndex) -> Option<&Expansion> {
        let at = self.by_parent.get(&parent)?;
        self.list.get(*at as usize)
    }

    /// The block that a position behind the plan's own lies in.
    pub(super) fn holding(&self, child: TaskIndex) -> Option<&Expansion> {
        // Empty blocks share their base with the next one, which comes later in the list.
        let after = self
            .list
            .partition_point(|one| one.base as usize <= child.get());
        self.list.get(after.checked_sub(1)?)
    }

    pub(super) fn add(&mut self, parent: TaskIndex, base: usize, children: Children) {
        let width = match &children {
            Children::Items(items) => items.len(),
            Children::Scenario { plan, .. } => plan.len(),
        };
        let narrow = |n: usize| u32::try_from(n).expect("a run's tasks are bounded");
        self.by_parent.insert(parent, narrow(self.list.len()));
        self.list.push(Expansion {
            parent,
            base: narrow(base),
            width: narrow(width),
            children,
        });
    }

    /// Items that came so far for a set without its last chunk.
    pub(super) fn pending(&self, parent: TaskIndex) -> usize {
        self.partial.get(&parent).map_or(0, Vec::len)
    }

    pub(super) fn drop_pending(&mut self, parent: TaskIndex) {
        self.partial.remove(&parent);
    }

    pub(super) fn keep_pending(&mut self, parent: TaskIndex, items: &[Value]) {
        self.partial
            .entry(parent)
            .or_default()
            .extend_from_slice(items);
    }

    pub(super) fn take_pending(&mut self, parent: TaskIndex) -> Vec<Value> {
        self.partial.remove(&parent).unwrap_or_default()
    }
}
