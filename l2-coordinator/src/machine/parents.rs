//! The end of a task with children: what they come to together, and what it hands on.

use protocol::artifact::Artifact;
use protocol::event::{EventKind, SkipCause};
use protocol::expr::{ArtifactField, Scope as _, Target, Template};
use protocol::outcome::{Failure, FailureClass};
use protocol::plan::TaskIndex;
use protocol::policy::Constraints;
use protocol::state::{Instance, Role, TaskState};
use serde_json::{Map, Value, json};

use super::effect::Decision;
use super::scope::RunScope;
use super::value::Machine;

/// Failed children that are named; a message is read by people.
const NAMED: usize = 10;

impl Machine {
    /// All children are over.
    pub(super) fn conclude_parent(&self, task: TaskIndex) -> Decision {
        let children = || self.run.children(task);
        let state = |child: &TaskIndex| &self.run.task(*child).state;
        // A failure that a nested scenario tolerates by itself is no failure of it.
        let is_scenario = self.run.within(task).is_some();
        let counts = |child: &TaskIndex| {
            matches!(state(child), TaskState::Failed { .. })
                && !(is_scenario && self.run.planned(*child).continue_on_error())
        };
        let failed: Vec<TaskIndex> = children().filter(counts).collect();
        let id = self.run.id(task);
        if let Some(first) = failed.first() {
            return Decision::default().event(EventKind::TaskFailed {
                task: id,
                attempts: 0,
                failure: self.sum_up(task, *first, &failed),
                tolerated: self.run.is_tolerated(task),
            });
        }
        if children().any(|child| *state(&child) == TaskState::Cancelled) {
            return Decision::default().event(EventKind::TaskCancelled { task: id });
        }
        let left_out = TaskState::Skipped {
            cause: SkipCause::NotSelected,
        };
        if let Some(child) = children().find(|child| *state(child) == left_out) {
            return Decision::default().event(EventKind::TaskSkipped {
                task: id,
                cause: SkipCause::NotSelected,
                because: Some(self.run.id(child)),
            });
        }
        let (outputs, artifacts) = match self.run.within(task) {
            Some(instance) => self.handed_on(instance),
            None => (Map::new(), Vec::new()),
        };
        Decision::default().event(match self.too_big(&outputs) {
            Some(failure) => EventKind::TaskFailed {
                task: id,
                attempts: 0,
                failure,
                tolerated: self.run.is_tolerated(task),
            },
            None => EventKind::TaskDone {
                task: id,
                attempt: 0,
                outputs,
                artifacts,
            },
        })
    }

    fn sum_up(&self, task: TaskIndex, first: TaskIndex, failed: &[TaskIndex]) -> Failure {
        let class = match self.run.task(first).state {
            TaskState::Failed { class, .. } => class,
            _ => FailureClass::Internal,
        };
        let all = self.run.children(task).count();
        let noun = match self.run.role(task) {
            Role::FanOut(_) => "items",
            Role::Nested(_) | Role::Work => "tasks",
        };
        let named = failed.iter().take(NAMED);
        let named: Vec<_> = named.map(|child| self.run.id(*child).to_string()).collect();
        let more = match failed.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let message = format!(
            "{} of {all} {noun} failed: {}{more}",
            failed.len(),
            named.join(", ")
        );
        Failure::new(class, message)
    }

    fn too_big(&self, outputs: &Map<String, Value>) -> Option<Failure> {
        let size = serde_json::to_vec(outputs).map_or(usize::MAX, |bytes| bytes.len());
        (size as u64 > Constraints::OUTPUTS_BYTES).then(|| {
            let message =
                format!("outputs of {size} bytes are too large; hand an artifact on instead");
            Failure::new(FailureClass::InvalidOutput, message)
        })
    }

    /// What a nested scenario hands to its caller. What has no value, because its task was skipped, is
    /// left out: whoever uses it says so.
    fn handed_on(&self, instance: Instance<'_>) -> (Map<String, Value>, Vec<Artifact>) {
        let scope = RunScope::of_instance(self, instance);
        let mut outputs = Map::new();
        let mut artifacts = Vec::new();
        for (name, template) in instance.plan.outputs() {
            match whole_artifact(template) {
                Some((task, of)) => artifacts.extend(scope.artifact(&task, &of).map(|found| {
                    let name = name.clone();
                    Artifact {
                        name,
                        ..found.clone()
                    }
                })),
                None => {
                    let value = template.render(&scope).ok();
                    outputs.extend(value.map(|value| (name.clone(), value)));
                }
            }
        }
        (outputs, artifacts)
    }

    /// What the run hands to its reader. Never fails it: what has no value, or no room, is null.
    pub(super) fn run_outputs(&self) -> Map<String, Value> {
        let instance = self.run.outermost();
        let scope = RunScope::of_instance(self, instance);
        let mut room = Constraints::OUTPUTS_BYTES;
        let value = |template: &Template| match whole_artifact(template) {
            Some((task, name)) => scope.artifact(&task, &name).map(shown),
            None => template.render(&scope).ok(),
        };
        let mut outputs = Map::new();
        for (name, template) in instance.plan.outputs() {
            let mut value = value(template).unwrap_or_default();
            let size = serde_json::to_vec(&value).map_or(u64::MAX, |bytes| bytes.len() as u64);
            if size > room {
                value = Value::Null;
            } else {
                room -= size;
            }
            outputs.insert(name.clone(), value);
        }
        outputs
    }
}

/// The artifact that a value is nothing but.
fn whole_artifact(template: &Template) -> Option<(String, String)> {
    match template.whole_reference()?.target {
        Target::Artifact {
            task,
            name,
            field: ArtifactField::Whole,
        } => Some((task, name)),
        _ => None,
    }
}

fn shown(artifact: &Artifact) -> Value {
    match artifact.files.as_slice() {
        [file] if !artifact.directory => json!({
            "name": artifact.name,
            "path": file.path,
            "sha256": file.sha256,
            "size": file.bytes,
        }),
        files => json!({
            "name": artifact.name,
            "paths": files.iter().map(|file| &file.path).collect::<Vec<_>>(),
            "size": artifact.bytes(),
        }),
    }
}
