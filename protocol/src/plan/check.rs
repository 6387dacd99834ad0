//! Draft to plan, with every problem at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place, Problems};
use crate::digest::Digest;
use crate::expr::Condition;
use crate::ids::TaskId;
use crate::nearest::nearest;

use super::check_references::References;
use super::check_task::{check_env, check_fields};
use super::checked::Plan;
use super::cycle::cycles;
use super::draft::{DraftPlan, DraftTask};
use super::expansion::{FanOut, Items, Uses};
use super::graph::{Builder, Graph, TaskIndex};
use super::limits::{Limits, MAX_DESCRIPTION_BYTES, MAX_PARALLEL};
use super::nested::{self, Library};
use super::task::{Action, Extra, FileSource, PlanTask};
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
        let graph = problems_and_graph(&self, &inputs, limits, &mut problems);
        match graph {
            Some(graph) if !problems.has_errors() => {
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
    limits: &Limits,
    problems: &mut Problems,
) {
    problems_and_graph(draft, inputs, limits, problems);
}

/// A graph over the draft's own positions, and the rank of each.
pub(super) struct Ranked {
    graph: Graph,
    ranks: Vec<u32>,
}

pub(super) fn problems_and_graph(
    draft: &DraftPlan,
    inputs: &InputNames<'_>,
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
        graph: &graph,
        order: order.as_deref(),
    }
    .check(problems);
    order.map(|order| Ranked {
        ranks: graph.ranks(&order),
        graph,
    })
}

fn check_head(draft: &DraftPlan, problems: &mut Problems) {
    if let Some(schema) = draft
        .schema
        .as_deref()
        .filter(|schema| *schema != wire::SCHEMA)
    {
        let shown: String = schema.chars().take(60).collect();
        problems.push(
            Diagnostic::error("plan-schema", format!("plan of schema `{shown}`"))
                .in_place(Place::plan().field("schema"))
                .help(format!("this build reads `{}`", wire::SCHEMA)),
        );
    }
    if !is_scenario_name(&draft.name) {
        let shown: String = draft.name.chars().take(60).collect();
        problems.push(
            Diagnostic::error("invalid-name", format!("`{shown}` is not a scenario name"))
                .in_place(Place::plan().field("name"))
                .help(
                    "lower-case letters, digits, `-` and `_`, at most 63, a letter or digit first",
                ),
        );
    }
    if draft
        .description
        .as_ref()
        .is_some_and(|text| text.len() > MAX_DESCRIPTION_BYTES)
    {
        problems.push(
            Diagnostic::error("value-too-long", "a description of more than 64 KiB")
                .in_place(Place::plan().field("description")),
        );
    }
    if draft
        .max_parallel
        .is_some_and(|n| n == 0 || n > MAX_PARALLEL)
    {
        problems.push(
            Diagnostic::error(
                "out-of-range",
                format!("`max_parallel` is 1 to {MAX_PARALLEL}"),
            )
            .in_place(Place::plan().field("max_parallel")),
        );
    }
    check_env(&draft.env, &Place::plan(), problems);
    for (name, value) in &draft.inputs {
        check_input(name, value, problems);
    }
}

fn check_input(name: &str, value: &Value, problems: &mut Problems) {
    let plain = |value: &Value| match value {
        Value::Number(number) => number.is_i64(),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Array(_) | Value::Object(_) => false,
    };
    let fits = match value {
        Value::Array(items) => items.iter().all(plain),
        other => plain(other),
    };
    if !TaskId::is_segment(name) {
        let shown: String = name.chars().take(60).collect();
        problems.push(
            Diagnostic::error("invalid-name", format!("`{shown}` is not an input name"))
                .in_place(Place::plan().field("inputs").key_name(name)),
        );
    }
    if !fits {
        problems.push(
            Diagnostic::error(
                "wrong-type",
                format!("input `{name}` has a value of no input type"),
            )
            .in_place(Place::plan().field("inputs").key(name)),
        );
    }
}

/// Whether `name` is `[a-z0-9][a-z0-9_-]{0,62}`.
pub(crate) fn is_scenario_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    matches!(bytes.first(), Some(b'a'..=b'z' | b'0'..=b'9'))
        && bytes.len() <= 63
        && bytes
            .iter()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

fn check_size(draft: &DraftPlan, limits: &Limits, problems: &mut Problems) -> bool {
    let edges: usize = draft.tasks.iter().map(|task| task.needs.len()).sum();
    let too_many = if draft.tasks.is_empty() {
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
                        .in_place(place()),
                );
            } else if named_by[index.get()] == at {
                problems.push(
                    Diagnostic::error("duplicate-need", format!("`needs` names `{need}` twice"))
                        .in_place(place()),
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

/// Puts a draft without problems into its final order.
pub(super) fn build(draft: DraftPlan, ranked: Ranked, scenarios: &Library) -> Plan {
    let Ranked { graph, ranks } = ranked;
    let count = draft.tasks.len();
    let mut order: Vec<TaskIndex> = (0..count).map(TaskIndex::new).collect();
    let id = |index: TaskIndex| draft.tasks[index.get()].id.as_str();
    order.sort_unstable_by(|a, b| {
        ranks[b.get()]
            .cmp(&ranks[a.get()])
            .then_with(|| id(*a).cmp(id(*b)))
    });
    let mut moved = vec![TaskIndex::new(0); count];
    for (to, from) in order.iter().enumerate() {
        moved[from.get()] = TaskIndex::new(to);
    }
    let mut builder = Builder::with_tasks(count);
    for from in &order {
        graph
            .needs(*from)
            .iter()
            .for_each(|need| builder.need(moved[need.get()]));
        builder.next_task();
    }
    let mut by_id: Vec<TaskIndex> = moved.clone();
    let ranks = order.iter().map(|from| ranks[from.get()]).collect();
    drop(graph);

    let mut tasks: Vec<Option<PlanTask>> = draft
        .tasks
        .into_iter()
        .map(|draft| Some(task(draft, scenarios)))
        .collect();
    let tasks: Box<[PlanTask]> = order
        .iter()
        .map(|from| {
            tasks[from.get()]
                .take()
                .expect("an order names every task once")
        })
        .collect();
    by_id.sort_unstable_by(|a, b| tasks[a.get()].id.cmp(&tasks[b.get()].id));
    Plan {
        name: draft.name,
        description: draft.description,
        inputs: draft.inputs,
        env: draft.env,
        max_parallel: draft.max_parallel,
        outputs: draft.outputs,
        parameters: draft.parameters,
        scenarios: Library::new(),
        tasks,
        graph: builder.build(),
        ranks,
        by_id: by_id.into(),
        digest: Digest::from_bytes([0; 32]),
    }
}

fn task(draft: DraftTask, scenarios: &Library) -> PlanTask {
    let nested = draft.uses.as_deref();
    let nested = nested.and_then(|file| Some((file, scenarios.get(file)?)));
    let action = match (draft.run, nested) {
        (Some(run), _) => Action::Run(run.into()),
        (None, Some((file, scenario))) => Action::Uses(Box::new(Uses {
            file: file.into(),
            with: draft.with,
            scenario: Arc::clone(scenario),
        })),
        (None, None) => Action::Command(draft.command.unwrap_or_default().into()),
    };
    let axis = |(name, value)| Some((name, Items::of(value)?));
    let fan_out = match draft.for_each.and_then(Items::of) {
        Some(items) => Some(FanOut::ForEach(items)),
        None if draft.matrix.is_empty() => None,
        None => Some(FanOut::Matrix(
            draft.matrix.into_iter().filter_map(axis).collect(),
        )),
    };
    let shell = draft.shell.filter(|shell| shell != PlanTask::DEFAULT_SHELL);
    let files = draft
        .files
        .iter()
        .filter_map(|(path, source)| Some((path.clone(), FileSource::of(source)?)));
    let extra = Extra {
        parent_id: draft.parent_id.and_then(|id| id.parse().ok()),
        shell: shell.map(Into::into),
        condition: draft.condition.as_deref().map(Condition::new),
        files: files.collect(),
        env: draft.env,
        outputs: draft.outputs,
        artifacts: draft.artifacts,
        timeout: draft.timeout,
        retry: draft.retry,
        fan_out,
        item_name: draft.item_name.map(Into::into),
        refers: draft
            .refers
            .iter()
            .filter_map(|id| id.parse().ok())
            .collect(),
        priority: draft.priority,
        crash_limit: draft.crash_limit,
        max_parallel: draft.max_parallel,
        continue_on_error: draft.continue_on_error,
        working_dir: draft.working_dir.map(Into::into),
        workspace: draft.workspace,
    };
    PlanTask {
        id: draft.id.parse().expect("checked ids parse"),
        action,
        extra: (extra != Extra::default()).then(|| Box::new(extra)),
    }
}
