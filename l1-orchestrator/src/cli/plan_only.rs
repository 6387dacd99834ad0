//! `orchestra run --plan-only`: the checked plan as tree and table, its worst case, and nothing run.

use std::fmt::Write as _;
use std::path::Path;

use l2_coordinator::width;
use protocol::policy::Policy;
use serde_json::{Value, json};

use super::approval::{self, Approving, Ready};
use super::args::{Format, Run};
use super::asked::{self, Asked};
use super::context::Context;
use super::error::CliError;
use super::goal::Foreseen;
use super::plan_page::{self, attempts, worst_of};
use crate::exit_code;
use crate::planning::{self, About, Content, Foundation, Known, Saved, Span, WorstCalls, worst};
use crate::report::words;
use crate::runs::quoted;

pub(super) fn plan_only(
    context: &Context,
    args: &Run,
    ready: &Ready,
    slots: u32,
    foreseen: Option<&Foreseen>,
) -> Result<u8, CliError> {
    let Ready { asked, judged } = ready;
    let refusal = approval::reason_against(context, &Approving::of_run(args), ready);
    let bound = match (&args.save, &refusal) {
        (Some(file), None) => Some(save(args, asked, &judged.policy, file)?),
        _ => None,
    };
    if context.format == Format::Text {
        let mut text = plan_page::page(context, asked, judged, slots);
        if let Some(foreseen) = foreseen {
            writeln!(text, "{}", foreseen.line()).expect("string");
        }
        for Foundation { input, content, .. } in bound.iter().flatten() {
            let what = match content {
                Content::File { .. } => "its file's content".to_owned(),
                Content::Directory { files, .. } => {
                    let files = words::count(usize::try_from(*files).unwrap_or(usize::MAX), "file");
                    format!("{files} by content")
                }
                Content::Path => "its path only".to_owned(),
            };
            writeln!(text, "bound: input {input}, {what}").expect("string");
        }
        if refusal.is_none() {
            text.push_str(&next(context, args, ready));
        }
        context.ui.data(&text)?;
    } else {
        let mut object = object(args, ready, bound.as_deref());
        if let Some(goal) = asked.plan.goal() {
            object["goal"] = json!(goal);
        }
        if let Some(foreseen) = foreseen {
            object["planning"] = foreseen.object();
        }
        context.object(&object)?;
    }
    // What it finds is on the page.
    let Some(error) = refusal.map(CliError::without_findings) else {
        return Ok(exit_code::OK);
    };
    if context.format == Format::Text {
        error.show(&context.ui);
    }
    Ok(error.kind.exit_code())
}

/// Whether a plan could be saved to `file`, as far as can be told without writing it.
pub(super) fn savable(file: &Path) -> Result<(), CliError> {
    let unsaved = |error| {
        let message = format!("{} cannot be written", file.display());
        CliError::not_ready("plan-unsaved", message).because(error)
    };
    match fs_err::read(file) {
        Ok(bytes) if planning::schema_of(&bytes).is_none() => Err(occupied(file)),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let folder = file.parent().filter(|at| !at.as_os_str().is_empty());
            match folder.is_none_or(Path::is_dir) {
                true => Ok(()),
                false => Err(unsaved(error)),
            }
        }
        Err(error) => Err(unsaved(error)),
    }
}

fn occupied(file: &Path) -> CliError {
    let name = file.display();
    let message = format!("{name} exists and is no saved plan; it is left as it is");
    CliError::usage("save-refused", message).hint("name another file")
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
            return occupied(file);
        }
        CliError::not_ready("plan-unsaved", format!("{name} cannot be written")).because(error)
    })?;
    Ok(saved.about.paths)
}

fn next(context: &Context, args: &Run, ready: &Ready) -> String {
    match &args.save {
        Some(file) => format!("saved: {0}\nnext: orchestra run {0}\n", quoted(file)),
        // Asked again, a model makes another plan, and is paid again.
        None if ready.asked.plan.goal().is_some() && !ready.asked.is_saved() => {
            "next: this plan is gone; `--save FILE` keeps one for `orchestra run FILE`\n".to_owned()
        }
        None => format!(
            "next: {}\n",
            approval::command(context, &Approving::of_run(args), ready)
        ),
    }
}

fn calls(worst: &WorstCalls) -> Value {
    json!({
        "calls": worst.calls,
        "tokens": worst.tokens,
        "usd": worst.usd,
        "unpriced": worst.unpriced,
    })
}

fn object(args: &Run, ready: &Ready, bound: Option<&[Foundation]>) -> Value {
    let Ready { asked, judged } = ready;
    let (plan, worst) = (&asked.plan, worst(&asked.plan));
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
                "kind": task.action().word(),
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
            "models": judged.calls.as_ref().map(calls),
        },
        "policy": approval::told(judged),
        "saved": args.save.as_ref().map(|file| file.display().to_string()),
        "bound": bound,
    })
}
