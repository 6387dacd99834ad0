//! `orchestra report`: the stored journal through the same renderers as the live run.

use super::args::{Format, Report};
use super::context::Context;
use super::error::CliError;
use crate::exit_code;
use crate::report::{json, jsonl, markdown};
use crate::runs::{Status, Stored, each_event, status};
use crate::settings;

pub(super) fn report(context: &Context, args: &Report) -> Result<u8, CliError> {
    let entry = settings::runs_dir(&args.runs, &context.files).resolve(&args.run)?;
    if context.format == Format::Jsonl {
        each_event(&entry.dir, |event| {
            Ok(context.ui.data(&jsonl::line(event))?)
        })?;
        return Ok(exit_code::OK);
    }
    if let Status::Running { pid } = status(&entry.dir) {
        let note = format!("process {pid} drives this run: the report is of what happened so far");
        context.ui.note(&note);
    }
    let stored = Stored::load(&entry.dir)?;
    if context.format == Format::Json {
        let mut bytes = Vec::new();
        json::write(&stored.summary, stored.plan.as_deref(), &mut bytes)
            .map_err(|error| CliError::internal("report is no JSON").because(error))?;
        context.ui.data_bytes(&bytes)?;
    } else {
        let text = markdown::render(&stored.summary, stored.plan.as_ref(), context.redact);
        context.ui.data(&text)?;
    }
    Ok(exit_code::OK)
}
