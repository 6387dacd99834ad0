//! `orchestra explain`: the story of one task, with the events it rests on.

use protocol::event::SkipCause;
use protocol::ids::TaskId;
use protocol::nearest::nearest;
use serde_json::{Value, json};

use super::args::{Explain, Format};
use super::columns;
use super::context::Context;
use super::error::CliError;
use crate::exit_code;
use crate::explain::{Gather, Line, explain as lines_of};
use crate::report::{Standing, TaskSummary, task_word, words};
use crate::runs::{RunEntry, Status, Stored, status};
use crate::settings;
use crate::ui::Tone;

/// Narrowest width that text is wrapped to; below it words would stand alone.
const MIN_WIDTH: usize = 30;
/// Where sentences begin, behind their time.
const INDENT: usize = 12;

pub(super) fn explain(context: &Context, args: &Explain) -> Result<u8, CliError> {
    let entry = settings::runs_dir(&args.runs, &context.files).resolve(&args.run)?;
    // What is no id is looked for as well, so that the answer names the nearest one.
    let wanted = args.task.parse::<TaskId>().ok();
    let mut gather = wanted.map(Gather::new);
    let stored = Stored::load_with(&entry.dir, |event| {
        if let Some(gather) = &mut gather {
            gather.take(event);
        }
    })?;
    let known = gather.filter(|gather| is_known(&stored, gather.task()));
    let Some(gather) = known else {
        return Err(unknown(context, &entry, &stored, &args.task));
    };
    let plan = stored.plan.as_deref();
    let is_driven = matches!(status(&entry.dir), Status::Running { .. });
    let lines = lines_of(&gather, &stored.summary, plan, is_driven, context.redact);
    if context.format == Format::Text {
        context.page(&args.paging);
        context
            .ui
            .data(&text(context, &entry, &stored, &gather, &lines))?;
    } else {
        context.object(&object(&stored, &gather, &lines))?;
    }
    Ok(exit_code::OK)
}

fn is_known(stored: &Stored, task: &TaskId) -> bool {
    let is_planned = stored
        .plan
        .as_ref()
        .is_some_and(|plan| plan.index_of(task.as_str()).is_some());
    is_planned || stored.summary.task(task).is_some()
}

fn unknown(context: &Context, entry: &RunEntry, stored: &Stored, wanted: &str) -> CliError {
    let planned = stored.plan.iter().flat_map(|plan| plan.tasks());
    let planned = planned.map(|(_, task)| task.id().as_str());
    let told = stored.summary.tasks.iter().map(|task| task.id.as_str());
    let near = nearest(wanted, planned.chain(told));
    let hint = near.map_or_else(
        || {
            let show = context.reference(entry).command("show", "");
            format!("`{show}` names the tasks")
        },
        |near| format!("did you mean `{near}`?"),
    );
    let message = format!("the run has no task `{wanted}`");
    CliError::usage("unknown-task", message).hint(hint)
}

fn text(
    context: &Context,
    entry: &RunEntry,
    stored: &Stored,
    gather: &Gather,
    lines: &[Line],
) -> String {
    let painter = context.ui.out_painter();
    let summary = stored.summary.task(gather.task());
    let mut text = format!("{}\n\n", headline(context, stored, gather, summary));
    let width = columns::width(&context.ui).map(|width| width.max(MIN_WIDTH));
    let begun = gather.begun.map(|begun| begun.at);
    for line in lines {
        let offset = line.at.zip(begun).map(|(at, begun)| at.since(begun));
        let offset = offset.map_or_else(String::new, |offset| context.redact.offset(offset));
        let events: Vec<String> = line
            .events
            .iter()
            .map(|seq| format!("#{}", context.redact.seq(*seq)))
            .collect();
        let cited = if events.is_empty() {
            String::new()
        } else {
            format!(" ({})", events.join(", "))
        };
        let sentence = wrapped(&format!("{}{cited}", line.text), width);
        let offset = painter.paint(Tone::Dim, &format!("{offset:>10}"));
        text.push_str(&format!("{offset}  {sentence}\n"));
    }
    let next = next(context, entry, stored, gather.task()).join(" · ");
    text.push_str(&format!("\n  next: {next}\n"));
    text
}

/// What to type next, most useful first.
fn next(context: &Context, entry: &RunEntry, stored: &Stored, task: &TaskId) -> Vec<String> {
    let run = context.reference(entry);
    let summary = stored.summary.task(task);
    let is_driven = matches!(status(&entry.dir), Status::Running { .. });
    let is_over = stored.summary.ending.is_some();
    if !is_over && !is_driven {
        return vec![run.command("resume", "")];
    }
    let look = match beneath(stored, task) {
        // A parent has no output of its own.
        Some(child) if wrote(child) => run.command("logs", &task_word(&child.id)),
        Some(child) => run.command("explain", &task_word(&child.id)),
        None if summary.is_some_and(wrote) => run.command("logs", &task_word(task)),
        None => run.command("show", ""),
    };
    let repeats = summary.is_some_and(|task| match &task.standing {
        Standing::Failed { tolerated, .. } => !tolerated,
        Standing::Skipped { cause, .. } => *cause != SkipCause::If,
        Standing::Cancelled => true,
        Standing::Waiting | Standing::Running | Standing::Done => false,
    });
    let again = (is_over && repeats).then(|| run.command("retry", ""));
    std::iter::once(look).chain(again).collect()
}

/// The first failure beneath a task that expanded and failed.
fn beneath<'a>(stored: &'a Stored, task: &TaskId) -> Option<&'a TaskSummary> {
    let is_below = |child: &TaskSummary| {
        let rest = child.id.as_str().strip_prefix(task.as_str());
        rest.is_some_and(|rest| rest.starts_with(['[', '/']))
    };
    let tasks = stored.summary.tasks.iter();
    tasks
        .filter(|child| child.fails_itself() && is_below(child))
        .min_by_key(|child| child.ended)
}

fn wrote(task: &TaskSummary) -> bool {
    let mut attempts = task.attempts.iter();
    attempts.any(|attempt| attempt.log_bytes != [0, 0])
}

fn headline(
    context: &Context,
    stored: &Stored,
    gather: &Gather,
    summary: Option<&TaskSummary>,
) -> String {
    let started = stored.summary.started.as_ref();
    let run = started.map(|(_, started)| {
        let id = context.redact.run(&started.run_id);
        format!("run {id}, {}", started.scenario)
    });
    let word = summary.map_or("WAIT", TaskSummary::word);
    let reason = summary.map(|task| words::reason(&stored.summary, task));
    let reason = reason.filter(|reason| !reason.is_empty());
    let reason = reason.map_or_else(String::new, |reason| format!("   {reason}"));
    let run = run.unwrap_or_default();
    format!("{word} {}{reason}   {run}", gather.task())
}

/// Words in lines that begin below each other.
fn wrapped(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else {
        return text.to_owned();
    };
    let room = width.saturating_sub(INDENT).max(1);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is a first line");
        let length = line.chars().count();
        if length > 0 && length + 1 + word.chars().count() > room {
            lines.push(word.to_owned());
        } else {
            if length > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join(&format!("\n{}", " ".repeat(INDENT)))
}

fn object(stored: &Stored, gather: &Gather, lines: &[Line]) -> Value {
    let begun = gather.begun.map(|begun| begun.at);
    let summary = stored.summary.task(gather.task());
    let lines = lines.iter().map(|line| {
        let offset = line.at.zip(begun).map(|(at, begun)| at.since(begun));
        json!({
            "at": line.at,
            "offset_us": offset.map(|span| u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
            "text": line.text,
            "events": line.events,
        })
    });
    let started = stored.summary.started.as_ref();
    json!({
        "schema": "orchestra.explain/v1",
        "run_id": started.map(|(_, started)| started.run_id),
        "task": gather.task(),
        "status": summary.map_or("pending", |task| task.standing.status()),
        "lines": lines.collect::<Value>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_wrapped_between_words() {
        assert_eq!(wrapped("one two three", None), "one two three");
        let narrow = wrapped("one two three", Some(INDENT + 7));
        assert_eq!(narrow, format!("one two\n{}three", " ".repeat(INDENT)));
        let single = wrapped("one two", Some(1));
        assert_eq!(single, format!("one\n{}two", " ".repeat(INDENT)));
    }
}
