//! `orchestra graph`

use std::path::Path;
use std::sync::Arc;

use protocol::plan::{InputType, Plan};
use protocol::scenario::find_root;
use serde_json::{Value, json};

use super::args::{Format, Graph, GraphFormat};
use super::context::Context;
use super::error::CliError;
use super::scenario_file::{self, Read};
use crate::exit_code;
use crate::report::graph::{Picture, dot, mermaid, picture, standalone};
use crate::runs::Stored;
use crate::session::absolute;
use crate::settings;

pub(super) fn graph(context: &Context, args: &Graph) -> Result<u8, CliError> {
    let (name, picture) = drawn(context, args)?;
    if context.format != Format::Text {
        context.object(&object(&name, &picture))?;
        return Ok(exit_code::OK);
    }
    if let Some(note) = &picture.note {
        context.ui.note(&format!("note: {note}"));
    }
    let text = match args.format.unwrap_or_default() {
        GraphFormat::Mermaid => mermaid(&picture),
        GraphFormat::Dot => dot(&picture, &name),
        GraphFormat::Svg => standalone(&picture),
    };
    context.ui.data(&text)?;
    Ok(exit_code::OK)
}

/// The name and picture of what was named: a file is a scenario or a plan, anything else a run.
fn drawn(context: &Context, args: &Graph) -> Result<(String, Picture), CliError> {
    let path = Path::new(&args.what);
    let is_run = path.is_dir() || !(path.exists() || looks_like_a_file(&args.what));
    if is_run {
        let entry = settings::runs_dir(&args.runs, &context.files).resolve(&args.what)?;
        let stored = Stored::load(&entry.dir)?;
        let Some(plan) = &stored.plan else {
            let message = "this run has no plan that its journal approved";
            return Err(CliError::invalid("no-plan", message)
                .hint("`orchestra verify` with this run says what is wrong"));
        };
        let picture = picture(plan, Some(&stored.summary));
        return Ok((plan.name().to_owned(), picture));
    }
    let bytes = scenario_file::read_bytes(context, path)?;
    let plan = match of_plan(path, &bytes) {
        Some(plan) => plan?,
        None => of_scenario(context, path, bytes)?,
    };
    Ok((plan.name().to_owned(), picture(&plan, None)))
}

fn looks_like_a_file(text: &str) -> bool {
    let endings = ["yaml", "yml", "json"];
    let end = Path::new(text).extension().and_then(|end| end.to_str());
    end.is_some_and(|end| endings.contains(&end))
}

/// The plan in a `plan.json`, of a run directory or saved; none where it is another file.
fn of_plan(path: &Path, bytes: &[u8]) -> Option<Result<Plan, CliError>> {
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return None;
    }
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let schema = value.get("schema")?.as_str()?;
    let plan = match value.get("plan") {
        Some(plan) if plan.is_object() => Plan::from_json(plan.to_string().as_bytes()),
        _ if schema == "orchestra.plan/v1" => Plan::from_json(bytes),
        _ => return None,
    };
    Some(plan.map_err(|problems| {
        let message = format!("{} is no plan of this orchestra", path.display());
        let first = problems.into_iter().next();
        let error = CliError::invalid("plan-invalid", message);
        match first {
            Some(problem) => error.hint(problem.message),
            None => error,
        }
    }))
}

/// The plan of a scenario. Inputs decide nothing that is drawn: what is required and not known is made
/// up.
fn of_scenario(context: &Context, path: &Path, bytes: Vec<u8>) -> Result<Plan, CliError> {
    let Read {
        scenario, source, ..
    } = scenario_file::parsed(context, path, bytes)?;
    let inputs = scenario.inputs().iter();
    let missing = inputs.filter(|(_, input)| input.required && input.default.is_none());
    let given: Vec<(String, String)> = missing
        .map(|(name, input)| (name.clone(), made_up(input.kind).to_owned()))
        .collect();
    let root = find_root(&absolute(path));
    let inputs = scenario
        .resolve(&given, &root, &root)
        .map_err(|problems| CliError::problems(Arc::clone(&source), problems))?;
    scenario
        .plan(inputs)
        .map_err(|problems| CliError::problems(source, problems))
}

const fn made_up(kind: InputType) -> &'static str {
    match kind {
        InputType::String | InputType::List => "x",
        InputType::Int => "1",
        InputType::Bool => "true",
        InputType::Path => ".",
    }
}

fn object(name: &str, picture: &Picture) -> Value {
    let nodes: Vec<Value> = picture
        .nodes
        .iter()
        .map(|node| json!({ "title": node.title, "note": node.note, "status": node.look.class() }))
        .collect();
    json!({
        "schema": "orchestra.graph/v1",
        "name": name,
        "nodes": nodes,
        "edges": picture.edges,
        "note": picture.note,
    })
}
