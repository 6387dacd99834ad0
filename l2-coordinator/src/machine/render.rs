//! From a planned task to the message a worker gets: every expression evaluated, every file named
//! by digest. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use protocol::artifact::Artifact;
use protocol::expr::{Reference, Scope, Target, Template};
use protocol::ids::{LeaseId, TaskId};
use protocol::message::{FileSource, MAX_MESSAGE_BYTES, MESSAGE_VERSION, StagedFile, TaskMessage};
use protocol::plan::{Action, FileSource as Planned, Plan, PlanTask, TaskIndex};
use protocol::policy::{Constraints, Timeout};
use protocol::run_dir;
use protocol::state::{RunState, TaskRecord};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::config::Config;

/// What the expressions of a task can see.
pub(super) struct TaskScope<'a> {
    pub(super) run: &'a RunState,
    pub(super) failure: bool,
}

impl TaskScope<'_> {
    fn record(&self, task: &str) -> Option<&TaskRecord> {
        self.run
            .plan()
            .index_of(task)
            .map(|index| self.run.task(index))
    }
}

impl Scope for TaskScope<'_> {
    fn input(&self, name: &str) -> Option<&Value> {
        self.run.plan().inputs().get(name)
    }

    fn output(&self, task: &str, name: &str) -> Option<Cow<'_, Value>> {
        let results = self.record(task)?.results.as_deref()?;
        results.outputs.get(name).map(Cow::Borrowed)
    }

    fn artifact(&self, task: &str, name: &str) -> Option<&Artifact> {
        let results = self.record(task)?.results.as_deref()?;
        results
            .artifacts
            .iter()
            .find(|artifact| artifact.name == name)
    }

    fn status(&self, task: &str) -> Option<&str> {
        self.record(task).map(|record| record.state.word())
    }

    fn variable(&self, _name: &str) -> Option<&Value> {
        None
    }

    fn failure(&self) -> bool {
        self.failure
    }
}

/// The message for one delivery of a task. Pure, so that a dry run can make it, too.
///
/// # Errors
/// One line that names what is missing.
pub fn render(
    config: &Config,
    plan: &Plan,
    index: TaskIndex,
    lease: LeaseId,
    scope: &dyn Scope,
) -> Result<TaskMessage, String> {
    let task = plan.task(index);
    let message = TaskMessage {
        version: MESSAGE_VERSION,
        coordinator: config.coordinator.clone(),
        run_id: config.run,
        task_id: task.id().clone(),
        parent_id: task.parent_id().cloned(),
        lease,
        argv: argv(task, scope)?,
        env: env(plan, task, scope)?,
        project: None,
        working_dir: task.working_dir().map(ToOwned::to_owned),
        files: files(plan, task, scope)?,
        outputs: task.outputs().clone(),
        artifacts: task.artifacts().clone(),
        retry: task.retry().clone(),
        constraints: constraints(&config.constraints, task.timeout()),
        traceparent: traceparent(&config.trace_id, task.id()),
    };
    let size = serde_json::to_vec(&message).map_or(usize::MAX, |bytes| bytes.len());
    if size > MAX_MESSAGE_BYTES {
        return Err(format!(
            "the task with its values is {size} bytes, more than {MAX_MESSAGE_BYTES}; pass big values as files"
        ));
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
        Action::Uses(_) => Err("a nested scenario is no program".into()),
    }
}

fn env(
    plan: &Plan,
    task: &PlanTask,
    scope: &dyn Scope,
) -> Result<BTreeMap<String, String>, String> {
    let mut env = BTreeMap::new();
    for (name, template) in plan.env().iter().chain(task.env()) {
        let value = text(template, scope).map_err(|e| format!("`env` {name}: {e}"))?;
        env.insert(name.clone(), value);
    }
    Ok(env)
}

/// NUL ends a C string: a value with one would silently be cut on its way into the process.
fn text(template: &Template, scope: &dyn Scope) -> Result<String, String> {
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
fn is_known(template: &Template, scope: &dyn Scope) -> bool {
    let known = |reference: &Reference| match &reference.target {
        Target::Input { name } => scope.input(name).is_some(),
        _ => false,
    };
    template
        .references()
        .is_ok_and(|references| references.iter().all(known))
}

/// Where the worker sealed an artifact: its declared path beneath the directory of its task.
fn sealed_at(plan: &Plan, task: &TaskId, name: &str) -> String {
    let home = run_dir::artifact_dir(task);
    let producer = plan.index_of(task.as_str()).map(|index| plan.task(index));
    let declared = producer.and_then(|producer| producer.artifacts().get(name));
    let declared = declared.map_or(name, String::as_str);
    let declared = declared.strip_suffix("**").unwrap_or(declared);
    let path = format!("{home}/{declared}");
    path.trim_end_matches('/').to_owned()
}

fn files(plan: &Plan, task: &PlanTask, scope: &dyn Scope) -> Result<Vec<StagedFile>, String> {
    let staged = task.files().iter().map(|(to, planned)| {
        let source = match planned {
            Planned::Artifact { task, name } => {
                let artifact = scope.artifact(task.as_str(), name).ok_or_else(|| {
                    format!("`files` {to}: task `{task}` left no artifact `{name}`")
                })?;
                FileSource::Artifact {
                    files: artifact.files.clone(),
                    directory: artifact.directory,
                    strip: sealed_at(plan, task, name),
                }
            }
            Planned::Input { name } => match scope.input(name) {
                Some(Value::String(path)) => FileSource::Local { path: path.clone() },
                _ => return Err(format!("`files` {to}: input `{name}` is not a path")),
            },
        };
        Ok(StagedFile {
            to: to.clone(),
            source,
        })
    });
    staged.collect()
}

fn constraints(default: &Constraints, timeout: Timeout) -> Constraints {
    let timeout = Timeout {
        wall_ms: timeout.wall_ms.or(default.timeout.wall_ms),
        idle_ms: timeout.idle_ms.or(default.timeout.idle_ms),
    };
    Constraints {
        timeout,
        ..default.clone()
    }
}

/// W3C trace context; the span follows from the task, so that a replay yields the same.
fn traceparent(trace_id: &str, task: &TaskId) -> String {
    let hash = Sha256::digest(format!("{trace_id}/{task}").as_bytes());
    let mut span = [0; 8];
    span.copy_from_slice(&hash[..8]);
    // All zeroes would mean "no span".
    format!("00-{trace_id}-{:016x}-01", u64::from_be_bytes(span).max(1))
}
