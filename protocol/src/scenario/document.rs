//! The entry: bytes in, scenario or diagnostics out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Problems};
use crate::plan::{self, DraftPlan, Limits, Plan};
use crate::source::SourceFile;

use super::input::{self, Input};
use super::locate::locate;
use super::{build, bytes, lower};

/// What came of reading a file.
#[derive(Debug)]
pub struct Parsed {
    /// The scenario, if nothing is wrong with it; there may be warnings.
    pub scenario: Option<Scenario>,
    /// Everything there is to say, in the order of the file.
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
}

/// Reads a scenario and reports everything wrong with it: bytes, YAML, words, values, references,
/// order. `name` is the file as the user typed it; its stem names a scenario that does not say.
#[must_use]
pub fn parse(name: &str, bytes: &[u8]) -> Parsed {
    let (source, problem) = bytes::read(name, bytes);
    let source = Arc::new(source);
    if let Some(problem) = problem {
        return Parsed {
            scenario: None,
            diagnostics: vec![problem],
            source,
        };
    }
    let mut problems = Problems::default();
    let lowered = {
        let tree = build::build(source.text(), &mut problems);
        lower::lower(&tree, name, &mut problems)
    };
    let scenario = lowered.map(|lowered| {
        let types = |input: &Input| Some(input.kind);
        let names = lowered
            .inputs
            .iter()
            .map(|(name, input)| (name.as_str(), types(input)));
        plan::problems(
            &lowered.draft,
            &names.collect(),
            &Limits::default(),
            &mut problems,
        );
        Scenario {
            inputs: lowered.inputs,
            draft: lowered.draft,
            source: Arc::clone(&source),
        }
    });
    let failed = problems.has_errors();
    let mut diagnostics = problems.into_vec();
    locate(&source, &mut diagnostics);
    Parsed {
        scenario: scenario.filter(|_| !failed),
        diagnostics,
        source,
    }
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

    /// How many tasks there are.
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
        } = self;
        draft.inputs = inputs;
        draft.check(&Limits::default()).map_err(|mut problems| {
            locate(&source, &mut problems);
            problems
        })
    }
}
