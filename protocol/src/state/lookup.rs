//! Questions about tasks of a run, those of its plan and those they expanded into alike.

use std::collections::BTreeMap;

use serde_json::Value;

use super::expansion::{Children, Expansion};
use super::run::RunState;
use crate::ids::TaskId;
use crate::plan::{Action, Bounds, FanOut, Plan, PlanTask, TaskIndex, Uses};

/// What a task does when its turn comes.
#[derive(Clone, Copy, Debug)]
pub enum Role<'a> {
    /// A worker runs it.
    Work,
    /// It gets a child for each item.
    FanOut(&'a FanOut),
    /// It gets the tasks of a nested scenario as children.
    Nested(&'a Uses),
}

/// Where the names in a task's expressions are looked up: the plan that it is written in, and that
/// plan's inputs.
#[derive(Clone, Copy, Debug)]
pub struct Instance<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Its inputs.
    pub inputs: &'a BTreeMap<String, Value>,
    /// The task whose nested scenario it is; none for the run's own plan.
    pub parent: Option<TaskIndex>,
    base: usize,
}

impl Instance<'_> {
    /// The run's position of a task of this plan.
    #[must_use]
    pub fn at(&self, planned: TaskIndex) -> TaskIndex {
        TaskIndex::new(self.base + planned.get())
    }

    /// The task with this name in this plan.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<TaskIndex> {
        self.plan.index_of(name).map(|planned| self.at(planned))
    }
}

impl RunState {
    /// The position of a shown id, such as `a`, `a[3]` or `a[3]/b`.
    #[must_use]
    pub fn index_of(&self, id: &str) -> Option<TaskIndex> {
        self.find(self.plan(), 0, id)
    }

    fn find(&self, plan: &Plan, base: usize, id: &str) -> Option<TaskIndex> {
        let at = |planned: TaskIndex| TaskIndex::new(base + planned.get());
        if let Some(found) = plan.index_of(id) {
            return Some(at(found));
        }
        let ends = id.match_indices(['/', '[']);
        ends.map(|(end, _)| id.split_at(end))
            .find_map(|(name, rest)| {
                let expansion = self.expansion(at(plan.index_of(name)?))?;
                self.find_child(expansion, rest)
            })
    }

    fn find_child(&self, expansion: &Expansion, rest: &str) -> Option<TaskIndex> {
        match expansion.children() {
            Children::Scenario { plan, .. } => {
                self.find(plan, expansion.child(0).get(), rest.strip_prefix('/')?)
            }
            Children::Items(items) => {
                let (number, rest) = rest.strip_prefix('[')?.split_once(']')?;
                let place: usize = number.parse().ok().filter(|n| *n < items.len())?;
                // One spelling for each.
                if number != place.to_string() {
                    return None;
                }
                let child = expansion.child(place);
                match rest {
                    "" => Some(child),
                    _ => self.find_child(self.expansion(child)?, rest),
                }
            }
        }
    }

    /// The shown id of a task.
    #[must_use]
    pub fn id(&self, index: TaskIndex) -> TaskId {
        match self.block(index) {
            None => self.plan().task(index).id().clone(),
            Some(_) => {
                let mut text = String::new();
                self.write_id(index, &mut text);
                text.parse()
                    .expect("an expansion is refused if its ids are too long")
            }
        }
    }

    fn write_id(&self, index: TaskIndex, text: &mut String) {
        use std::fmt::Write as _;
        let Some(block) = self.block(index) else {
            text.push_str(self.plan().task(index).id().as_str());
            return;
        };
        self.write_id(block.parent(), text);
        let place = block.place(index);
        let written = match block.children() {
            Children::Items(_) => write!(text, "[{place}]"),
            Children::Scenario { plan, .. } => {
                write!(text, "/{}", plan.task(TaskIndex::new(place)).id())
            }
        };
        written.expect("a text takes every write");
    }

    /// What a task is by its plan. For an item that is the task it was expanded from.
    #[must_use]
    pub fn planned(&self, index: TaskIndex) -> &PlanTask {
        match self.block(index) {
            None => self.plan().task(index),
            Some(block) => match block.children() {
                Children::Items(_) => self.planned(block.parent()),
                Children::Scenario { plan, .. } => plan.task(TaskIndex::new(block.place(index))),
            },
        }
    }

    /// What it does when its turn comes.
    #[must_use]
    pub fn role(&self, index: TaskIndex) -> Role<'_> {
        let planned = self.planned(index);
        match (planned.fan_out(), planned.action()) {
            (Some(fan_out), _) if !self.is_item(index) => Role::FanOut(fan_out),
            (_, Action::Uses(uses)) => Role::Nested(uses),
            (_, Action::Run(_) | Action::Command(_) | Action::Prompt(_)) => Role::Work,
        }
    }

    /// Whether it is one item of a fan-out.
    #[must_use]
    pub fn is_item(&self, index: TaskIndex) -> bool {
        let block = self.block(index);
        block.is_some_and(|block| matches!(block.children(), Children::Items(_)))
    }

    /// The item of a task that is one of a fan-out.
    #[must_use]
    pub fn item(&self, index: TaskIndex) -> Option<&Value> {
        let block = self.block(index)?;
        match block.children() {
            Children::Items(items) => items.get(block.place(index)),
            Children::Scenario { .. } => None,
        }
    }

    /// What the task expanded into, if it did.
    #[must_use]
    pub fn expansion(&self, index: TaskIndex) -> Option<&Expansion> {
        self.expansions().of(index)
    }

    /// Its children, in order; none if it has not expanded.
    pub fn children(&self, index: TaskIndex) -> impl Iterator<Item = TaskIndex> + use<> {
        self.expansion(index)
            .map(Expansion::all)
            .into_iter()
            .flatten()
    }

    /// The task it was expanded from.
    #[must_use]
    pub fn parent(&self, index: TaskIndex) -> Option<TaskIndex> {
        self.block(index).map(Expansion::parent)
    }

    /// The task it was expanded from, the one that was expanded from, and so on.
    pub fn ancestors(&self, index: TaskIndex) -> impl Iterator<Item = TaskIndex> {
        std::iter::successors(self.parent(index), |at| self.parent(*at))
    }

    /// What must end before it starts, as written. An item needs nothing but its fan-out's turn.
    pub fn needs(&self, index: TaskIndex) -> impl ExactSizeIterator<Item = TaskIndex> {
        self.edges(index, Plan::needs)
    }

    /// What waits for it.
    pub fn dependents(&self, index: TaskIndex) -> impl ExactSizeIterator<Item = TaskIndex> {
        self.edges(index, Plan::dependents)
    }

    fn edges<'a>(
        &'a self,
        index: TaskIndex,
        of: impl Fn(&'a Plan, TaskIndex) -> &'a [TaskIndex],
    ) -> impl ExactSizeIterator<Item = TaskIndex> + 'a {
        let (row, base) = match self.block(index) {
            None => (of(self.plan(), index), 0),
            Some(block) => match block.children() {
                Children::Items(_) => ([].as_slice(), 0),
                Children::Scenario { plan, .. } => {
                    let row = of(plan, TaskIndex::new(block.place(index)));
                    (row, block.child(0).get())
                }
            },
        };
        row.iter()
            .map(move |other| TaskIndex::new(base + other.get()))
    }

    /// Its limits within those of all its ancestors.
    #[must_use]
    pub fn bounds(&self, index: TaskIndex) -> Bounds {
        match self.block(index) {
            None => Bounds::of(self.plan().task(index)),
            Some(block) => {
                let outer = self.bounds(block.parent());
                match block.children() {
                    Children::Items(_) => outer,
                    Children::Scenario { plan, .. } => {
                        let planned = plan.task(TaskIndex::new(block.place(index)));
                        Bounds::of(planned).within(&outer)
                    }
                }
            }
        }
    }

    /// Its place among the ready, higher first: its own, or that of the nearest ancestor with one.
    #[must_use]
    pub fn priority(&self, index: TaskIndex) -> i32 {
        let own = self.planned(index).priority();
        let inherited = || {
            self.ancestors(index)
                .find_map(|at| self.planned(at).priority())
        };
        own.or_else(inherited).unwrap_or(0)
    }

    /// Whether its failure fails nothing around it: it, or an ancestor, has `continue_on_error`.
    #[must_use]
    pub fn is_tolerated(&self, index: TaskIndex) -> bool {
        let tolerates = |at: TaskIndex| self.planned(at).continue_on_error();
        tolerates(index) || self.ancestors(index).any(tolerates)
    }

    /// How many attempts of a task's descendants may be under way at once, if anything says so.
    #[must_use]
    pub fn width_limit(&self, index: TaskIndex) -> Option<u32> {
        let own = match self.role(index) {
            // What the task itself says is about its items.
            Role::Nested(_) if self.is_item(index) => None,
            Role::Nested(_) | Role::FanOut(_) => self.planned(index).max_parallel(),
            Role::Work => None,
        };
        let nested = match self.role(index) {
            Role::Nested(uses) => uses.scenario.max_parallel(),
            Role::FanOut(_) | Role::Work => None,
        };
        [own, nested].into_iter().flatten().min()
    }

    /// Where its expressions look names up.
    #[must_use]
    pub fn instance(&self, index: TaskIndex) -> Instance<'_> {
        let Some(block) = self.block(index) else {
            return self.outermost();
        };
        match block.children() {
            Children::Items(_) => self.instance(block.parent()),
            Children::Scenario { .. } => self.nested(block),
        }
    }

    /// The run's own plan and inputs.
    #[must_use]
    pub fn outermost(&self) -> Instance<'_> {
        Instance {
            plan: self.plan(),
            inputs: self.plan().inputs(),
            parent: None,
            base: 0,
        }
    }

    /// The nested scenario that a task expanded into.
    #[must_use]
    pub fn within(&self, parent: TaskIndex) -> Option<Instance<'_>> {
        let block = self.expansion(parent)?;
        matches!(block.children(), Children::Scenario { .. }).then(|| self.nested(block))
    }

    fn nested<'a>(&'a self, block: &'a Expansion) -> Instance<'a> {
        match block.children() {
            Children::Scenario { plan, inputs } => Instance {
                plan,
                inputs,
                parent: Some(block.parent()),
                base: block.child(0).get(),
            },
            Children::Items(_) => self.instance(block.parent()),
        }
    }

    fn block(&self, index: TaskIndex) -> Option<&Expansion> {
        if index.get() < self.plan().len() {
            None
        } else {
            self.expansions().holding(index)
        }
    }
}
