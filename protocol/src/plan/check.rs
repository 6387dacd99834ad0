//! Draft to plan, with every problem at once.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place, Problems};
use crate::nearest::nearest;

use super::assemble::build;
use super::check_head::check_head;
use super::check_references::References;
use super::check_task::check_fields;
use super::checked::Plan;
use super::cycle::cycles;
use super::draft::DraftPlan;
use super::graph::{Builder, Graph, TaskIndex};
use super::interface::{Interface, Interfaces};
use super::limits::Limits;
use super::nested;
use super::types::InputType;
use super::wire;

/// The inputs a plan may refer to, with their types where they are known.
pub(crate) type InputNames<'a> = BTreeMap<&'a str, Option<InputType>>;

impl DraftPlan {
    /// Makes the plan.
    ///
    /// # Errors
    /// Every problem of the draft: shape of names and values, needs, cycles with their path,
    /// references, limits.
    pub fn check(mut self, limits: &Limits) -> Result<Plan, Vec<Diagnostic>> {
        let mut problems = Problems::default();
        let scenarios = nested::check(&mut self.scenarios, limits, &mut problems);
        let inputs = self
            .inputs
            .keys()
            .map(|name| (name.as_str(), None))
            .collect();
        let interfaces = interfaces(&scenarios);
        let graph = problems_and_graph(&self, &inputs, &interfaces, limits, &mut problems);
        if !problems.has_errors() {
            unknown_scenarios(&self, &interfaces, &mut problems);
            unread_schemas(&self, &mut problems);
        }
        match graph {
            Some(graph) if !problems.has_errors() => {
                drop(interfaces);
                let mut plan = build(self, graph, &scenarios);
                plan.scenarios = scenarios;
                plan.digest = wire::digest(&plan);
                Ok(plan)
            }
            _ => Err(problems.into_vec()),
        }
    }
}

/// Every problem of a draft whose inputs are only declared yet.
#[cfg(feature = "author")]
pub(crate) fn problems(
    draft: &DraftPlan,
    inputs: &InputNames<'_>,
    interfaces: &Interfaces<'_>,
    limits: &Limits,
    problems: &mut Problems,
) {
    problems_and_graph(draft, inputs, interfaces, limits, problems);
}

pub(super) fn interfaces(library: &nested::Library) -> Interfaces<'_> {
    let scenarios = library.iter();
    let scenarios = scenarios.map(|(file, plan)| (file.as_str(), Interface::of_plan(plan)));
    scenarios.collect()
}

/// Whoever reads a scenario's files has said where one is missing; a plan must hold them all.
fn unknown_scenarios(draft: &DraftPlan, interfaces: &Interfaces<'_>, problems: &mut Problems) {
    for task in &draft.tasks {
        let Some(file) = &task.uses else { continue };
        if !interfaces.contains_key(file.as_str()) {
            let shown: String = file.chars().take(80).collect();
            let message = format!("the plan does not hold the scenario `{shown}`");
            let place = Place::task(&task.id).field("uses");
            problems.push(Diagnostic::error("unknown-scenario", message).in_place(place));
        }
    }
}

/// As for scenarios: a plan holds its schemas, not their paths.
pub(super) fn unread_schemas(draft: &DraftPlan, problems: &mut Problems) {
    for task in &draft.tasks {
        if let Some(Value::String(path)) = &task.output_schema {
            let shown: String = path.chars().take(80).collect();
            let message = format!("the plan does not hold the schema `{shown}`");
            let place = Place::task(&task.id).field("output_schema");
            problems.push(Diagnostic::error("unknown-schema", message).in_place(place));
        }
    }
}

/// A graph over the draft's own positions, and the rank of each.
pub(super) struct Ranked {
    pub(super) graph: Graph,
    pub(super) ranks: Vec<u32>,
}

pub(super) fn problems_and_graph(
    draft: &DraftPlan,
    inputs: &InputNames<'_>,
    interfaces: &Interfaces<'_>,
    limits: &Limits,
    problems: &mut Problems,
) -> Option<Ranked> {
    check_head(draft, problems);
    if !check_size(draft, limits, problems) {
        return None;
    }
    let positions = positions(draft, problems);
    for task in &draft.tasks {
        check_fields(task, problems);
    }
    let graph = graph(draft, &positions, problems);
    let order = graph.topological();
    let acyclic = order.len() == graph.len();
    if !acyclic {
        cycles(draft, &graph, &order, problems);
    }
    let order = acyclic.then_some(order);
    References {
        draft,
        positions: &positions,
        inputs,
        interfaces,
        graph: &graph,
        order: order.as_deref(),
    }
    .check(problems);
    order.map(|order| Ranked {
        ranks: graph.ranks(&order),
        graph,
    })
}

fn check_size(draft: &DraftPlan, limits: &Limits, problems: &mut Problems) -> bool {
    let edges: usize = draft.tasks.iter().map(|task| task.needs.len()).sum();
    let too_many = if draft.tasks.is_empty() && draft.goal.is_none() {
        Diagnostic::error("no-tasks", "a plan without tasks")
            .help("`tasks` holds at least one, such as `hello: { run: echo hello }`")
    } else if draft.tasks.len() > limits.tasks {
        let message = format!(
            "{} tasks; at most {} are allowed",
            draft.tasks.len(),
            limits.tasks
        );
        Diagnostic::error("too-many-tasks", message)
    } else if edges > limits.edges {
        let message = format!("{edges} needs in all; at most {} are allowed", limits.edges);
        Diagnostic::error("too-many-needs", message)
    } else {
        return true;
    };
    problems.push(too_many.in_place(Place::plan().field("tasks")));
    false
}

/// Ids to positions; of duplicates the first.
pub(super) type Positions<'a> = HashMap<&'a str, TaskIndex>;

fn positions<'a>(draft: &'a DraftPlan, problems: &mut Problems) -> Positions<'a> {
    let mut positions = HashMap::with_capacity(draft.tasks.len());
    for (at, task) in draft.tasks.iter().enumerate() {
        if positions.contains_key(task.id.as_str()) {
            problems.push(
                Diagnostic::error(
                    "duplicate-task",
                    format!("two tasks are called `{}`", task.id),
                )
                .in_place(Place::task(&task.id)),
            );
        } else {
            positions.insert(task.id.as_str(), TaskIndex::new(at));
        }
    }
    positions
}

fn graph(draft: &DraftPlan, positions: &Positions<'_>, problems: &mut Problems) -> Graph {
    let mut builder = Builder::with_tasks(draft.tasks.len());
    // Which task named a need last: finds duplicates without a set per task.
    let mut named_by = vec![u32::MAX; draft.tasks.len()];
    for (at, task) in draft.tasks.iter().enumerate() {
        let at = u32::try_from(at).expect("plan limits keep positions within u32");
        for (item, need) in task.needs.iter().enumerate() {
            let place = || Place::task(&task.id).field("needs").index(item);
            let Some(index) = positions.get(need.as_str()).copied() else {
                let near = || nearest(need, positions.keys().copied());
                let near = if problems.is_full() { None } else { near() };
                problems.push(
                    Diagnostic::error("unknown-task", "`needs` names a task that does not exist")
                        .in_place(place())
                        .maybe_help(near.map(|near| format!("did you mean `{near}`?"))),
                );
                continue;
            };
            if *need == task.id {
                problems.push(
                    Diagnostic::error("self-need", format!("task `{need}` needs itself"))
                        .in_place(place())
                        .help("remove it"),
                );
            } else if named_by[index.get()] == at {
                problems.push(
                    Diagnostic::error("duplicate-need", format!("`needs` names `{need}` twice"))
                        .in_place(place())
                        .help("keep one of them"),
                );
            } else {
                named_by[index.get()] = at;
                builder.need(index);
            }
        }
        builder.next_task();
    }
    builder.build()
}
