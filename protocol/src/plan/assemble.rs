//! A draft without problems, put into its final order.

use std::sync::Arc;

use crate::digest::Digest;
use crate::expr::Condition;

use super::check::Ranked;
use super::checked::Plan;
use super::draft::{DraftPlan, DraftTask};
use super::expansion::{FanOut, Items, Uses};
use super::graph::{Builder, TaskIndex};
use super::nested::Library;
use super::prompt::{ContextRef, Prompt};
use super::task::{Action, Extra, FileSource, PlanTask};

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
        goal: draft.goal,
        inputs: draft.inputs,
        env: draft.env,
        max_parallel: draft.max_parallel,
        outputs: draft.outputs,
        parameters: draft.parameters,
        secrets: draft.secrets,
        policy: draft.policy.map(Box::new),
        scenarios: Library::new(),
        tasks,
        graph: builder.build(),
        ranks,
        by_id: by_id.into(),
        digest: Digest::from_bytes([0; 32]),
    }
}

fn task(mut draft: DraftTask, scenarios: &Library) -> PlanTask {
    draft.secrets.sort_unstable();
    let nested = draft.uses.as_deref();
    let nested = nested.and_then(|file| Some((file, scenarios.get(file)?)));
    let action = match (draft.run, nested) {
        (Some(run), _) => Action::Run(run.into()),
        (None, Some((file, scenario))) => Action::Uses(Box::new(Uses {
            file: file.into(),
            with: draft.with,
            scenario: Arc::clone(scenario),
        })),
        (None, None) => match draft.prompt {
            Some(text) => {
                let schema = draft.output_schema;
                let parse = Prompt::default_parse(schema.is_some());
                Action::Prompt(Box::new(Prompt {
                    text,
                    context: draft.context.iter().filter_map(ContextRef::of).collect(),
                    context_tokens: draft.context_tokens,
                    parse: draft.parse.unwrap_or(parse),
                    schema,
                    model: draft.model.unwrap_or_default(),
                    fallback: draft.fallback,
                }))
            }
            None => Action::Command(draft.command.unwrap_or_default().into()),
        },
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
        description: draft.description.map(Into::into),
        parent_id: draft.parent_id.and_then(|id| id.parse().ok()),
        shell: shell.map(Into::into),
        condition: draft.condition.as_deref().map(Condition::new),
        files: files.collect(),
        env: draft.env,
        secrets: draft.secrets.into(),
        effects: draft.effects.map(Box::new),
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
