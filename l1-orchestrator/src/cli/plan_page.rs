//! A plan as people see it before it runs: what it is, what it may do, its tasks as a tree and a table,
//! its worst case.

use std::fmt::Write as _;
use std::time::Duration;

use l2_coordinator::{Width, width};
use protocol::budget::Money;
use protocol::plan::{Action, Bounds, Plan, PlanTask, TaskIndex};

use super::asked::Asked;
use super::columns::{self, Cell, Column};
use super::context::Context;
use super::judged::Judged;
use super::whole_task::whole;
use crate::compare::PlanDiff;
use crate::planning::{self, Branch, Known, Span, Worst, worst};
use crate::policy::{Approvals, Outlook, argv};
use crate::report::{Redactor, findings, words};
use crate::ui::{Painter, Tone, sanitize};

/// Lines of the tree, and rows of the table; `-o json` has everything.
const MAX_LINES: usize = 200;
/// Lines of a script shown.
const MAX_SCRIPT_LINES: usize = 40;
/// Characters of one input's value.
const MAX_VALUE: usize = 60;

/// Characters of what a task is for.
const MAX_ABOUT: usize = 100;

/// The whole page, but for what to type next.
pub(super) fn page(context: &Context, asked: &Asked, judged: &Judged, slots: u32) -> String {
    let painter = context.ui.out_painter();
    let mut text = head(context, asked, judged, slots);
    tree(&mut text, &asked.plan);
    table(&mut text, context, &asked.plan);
    text.push_str(&ending(context, asked, judged));
    text.push_str(&said(judged, painter));
    text
}

/// Under what it runs, what it may do with that, and what changed since somebody approved it.
pub(super) fn policy_lines(context: &Context, asked: &Asked, judged: &Judged) -> String {
    let outlook = Outlook::of(&asked.plan, &judged.policy, &judged.site);
    let mut text = format!("policy {} · {outlook}\n", judged.policy.pack);
    if let Some(changed) = since_approval(context, asked, judged) {
        writeln!(text, "{changed}").expect("into a string");
    }
    text
}

fn since_approval(context: &Context, asked: &Asked, judged: &Judged) -> Option<String> {
    let last = Approvals::of_user().last(&asked.path, asked.plan.name())?;
    let at = context.redact.time(last.at);
    if last.plan == asked.plan.digest() {
        let same = last.policy == judged.policy.digest();
        return Some(match same {
            true => format!("approved like this {at} UTC"),
            false => format!("approved {at} UTC, under another policy ({})", last.pack),
        });
    }
    let changed = match last.plan() {
        Some(plan) => PlanDiff::between(&plan, &asked.plan).short(),
        None => "something, in a plan too long to be kept".into(),
    };
    Some(format!("changed since last approval ({at} UTC): {changed}"))
}

/// What the policy has to say.
pub(super) fn said(judged: &Judged, painter: Painter) -> String {
    let found = &judged.verdict.findings;
    let mut text = String::new();
    if !found.is_empty() {
        let count = findings::count(found);
        text = format!("\nFindings: {count}\n{}", findings::lines(found, painter));
    }
    for reason in &judged.verdict.approval {
        let reason = sanitize(reason);
        writeln!(text, "Needs approval: {reason}").expect("into a string");
    }
    text
}

/// The first lines of every page about a plan.
pub(super) fn head(context: &Context, asked: &Asked, judged: &Judged, slots: u32) -> String {
    let plan = &asked.plan;
    let digest = context.redact.digest(&plan.digest());
    let mut text = format!("Plan {digest} {}\n", plan.name());
    let tasks = match plan.awaits_planning() {
        true => "no tasks yet".to_owned(),
        false => words::tasks(plan.len(), plan.goal().is_some()),
    };
    let sandbox = words::sandbox_ahead(judged.policy.sandbox.level);
    let slots = context.redact.machine(slots);
    writeln!(text, "{tasks} · {slots} at once · {sandbox}").expect("string");
    text.push_str(&policy_lines(context, asked, judged));
    for (name, value) in plan.inputs() {
        let value = columns::cut(&value.to_string(), MAX_VALUE);
        writeln!(text, "  {name} = {}", sanitize(&value)).expect("string");
    }
    text
}

fn tree(text: &mut String, plan: &Plan) {
    for (at, line) in plan.goal().into_iter().flat_map(str::lines).enumerate() {
        let label = if at == 0 { "goal  " } else { "      " };
        writeln!(text, "{label}{}", sanitize(line)).expect("string");
    }
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
        // Nobody wrote it: whoever approves it has to see what it runs.
        if plan.goal().is_some() {
            let indent = " ".repeat(stem.chars().count());
            for line in whole(plan.task(task)) {
                writeln!(text, "  {indent}  {line}").expect("string");
            }
        }
    }
    more(text, plan);
}

/// What a task's line says beyond its name.
fn notes(task: &PlanTask, known: &Known<'_>) -> String {
    let mut text = String::new();
    if let Some(about) = task.description() {
        let about = columns::cut(about, MAX_ABOUT);
        write!(text, "   {}", sanitize(&about)).expect("string");
    }
    let bound = match task.fan_out().map(|fan_out| width(fan_out, known)) {
        Some(Err(failure)) => Some(format!("cannot expand: {}", failure.message)),
        width => {
            let width = width.and_then(Result::ok);
            bound(task, width, worst_of(task, known).tasks)
        }
    };
    if let Some(bound) = bound {
        write!(text, "   {}", sanitize(&bound)).expect("string");
    }
    if let Some(condition) = task.condition() {
        let condition = columns::cut(condition.as_str(), MAX_VALUE);
        write!(text, "   if {}", sanitize(&condition)).expect("string");
    }
    text
}

pub(super) fn worst_of(task: &PlanTask, known: &Known<'_>) -> Worst {
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
                Action::Run(_) | Action::Command(_) | Action::Prompt(_) => format!("{most}{items}"),
            })
        }
        (None, Action::Uses(_)) => Some(format!("at most {all}")),
        (None, Action::Run(_) | Action::Command(_) | Action::Prompt(_)) => None,
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
        Column::text(column("kind", &|_, task| task.action().word().into())).spare(1),
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

pub(super) fn attempts(task: &PlanTask) -> u64 {
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

/// What models are asked at most, against what the policy lets a run use.
fn asks(judged: &Judged) -> Option<String> {
    let worst = judged.calls.as_ref()?;
    let budgets = &judged.policy.budgets;
    let of = |most: Option<String>| most.map(|most| format!(" of {most}")).unwrap_or_default();
    let calls = of(budgets.calls.map(|most| most.to_string()));
    let tokens = of(budgets.tokens.map(|most| most.to_string()));
    let usd = of(budgets
        .usd_nanos
        .map(|most| Money::from_nanos(most).to_string()));
    let mut text = format!(
        "{}{calls} calls · {}{tokens} tokens",
        worst.calls, worst.tokens
    );
    if worst.unpriced.is_empty() || worst.usd > Money::ZERO {
        write!(text, " · {}{usd}", worst.usd).expect("into a string");
    }
    for model in &worst.unpriced {
        let model = crate::ui::sanitize(model);
        write!(text, " · no known price of {model}").expect("into a string");
    }
    Some(text)
}

fn ending(context: &Context, asked: &Asked, judged: &Judged) -> String {
    let worst = worst(&asked.plan);
    let number =
        |count: u64, noun| words::count(usize::try_from(count).unwrap_or(usize::MAX), noun);
    let (tasks, attempts) = (
        number(worst.tasks, "task"),
        number(worst.attempts, "attempt"),
    );
    let mut text = format!("\nWorst case: {tasks}, {attempts}\n");
    writeln!(text, "  one after the other   {}", span(worst.sum)).expect("string");
    writeln!(text, "  longest path          {}", span(worst.path)).expect("string");
    if let Some(asks) = asks(judged) {
        writeln!(text, "  models are asked      {asks}").expect("string");
    }
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
    text
}

/// What it runs: the words of its command line, or its script.
pub(super) fn program(task: &PlanTask) -> Vec<String> {
    let lines: Vec<String> = match task.action() {
        Action::Run(script) => script.lines().map(str::to_owned).collect(),
        Action::Prompt(prompt) => prompt.text.as_str().lines().map(str::to_owned).collect(),
        Action::Command(_) => {
            let word = |word: Option<&str>| match word {
                Some(word) => crate::runs::quoted(word.as_ref()),
                None => "${{ … }}".to_owned(),
            };
            let words: Vec<String> = argv(task).into_iter().map(word).collect();
            vec![words.join(" ")]
        }
        Action::Uses(uses) => vec![format!("uses {}", uses.file)],
    };
    let more = lines.len().saturating_sub(MAX_SCRIPT_LINES);
    let mut shown: Vec<String> = lines.into_iter().take(MAX_SCRIPT_LINES).collect();
    if more > 0 {
        shown.push(format!("… and {more} more lines"));
    }
    shown
}
