//! What comes of reading a scenario, and the way from there to a plan.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::plan::{DraftPlan, InputType, Limits, Plan};
use crate::source::SourceFile;

use super::input::{self, Input, absolute};
use super::locate::locate;

/// What came of reading a file.
#[derive(Debug)]
pub struct Parsed {
    /// The scenario, if nothing is wrong with it; there may be warnings.
    pub scenario: Option<Scenario>,
    /// Everything there is to say: of the file itself in its order, then of the files it uses.
    pub diagnostics: Vec<Diagnostic>,
    /// The text, for excerpts. Empty if the file was too big to read.
    pub source: Arc<SourceFile>,
}

/// A scenario that parsed and whose tasks fit together; only the values of its inputs are open.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub(super) inputs: BTreeMap<String, Input>,
    pub(super) draft: DraftPlan,
    pub(super) source: Arc<SourceFile>,
    /// What paths of nested scenarios are taken from.
    pub(super) root: PathBuf,
    pub(super) files: Vec<NestedFile>,
}

/// A nested scenario's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NestedFile {
    /// Its path from the scenario's root.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl Scenario {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.draft.name
    }

    /// What it is for.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.draft.description.as_deref()
    }

    /// Its declared inputs.
    #[must_use]
    pub fn inputs(&self) -> &BTreeMap<String, Input> {
        &self.inputs
    }

    /// The files of the scenarios it uses, at any depth.
    #[must_use]
    pub fn files(&self) -> &[NestedFile] {
        &self.files
    }

    /// What is to be reached, where a model plans it.
    #[must_use]
    pub fn goal(&self) -> Option<&str> {
        self.draft.goal.as_deref()
    }

    /// How many tasks there are; those of nested scenarios are not among them.
    #[must_use]
    pub fn task_count(&self) -> usize {
        self.draft.tasks.len()
    }

    /// Tasks at once, if it says so.
    #[must_use]
    pub fn max_parallel(&self) -> Option<u32> {
        self.draft.max_parallel
    }

    /// Typed values for all inputs: those given with `-i KEY=VALUE`, else defaults. A path is made
    /// absolute against `working_dir` if given, against `root` if it is a default; both must be
    /// absolute already. An optional input without a value is null.
    ///
    /// # Errors
    /// Every unknown, repeated, missing or wrongly typed input.
    pub fn resolve(
        &self,
        given: &[(String, String)],
        working_dir: &Path,
        root: &Path,
    ) -> Result<BTreeMap<String, Value>, Vec<Diagnostic>> {
        input::resolve(&self.inputs, given, working_dir, root).map_err(|mut problems| {
            locate(&self.source, &mut problems);
            problems
        })
    }

    /// The checked plan with these inputs.
    ///
    /// # Errors
    /// Every problem, with spans; none for a scenario from [`parse`] with inputs from
    /// [`Scenario::resolve`].
    pub fn plan(self, inputs: BTreeMap<String, Value>) -> Result<Plan, Vec<Diagnostic>> {
        let Self {
            mut draft,
            source,
            inputs: _,
            root,
            files: _,
        } = self;
        draft.inputs = inputs;
        anchor(&mut draft, &root);
        draft.check(&Limits::default()).map_err(|mut problems| {
            locate(&source, &mut problems);
            problems
        })
    }
}

/// Makes the written paths that nested scenarios take absolute: they start from the scenario's root. A
/// path that is computed is taken as it comes out.
fn anchor(draft: &mut DraftPlan, root: &Path) {
    let mut scenarios = std::mem::take(&mut draft.scenarios);
    let anchored = |value: &mut Value| {
        let path = value.as_str().filter(|path| !path.contains("${{"));
        if let Some(Ok(path)) = path.map(|path| absolute(root, path)) {
            *value = path;
        }
    };
    let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, scenario) in &mut scenarios {
        let parameters = scenario.parameters.iter_mut();
        for (name, parameter) in parameters.filter(|(_, it)| it.kind == InputType::Path) {
            parameter.default.iter_mut().for_each(anchored);
            paths.entry(file.clone()).or_default().push(name.clone());
        }
    }
    for scenario in scenarios.values_mut().chain([&mut *draft]) {
        for task in &mut scenario.tasks {
            let names = task.uses.as_ref().and_then(|file| paths.get(file));
            for name in names.into_iter().flatten() {
                task.with.get_mut(name).into_iter().for_each(anchored);
            }
        }
    }
    draft.scenarios = scenarios;
}
