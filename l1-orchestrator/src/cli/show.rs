//! `orchestra show`

use std::fmt::Write as _;

use super::args::{Format, Show};
use super::context::Context;
use super::error::CliError;
use crate::exit_code;
use crate::report::{Standing, TaskSummary, View, closing, words};
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
        let sandbox = words::sandbox(started.level);
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
    let mut tasks: Vec<&TaskSummary> = summary.tasks.iter().collect();
    // Failures in the order in which they happened, as everywhere.
    let ended = |task: &TaskSummary| task.ended.filter(|_| task.is_failed());
    tasks.sort_by_key(|task| (task.standing.rank(), ended(task)));
    for task in tasks.iter().take(MAX_TASKS) {
        let tone = match task.standing {
            Standing::Done => Tone::Good,
            Standing::Failed { .. } => Tone::Bad,
            _ => Tone::Dim,
        };
        let word = painter.paint(tone, &format!("{:>8}", task.standing.word()));
        let span = task
            .duration()
            .map_or_else(|| " ".repeat(8), |span| context.redact.column(span));
        let reason = match task.standing {
            Standing::Waiting => words::waiting(task, stored.plan.as_deref(), context.redact),
            _ => words::reason(summary, task),
        };
        let line = format!("{word} {span} {}   {reason}", task.id);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if tasks.len() > MAX_TASKS {
        writeln!(text, "         … and {} more", tasks.len() - MAX_TASKS).expect("string");
    }
    let view = View {
        plan: stored.plan.clone(),
        run: context.reference(entry),
        dir,
        driven: matches!(status, Status::Running { .. }).then(now),
        redact: context.redact,
    };
    text.push_str(&closing(summary, &view, painter));
    text.push('\n');
    text
}
