//! `orchestra pause`: asks whoever drives the run to stop for now. `orchestra resume` goes on.

use std::time::{Duration, Instant};

use l2_coordinator::{Asked, Holder, Pausing};
use serde_json::json;

use super::args::Pause;
use super::context::Context;
use super::error::CliError;
use crate::exit_code;
use crate::runs::{RunEntry, Stored};
use crate::settings;

/// A process that only begins to drive the run listens within milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks whether it listens.
const AGAIN: Duration = Duration::from_millis(20);

pub(super) fn pause(context: &Context, args: &Pause) -> Result<u8, CliError> {
    let entry = settings::runs_dir(&args.runs, &context.files).resolve(&args.run)?;
    let how = if args.now {
        Pausing::Now
    } else {
        Pausing::Gently
    };
    match ask(&entry, how)? {
        Asked::Sent(Holder { pid, .. }) => {
            let text = match how {
                Pausing::Gently => format!(
                    "process {pid} was asked to pause; it ends once its running attempts have\n"
                ),
                Pausing::Now => format!(
                    "process {pid} was asked to pause and to stop its attempts, which run again later\n"
                ),
            };
            say(context, &entry, "asked", text, Some(pid))
        }
        Asked::NotHeld => unheld(context, &entry),
        Asked::Elsewhere(holder) => {
            let message = format!("the run is held by process {} of another host", holder.pid);
            Err(CliError::not_ready("run-elsewhere", message).hint("run `orchestra pause` there"))
        }
        Asked::Deaf(holder) => {
            let message = format!("process {} holds the run and cannot be paused", holder.pid);
            let stop = context.reference(&entry).command("cancel", "");
            Err(CliError::not_ready("run-unpausable", message)
                .hint(format!("`{stop}` stops it for good")))
        }
    }
}

fn ask(entry: &RunEntry, how: Pausing) -> Result<Asked, CliError> {
    let begun = Instant::now();
    loop {
        let asked = l2_coordinator::pause_holder(&entry.dir, how).map_err(|error| {
            CliError::not_ready("holder-unknown", "whoever drives the run cannot be asked")
                .because(error)
        })?;
        if !matches!(asked, Asked::Deaf(_)) || begun.elapsed() > PATIENCE {
            return Ok(asked);
        }
        std::thread::sleep(AGAIN);
    }
}

/// Nothing runs, which is what was asked for.
fn unheld(context: &Context, entry: &RunEntry) -> Result<u8, CliError> {
    let stored = Stored::load(&entry.dir)?;
    if stored.summary.ending.is_some() {
        let text = "the run is over already\n".to_owned();
        return say(context, entry, "over", text, None);
    }
    let resume = context.reference(entry).command("resume", "");
    let text = format!("nobody drives the run; `{resume}` goes on\n");
    say(context, entry, "not-driven", text, None)
}

fn say(
    context: &Context,
    entry: &RunEntry,
    result: &str,
    text: String,
    pid: Option<u32>,
) -> Result<u8, CliError> {
    let json = json!({
        "schema": "orchestra.pause/v1",
        "dir": entry.dir.display().to_string(),
        "result": result,
        "pid": pid,
    });
    context.answer(|| text, json)?;
    Ok(exit_code::OK)
}
