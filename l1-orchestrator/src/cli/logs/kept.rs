//! Kept streams, each attempt's on its own.

use std::io::{self, Read as _};
use std::path::Path;

use serde_json::json;

use super::chosen::{Chosen, Stream};
use crate::cli::args::{Format, Paging};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::exit_code;
use crate::report::{Attempt, AttemptEnding, TaskSummary};
use crate::runs::{RunEntry, Stored};
use crate::ui::{Tone, sanitize};

/// Most bytes of one stream put into JSON; the file has the rest.
const MAX_JSON_BYTES: usize = 1024 * 1024;
/// Most bytes of one stream that are read; the worker keeps fewer.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

struct Kept<'a> {
    task: &'a TaskSummary,
    attempt: &'a Attempt,
    stream: Stream,
    path: String,
}

pub(super) fn print(
    context: &Context,
    entry: &RunEntry,
    chosen: &Chosen,
    paging: &Paging,
) -> Result<u8, CliError> {
    let stored = Stored::load(&entry.dir)?;
    chosen.check(context, entry, &stored.summary, stored.plan.as_deref())?;
    let tasks = stored.summary.tasks.iter();
    let attempts = tasks
        .filter(|task| chosen.has(&task.id))
        .flat_map(|task| task.attempts.iter().map(move |attempt| (task, attempt)))
        .filter(|(_, attempt)| chosen.has_attempt(attempt.number))
        .filter(|(_, attempt)| {
            !chosen.failed || matches!(attempt.ending, AttemptEnding::Failed { .. })
        });
    let kept: Vec<Kept<'_>> = attempts
        .flat_map(|(task, attempt)| kept_of(&entry.dir, chosen, task, attempt))
        .collect();
    if !kept.is_empty() {
        context.page(paging);
    }
    print_all(context, &entry.dir, &kept)?;
    Ok(exit_code::OK)
}

fn kept_of<'a>(
    dir: &Path,
    chosen: &Chosen,
    task: &'a TaskSummary,
    attempt: &'a Attempt,
) -> Vec<Kept<'a>> {
    let kept = chosen.streams.iter().map(|&stream| Kept {
        task,
        attempt,
        stream,
        path: stream.path(&task.id, attempt.number),
    });
    let is_there =
        |kept: &Kept<'_>| fs_err::metadata(dir.join(&kept.path)).is_ok_and(|meta| meta.len() > 0);
    kept.filter(is_there).collect()
}

fn print_all(context: &Context, dir: &Path, streams: &[Kept<'_>]) -> Result<(), CliError> {
    match context.format {
        Format::Text => {
            if streams.is_empty() {
                context.ui.note("nothing was written");
            }
            for stream in streams {
                text(context, dir, stream, streams.len() > 1)?;
            }
        }
        Format::Json => {
            let list = streams.iter().map(|stream| object(dir, stream));
            let list = list.collect::<Result<Vec<_>, _>>()?;
            context.object(&json!({ "schema": "orchestra.logs/v1", "logs": list }))?;
        }
        Format::Jsonl => {
            for stream in streams {
                context.object(&object(dir, stream)?)?;
            }
        }
    }
    Ok(())
}

fn text(context: &Context, dir: &Path, stream: &Kept<'_>, many: bool) -> Result<(), CliError> {
    let bytes = read(dir, &stream.path)?;
    if many {
        let (name, how) = (stream.task.name(), stream.attempt.how());
        let (number, stream) = (stream.attempt.number, stream.stream.name());
        let heading = format!("==> {name}, attempt {number}, {how}, {stream} <==");
        let heading = context.ui.out_painter().paint(Tone::Strong, &heading);
        context.ui.data(&format!("{heading}\n"))?;
    }
    if context.ui.stdout_terminal {
        context
            .ui
            .data(&sanitize(&String::from_utf8_lossy(&bytes)))?;
    } else {
        context.ui.data_bytes(&bytes)?;
    }
    if many && bytes.last() != Some(&b'\n') {
        context.ui.data("\n")?;
    }
    Ok(())
}

fn object(dir: &Path, stream: &Kept<'_>) -> Result<serde_json::Value, CliError> {
    let bytes = read(dir, &stream.path)?;
    let shown = &bytes[..bytes.len().min(MAX_JSON_BYTES)];
    Ok(json!({
        "schema": "orchestra.log/v1",
        "task": stream.task.id,
        "attempt": stream.attempt.number,
        "how": stream.attempt.how(),
        "stream": stream.stream.name(),
        "path": stream.path,
        "bytes": bytes.len(),
        "text": String::from_utf8_lossy(shown),
        "cut": shown.len() < bytes.len(),
    }))
}

fn read(dir: &Path, path: &str) -> Result<Vec<u8>, CliError> {
    let unreadable = |error: io::Error| {
        CliError::not_ready("log-unreadable", format!("{path} cannot be read")).because(error)
    };
    let mut bytes = Vec::new();
    let file = fs_err::File::open(dir.join(path)).map_err(unreadable)?;
    file.take(MAX_BYTES)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    Ok(bytes)
}
