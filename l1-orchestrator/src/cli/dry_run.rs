//! `orchestra run --dry-run`: what would happen, in starting order. Starts nothing, opens no socket and
//! writes no file.

use std::fmt::Write as _;

use l2_coordinator::{CRASH_LIMIT, Config};
use l3_worker::Program;
use protocol::message::{FileSource, PromptMessage, TaskMessage};
use protocol::plan::Action;
use protocol::scenario::find_root;
use serde_json::{Value, json};

use super::approval::{self, Approving, Ready};
use super::args::{Format, Run};
use super::columns::{self, Cell, Column};
use super::context::Context;
use super::error::{CliError, Kind};
use super::judged::Judged;
use super::plan_page::{bound, head, millis, said};
use crate::exit_code;
use crate::planning::{Ahead, Fate, Start, TaskAhead, look_ahead};
use crate::report::words;
use crate::session;
use crate::settings;
use crate::ui::Tone;

/// Tasks listed; `-o json` has them all.
const MAX_ROWS: usize = 500;
/// Problems told one by one.
const MAX_PROBLEMS: usize = 10;

pub(super) fn dry_run(
    context: &Context,
    args: &Run,
    ready: &Ready,
    slots: u32,
) -> Result<u8, CliError> {
    let asked = &ready.asked;
    let config = Config {
        coordinator: session::new_coordinator(),
        run: session::new_run(),
        trace_id: session::new_trace(),
        max_parallel: Some(slots),
        slots,
        fail_fast: false,
        policy: ready.judged.dispatch(&asked.plan),
        embedded: None,
        crash_limit: CRASH_LIMIT,
        project: Some(find_root(&asked.path).display().to_string()),
        budget: protocol::budget::Budget::default(),
        models: None,
    };
    let ahead = look_ahead(&config, &asked.plan, slots, &settings::task_path());
    let failed: Vec<&TaskAhead<'_>> = ahead
        .tasks
        .iter()
        .filter(|task| task.fate == Fate::Runs && task.problem().is_some())
        .collect();
    if context.format == Format::Text {
        context.ui.data(&page(context, ready, &ahead, slots))?;
    } else {
        context.object(&object(ready, &ahead, failed.is_empty()))?;
    }
    // What it finds is on the page.
    let refusal = approval::reason_against(context, &Approving::of_run(args), ready)
        .map(CliError::without_findings);
    let unstartable = (!failed.is_empty()).then(|| unstartable(&failed));
    let errors = [refusal, unstartable];
    if context.format == Format::Text {
        errors
            .iter()
            .flatten()
            .for_each(|error| error.show(&context.ui));
    }
    let codes = errors.iter().flatten().map(|error| error.kind.exit_code());
    // When both apply: what is not ready can be made ready, and the plan be approved then.
    Ok(codes.max().unwrap_or(exit_code::OK))
}

/// What cannot be said in a message is the plan's fault; a missing program is the machine's.
fn unstartable(failed: &[&TaskAhead<'_>]) -> CliError {
    let is_plan = |task: &&&TaskAhead<'_>| matches!(task.message, Some(Err(_)));
    let kind = match failed.iter().find(is_plan) {
        Some(_) => Kind::Invalid,
        None => Kind::NotReady,
    };
    let tasks = words::count(failed.len(), "task");
    let mut error = CliError::new(
        kind,
        "cannot-start",
        format!("{tasks} could not be started"),
    );
    for task in failed.iter().take(MAX_PROBLEMS) {
        let problem = task.problem().unwrap_or_default();
        error = error.hint(format!("{}: {}", task.name, crate::ui::sanitize(problem)));
    }
    error
}

fn word(fate: &Fate) -> (&'static str, Tone) {
    match fate {
        Fate::Runs => ("would run", Tone::Good),
        Fate::Undecided { .. } => ("undecided", Tone::Warn),
        Fate::Skipped { .. } => ("would skip", Tone::Dim),
    }
}

fn page(context: &Context, ready: &Ready, ahead: &Ahead<'_>, slots: u32) -> String {
    let Ready { asked, judged } = ready;
    let mut text = head(context, asked, judged, slots);
    let rows = || ahead.tasks.iter().take(MAX_ROWS);
    let state = rows().map(|task| {
        let (word, tone) = word(&task.fate);
        Cell {
            text: format!("  {word}"),
            tone: Some(tone),
        }
    });
    let start = rows().map(|task| Cell::from(started(task.start)));
    let name = rows().map(|task| Cell::from(task.name.clone()));
    let what = rows().map(|task| Cell::from(crate::ui::sanitize(&told(task)).into_owned()));
    if asked.plan.awaits_planning() {
        text.push_str(&unplanned(judged));
        text.push_str(&said(judged, context.ui.out_painter()));
        return text;
    }
    let columns = vec![
        Column::text(state.collect()),
        Column::numbers(start.collect()).at_least(5),
        Column::text(name.collect()),
        Column::text(what.collect()),
    ];
    text.push('\n');
    let width = columns::width(&context.ui);
    text.push_str(&columns::render(columns, width, context.ui.out_painter()));
    let more = ahead.tasks.len().saturating_sub(MAX_ROWS);
    if more > 0 {
        writeln!(text, "  … and {more} more; `-o json` has them all").expect("string");
    }
    let tally = tally(ahead);
    let parts = ["would run", "undecided", "would skip"];
    let parts: Vec<String> = tally
        .iter()
        .zip(parts)
        .filter(|(count, _)| **count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    writeln!(
        text,
        "\nDry run: {}; nothing was started",
        parts.join(" · ")
    )
    .expect("string");
    let shells = ahead
        .tasks
        .iter()
        .any(|task| matches!(task.task.action(), Action::Run(_)));
    if shells {
        text.push_str("  of `run:` texts only the shell was looked up, not what they call\n");
    }
    if ahead.is_cut {
        text.push_str("  there are more tasks than are looked at\n");
    }
    text.push_str(&said(judged, context.ui.out_painter()));
    text
}

/// A goal stands for all the tasks that a plan of it may have.
fn unplanned(judged: &Judged) -> String {
    let most = most_tasks(judged);
    format!(
        "\n  undecided  the goal, not planned: at most {}\n\nDry run: no model was asked; nothing was \
         started\n  `--plan-only` asks a model and shows the plan\n",
        words::count(most, "task")
    )
}

/// The most tasks that a plan of the goal may have under this policy.
fn most_tasks(judged: &Judged) -> usize {
    let caps = l2_coordinator::planner::Caps::default().tasks;
    let budget = judged.policy.budgets.tasks;
    let budget = budget.and_then(|tasks| usize::try_from(tasks).ok());
    budget.map_or(caps, |tasks| tasks.min(caps))
}

fn tally(ahead: &Ahead<'_>) -> [usize; 3] {
    let mut tally = [0; 3];
    for task in &ahead.tasks {
        let at = match task.fate {
            Fate::Runs => 0,
            Fate::Undecided { .. } => 1,
            Fate::Skipped { .. } => 2,
        };
        tally[at] += 1;
    }
    tally
}

fn started(start: Start) -> String {
    match start {
        Start::At(0) => "at 0s".into(),
        Start::At(ms) => format!("by {}", millis(ms)),
        Start::Unbounded => "later".into(),
        Start::Never => String::new(),
    }
}

/// Why, what would be started, and what of it is open.
fn told(task: &TaskAhead<'_>) -> String {
    let mut parts = Vec::new();
    match &task.fate {
        Fate::Runs => {}
        Fate::Undecided { by } => parts.push(by.clone()),
        Fate::Skipped { because } => parts.push(because.clone()),
    }
    if task.fate == Fate::Runs && task.task.condition().is_some_and(|at| !at.is_gate_only()) {
        parts.push("its `if` is true".into());
    }
    if let Fate::Skipped { .. } = task.fate {
        return parts.join(" · ");
    }
    if let Some(Ok(message)) = &task.message {
        parts.extend(message.prompt.as_deref().map(question));
    }
    match (&task.message, &task.program) {
        (Some(Err(problem)), _) => parts.push(problem.clone()),
        (_, Some(Err(failure))) => parts.push(failure.message.clone()),
        (Some(Ok(message)), Some(Ok(Program::Found(file)))) => {
            parts.push(format!("{}{}", file.display(), open(message)));
        }
        (Some(Ok(message)), Some(Ok(Program::InWorkspace))) => {
            let name = message.argv.first().map_or("", String::as_str);
            parts.push(format!("{name} of its workspace{}", open(message)));
        }
        _ => {}
    }
    if !matches!(task.message, Some(Err(_))) {
        parts.extend(bound(task.task, task.width, task.tasks));
    }
    parts.join(" · ")
}

/// Who is asked, and what it gets to see.
fn question(prompt: &PromptMessage) -> String {
    let seen = match prompt.context.len() {
        0 => String::new(),
        count => format!(", which sees {}", words::count(count, "piece")),
    };
    format!("asks the {} model{seen}", prompt.tier)
}

/// How many values only the run can fill in.
fn open(message: &TaskMessage) -> String {
    let texts = message.argv.iter().skip(1).chain(message.env.values());
    match texts.filter(|text| text.contains("${{")).count() {
        0 => String::new(),
        open => format!(", {} open", words::count(open, "value")),
    }
}

fn object(ready: &Ready, ahead: &Ahead<'_>, is_startable: bool) -> Value {
    let Ready { asked, judged } = ready;
    let tasks: Vec<Value> = ahead.tasks.iter().map(|task| of_task(task)).collect();
    let [runs, undecided, skips] = tally(ahead);
    let unplanned = asked
        .plan
        .awaits_planning()
        .then(|| json!({ "goal": asked.plan.goal(), "tasks_at_most": most_tasks(judged) }));
    json!({
        "schema": "orchestra.dry-run/v1",
        "name": asked.plan.name(),
        "unplanned": unplanned,
        "plan": asked.plan.digest(),
        "startable": is_startable,
        "policy": approval::told(judged),
        "would_run": runs,
        "undecided": undecided,
        "would_skip": skips,
        "complete": !ahead.is_cut,
        "tasks": tasks,
    })
}

fn of_task(task: &TaskAhead<'_>) -> Value {
    let (state, why) = match &task.fate {
        Fate::Runs => ("would_run", None),
        Fate::Undecided { by } => ("undecided", Some(by)),
        Fate::Skipped { because } => ("would_skip", Some(because)),
    };
    let start = match task.start {
        Start::At(ms) => Some(ms),
        Start::Unbounded | Start::Never => None,
    };
    let program = match &task.program {
        Some(Ok(Program::Found(file))) => Some(file.display().to_string()),
        _ => None,
    };
    let message = task.message.as_ref().and_then(|made| made.as_ref().ok());
    json!({
        "id": task.name,
        "kind": task.task.action().word(),
        "state": state,
        "why": why,
        "if": task.task.condition(),
        "starts_by_ms": start,
        "items_at_most": task.width.map(|width| width.most),
        "program": program,
        "problem": task.problem(),
        "argv": message.map(|message| &message.argv),
        "env": message.map(|message| &message.env),
        "working_dir": message.and_then(|message| message.working_dir.as_ref()),
        "files": message.map(|message| files(task, message)),
        "prompt": message.and_then(|message| message.prompt.as_deref()).map(asked_of),
    })
}

fn asked_of(prompt: &PromptMessage) -> Value {
    let seen = prompt.context.iter().map(|item| &item.label);
    json!({
        "text": prompt.text,
        "tier": prompt.tier,
        "context": seen.collect::<Vec<_>>(),
        "schema": prompt.schema,
        "parse": prompt.parse,
    })
}

/// Where staged files come from, in the plan's words.
fn files(task: &TaskAhead<'_>, message: &TaskMessage) -> Value {
    let staged = message.files.iter().map(|staged| {
        let from = match &staged.source {
            FileSource::Local { path } => path.clone(),
            FileSource::Artifact { .. } => {
                let planned = task.task.files().get(&staged.to);
                planned.map(ToString::to_string).unwrap_or_default()
            }
        };
        (staged.to.clone(), Value::from(from))
    });
    Value::Object(staged.collect())
}
