//! A scenario with all the scenarios it uses: every file is read once, and every problem of every file
//! comes out together. Pure: the bytes come from whoever calls.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place, Problems};
use crate::plan::{
    self, ContextRef, DraftPlan, InputType, Interface, Interfaces, Limits, Parameter,
};
use crate::source::SourceFile;

use super::document::{NestedFile, Parsed, Scenario};
use super::locate::locate;
use super::lower::{Lowered, lower};
use super::values::typed;
use super::{build, bytes, circles, nested_path};

/// Nested scenarios of one run: more files than a person keeps apart.
const MAX_FILES: usize = 256;

/// A nested scenario's file as it was found.
#[derive(Debug)]
pub struct NestedBytes {
    /// As diagnostics name it.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Where a scenario stands and how the files beside it are read.
pub struct Surroundings<'a> {
    /// The scenario's root, absolute.
    pub root: &'a Path,
    /// The scenario's own path from the root.
    pub path: &'a str,
    /// Reads a file by its path from the root. The error is placed where `uses` names the file.
    pub read: &'a mut dyn FnMut(&str) -> Result<NestedBytes, Box<Diagnostic>>,
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Surroundings");
        shown.field("root", &self.root).field("path", &self.path);
        shown.finish_non_exhaustive()
    }
}

/// One file on its way.
pub(super) struct Unit {
    /// Its path from the root.
    pub(super) path: String,
    source: Arc<SourceFile>,
    /// What it holds, of a nested one.
    bytes: Vec<u8>,
    is_nested: bool,
    problems: Problems,
    pub(super) lowered: Option<Lowered>,
    /// Which files its tasks use: the task's position, and the file's.
    pub(super) uses: Vec<(usize, usize)>,
}

impl Unit {
    fn read(path: &str, name: &str, bytes: &[u8]) -> Self {
        let (source, problem) = bytes::read(name, bytes);
        let mut problems = Problems::default();
        let is_text = problem.is_none();
        problem
            .into_iter()
            .for_each(|problem| problems.push(problem));
        let lowered = is_text.then(|| {
            let tree = build::build(source.text(), &mut problems);
            lower(&tree, name, &mut problems)
        });
        Self {
            path: path.to_owned(),
            source: Arc::new(source),
            bytes: Vec::new(),
            is_nested: false,
            problems,
            lowered: lowered.flatten(),
            uses: Vec::new(),
        }
    }

    /// Says at a `uses` what is wrong with it.
    pub(super) fn refuse_use(&mut self, task: usize, problem: Diagnostic) {
        self.refuse(task, "uses", problem);
    }

    pub(super) fn refuse(&mut self, task: usize, key: &'static str, problem: Diagnostic) {
        let Some(lowered) = &self.lowered else { return };
        let place = Place::task(&lowered.draft.tasks[task].id).field(key);
        self.problems.push(problem.in_place(place));
    }

    fn check(&mut self, interfaces: &Interfaces<'_>) {
        let Some(lowered) = &self.lowered else { return };
        let inputs = lowered.inputs.iter();
        let names = inputs.map(|(name, input)| (name.as_str(), Some(input.kind)));
        if self.is_nested && lowered.draft.goal.is_some() {
            let message = "a nested scenario with a `goal` is not supported yet";
            let problem = Diagnostic::error("unsupported-yet", message);
            let help = "write its tasks, or make the goal that of the outermost scenario";
            let place = Place::plan().field("goal");
            self.problems.push(problem.in_place(place).help(help));
        }
        let budget = plan::nested_budget(&lowered.draft).filter(|_| self.is_nested);
        let place = || Place::plan().field("budget");
        let budget = budget.map(|problem| problem.in_place(place()));
        budget
            .into_iter()
            .for_each(|problem| self.problems.push(problem));
        let limits = Limits::default();
        plan::problems(
            &lowered.draft,
            &names.collect(),
            interfaces,
            &limits,
            &mut self.problems,
        );
    }
}

/// Reads a scenario alone; what its `uses` name is not looked at, and it cannot be planned if there are
/// any.
#[must_use]
pub fn parse(name: &str, bytes: &[u8]) -> Parsed {
    let unit = Unit::read("", name, bytes);
    finish(vec![unit], PathBuf::new())
}

/// Reads a scenario and all it uses, and reports everything wrong with any of them: bytes, YAML, words,
/// values, references, order, circles. `name` is the file as the user typed it; its stem names a
/// scenario that does not say.
#[must_use]
pub fn load(name: &str, bytes: &[u8], surroundings: &mut Surroundings<'_>) -> Parsed {
    let first = Unit::read(surroundings.path, name, bytes);
    let mut gathered = Gathered {
        known: BTreeMap::from([(first.path.clone(), Ok(0))]),
        known_schemas: BTreeMap::new(),
        total: 0,
        units: vec![first],
    };
    let mut at = 0;
    while at < gathered.units.len() {
        gathered.follow(at, surroundings);
        gathered.schemas(at, surroundings);
        at += 1;
    }
    circles::refuse(&mut gathered.units);
    finish(gathered.units, surroundings.root.to_owned())
}

pub(super) struct Gathered {
    pub(super) units: Vec<Unit>,
    /// Files by path: their position, or why there is none.
    known: BTreeMap<String, Result<usize, Box<Diagnostic>>>,
    /// Schemas by path, or why there is none.
    pub(super) known_schemas: BTreeMap<String, Result<Value, Box<Diagnostic>>>,
    /// Bytes of all files beside the scenario's own.
    total: usize,
}

impl Gathered {
    /// Reads what a file's tasks use.
    fn follow(&mut self, at: usize, surroundings: &mut Surroundings<'_>) {
        let from = self.units[at].path.clone();
        let Some(lowered) = &self.units[at].lowered else {
            return;
        };
        let tasks = lowered.draft.tasks.iter().enumerate();
        let written: Vec<(usize, String)> = tasks
            .filter_map(|(task, draft)| Some((task, draft.uses.clone()?)))
            .collect();
        for (task, written) in written {
            let path = match nested_path::resolve("uses", &from, &written) {
                Ok(path) => path,
                Err((message, help)) => {
                    let problem = Diagnostic::error("invalid-path", message).help(help);
                    self.units[at].refuse_use(task, problem);
                    self.rename(at, task, None);
                    continue;
                }
            };
            let found = match self.known.get(&path) {
                Some(found) => found.clone(),
                None => {
                    let found = self.read(&path, surroundings);
                    self.known.insert(path.clone(), found.clone());
                    found
                }
            };
            match found {
                Ok(nested) => self.units[at].uses.push((task, nested)),
                Err(problem) => self.units[at].refuse_use(task, *problem),
            }
            self.rename(at, task, Some(path));
        }
    }

    /// From here on a task names its scenario by the path from the root.
    fn rename(&mut self, at: usize, task: usize, path: Option<String>) {
        if let Some(lowered) = &mut self.units[at].lowered {
            // What was refused is checked no further; any path that names nothing does.
            lowered.draft.tasks[task].uses = Some(path.unwrap_or_else(|| "refused".to_owned()));
        }
    }

    /// Bytes of one more file.
    pub(super) fn count(&mut self, bytes: usize) -> Result<(), Box<Diagnostic>> {
        self.total = self.total.saturating_add(bytes);
        if self.total > bytes::MAX_BYTES {
            let most = bytes::MAX_BYTES;
            let message = format!("files of more than {most} bytes beside the scenario");
            return Err(Diagnostic::error("file-too-big", message).into());
        }
        Ok(())
    }

    fn read(
        &mut self,
        path: &str,
        surroundings: &mut Surroundings<'_>,
    ) -> Result<usize, Box<Diagnostic>> {
        if self.units.len() > MAX_FILES {
            let message = format!("more than {MAX_FILES} nested scenarios");
            return Err(Diagnostic::error("too-many-files", message).into());
        }
        let NestedBytes { name, bytes } = (surroundings.read)(path)?;
        self.count(bytes.len())?;
        let unit = Unit::read(path, &name, &bytes);
        self.units.push(Unit {
            bytes,
            is_nested: true,
            ..unit
        });
        Ok(self.units.len() - 1)
    }
}

fn finish(mut units: Vec<Unit>, root: PathBuf) -> Parsed {
    type_values(&mut units);
    units.iter_mut().for_each(name_files);
    check(&mut units);
    let failed = units.iter().any(|unit| unit.problems.has_errors());
    let mut diagnostics = Vec::new();
    let mut dropped = 0;
    for (at, unit) in units.iter_mut().enumerate() {
        let (mut found, more) = std::mem::take(&mut unit.problems).into_kept();
        locate(&unit.source, &mut found);
        if at > 0 {
            let named = found.into_iter();
            found = named.map(|problem| problem.of(&unit.source)).collect();
        }
        diagnostics.append(&mut found);
        dropped += more;
    }
    diagnostics.extend(Problems::too_many(dropped));
    let mut units = units.into_iter();
    let first = units.next().expect("the file itself is there");
    let source = Arc::clone(&first.source);
    let scenario = first.lowered.filter(|_| !failed).map(|lowered| {
        let mut draft = lowered.draft;
        let mut files = Vec::new();
        for unit in units {
            let Some(nested) = unit.lowered else { continue };
            draft.scenarios.insert(unit.path.clone(), nested.draft);
            files.push(NestedFile {
                path: unit.path,
                bytes: unit.bytes,
            });
        }
        Scenario {
            inputs: lowered.inputs,
            draft,
            source: Arc::clone(&source),
            root,
            files,
        }
    });
    Parsed {
        scenario,
        diagnostics,
        source,
    }
}

/// Declares what nested scenarios take, and gives the values in `with` the types of what they are for.
fn type_values(units: &mut [Unit]) {
    for unit in units.iter_mut().skip(1) {
        let Some(lowered) = &mut unit.lowered else {
            continue;
        };
        let inputs = lowered.inputs.iter();
        let parameters = inputs.map(|(name, input)| {
            let parameter = Parameter {
                default: input.default.clone(),
                optional: !input.required && input.default.is_none(),
                kind: input.kind,
            };
            (name.clone(), parameter)
        });
        lowered.draft.parameters = parameters.collect();
    }
    for at in 0..units.len() {
        for (task, nested) in std::mem::take(&mut units[at].uses) {
            let kinds = units[nested].lowered.as_ref().map(|nested| {
                let inputs = nested.inputs.iter();
                let kinds = inputs.map(|(name, input)| (name.clone(), input.kind));
                kinds.collect::<BTreeMap<_, _>>()
            });
            let (Some(kinds), Some(lowered)) = (kinds, &mut units[at].lowered) else {
                continue;
            };
            for (name, value) in &mut lowered.draft.tasks[task].with {
                if let Some(kind) = kinds.get(name) {
                    *value = typed(std::mem::take(value), *kind);
                }
            }
        }
    }
}

/// A model is shown the file that an input of type `path` names, not its path.
fn name_files(unit: &mut Unit) {
    let Some(Lowered { inputs, draft }) = &mut unit.lowered else {
        return;
    };
    let is_path = |name: &str| {
        let input = inputs.get(name);
        input.is_some_and(|input| input.kind == InputType::Path)
    };
    let tasks = draft.tasks.iter_mut();
    for seen in tasks.flat_map(|task| &mut task.context) {
        let named = ContextRef::of(seen);
        seen.file = matches!(named, Some(ContextRef::Input { name }) if is_path(&name));
    }
}

fn check(units: &mut [Unit]) {
    // Interfaces are read while units are written to.
    let nested: Vec<(String, DraftPlan)> = units
        .iter()
        .skip(1)
        .filter_map(|unit| {
            let draft = &unit.lowered.as_ref()?.draft;
            let interface = DraftPlan {
                parameters: draft.parameters.clone(),
                outputs: draft.outputs.clone(),
                secrets: draft.secrets.clone(),
                ..DraftPlan::default()
            };
            Some((unit.path.clone(), interface))
        })
        .collect();
    let interfaces: Interfaces<'_> = nested
        .iter()
        .map(|(path, draft)| (path.as_str(), Interface::of_draft(draft)))
        .collect();
    units.iter_mut().for_each(|unit| unit.check(&interfaces));
}
