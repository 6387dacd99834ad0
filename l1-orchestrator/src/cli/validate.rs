//! `orchestra validate`

use serde_json::json;

use super::args::{Format, Validate};
use super::context::Context;
use super::error::CliError;
use super::scenario_file::{self, Read};
use crate::exit_code;
use crate::report::{diagnostics, words};

pub(super) fn validate(context: &Context, args: &Validate) -> Result<u8, CliError> {
    let read = scenario_file::read(context, &args.scenario);
    if context.format == Format::Text {
        let Read { scenario, .. } = read?;
        let tasks = words::count(scenario.task_count(), "task");
        let inputs = words::count(scenario.inputs().len(), "input");
        let files = match scenario.files().len() {
            0 => String::new(),
            some => format!(", {}", words::count(some, "nested file")),
        };
        let file = args.scenario.display();
        context.ui.data(&format!(
            "{file}: {} is valid: {tasks}, {inputs}{files}\n",
            scenario.name()
        ))?;
        return Ok(exit_code::OK);
    }
    let file = args.scenario.display().to_string();
    let (object, code) = match read {
        Ok(Read {
            scenario,
            source,
            diagnostics,
            ..
        }) => {
            let object = json!({
                "schema": "orchestra.validate/v1",
                "file": file,
                "valid": true,
                "name": scenario.name(),
                "tasks": scenario.task_count(),
                "inputs": scenario.inputs().keys().collect::<Vec<_>>(),
                "files": scenario.files().iter().map(|file| &file.path).collect::<Vec<_>>(),
                "problems": diagnostics::to_json(&source, &diagnostics),
            });
            (object, exit_code::OK)
        }
        Err(CliError {
            problems: Some(problems),
            kind,
            ..
        }) => {
            let object = json!({
                "schema": "orchestra.validate/v1",
                "file": file,
                "valid": false,
                "problems": diagnostics::to_json(&problems.source, &problems.list),
            });
            (object, kind.exit_code())
        }
        Err(other) => return Err(other),
    };
    context.object(&object)?;
    Ok(code)
}
