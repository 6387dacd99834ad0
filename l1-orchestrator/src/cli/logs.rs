//! `orchestra logs`: each kept stream of each attempt on its own.

use std::io::{self, Read as _};
use std::path::Path;

use protocol::nearest::nearest;
use protocol::run_dir;
use serde_json::json;

use super::args::{Format, Logs};
use super::context::Context;
use super::error::CliError;
use crate::exit_code;
use crate::report::{Attempt, AttemptEnding, TaskSummary};
use crate::runs::Stored;
use crate::settings;
use crate::ui::{Tone, sanitize};

/// Most bytes of one stream put into JSON; the file has the rest.
const MAX_JSON_BYTES: usize = 1024 * 1024;
/// Most bytes of one stream that are read; the worker keeps fewer.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

struct Stream<'a> {
    task: &'a TaskSummary,
    attempt: &'a Attempt,
    name: &'static str,
    path: String,
}

pub(super) fn logs(context: &Context, args: &Logs) -> Result<u8, CliError> {
    let entry = settings::runs_dir(&args.runs, &context.files).resolve(&args.run)?;
    let stored = Stored::load(&entry.dir)?;
    let tasks = &stored.summary.tasks;
    let known = || {
        let planned = stored.plan.iter().flat_map(|plan| plan.tasks());
        let planned = planned.map(|(_, task)| task.id().as_str());
        planned.chain(tasks.iter().map(|task| task.id.as_str()))
    };
    if let Some(wanted) = &args.task
        && !known().any(|id| id == wanted)
    {
        let message = format!("the run has no task `{wanted}`");
        let near = nearest(wanted, known()).map(|near| format!("did you mean `{near}`?"));
        let hint = near.unwrap_or_else(|| {
            format!(
                "`{}` names the tasks",
                context.reference(&entry).command("show", "")
            )
        });
        return Err(CliError::usage("unknown-task", message).hint(hint));
    }
    let is_wanted = |task: &&TaskSummary| {
        let wanted = args.task.as_ref();
        wanted.is_none_or(|wanted| task.id.as_str() == wanted)
    };
    if let Some(number) = args.attempt {
        let attempts = tasks
            .iter()
            .filter(is_wanted)
            .map(|task| task.attempts.len());
        let most = attempts.max().unwrap_or(0);
        if number as usize > most || number == 0 {
            let had = match most {
                0 => "no attempt was made".into(),
                1 => "the only attempt is 1".into(),
                most => format!("attempts are 1 to {most}"),
            };
            let message = format!("there is no attempt {number}");
            return Err(CliError::usage("unknown-attempt", message).hint(had));
        }
    }
    let streams: Vec<Stream<'_>> = tasks
        .iter()
        .filter(is_wanted)
        .flat_map(|task| task.attempts.iter().map(move |attempt| (task, attempt)))
        .filter(|(_, attempt)| args.attempt.is_none_or(|wanted| attempt.number == wanted))
        .filter(|(_, attempt)| {
            !args.failed || matches!(attempt.ending, AttemptEnding::Failed { .. })
        })
        .flat_map(|(task, attempt)| streams_of(&entry.dir, task, attempt))
        .collect();
    print(context, &entry.dir, &streams)?;
    Ok(exit_code::OK)
}

fn streams_of<'a>(dir: &Path, task: &'a TaskSummary, attempt: &'a Attempt) -> Vec<Stream<'a>> {
    let out = ("stdout", run_dir::stdout_log(&task.id, attempt.number));
    let err = ("stderr", run_dir::stderr_log(&task.id, attempt.number));
    let kept = |path: &str| fs_err::metadata(dir.join(path)).is_ok_and(|meta| meta.len() > 0);
    [out, err]
        .into_iter()
        .filter(|(_, path)| kept(path))
        .map(|(name, path)| Stream {
            task,
            attempt,
            name,
            path,
        })
        .collect()
}

fn print(context: &Context, dir: &Path, streams: &[Stream<'_>]) -> Result<(), CliError> {
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

fn text(context: &Context, dir: &Path, stream: &Stream<'_>, many: bool) -> Result<(), CliError> {
    let bytes = read(dir, &stream.path)?;
    if many {
        let Stream {
            task,
            attempt,
            name,
            ..
        } = stream;
        let how = attempt.how();
        let heading = format!(
            "==> {}, attempt {}, {how}, {name} <==",
            task.id, attempt.number
        );
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

fn object(dir: &Path, stream: &Stream<'_>) -> Result<serde_json::Value, CliError> {
    let bytes = read(dir, &stream.path)?;
    let shown = &bytes[..bytes.len().min(MAX_JSON_BYTES)];
    Ok(json!({
        "task": stream.task.id,
        "attempt": stream.attempt.number,
        "how": stream.attempt.how(),
        "stream": stream.name,
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
