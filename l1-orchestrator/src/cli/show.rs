//! `orchestra show`

use std::fmt::Write as _;

use super::args::{Format, Show};
use super::context::Context;
use super::error::CliError;
use crate::exit_code;
use crate::report::{Standing, View, closing, outline, told, words};
use crate::runs::{RunEntry, Status, Stored, status};
use crate::session::{now, result_object};
use crate::settings;
use crate::ui::Tone;

/// Tasks listed; the report has them all.
const MAX_TASKS: usize = 50;

pub(super) fn show(context: &Context, args: &Show) -> Result<u8, CliError> {
    let entry = settings::runs_dir(&args.runs, &context.files).resolve(&args.run)?;
    let stored = Stored::load(&entry.dir)?;
    let status = status(&entry.dir);
    if context.format == Format::Text {
        context.page(&args.paging);
        context.ui.data(&text(context, &entry, &stored, status))?;
    } else {
        context.ui.data(&result_object(&entry, &stored, status)?)?;
    }
    Ok(exit_code::OK)
}

fn text(context: &Context, entry: &RunEntry, stored: &Stored, status: Status) -> String {
    let summary = &stored.summary;
    let painter = context.ui.out_painter();
    let mut text = String::new();
    let dir = context.redact.run_dir(&entry.dir);
    if let Some((at, started)) = &summary.started {
        let plan = summary
            .approval
            .as_ref()
            .map(|approval| context.redact.digest(&approval.plan));
        let (run, at) = (
            context.redact.run(&started.run_id),
            context.redact.time(*at),
        );
        let plan = plan.unwrap_or_else(|| "none".into());
        let sandbox = match status {
            Status::Running { .. } => words::sandbox_ahead(started.level),
            _ => words::sandbox(started.level),
        };
        let slots = context.redact.machine(summary.slots());
        writeln!(text, "Run {run} {}   plan {plan}   {dir}", started.scenario).expect("string");
        writeln!(text, "Started {at} UTC · {slots} at once · {sandbox}").expect("string");
    }
    match status {
        Status::Running { pid } => writeln!(text, "Driven by process {pid}").expect("string"),
        Status::Interrupted | Status::Paused => {
            writeln!(text, "Nobody drives it").expect("string");
        }
        Status::Passed
        | Status::Failed
        | Status::Cancelled
        | Status::NeverBegan
        | Status::Damaged => {}
    }
    if stored.torn_bytes > 0 {
        let torn = stored.torn_bytes;
        writeln!(
            text,
            "The journal's last {torn} bytes are torn and not shown"
        )
        .expect("string");
    }
    let driven = matches!(status, Status::Running { .. }).then(now);
    let tasks = told(outline(summary), MAX_TASKS);
    for task in tasks.iter().take(MAX_TASKS) {
        let tone = match task.standing {
            Standing::Done => Tone::Good,
            Standing::Failed { .. } => Tone::Bad,
            _ => Tone::Dim,
        };
        let word = painter.paint(tone, &format!("{:>8}", task.word()));
        let so_far = driven.and_then(|now| Some(now.since(task.begun()?)));
        let so_far = so_far.filter(|_| task.word() == Standing::Running.word());
        let span = task
            .duration()
            .or(so_far)
            .map_or_else(|| " ".repeat(8), |span| context.redact.column(span));
        let how = words::how(summary, task, stored.plan.as_deref(), context.redact);
        let line = format!("{word} {span} {}   {how}", task.name());
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let shown = tasks.len().min(MAX_TASKS);
    if summary.tasks.len() > shown {
        writeln!(text, "         … and {} more", summary.tasks.len() - shown).expect("string");
    }
    let view = View {
        plan: stored.plan.clone(),
        run: context.reference(entry),
        dir,
        driven,
        redact: context.redact,
    };
    text.push_str(&closing(summary, &view, painter));
    text.push('\n');
    text
}
