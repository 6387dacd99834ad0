//! What a task of a running run goes out with: the environment of all that is around it, and files
//! that earlier tasks left behind.

use std::collections::BTreeMap;

use protocol::artifact::Artifact;
use protocol::expr::{ArtifactField, Scope, Target};
use protocol::ids::{LeaseId, TaskId};
use protocol::message::{ContextItem, FileSource, StagedFile, TaskMessage};
use protocol::plan::TaskIndex;
use protocol::state::{Role, RunState};

use super::render::{Outgoing, Unready, add_env, files, message, no_artifact, sealed_at, unseen};
use super::render_prompt::{of_artifact, prompt};
use super::scope::RunScope;
use super::value::Machine;

impl Machine {
    pub(super) fn message(&self, task: TaskIndex, lease: LeaseId) -> Result<TaskMessage, Unready> {
        let scope = self.scope(task);
        let planned = self.run.planned(task);
        let instance = self.run.instance(task);
        let sources = |to: &str, id: &TaskId, name: &str| {
            let producer = instance.index_of(id.as_str());
            let producer = producer.ok_or_else(|| no_artifact(to, id, name))?;
            match self.run.role(producer) {
                Role::FanOut(_) => Ok(fan_in(&self.run, to, producer, name)),
                Role::Work | Role::Nested(_) => {
                    let left = left_by(&self.run, producer, name);
                    let left = left.ok_or_else(|| no_artifact(to, id, name))?;
                    let source = source(&self.run, producer, left);
                    let to = to.to_owned();
                    Ok(vec![StagedFile { to, source }])
                }
            }
        };
        let seen = |id: &TaskId, name: &str| {
            let producer = instance.index_of(id.as_str());
            let producer = producer.ok_or_else(|| unseen(id, name))?;
            match self.run.role(producer) {
                Role::FanOut(_) => Ok(of_items(&self.run, id, producer, name)),
                Role::Work | Role::Nested(_) => {
                    let left = left_by(&self.run, producer, name);
                    let left = left.ok_or_else(|| unseen(id, name))?;
                    let source = source(&self.run, producer, left);
                    Ok(vec![of_artifact(id, None, name, source)])
                }
            }
        };
        let parent = self.run.parent(task).map(|parent| self.run.id(parent));
        let outgoing = Outgoing {
            id: self.run.id(task),
            parent: parent.or_else(|| planned.parent_id().cloned()),
            planned,
            bounds: self.run.bounds(task),
            env: match planned.prompt() {
                Some(_) => BTreeMap::new(),
                None => self.env(task, &scope)?,
            },
            files: files(planned, &scope, sources)?,
            prompt: prompt(planned, &scope, seen)?,
        };
        message(&self.config, outgoing, lease, &scope)
    }

    /// The outermost plan's environment, then what every ancestor and its nested scenario add, then
    /// the task's own; each sees the names of its own place.
    fn env(
        &self,
        task: TaskIndex,
        scope: &RunScope<'_>,
    ) -> Result<BTreeMap<String, String>, String> {
        let mut env = BTreeMap::new();
        let around = |instance| RunScope::of_instance(self, instance);
        let outermost = self.run.outermost();
        add_env(outermost.plan.env(), &around(outermost), &mut env)?;
        let mut line: Vec<_> = self.run.ancestors(task).collect();
        line.reverse();
        for at in line {
            // What a fan-out says is about its items, and said by the one on the way.
            if let Some(within) = self.run.within(at) {
                add_env(self.run.planned(at).env(), &self.scope(at), &mut env)?;
                add_env(within.plan.env(), &around(within), &mut env)?;
            }
        }
        let own: &dyn Scope = scope;
        add_env(self.run.planned(task).env(), own, &mut env)?;
        Ok(env)
    }
}

fn left_by<'a>(run: &'a RunState, task: TaskIndex, name: &str) -> Option<&'a Artifact> {
    let artifacts = &run.task(task).results.as_deref()?.artifacts;
    artifacts.iter().find(|artifact| artifact.name == name)
}

fn source(run: &RunState, task: TaskIndex, left: &Artifact) -> FileSource {
    FileSource::Artifact {
        files: left.files.clone(),
        directory: left.directory,
        strip: origin(run, task, &left.name),
    }
}

/// Where an artifact was sealed: a nested scenario hands on what a task of its own made.
fn origin(run: &RunState, task: TaskIndex, name: &str) -> String {
    if let Role::Nested(uses) = run.role(task) {
        let handed = uses.scenario.outputs().get(name);
        let handed = handed.and_then(|template| template.whole_reference());
        let made = handed.and_then(|reference| match reference.target {
            Target::Artifact {
                task: maker,
                name,
                field: ArtifactField::Whole,
            } => Some((run.within(task)?.index_of(&maker)?, name)),
            _ => None,
        });
        if let Some((maker, name)) = made {
            return origin(run, maker, &name);
        }
    }
    let declared = run.planned(task).artifacts().get(name);
    sealed_at(&run.id(task), declared.map_or(name, String::as_str))
}

/// What all items left under one name, in their order; those that left nothing are not there.
fn of_items(run: &RunState, id: &TaskId, parent: TaskIndex, name: &str) -> Vec<ContextItem> {
    let children = run.children(parent).enumerate();
    let seen = children.filter_map(|(place, child)| {
        let left = left_by(run, child, name)?;
        let source = source(run, child, left);
        Some(of_artifact(id, Some(place), name, source))
    });
    seen.collect()
}

/// What all items left under one name, beneath one directory: `7-notes.md`, with as many digits as the
/// last one has.
fn fan_in(run: &RunState, to: &str, parent: TaskIndex, name: &str) -> Vec<StagedFile> {
    let to = to.trim_end_matches('/');
    let last = run.children(parent).count().saturating_sub(1);
    let digits = last.to_string().len();
    let mut staged = Vec::new();
    for (place, child) in run.children(parent).enumerate() {
        let Some(left) = left_by(run, child, name) else {
            continue;
        };
        let called = match left.files.as_slice() {
            [file] if !left.directory => file.path.rsplit('/').next().unwrap_or(name),
            _ => name,
        };
        staged.push(StagedFile {
            to: format!("{to}/{place:0digits$}-{called}"),
            source: source(run, child, left),
        });
    }
    if staged.is_empty() {
        // The directory is there, though nothing is in it.
        staged.push(StagedFile {
            to: to.to_owned(),
            source: FileSource::Artifact {
                files: Vec::new(),
                directory: true,
                strip: String::new(),
            },
        });
    }
    staged
}
