//! `orchestra list`

use protocol::time::Timestamp;
use serde_json::{Value, json};

use super::args::{Format, List};
use super::context::Context;
use super::error::CliError;
use crate::exit_code;
use crate::runs::{RunEntry, Status, finished_at, status};
use crate::settings;
use crate::ui::Tone;

pub(super) fn list(context: &Context, args: &List) -> Result<u8, CliError> {
    let runs = settings::runs_dir(&args.runs, &context.files);
    let entries = runs.entries()?;
    match context.format {
        Format::Text => {
            for entry in &entries {
                context.ui.data(&line(context, entry))?;
            }
            if entries.is_empty() {
                context
                    .ui
                    .note(&format!("no runs in {}", runs.dir().display()));
            }
        }
        Format::Json => {
            let list: Vec<Value> = entries.iter().map(object).collect();
            context.object(&json!({ "schema": "orchestra.list/v1", "runs": list }))?;
        }
        Format::Jsonl => {
            for entry in &entries {
                context.object(&object(entry))?;
            }
        }
    }
    Ok(exit_code::OK)
}

fn line(context: &Context, entry: &RunEntry) -> String {
    let status = status(&entry.dir);
    let record = entry.record();
    let redact = context.redact;
    let id = record
        .as_ref()
        .map_or_else(|| entry.short.clone(), |run| redact.run(&run.run_id));
    let started = record
        .as_ref()
        .map_or_else(|| entry.minute.clone(), |run| redact.time(run.started));
    let took = record
        .and_then(|run| Some(redact.duration(finished_at(&entry.dir)?.since(run.started))))
        .unwrap_or_default();
    let tone = match status {
        Status::Passed => Tone::Good,
        Status::Failed => Tone::Bad,
        Status::Running { .. } => Tone::Strong,
        Status::Cancelled | Status::Interrupted => Tone::Warn,
        Status::NeverBegan => Tone::Dim,
    };
    let word = context
        .ui
        .out_painter()
        .paint(tone, &format!("{:<11}", status.word()));
    let line = format!("{id}  {word}  {started}  {took:>7}  {}", entry.scenario);
    format!("{}\n", line.trim_end())
}

fn object(entry: &RunEntry) -> Value {
    let status = status(&entry.dir);
    let record = entry.record();
    let mut object = json!({
        "run": entry.short,
        "scenario": entry.scenario,
        "status": status.word(),
        "dir": entry.dir.display().to_string(),
    });
    if let Status::Running { pid } = status {
        object["pid"] = json!(pid);
    }
    if let Some(record) = record {
        object["run_id"] = json!(record.run_id);
        object["started"] = json!(record.started);
    }
    let finished: Option<Timestamp> = finished_at(&entry.dir);
    if let Some(finished) = finished {
        object["finished"] = json!(finished);
    }
    object
}
