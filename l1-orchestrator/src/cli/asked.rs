//! What `run` was asked to run: a scenario with its inputs, or a saved plan; either way a checked plan
//! and the scenario's bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::diagnostic::Diagnostic;
use protocol::digest::Digest;
use protocol::plan::{InputType, Plan};
use protocol::scenario::{Scenario, find_root};
use protocol::source::SourceFile;

use super::args::Run;
use super::context::Context;
use super::error::{CliError, Kind};
use super::scenario_file::{self, Read};
use crate::planning::{self, About, Foundation, PlanFile, schema_of};
use crate::report::words;
use crate::session::absolute;

/// What helps where a saved plan is no longer one to run.
const AGAIN: &str = "save it again with `--plan-only --save FILE`";

/// A checked plan and where it comes from.
pub(super) struct Asked {
    pub(super) plan: Plan,
    /// The scenario's bytes.
    pub(super) scenario: Vec<u8>,
    /// The scenario's file, absolute.
    pub(super) path: PathBuf,
    /// Inputs as they were given.
    pub(super) inputs: BTreeMap<String, String>,
    /// Inputs of type `path`.
    pub(super) paths: BTreeSet<String>,
    /// Digest of the policy that a saved plan was saved under.
    pub(super) saved_under: Option<Digest>,
}

impl Asked {
    /// Whether it is a saved plan.
    pub(super) fn is_saved(&self) -> bool {
        self.saved_under.is_some()
    }
}

/// Reads what is to be run, and makes sure that its files are there.
pub(super) fn read(context: &Context, args: &Run) -> Result<Asked, CliError> {
    let bytes = scenario_file::read_bytes(context, &args.scenario)?;
    let asked = match is_plan_file(&args.scenario, &bytes)? {
        false => of_scenario(context, &args.scenario, &args.inputs, bytes)?,
        true => of_plan_file(&args.scenario, &args.inputs, &bytes)?,
    };
    with_files(asked)
}

/// Reads a scenario, or a saved plan, only to look at it.
pub(super) fn look(
    context: &Context,
    file: &Path,
    inputs: &[(String, String)],
) -> Result<Asked, CliError> {
    let bytes = scenario_file::read_bytes(context, file)?;
    match is_plan_file(file, &bytes)? {
        false => of_scenario(context, file, inputs, bytes),
        true => of_plan_file(file, inputs, &bytes),
    }
}

/// Reads the scenario of what was asked for anew, with the same inputs.
pub(super) fn read_again(context: &Context, asked: &Asked) -> Result<Asked, CliError> {
    let inputs: Vec<(String, String)> = asked.inputs.clone().into_iter().collect();
    let bytes = scenario_file::read_bytes(context, &asked.path)?;
    with_files(of_scenario(context, &asked.path, &inputs, bytes)?)
}

pub(super) fn with_files(asked: Asked) -> Result<Asked, CliError> {
    let missing = planning::missing(&asked.plan);
    if let Some(first) = missing.into_iter().next() {
        let planning::Missing {
            input,
            path,
            task,
            source,
        } = first;
        let message = format!("input `{input}` names `{path}`, which task `{task}` gets a copy of");
        let given = asked.inputs.contains_key(&input);
        let kind = if given { Kind::Usage } else { Kind::Invalid };
        return Err(CliError::new(kind, "input-missing", message)
            .because(source)
            .hint(format!("give another one with `-i {input}=PATH`")));
    }
    Ok(asked)
}

/// Whether the file is a saved plan and no scenario.
pub(super) fn is_plan_file(path: &Path, bytes: &[u8]) -> Result<bool, CliError> {
    let schema = schema_of(bytes);
    if schema.as_deref() == Some("orchestra.plan/v1") {
        let name = path.display();
        let message = format!("{name} is the plan of a run, not a saved one");
        return Err(CliError::invalid("not-a-saved-plan", message)
            .hint("save one with `--plan-only --save FILE`, or repeat the run"));
    }
    Ok(schema.is_some())
}

/// A saved plan that is whole, and what it rests on is what it was.
pub(super) fn plan_file(path: &Path, bytes: &[u8]) -> Result<PlanFile, CliError> {
    let saved = PlanFile::read(bytes).map_err(|error| {
        let message = format!("{} is no plan to run", path.display());
        CliError::invalid("plan-invalid", message)
            .because(error)
            .hint(AGAIN)
    })?;
    stands(&saved.about, path)?;
    Ok(saved)
}

fn of_scenario(
    context: &Context,
    file: &Path,
    inputs: &[(String, String)],
    bytes: Vec<u8>,
) -> Result<Asked, CliError> {
    let Read {
        bytes,
        scenario,
        source,
        ..
    } = scenario_file::parsed(context, file, bytes)?;
    let path = absolute(file);
    let working_dir = std::env::current_dir().map_err(|error| {
        CliError::not_ready("no-working-dir", "there is no working directory").because(error)
    })?;
    let resolved = scenario.resolve(inputs, &working_dir, &find_root(&path));
    let resolved = resolved.map_err(|problems| wrong_inputs(&source, problems))?;
    let paths = path_inputs(&scenario);
    let plan = scenario
        .plan(resolved)
        .map_err(|problems| CliError::problems(source, problems))?;
    Ok(Asked {
        plan,
        scenario: bytes,
        path,
        inputs: inputs.iter().cloned().collect(),
        paths,
        saved_under: None,
    })
}

/// Inputs of a recorded scenario that are paths.
pub(super) fn paths_of(
    context: &Context,
    file: &Path,
    bytes: Vec<u8>,
) -> Result<BTreeSet<String>, CliError> {
    let read = scenario_file::parsed(context, file, bytes)?;
    Ok(path_inputs(&read.scenario))
}

fn path_inputs(scenario: &Scenario) -> BTreeSet<String> {
    let declared = scenario.inputs().iter();
    declared
        .filter(|(_, input)| input.kind == InputType::Path)
        .map(|(name, _)| name.clone())
        .collect()
}

/// What was typed is wrong, not the file; a problem that has no place in it is shown without one.
fn wrong_inputs(source: &Arc<SourceFile>, mut problems: Vec<Diagnostic>) -> CliError {
    let by_file = problems.iter().any(is_of_file);
    let typed = Arc::new(SourceFile::new("", ""));
    for problem in problems.iter_mut().filter(|problem| problem.span.is_none()) {
        problem.source = Some(Arc::clone(&typed));
    }
    let count = words::count(problems.len(), "problem");
    let mut error = CliError::problems(Arc::clone(source), problems);
    if !by_file {
        (error.kind, error.code) = (Kind::Usage, "invalid-input");
        error.message = format!("{count} on the command line; nothing was run");
    }
    error
}

/// A default that does not fit is the file's fault; anything else about inputs is the caller's.
fn is_of_file(problem: &Diagnostic) -> bool {
    problem.code == "invalid-input" && problem.span.is_some()
}

fn of_plan_file(file: &Path, inputs: &[(String, String)], bytes: &[u8]) -> Result<Asked, CliError> {
    let name = file.display();
    if !inputs.is_empty() {
        let message = format!("{name} is a saved plan, whose inputs are fixed");
        return Err(CliError::usage("plan-has-inputs", message)
            .hint("leave `-i` out, or run the scenario itself"));
    }
    let PlanFile {
        about,
        scenario,
        plan,
    } = plan_file(file, bytes)?;
    Ok(Asked {
        plan,
        scenario: scenario.into_bytes(),
        path: PathBuf::from(about.scenario_path),
        paths: about.paths.into_iter().map(|bound| bound.input).collect(),
        inputs: about.inputs,
        saved_under: Some(about.policy),
    })
}

/// What the plan rests on is what it was.
fn stands(about: &About, file: &Path) -> Result<(), CliError> {
    let shaken = planning::shaken(&about.paths).map_err(|error| unreadable(file, error))?;
    let Some(Foundation { input, path, .. }) = shaken else {
        return Ok(());
    };
    let message = format!(
        "`{path}`, input `{input}`, is not what {} was saved with",
        file.display()
    );
    Err(CliError::new(Kind::Refused, "plan-not-approved", message)
        .hint("put it back, or save the plan again with `--plan-only --save FILE`"))
}

/// Files behind inputs that are to be bound.
pub(super) fn unreadable(file: &Path, error: std::io::Error) -> CliError {
    let message = format!(
        "the files behind the inputs of {} cannot be read",
        file.display()
    );
    CliError::invalid("input-unreadable", message).because(error)
}

/// A saved plan was looked at under a policy, and runs under no other.
pub(super) fn stands_under(asked: &Asked, file: &Path, policy: Digest) -> Result<(), CliError> {
    if asked.saved_under.is_none_or(|saved| saved == policy) {
        return Ok(());
    }
    let message = format!("{} was saved under another policy", file.display());
    Err(CliError::new(Kind::Refused, "plan-not-approved", message).hint(AGAIN))
}

/// Words of a command line that runs the same again.
pub(super) fn again(path: &Path, inputs: &BTreeMap<String, String>) -> String {
    let mut words = crate::runs::quoted(path);
    for (key, value) in inputs {
        let pair = format!("{key}={value}");
        words.push_str(&format!(" -i {}", crate::runs::quoted(Path::new(&pair))));
    }
    words
}
