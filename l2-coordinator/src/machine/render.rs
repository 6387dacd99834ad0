//! From a planned task to the message a worker gets: every expression evaluated, every file named
//! by digest. Pure.

use std::collections::BTreeMap;
use std::fmt;

use protocol::expr::{Reference, Scope, Target, Template};
use protocol::ids::{LeaseId, TaskId};
use protocol::message::{
    FileSource, MAX_MESSAGE_BYTES, MESSAGE_VERSION, PromptMessage, StagedFile, TaskMessage,
};
use protocol::outcome::{Failure, FailureClass};
use protocol::plan::{Action, Bounds, FileSource as Planned, Plan, PlanTask, TaskIndex, Workspace};
use protocol::policy::{Constraints, Effects, Finding, TaskAsk};
use protocol::run_dir;
use protocol::trace::traceparent;
use serde_json::Value;

use super::config::Config;
use super::render_prompt::{local_files, of_artifact, prompt};

/// A task about to go out, and what does not follow from its own definition.
pub(super) struct Outgoing<'a> {
    pub(super) id: TaskId,
    pub(super) parent: Option<TaskId>,
    pub(super) planned: &'a PlanTask,
    pub(super) bounds: Bounds,
    pub(super) env: BTreeMap<String, String>,
    pub(super) files: Vec<StagedFile>,
    pub(super) prompt: Option<Box<PromptMessage>>,
}

/// The message that a task of the plan itself would go out with, as far as `scope` knows. For a look
/// ahead: nothing has expanded.
///
/// # Errors
/// What is missing, or the policy denies.
pub fn render(
    config: &Config,
    plan: &Plan,
    index: TaskIndex,
    lease: LeaseId,
    scope: &dyn Scope,
) -> Result<TaskMessage, Unready> {
    let planned = plan.task(index);
    let mut env = BTreeMap::new();
    // What asks a model has no process whose environment it would be.
    if planned.prompt().is_none() {
        add_env(plan.env(), scope, &mut env)?;
        add_env(planned.env(), scope, &mut env)?;
    }
    let declared = |task: &TaskId, name: &str| {
        let left = scope.artifact(task.as_str(), name)?;
        let producer = plan.index_of(task.as_str()).map(|index| plan.task(index));
        let declared = producer.and_then(|producer| producer.artifacts().get(name));
        Some(FileSource::Artifact {
            files: left.files.clone(),
            directory: left.directory,
            strip: sealed_at(task, declared.map_or(name, String::as_str)),
        })
    };
    let outgoing = Outgoing {
        id: planned.id().clone(),
        parent: planned.parent_id().cloned(),
        planned,
        bounds: Bounds::of(planned),
        env,
        files: files(planned, scope, |to, task, name| {
            let source = declared(task, name).ok_or_else(|| no_artifact(to, task, name))?;
            let to = to.to_owned();
            Ok(vec![StagedFile { to, source }])
        })?,
        prompt: prompt(planned, scope, |task, name| {
            let source = declared(task, name).ok_or_else(|| unseen(task, name))?;
            Ok(vec![of_artifact(task, None, name, source)])
        })?,
    };
    message(config, outgoing, lease, scope)
}

/// Why a task cannot go out.
#[derive(Clone, Debug, PartialEq)]
pub enum Unready {
    /// A value or a file is missing: one line that names it.
    Missing(String),
    /// The policy denies what it asks for.
    Denied(Box<Finding>),
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(message) => f.write_str(message),
            Self::Denied(finding) => f.write_str(&finding.message),
        }
    }
}

impl From<String> for Unready {
    fn from(missing: String) -> Self {
        Self::Missing(missing)
    }
}

impl Unready {
    /// As the failure of a task.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::Missing(message) => Failure::new(FailureClass::InputMissing, message.as_str()),
            Self::Denied(finding) => {
                Failure::new(FailureClass::PolicyDenied, finding.message.as_str())
            }
        }
    }
}

/// The message for one delivery of a task.
pub(super) fn message(
    config: &Config,
    outgoing: Outgoing<'_>,
    lease: LeaseId,
    scope: &dyn Scope,
) -> Result<TaskMessage, Unready> {
    let task = outgoing.planned;
    let project = match task.workspace() {
        Workspace::Scratch => None,
        Workspace::Project => match &config.project {
            Some(root) => Some(root.clone()),
            None => {
                let problem = "`workspace: project`: this run knows no tree of its own";
                return Err(problem.to_owned().into());
            }
        },
    };
    let argv = argv(task, scope)?;
    let constraints = constraints(config, &outgoing, &argv, scope)?;
    let message = TaskMessage {
        version: MESSAGE_VERSION,
        coordinator: config.coordinator.clone(),
        run_id: config.run,
        traceparent: traceparent(&config.trace_id, config.run, &outgoing.id),
        task_id: outgoing.id,
        parent_id: outgoing.parent,
        lease,
        argv,
        prompt: outgoing.prompt,
        env: outgoing.env,
        secrets: task.secrets().to_vec(),
        project,
        working_dir: task.working_dir().map(ToOwned::to_owned),
        files: outgoing.files,
        outputs: task.outputs().clone(),
        artifacts: task.artifacts().clone(),
        retry: outgoing.bounds.retry.unwrap_or_default(),
        constraints,
    };
    let size = serde_json::to_vec(&message).map_or(usize::MAX, |bytes| bytes.len());
    if size > MAX_MESSAGE_BYTES {
        return Err(Unready::Missing(format!(
            "the task with its values is {size} bytes, more than {MAX_MESSAGE_BYTES}; pass big values as files"
        )));
    }
    Ok(message)
}

fn argv(task: &PlanTask, scope: &dyn Scope) -> Result<Vec<String>, String> {
    match task.action() {
        Action::Run(script) => Ok(vec![
            task.shell().to_owned(),
            "-c".into(),
            script.to_string(),
        ]),
        Action::Command(words) => words
            .iter()
            .enumerate()
            .map(|(at, word)| text(word, scope).map_err(|e| format!("`command` word {at}: {e}")))
            .collect(),
        Action::Prompt(_) => Ok(Vec::new()),
        Action::Uses(_) => Err("a nested scenario is no program".into()),
    }
}

/// Renders entries over those that are there.
pub(super) fn add_env(
    entries: &BTreeMap<String, Template>,
    scope: &dyn Scope,
    env: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    for (name, template) in entries {
        let value = text(template, scope).map_err(|e| format!("`env` {name}: {e}"))?;
        env.insert(name.clone(), value);
    }
    Ok(())
}

/// NUL ends a C string: a value with one would silently be cut on its way into the process.
pub(super) fn text(template: &Template, scope: &dyn Scope) -> Result<String, String> {
    if scope.is_ahead() && !is_known(template, scope) {
        return Ok(template.as_str().to_owned());
    }
    let text = template.render_text(scope).map_err(|e| e.to_string())?;
    if text.contains('\0') {
        Err("the value contains a NUL".into())
    } else {
        Ok(text)
    }
}

/// Whether all that the template refers to has its value before the run.
pub(super) fn is_known(template: &Template, scope: &dyn Scope) -> bool {
    let known = |reference: &Reference| match &reference.target {
        Target::Input { name } => scope.input(name).is_some(),
        _ => false,
    };
    template
        .references()
        .is_ok_and(|references| references.iter().all(known))
}

/// Where the worker sealed an artifact: its declared path beneath the directory of its task.
pub(super) fn sealed_at(task: &TaskId, declared: &str) -> String {
    let home = run_dir::artifact_dir(task);
    let declared = declared.strip_suffix("**").unwrap_or(declared);
    let path = format!("{home}/{declared}");
    path.trim_end_matches('/').to_owned()
}

pub(super) fn no_artifact(to: &str, task: &TaskId, name: &str) -> String {
    format!("`files` {to}: task `{task}` left no artifact `{name}`")
}

pub(super) fn unseen(task: &TaskId, name: &str) -> String {
    format!("`context`: task `{task}` left no artifact `{name}`")
}

/// What is staged; `artifacts` says what an artifact of a task comes down to.
pub(super) fn files(
    task: &PlanTask,
    scope: &dyn Scope,
    artifacts: impl Fn(&str, &TaskId, &str) -> Result<Vec<StagedFile>, String>,
) -> Result<Vec<StagedFile>, String> {
    let mut staged = Vec::with_capacity(task.files().len());
    for (to, planned) in task.files() {
        match planned {
            Planned::Artifact { task, name } => staged.extend(artifacts(to, task, name)?),
            Planned::Input { name } => match scope.input(name) {
                Some(Value::String(path)) => staged.push(StagedFile {
                    to: to.clone(),
                    source: FileSource::Local { path: path.clone() },
                }),
                _ => return Err(format!("`files` {to}: input `{name}` is not a path")),
            },
        }
    }
    Ok(staged)
}

/// What the policy lets this task have, by what it really asks for.
fn constraints(
    config: &Config,
    outgoing: &Outgoing<'_>,
    argv: &[String],
    scope: &dyn Scope,
) -> Result<Constraints, Unready> {
    const NO_EFFECTS: &Effects = &Effects::NONE;
    let task = outgoing.planned;
    let is_open = |at: usize| {
        let word = match task.action() {
            Action::Command(words) => words.get(at),
            Action::Run(_) | Action::Prompt(_) | Action::Uses(_) => None,
        };
        scope.is_ahead() && word.is_some_and(|word| !is_known(word, scope))
    };
    let ask = TaskAsk {
        id: &outgoing.id,
        argv: argv
            .iter()
            .enumerate()
            .map(|(at, word)| (!is_open(at)).then_some(word.as_str()))
            .collect(),
        real_program: None,
        env: outgoing.env.keys().map(String::as_str).collect(),
        workspace: task.workspace(),
        effects: task.effects().unwrap_or(NO_EFFECTS),
        secrets: task.secrets(),
        timeout: outgoing.bounds.timeout,
    };
    let denied = |finding| Unready::Denied(Box::new(finding));
    for file in &outgoing.files {
        if let FileSource::Local { path } = &file.source {
            config.policy.staged(&outgoing.id, path).map_err(denied)?;
        }
    }
    // What a model gets to see has left this host.
    for path in outgoing
        .prompt
        .iter()
        .flat_map(|prompt| local_files(prompt))
    {
        config.policy.staged(&outgoing.id, path).map_err(denied)?;
    }
    config.policy.constraints(&ask).map_err(denied)
}
