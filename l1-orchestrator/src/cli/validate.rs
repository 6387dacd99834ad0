//! `orchestra validate`

use std::path::PathBuf;

use clap::ArgMatches;
use serde_json::json;

use super::approval;
use super::args::{Format, Validate};
use super::asked;
use super::context::Context;
use super::error::CliError;
use super::judged::Judge;
use super::scenario_file::{self, Read};
use crate::exit_code;
use crate::planning::PlanFile;
use crate::report::{diagnostics, findings, words};

pub(super) fn validate(
    context: &Context,
    args: &Validate,
    matches: &ArgMatches,
) -> Result<u8, CliError> {
    if args.policing.policy.is_some() {
        return under_policy(context, args, matches);
    }
    let bytes = scenario_file::read_bytes(context, &args.scenario)?;
    if asked::is_plan_file(&args.scenario, &bytes)? {
        return saved_plan(context, args, &bytes);
    }
    let read = scenario_file::parsed(context, &args.scenario, bytes);
    if context.format == Format::Text {
        let Read { scenario, .. } = read?;
        let tasks = match scenario.goal() {
            Some(_) => "a goal without tasks yet".to_owned(),
            None => words::count(scenario.task_count(), "task"),
        };
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
                "goal": scenario.goal(),
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

/// The plan as the policy sees it. What is wrong with the file is told as without one.
fn under_policy(context: &Context, args: &Validate, matches: &ArgMatches) -> Result<u8, CliError> {
    let asked = asked::look(context, &args.scenario, &args.inputs)?;
    let judge = Judge::new(context, &args.policing, matches, None, PathBuf::new())?;
    let judged = judge.judge(&asked);
    let file = args.scenario.display().to_string();
    let text = || {
        let found = &judged.verdict.findings;
        let count = match findings::count(found) {
            none if none.is_empty() => "nothing to say".to_owned(),
            some => some,
        };
        let (name, pack) = (asked.plan.name(), &judged.policy.pack);
        let lines = findings::lines(found, context.ui.out_painter());
        format!("{file}: {name} is valid; {pack}: {count}\n{lines}")
    };
    let object = json!({
        "schema": "orchestra.validate/v1",
        "file": file,
        "valid": true,
        "name": asked.plan.name(),
        "plan": asked.plan.digest(),
        "tasks": asked.plan.len(),
        "inputs": asked.plan.inputs().keys().collect::<Vec<_>>(),
        "files": asked.plan.scenarios().keys().collect::<Vec<_>>(),
        "policy": approval::told(&judged),
        "problems": [],
    });
    context.answer(text, object)?;
    Ok(match judged.verdict.refused {
        true => exit_code::REFUSED,
        false => exit_code::OK,
    })
}

/// A saved plan as `run` would take it; under which policy it runs is only known then.
fn saved_plan(context: &Context, args: &Validate, bytes: &[u8]) -> Result<u8, CliError> {
    let PlanFile { about, plan, .. } = asked::plan_file(&args.scenario, bytes)?;
    let file = args.scenario.display().to_string();
    let text = || {
        let tasks = words::count(plan.len(), "task");
        let scenario = crate::ui::sanitize(&about.scenario_path);
        format!(
            "{file}: {} is a valid saved plan: {tasks}, of {scenario}\n",
            plan.name()
        )
    };
    let object = json!({
        "schema": "orchestra.validate/v1",
        "file": file,
        "valid": true,
        "name": plan.name(),
        "plan": plan.digest(),
        "scenario": about.scenario_path,
        "tasks": plan.len(),
        "inputs": plan.inputs().keys().collect::<Vec<_>>(),
        "files": plan.scenarios().keys().collect::<Vec<_>>(),
        "problems": [],
    });
    context.answer(text, object)?;
    Ok(exit_code::OK)
}
