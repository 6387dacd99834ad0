//! What expressions can see before a run: inputs, and artifacts by what tasks declare. No results.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use protocol::artifact::{Artifact, SealedFile};
use protocol::digest::Digest;
use protocol::expr::Scope;
use protocol::plan::{Action, Plan, PlanTask, Uses};
use protocol::run_dir;
use serde_json::Value;

/// What is known before a run: inputs. Artifacts that tasks declare stand for what they will be.
pub struct Known<'a> {
    inputs: Cow<'a, BTreeMap<String, Value>>,
    artifacts: HashMap<&'a str, Vec<Artifact>>,
}

impl<'a> Known<'a> {
    /// Of the outermost plan.
    #[must_use]
    pub fn new(plan: &'a Plan) -> Self {
        Self::with(Cow::Borrowed(plan.inputs()), plan)
    }

    /// Of one that is nested in this: defaults, and what its caller writes as far as this knows it.
    /// Paths are relative to `root`.
    #[must_use]
    pub fn nested<'b>(&self, uses: &'b Uses, root: Option<&str>) -> Known<'b> {
        let inputs = l2_coordinator::known_inputs(uses, self, root);
        Known::with(Cow::Owned(inputs), &uses.scenario)
    }

    fn with(inputs: Cow<'a, BTreeMap<String, Value>>, plan: &'a Plan) -> Self {
        let artifacts = plan
            .tasks()
            .map(|(_, task)| (task.id().as_str(), declared(task)))
            .filter(|(_, artifacts)| !artifacts.is_empty())
            .collect();
        Self { inputs, artifacts }
    }
}

fn declared(task: &PlanTask) -> Vec<Artifact> {
    let home = run_dir::artifact_dir(task.id());
    let artifact = |(name, path): (&String, &String)| {
        let directory = path.ends_with('/') || path.ends_with("**");
        let file = SealedFile {
            path: format!("{home}/{path}"),
            bytes: 0,
            sha256: Digest::of(b""),
        };
        Artifact {
            name: name.clone(),
            media_type: "application/octet-stream".into(),
            directory,
            left_out: 0,
            files: if directory { Vec::new() } else { vec![file] },
        }
    };
    match task.action() {
        // What it hands out is known by name only.
        Action::Uses(uses) => {
            let outputs = uses.scenario.outputs().keys();
            outputs.map(|name| artifact((name, name))).collect()
        }
        Action::Run(_) | Action::Command(_) | Action::Prompt(_) => {
            task.artifacts().iter().map(artifact).collect()
        }
    }
}

impl Scope for Known<'_> {
    fn input(&self, name: &str) -> Option<&Value> {
        self.inputs.get(name)
    }

    fn output(&self, _task: &str, _name: &str) -> Option<Cow<'_, Value>> {
        None
    }

    fn artifact(&self, task: &str, name: &str) -> Option<&Artifact> {
        let mut artifacts = self.artifacts.get(task)?.iter();
        artifacts.find(|artifact| artifact.name == name)
    }

    fn status(&self, _task: &str) -> Option<&str> {
        None
    }

    fn variable(&self, _name: &str) -> Option<&Value> {
        None
    }

    fn failure(&self) -> bool {
        false
    }

    fn is_ahead(&self) -> bool {
        true
    }
}
