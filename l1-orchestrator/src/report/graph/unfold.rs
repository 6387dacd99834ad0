//! Tasks as they are drawn: in a small picture the children of a task that expanded stand for it, in a
//! big one it stands for them.

use protocol::ids::TaskId;
use protocol::plan::{Action, Plan, PlanTask, TaskIndex};

use super::collapse::MAX_TASKS;
use super::look::Look;
use super::sketch::{Group, Sketch};
use crate::report::anchor;
use crate::report::summary::RunSummary;
use crate::report::task::TaskSummary;

/// The groups and edges of a plan, colored by a run of it.
pub(super) fn unfold(plan: &Plan, summary: Option<&RunSummary>) -> Sketch {
    let tasks = match summary {
        Some(summary) => usize::try_from(summary.planned).unwrap_or(usize::MAX),
        None => written(plan),
    };
    let mut unfolding = Unfolding {
        summary,
        in_full: tasks <= MAX_TASKS,
        sketch: Sketch::default(),
    };
    unfolding.plan(plan, "", &[]);
    unfolding.sketch
}

/// Tasks of a plan and of the scenarios that it uses once.
fn written(plan: &Plan) -> usize {
    let of = |task: &PlanTask| match task.action() {
        Action::Uses(uses) if task.fan_out().is_none() => written(&uses.scenario),
        _ => 1,
    };
    plan.tasks().map(|(_, task)| of(task)).sum()
}

struct Unfolding<'a> {
    summary: Option<&'a RunSummary>,
    /// Children are drawn one by one.
    in_full: bool,
    sketch: Sketch,
}

impl Unfolding<'_> {
    /// Draws the tasks of a plan after `before`; says after what whatever needs all of them is drawn.
    fn plan(&mut self, plan: &Plan, prefix: &str, before: &[u32]) -> Vec<u32> {
        let mut ends: Vec<Vec<u32>> = vec![Vec::new(); plan.len()];
        let mut order: Vec<TaskIndex> = Vec::with_capacity(plan.len());
        let mut open: Vec<usize> = plan.order().map(|at| plan.needs(at).len()).collect();
        order.extend(plan.order().filter(|at| plan.needs(*at).is_empty()));
        let mut next = 0;
        while let Some(at) = order.get(next).copied() {
            next += 1;
            let needs = plan.needs(at);
            let mut after: Vec<u32> = Vec::new();
            for need in needs {
                after.extend(&ends[need.get()]);
            }
            if needs.is_empty() {
                after.extend(before);
            }
            after.sort_unstable();
            after.dedup();
            ends[at.get()] = self.task(plan, at, prefix, &after);
            for dependent in plan.dependents(at) {
                open[dependent.get()] -= 1;
                if open[dependent.get()] == 0 {
                    order.push(*dependent);
                }
            }
        }
        let last = plan.order().filter(|at| plan.dependents(*at).is_empty());
        let mut last: Vec<u32> = last.flat_map(|at| ends[at.get()].iter().copied()).collect();
        last.sort_unstable();
        last.dedup();
        last
    }

    fn task(&mut self, plan: &Plan, at: TaskIndex, prefix: &str, after: &[u32]) -> Vec<u32> {
        let task = plan.task(at);
        let id = format!("{prefix}{}", task.id());
        let known = known(self.summary, &id);
        let children = known.and_then(TaskSummary::child_count);
        if task.fan_out().is_some()
            && self.in_full
            && let Some(count) = children.filter(|count| *count > 0)
        {
            let mut ends = Vec::new();
            for n in 0..count {
                ends.extend(self.child(plan, at, &format!("{id}[{n}]"), after));
            }
            return ends;
        }
        if task.fan_out().is_none() {
            return self.child(plan, at, &id, after);
        }
        vec![self.node(&id, task, after)]
    }

    /// A task that is no fan-out, or one item of it.
    fn child(&mut self, plan: &Plan, at: TaskIndex, id: &str, after: &[u32]) -> Vec<u32> {
        let task = plan.task(at);
        let known = known(self.summary, id);
        let has_come =
            self.summary.is_none() || known.is_some_and(|own| own.child_count().is_some());
        if let Action::Uses(uses) = task.action()
            && self.in_full
            && has_come
        {
            return self.plan(&uses.scenario, &format!("{id}/"), after);
        }
        vec![self.node(id, task, after)]
    }

    fn node(&mut self, id: &str, task: &PlanTask, after: &[u32]) -> u32 {
        let shown: Option<TaskId> = id.parse().ok();
        let known = known(self.summary, id);
        let look = match self.summary {
            Some(_) => Look::of(known),
            None => Look::Plain,
        };
        let name = known.map_or_else(|| id.to_owned(), |known| known.name().into_owned());
        let mut group = Group::one(name, look);
        // What nothing has happened to has no row in the table of tasks.
        group.anchor = known.and(shown.as_ref()).map(anchor::of_task);
        group.detail = match known.and_then(|known| known.expansion.as_ref()) {
            Some(own) if own.is_complete => Some(format!("{}/{}", own.children.passed, own.items)),
            _ if id.ends_with(']') => None,
            _ => ahead(task),
        };
        let at = u32::try_from(self.sketch.groups.len()).expect("plan limits bound the tasks");
        self.sketch.groups.push(group);
        self.sketch
            .edges
            .extend(after.iter().map(|need| (*need, at)));
        at
    }
}

fn known<'a>(summary: Option<&'a RunSummary>, id: &str) -> Option<&'a TaskSummary> {
    let id: TaskId = id.parse().ok()?;
    summary?.task(&id)
}

/// What is known of a task's children before they are.
fn ahead(task: &PlanTask) -> Option<String> {
    match (task.fan_out(), task.action()) {
        (Some(fan_out), _) if fan_out.is_fixed() => Some(format!("× {}", fan_out.most())),
        (Some(_), _) => Some("× each item".into()),
        (None, Action::Uses(uses)) => Some(format!("{} tasks", uses.scenario.len())),
        (None, _) => None,
    }
}
