//! `orchestra run --plan-only`: the checked plan as tree and table, its worst case, and nothing run.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use l2_coordinator::{Width, width};
use protocol::plan::{Action, Bounds, Plan, PlanTask, TaskIndex};
use serde_json::{Value, json};

use super::args::{Format, Run};
use super::asked::{self, Asked};
use super::columns::{self, Cell, Column};
use super::context::Context;
use super::error::CliError;
use crate::exit_code;
use crate::planning::{self, About, Branch, Content, Foundation, Known, Saved, Span, Worst, worst};
use crate::report::{Redactor, words};
use crate::runs::quoted;
use crate::session::Policy;
use crate::ui::Tone;

/// Lines of the tree, and rows of the table; `-o json` has everything.
const MAX_LINES: usize = 200;
/// Characters of one input's value.
const MAX_VALUE: usize = 60;

pub(super) fn plan_only(
    context: &Context,
    args: &Run,
    asked: &Asked,
    policy: &Policy,
    slots: u32,
) -> Result<u8, CliError> {
    let bound = match &args.save {
        Some(file) => Some(save(args, asked, policy, file)?),
        None => None,
    };
    let worst = worst(&asked.plan);
    if context.format == Format::Text {
        let mut text = head(context, asked, slots);
        tree(&mut text, &asked.plan);
        table(&mut text, context, &asked.plan);
        text.push_str(&ending(context, args, asked, &worst));
        for Foundation { input, content, .. } in bound.iter().flatten() {
            let what = match content {
                Content::File { .. } => "its file's content".to_owned(),
                Content::Directory { files, .. } => {
                    let files = words::count(usize::try_from(*files).unwrap_or(usize::MAX), "file");
                    format!("{files} by content")
                }
                Content::Path => "its path only".to_owned(),
            };
            writeln!(text, "  bound: input {input}, {what}").expect("string");
        }
        text.push_str(&next(context, args, asked));
        context.ui.data(&text)?;
    } else {
        context.object(&object(args, asked, &worst, bound.as_deref()))?;
    }
    Ok(exit_code::OK)
}

fn save(
    args: &Run,
    asked: &Asked,
    policy: &Policy,
    file: &Path,
) -> Result<Vec<Foundation>, CliError> {
    let paths = planning::lay(&asked.plan, &asked.paths)
        .map_err(|error| asked::unreadable(&args.scenario, error))?;
    let scenario = std::str::from_utf8(&asked.scenario)
        .map_err(|error| CliError::internal("a scenario that parsed is no text").because(error))?;
    let about = About {
        orchestra: env!("CARGO_PKG_VERSION").into(),
        plan: asked.plan.digest(),
        policy: policy.digest(),
        scenario_path: asked.path.display().to_string(),
        scenario_file: protocol::digest::Digest::of(&asked.scenario),
        inputs: asked.inputs.clone(),
        paths,
    };
    let saved = Saved {
        about,
        scenario,
        plan: &asked.plan,
    };
    saved.write(file).map_err(|error| {
        let name = file.display();
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            let message = format!("{name} exists and is no saved plan; it is left as it is");
            return CliError::usage("save-refused", message).hint("name another file");
        }
        CliError::not_ready("plan-unsaved", format!("{name} cannot be written")).because(error)
    })?;
    Ok(saved.about.paths)
}

/// The first lines of every page about a plan.
pub(super) fn head(context: &Context, asked: &Asked, slots: u32) -> String {
    let plan = &asked.plan;
    let digest = context.redact.digest(&plan.digest());
    let mut text = format!("Plan {digest} {}\n", plan.name());
    let tasks = words::count(plan.len(), "task");
    let sandbox = words::sandbox_ahead(protocol::policy::SandboxLevel::None);
    let slots = context.redact.machine(slots);
    writeln!(text, "{tasks} · {slots} at once · {sandbox}").expect("string");
    for (name, value) in plan.inputs() {
        let value = columns::cut(&value.to_string(), MAX_VALUE);
        writeln!(text, "  {name} = {}", crate::ui::sanitize(&value)).expect("string");
    }
    text
}

fn tree(text: &mut String, plan: &Plan) {
    text.push('\n');
    let known = Known::new(plan);
    let name = |task: &TaskIndex| plan.task(*task).id().as_str();
    for Branch { stem, task, also } in planning::outline(plan, MAX_LINES) {
        write!(text, "  {stem}{}", name(&task)).expect("string");
        if !also.is_empty() {
            let also: Vec<&str> = also.iter().map(name).collect();
            write!(text, " (and {})", also.join(", ")).expect("string");
        }
        text.push_str(&notes(plan.task(task), &known));
        text.push('\n');
    }
    more(text, plan);
}

/// What a task's line says beyond its name.
fn notes(task: &PlanTask, known: &Known<'_>) -> String {
    let mut text = String::new();
    let bound = match task.fan_out().map(|fan_out| width(fan_out, known)) {
        Some(Err(failure)) => Some(format!("cannot expand: {}", failure.message)),
        width => {
            let width = width.and_then(Result::ok);
            bound(task, width, worst_of(task, known).tasks)
        }
    };
    if let Some(bound) = bound {
        write!(text, "   {}", crate::ui::sanitize(&bound)).expect("string");
    }
    if let Some(condition) = task.condition() {
        let condition = columns::cut(condition.as_str(), MAX_VALUE);
        write!(text, "   if {}", crate::ui::sanitize(&condition)).expect("string");
    }
    text
}

fn worst_of(task: &PlanTask, known: &Known<'_>) -> Worst {
    planning::worst_of(task, &Bounds::default(), known)
}

/// What the task expands into later, and how much of that there can be.
pub(super) fn bound(task: &PlanTask, width: Option<Width>, tasks: u64) -> Option<String> {
    let all = words::count(usize::try_from(tasks).unwrap_or(usize::MAX), "task");
    match (width, task.action()) {
        (Some(Width { most, is_fixed }), action) => {
            let items = words::count(most, "item");
            let most = if is_fixed { "" } else { "at most " };
            Some(match action {
                Action::Uses(_) => format!("{most}{items}, {all} in all"),
                Action::Run(_) | Action::Command(_) => format!("{most}{items}"),
            })
        }
        (None, Action::Uses(_)) => Some(format!("at most {all}")),
        (None, Action::Run(_) | Action::Command(_)) => None,
    }
}

fn table(text: &mut String, context: &Context, plan: &Plan) {
    let rows = || plan.tasks().take(MAX_LINES);
    let heading = |name: &str| Cell {
        text: name.into(),
        tone: Some(Tone::Dim),
    };
    let column = |name: &str, cell: &dyn Fn(TaskIndex, &PlanTask) -> String| -> Vec<Cell> {
        let cells = rows().map(|(index, task)| Cell::from(cell(index, task)));
        std::iter::once(heading(name)).chain(cells).collect()
    };
    let needs = |index: TaskIndex, _: &PlanTask| {
        let needs = plan.needs(index).iter();
        let names: Vec<&str> = needs.map(|need| plan.task(*need).id().as_str()).collect();
        names.join(", ")
    };
    let timeout = |_: TaskIndex, task: &PlanTask| match task.timeout().wall_ms {
        Some(ms) => millis(ms),
        None => "none".into(),
    };
    let columns = vec![
        Column::numbers(column("", &|index, _| (index.get() + 1).to_string())).at_least(3),
        Column::text(column("task", &|_, task| task.id().to_string())),
        Column::text(column("kind", &|_, task| kind(task).into())).spare(1),
        Column::numbers(column("timeout", &timeout)),
        Column::numbers(column("attempts", &|_, task| attempts(task).to_string())),
        Column::text(column("needs", &needs)),
    ];
    let width = columns::width(&context.ui);
    text.push('\n');
    text.push_str(&columns::render(columns, width, context.ui.out_painter()));
    more(text, plan);
}

fn more(text: &mut String, plan: &Plan) {
    let more = plan.len().saturating_sub(MAX_LINES);
    if more > 0 {
        writeln!(text, "  … and {more} more; `-o json` has them all").expect("string");
    }
}

/// The key it carries.
pub(super) fn kind(task: &PlanTask) -> &'static str {
    match task.action() {
        Action::Run(_) => "run",
        Action::Command(_) => "command",
        Action::Uses(_) => "uses",
    }
}

fn attempts(task: &PlanTask) -> u64 {
    u64::from(task.retry().max) + 1
}

pub(super) fn millis(ms: u64) -> String {
    // Of the plan, not of a run: nothing to be replaced in snapshots.
    Redactor::default().duration(Duration::from_millis(ms))
}

fn span(span: Span) -> String {
    match (span.open, span.ms) {
        (0, ms) => millis(ms),
        (_, 0) => "unbounded".into(),
        (_, ms) => format!("unbounded (more than {})", millis(ms)),
    }
}

fn ending(context: &Context, args: &Run, asked: &Asked, worst: &Worst) -> String {
    let number =
        |count: u64, noun| words::count(usize::try_from(count).unwrap_or(usize::MAX), noun);
    let (tasks, attempts) = (
        number(worst.tasks, "task"),
        number(worst.attempts, "attempt"),
    );
    let mut text = format!("\nWorst case: {tasks}, {attempts}\n");
    writeln!(text, "  one after the other   {}", span(worst.sum)).expect("string");
    writeln!(text, "  longest path          {}", span(worst.path)).expect("string");
    let known = Known::new(&asked.plan);
    let open = asked.plan.tasks();
    let open = open.filter(|(_, task)| worst_of(task, &known).sum.open > 0);
    let mut names: Vec<String> = open.map(|(_, task)| task.id().to_string()).collect();
    if !names.is_empty() {
        const MOST: usize = 5;
        let more = names.len().saturating_sub(MOST);
        names.truncate(MOST);
        let names = names.join(", ");
        let and = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        writeln!(text, "  without a timeout     {names}{and}").expect("string");
    }
    let digest = context.redact.sha256(&asked.plan.digest());
    writeln!(text, "  plan digest           {digest}").expect("string");
    if let Some(file) = &args.save {
        writeln!(text, "  saved                 {}", file.display()).expect("string");
    }
    text
}

fn next(context: &Context, args: &Run, asked: &Asked) -> String {
    let digest = context.redact.digest(&asked.plan.digest());
    match &args.save {
        Some(file) => format!("next: orchestra run {}\n", quoted(file)),
        None => {
            let again = asked::again(&args.scenario, &asked.inputs);
            format!("next: orchestra run {again} --approve {digest}\n")
        }
    }
}

fn object(args: &Run, asked: &Asked, worst: &Worst, bound: Option<&[Foundation]>) -> Value {
    let plan = &asked.plan;
    let known = Known::new(plan);
    let tasks: Vec<Value> = plan
        .tasks()
        .map(|(index, task)| {
            let needs = plan.needs(index).iter();
            let needs: Vec<_> = needs.map(|need| plan.task(*need).id()).collect();
            let width = task.fan_out().map(|fan_out| width(fan_out, &known));
            // What cannot expand has no items.
            let width =
                width.map(|width| width.map_or((0, true), |width| (width.most, width.is_fixed)));
            json!({
                "id": task.id(),
                "kind": kind(task),
                "needs": needs,
                "if": task.condition(),
                "timeout_ms": task.timeout().wall_ms,
                "attempts": attempts(task),
                "expands": task.expands().then(|| json!({
                    "items": width.map(|(most, _)| most),
                    "fixed": width.is_none_or(|(_, is_fixed)| is_fixed),
                    "tasks": worst_of(task, &known).tasks,
                })),
            })
        })
        .collect();
    let time = |span: Span| json!({ "ms": span.ms, "unbounded_tasks": span.open });
    json!({
        "schema": "orchestra.preview/v1",
        "name": plan.name(),
        "plan": plan.digest(),
        "scenario": args.scenario.display().to_string(),
        "inputs": plan.inputs(),
        "tasks": tasks,
        "worst_case": {
            "tasks": worst.tasks,
            "attempts": worst.attempts,
            "sum": time(worst.sum),
            "longest_path": time(worst.path),
        },
        "saved": args.save.as_ref().map(|file| file.display().to_string()),
        "bound": bound,
    })
}
