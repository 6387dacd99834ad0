//! The checked plan. Its fields are private and [`super::DraftPlan::check`] is its only maker, so
//! whoever holds one need not check again.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::digest::Digest;
use crate::expr::Template;
use crate::policy::{PolicyRequest, Secrets};

use super::draft::Parameter;
use super::graph::{Graph, TaskIndex};
use super::task::PlanTask;
use super::wire;

/// A DAG of tasks with everything resolved, and its digest.
///
/// Tasks are kept in the order they should start in: longer remaining chain first, then id. That
/// order is topological, does not depend on the order in the source, and is what [`TaskIndex`] counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) goal: Option<String>,
    pub(super) inputs: BTreeMap<String, Value>,
    pub(super) env: BTreeMap<String, Template>,
    pub(super) max_parallel: Option<u32>,
    pub(super) outputs: BTreeMap<String, Template>,
    pub(super) parameters: BTreeMap<String, Parameter>,
    pub(super) secrets: Secrets,
    pub(super) policy: Option<Box<PolicyRequest>>,
    /// Of the outermost plan: every nested one, by file.
    pub(super) scenarios: BTreeMap<String, Arc<Self>>,
    pub(super) tasks: Box<[PlanTask]>,
    pub(super) graph: Graph,
    pub(super) ranks: Box<[u32]>,
    /// Positions sorted by id.
    pub(super) by_id: Box<[TaskIndex]>,
    pub(super) digest: Digest,
}

impl Plan {
    /// The domain of its digest.
    pub const DIGEST_DOMAIN: &'static str = "plan/v1";

    /// SHA-256 over the canonical JSON, resolved inputs included.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The scenario's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// What is to be achieved, where the tasks are planned and not written.
    #[must_use]
    pub fn goal(&self) -> Option<&str> {
        self.goal.as_deref()
    }

    /// Whether there are no tasks yet, only a goal. Nothing of it runs.
    #[must_use]
    pub fn awaits_planning(&self) -> bool {
        self.tasks.is_empty()
    }

    /// The same with tasks that were planned for its goal, and what they hand to its reader.
    ///
    /// # Errors
    /// Every problem of the tasks.
    pub fn with_tasks(
        &self,
        tasks: Vec<super::DraftTask>,
        outputs: BTreeMap<String, Template>,
        limits: &super::Limits,
    ) -> Result<Self, Vec<crate::diagnostic::Diagnostic>> {
        let mut draft = super::DraftPlan::from_json(&self.to_json()).map_err(|one| vec![*one])?;
        draft.tasks = tasks;
        draft.outputs = outputs;
        draft.check(limits)
    }

    /// Resolved inputs.
    #[must_use]
    pub fn inputs(&self) -> &BTreeMap<String, Value> {
        &self.inputs
    }

    /// Environment of every task; a task's own entries win.
    #[must_use]
    pub fn env(&self) -> &BTreeMap<String, Template> {
        &self.env
    }

    /// Tasks at once, if the scenario says so.
    #[must_use]
    pub fn max_parallel(&self) -> Option<u32> {
        self.max_parallel
    }

    /// What the scenario hands to its caller, or to the reader of the run.
    #[must_use]
    pub fn outputs(&self) -> &BTreeMap<String, Template> {
        &self.outputs
    }

    /// What a nested scenario takes; nothing for the outermost, which has [`Plan::inputs`].
    #[must_use]
    pub fn parameters(&self) -> &BTreeMap<String, Parameter> {
        &self.parameters
    }

    /// Where secrets come from, by the name that tasks ask for; never a value. What a nested scenario
    /// declares is part of what the outermost does, from the same source.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// What its tasks, and those of the scenarios it uses, shall be kept to. A nested scenario's own
    /// narrows its tasks further.
    #[must_use]
    pub fn policy(&self) -> Option<&PolicyRequest> {
        self.policy.as_deref()
    }

    /// Every nested scenario at any depth, by its file's path from the root; nothing for a nested one.
    #[must_use]
    pub fn scenarios(&self) -> &BTreeMap<String, Arc<Self>> {
        &self.scenarios
    }

    /// How many tasks there are, before anything expands; none only while it [`Plan::awaits_planning`].
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "emptiness has a name of its own"
    )]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// A task.
    #[must_use]
    pub fn task(&self, index: TaskIndex) -> &PlanTask {
        &self.tasks[index.get()]
    }

    /// All tasks in starting order: longest remaining chain first, then id; always topological.
    pub fn order(&self) -> impl ExactSizeIterator<Item = TaskIndex> + use<> {
        (0..self.tasks.len()).map(TaskIndex::new)
    }

    /// All tasks with their positions, in starting order.
    pub fn tasks(&self) -> impl ExactSizeIterator<Item = (TaskIndex, &PlanTask)> {
        self.tasks
            .iter()
            .enumerate()
            .map(|(i, task)| (TaskIndex::new(i), task))
    }

    /// The position of a task's id.
    #[must_use]
    pub fn index_of(&self, id: &str) -> Option<TaskIndex> {
        let found = self
            .by_id
            .binary_search_by(|index| self.task(*index).id().as_str().cmp(id));
        found.ok().map(|at| self.by_id[at])
    }

    /// What must end before a task starts, as written.
    #[must_use]
    pub fn needs(&self, index: TaskIndex) -> &[TaskIndex] {
        self.graph.needs(index)
    }

    /// What waits for a task.
    #[must_use]
    pub fn dependents(&self, index: TaskIndex) -> &[TaskIndex] {
        self.graph.dependents(index)
    }

    /// Tasks on the longest chain from this one to the end, itself included: what is ready with the
    /// highest rank should start first.
    #[must_use]
    pub fn rank(&self, index: TaskIndex) -> u32 {
        self.ranks[index.get()]
    }

    /// The canonical JSON: what the digest covers, and the content of `plan.json`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.tasks.len() * 64 + 256);
        wire::write(self, &mut bytes).expect("memory takes every write and all keys are text");
        bytes
    }

    /// Reads `plan.json` and checks it again; the digest is computed from what was read.
    ///
    /// # Errors
    /// Every problem; places without spans.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Vec<crate::diagnostic::Diagnostic>> {
        super::DraftPlan::from_json(bytes)
            .map_err(|problem| vec![*problem])?
            .check(&super::Limits::default())
    }
}
