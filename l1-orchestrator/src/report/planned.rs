//! The written task behind a task of a run: that of a child is its parent's, or one of the nested
//! scenario that its parent uses.

use protocol::ids::TaskId;
use protocol::plan::{Action, Bounds, Plan, PlanTask, TaskIndex};
use protocol::time::Timestamp;

use super::attempt::{Attempt, AttemptEnding};
use super::expansion::parent_of;
use super::summary::RunSummary;
use super::task::TaskSummary;

/// Where a task of a run is written.
pub struct Planned<'a> {
    plan: &'a Plan,
    index: TaskIndex,
    /// Its bounds inside those of everything it is nested in.
    bounds: Bounds,
    /// Before the ids of its neighbors, such as `each[0]/`.
    prefix: &'a str,
    /// Nothing needs it, nor anything that it is nested in.
    is_last: bool,
}

impl<'a> Planned<'a> {
    /// Finds it.
    #[must_use]
    pub fn find(plan: &'a Plan, id: &'a TaskId) -> Option<Self> {
        let mut plan = plan;
        let mut bounds = Bounds::default();
        let mut start = 0;
        let mut is_last = true;
        let id = id.as_str();
        loop {
            let rest = &id[start..];
            let (segment, deeper) = rest.split_once('/').unwrap_or((rest, ""));
            let name = segment.split('[').next().unwrap_or(segment);
            let index = plan.index_of(name)?;
            let task = plan.task(index);
            bounds = Bounds::of(task).within(&bounds);
            is_last &= plan.dependents(index).is_empty();
            if deeper.is_empty() {
                let prefix = &id[..start];
                return Some(Self {
                    plan,
                    index,
                    bounds,
                    prefix,
                    is_last,
                });
            }
            let Action::Uses(uses) = task.action() else {
                return None;
            };
            plan = &uses.scenario;
            start += segment.len() + 1;
        }
    }

    /// Its bounds inside those of everything it is nested in.
    #[must_use]
    pub const fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Whether nothing needs it, nor anything that it is nested in.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.is_last
    }

    /// The written task.
    #[must_use]
    pub fn task(&self) -> &'a PlanTask {
        self.plan.task(self.index)
    }

    /// Ids of the tasks of the run that it needs.
    pub fn needs(&self) -> impl Iterator<Item = TaskId> {
        let needs = self.plan.needs(self.index).iter();
        needs.filter_map(|need| {
            let id = self.plan.task(*need).id();
            if self.prefix.is_empty() {
                return Some(id.clone());
            }
            format!("{}{id}", self.prefix).parse().ok()
        })
    }
}

/// Attempts that the plan allows a task. Attempts are numbered through all leases, and a lost lease
/// uses up no retry: what was lost comes on top.
#[must_use]
pub fn max_attempts(plan: Option<&Plan>, task: &TaskSummary) -> Option<u32> {
    let planned = Planned::find(plan?, &task.id)?;
    let lost = |attempt: &&Attempt| matches!(attempt.ending, AttemptEnding::Lost(_));
    let lost = task.attempts.iter().filter(lost).count();
    let lost = u32::try_from(lost).unwrap_or(u32::MAX);
    let retries = planned.bounds.retry.map_or(0, |retry| retry.max);
    Some(retries.saturating_add(1).saturating_add(lost))
}

/// When everything that a task waits for was over: its needs, and for a child that it came to be.
#[must_use]
pub fn ready(summary: &RunSummary, plan: Option<&Plan>, task: &TaskSummary) -> Option<Timestamp> {
    let approved = summary.approval.as_ref().map(|approval| approval.at);
    let planned = Planned::find(plan?, &task.id)?;
    let parent = parent_of(&task.id);
    let parent = parent.and_then(|id| summary.task(&id)?.begun());
    // The needs of an item are those of its parent, which came to be after them.
    let needs = planned.needs().filter(|_| !task.id.as_str().ends_with(']'));
    needs
        .filter_map(|need| summary.task(&need)?.ended)
        .chain(approved)
        .chain(parent)
        .max()
}

/// The word people write for what a task does.
#[must_use]
pub(super) fn kind(plan: Option<&Plan>, id: &TaskId) -> &'static str {
    let planned = plan.and_then(|plan| Planned::find(plan, id));
    planned.map_or("", |planned| planned.task().action().word())
}
