//! `orchestra report`: the stored journal through the same renderers as the live run.

use super::args::{Format, Report, ReportFormat};
use super::context::Context;
use super::error::CliError;
use crate::exit_code;
use crate::report::{html, json, jsonl, junit, markdown};
use crate::runs::{Status, Stored, each_event, status};
use crate::session::now;
use crate::settings;

pub(super) fn report(context: &Context, args: &Report) -> Result<u8, CliError> {
    let entry = settings::runs_dir(&args.runs, &context.files).resolve(&args.run)?;
    if context.format == Format::Jsonl {
        each_event(&entry.dir, |event| {
            Ok(context.ui.data(&jsonl::line(event))?)
        })?;
        return Ok(exit_code::OK);
    }
    let mut driven = None;
    if let Status::Running { pid } = status(&entry.dir) {
        driven = Some(now());
        let note = format!("process {pid} drives this run: the report is of what happened so far");
        context.ui.note(&note);
    }
    let stored = Stored::load(&entry.dir)?;
    let format = match context.format {
        Format::Text => args.format.unwrap_or_default(),
        Format::Json | Format::Jsonl => ReportFormat::Json,
    };
    let (summary, redact) = (&stored.summary, context.redact);
    let mut bytes = Vec::new();
    let written = match format {
        ReportFormat::Md => {
            bytes = markdown::render(summary, stored.plan.as_ref(), driven, redact).into_bytes();
            Ok(())
        }
        ReportFormat::Html => {
            let page = html::render(summary, stored.plan.as_ref(), driven, redact);
            let page = page
                .map_err(|error| CliError::internal("the page does not render").because(error))?;
            bytes = page.into_bytes();
            Ok(())
        }
        ReportFormat::Junit => junit::write(summary, redact, &mut bytes),
        ReportFormat::Json => json::write(summary, stored.plan.as_deref(), &mut bytes),
    };
    written.map_err(|error| CliError::internal("the report does not render").because(error))?;
    context.page(&args.paging);
    context.ui.data_bytes(&bytes)?;
    Ok(exit_code::OK)
}
