//! Every `${{ … }}` and `if` refers to something that exists and comes before it.
//!
//! A referenced task must be reachable by `needs`, directly or through others. What it refers to must
//! be declared, so that a typing slip is found before anything runs.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Place, Problems};
use crate::expr::{
    ArtifactField, Condition, ExprProblem, Reference, Target, Template, unknown_root,
};
use crate::nearest::nearest;
use crate::source::Span;

use super::ancestors::{Ancestors, Before};
use super::check::{InputNames, Positions};
use super::draft::{DraftPlan, DraftTask};
use super::graph::{Graph, TaskIndex};
use super::task::FileSource;
use super::types::InputType;

/// What the check looks at.
pub(super) struct References<'a> {
    pub(super) draft: &'a DraftPlan,
    pub(super) positions: &'a Positions<'a>,
    pub(super) inputs: &'a InputNames<'a>,
    pub(super) graph: &'a Graph,
    /// Present if there is no cycle.
    pub(super) order: Option<&'a [TaskIndex]>,
}

/// References to a task that is not a direct need, by that task.
type Distant = BTreeMap<TaskIndex, Vec<(TaskIndex, Place)>>;

/// How a value is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Text,
    Condition,
    File,
}

impl References<'_> {
    pub(super) fn check(&self, problems: &mut Problems) {
        for (name, value) in &self.draft.env {
            self.plan_env(name, value, problems);
        }
        let mut distant = Distant::new();
        for (at, task) in self.draft.tasks.iter().enumerate() {
            self.task(TaskIndex::new(at), task, &mut distant, problems);
        }
        self.distant(distant, problems);
    }

    fn plan_env(&self, name: &str, value: &Template, problems: &mut Problems) {
        let place = Place::plan().field("env").key(name);
        for reference in found(value.references(), &place, problems) {
            let at = place.clone().within(reference.span);
            match &reference.target {
                Target::Input { name } => self.input(name, at, problems),
                _ => problems.push(
                    Diagnostic::error(
                        "reference-shape",
                        "the scenario's `env` holds before any task",
                    )
                    .in_place(at)
                    .help("use `inputs` here, or move the entry to the task's own `env`"),
                ),
            }
        }
    }

    fn task(&self, index: TaskIndex, task: &DraftTask, distant: &mut Distant, out: &mut Problems) {
        let place = |field| Place::task(&task.id).field(field);
        let mut reader = Reader {
            all: self,
            index,
            needs: None,
            distant,
            problems: out,
        };
        if let Some(text) = &task.condition {
            let condition = Condition::new(text);
            reader.undecidable(&condition, &place("if"));
            reader.read(
                condition.references(),
                &place("if"),
                Use::Condition,
                shift(text),
            );
        }
        for (name, value) in &task.env {
            reader.read(value.references(), &place("env").key(name), Use::Text, 0);
        }
        for (item, value) in task.command.iter().flatten().enumerate() {
            reader.read(
                value.references(),
                &place("command").index(item),
                Use::Text,
                0,
            );
        }
        for (path, value) in &task.files {
            reader.file(path, value, &place("files").key(path));
        }
    }

    fn input(&self, name: &str, place: Place, problems: &mut Problems) {
        if self.inputs.contains_key(name) {
            return;
        }
        let help = match nearest(name, self.inputs.keys().copied()) {
            Some(near) => format!("did you mean `inputs.{near}`?"),
            None => format!("declare it: `inputs: {{ {name}: {{ type: string }} }}`"),
        };
        problems.push(
            Diagnostic::error("unknown-input", format!("there is no input `{name}`"))
                .in_place(place)
                .help(help),
        );
    }

    fn distant(&self, distant: Distant, problems: &mut Problems) {
        // With a cycle nothing can be said about what comes before what.
        let Some(order) = self.order.filter(|_| !distant.is_empty()) else {
            return;
        };
        let mut ancestors = Ancestors::new(self.graph, order);
        for (before, asked) in distant {
            let after: Vec<TaskIndex> = asked.iter().map(|(index, _)| *index).collect();
            let answers = ancestors.ask(before, &after);
            let need = &self.draft.tasks[before.get()].id;
            for ((index, place), answer) in asked.into_iter().zip(answers) {
                let task = &self.draft.tasks[index.get()].id;
                let message = match answer {
                    Before::Yes => continue,
                    Before::No => format!("`{need}` does not come before `{task}`"),
                    Before::TooFar => {
                        format!("cannot tell cheaply that `{need}` comes before `{task}`")
                    }
                };
                problems.push(
                    Diagnostic::error("not-needed", message)
                        .in_place(place)
                        .help(format!("add `{need}` to the `needs` of `{task}`")),
                );
            }
        }
    }
}

/// The names that only this task's expressions have.
fn variables(task: &DraftTask) -> Vec<&str> {
    let mut known = Vec::new();
    if task.for_each.is_some() || !task.matrix.is_empty() {
        known.push("item");
    }
    if !task.matrix.is_empty() {
        known.push("matrix");
    }
    known.extend(task.item_name.as_deref());
    known
}

/// Where the expression starts in the text of an `if`, which may have had delimiters.
fn shift(text: &str) -> u32 {
    let condition = Condition::new(text);
    let at = text.find(condition.as_str()).unwrap_or(0);
    u32::try_from(at).unwrap_or(0)
}

fn found(
    references: Result<Vec<Reference>, Vec<ExprProblem>>,
    place: &Place,
    problems: &mut Problems,
) -> Vec<Reference> {
    references.unwrap_or_else(|found| {
        for problem in found {
            let at = place.clone().within(problem.span);
            let diagnostic = Diagnostic::error(problem.code, problem.message).in_place(at);
            problems.push(diagnostic.maybe_help(problem.help));
        }
        Vec::new()
    })
}

struct Reader<'a, 'b> {
    all: &'a References<'a>,
    index: TaskIndex,
    /// The task's needs, sorted; made at the first question.
    needs: Option<Vec<TaskIndex>>,
    distant: &'b mut Distant,
    problems: &'b mut Problems,
}

impl Reader<'_, '_> {
    fn read(
        &mut self,
        references: Result<Vec<Reference>, Vec<ExprProblem>>,
        place: &Place,
        usage: Use,
        shift: u32,
    ) {
        let moved = |span: Span| Span::new(span.start + shift, span.end + shift);
        let references = references.map_err(|problems| {
            let moved = |problem: ExprProblem| ExprProblem {
                span: moved(problem.span),
                ..problem
            };
            problems.into_iter().map(moved).collect()
        });
        for reference in found(references, place, self.problems) {
            self.one(
                &reference.target,
                place.clone().within(moved(reference.span)),
                usage,
            );
        }
    }

    /// A condition that is one value of a known type other than bool never comes out true or false.
    fn undecidable(&mut self, condition: &Condition, place: &Place) {
        let Ok(references) = condition.references() else {
            return;
        };
        let [reference] = references.as_slice() else {
            return;
        };
        if reference.span.end as usize - reference.span.start as usize != condition.as_str().len() {
            return;
        }
        let kind = match &reference.target {
            Target::Input { name } => self
                .all
                .inputs
                .get(name.as_str())
                .copied()
                .flatten()
                .map(|kind| kind.as_str()),
            Target::Output { task, name } => {
                self.all.positions.get(task.as_str()).and_then(|index| {
                    Some(
                        self.all.draft.tasks[index.get()]
                            .outputs
                            .get(name)?
                            .as_str(),
                    )
                })
            }
            Target::Status { .. } => Some("string"),
            Target::Artifact { .. } | Target::Variable { .. } => None,
        };
        let example = match kind {
            None | Some("bool" | "json") => return,
            Some("int") => "> 0",
            Some("list") => "!= []",
            Some(_) if matches!(reference.target, Target::Status { .. }) => "== 'done'",
            Some(_) => "== 'text'",
        };
        let kind = kind.unwrap_or_default();
        self.problems.push(
            Diagnostic::error(
                "wrong-type",
                format!("`if` expects true or false, found a value of type `{kind}`"),
            )
            .in_place(place.clone())
            .help(format!("compare it: `{condition} {example}`")),
        );
    }

    fn file(&mut self, path: &str, value: &Template, place: &Place) {
        let references = value.references();
        let readable = references.is_ok();
        self.read(references, place, Use::File, 0);
        if let Some(FileSource::Input { name }) = FileSource::of(value) {
            let kind = self.all.inputs.get(&*name).copied().flatten();
            if kind.is_some_and(|kind| kind != InputType::Path) {
                self.problems.push(
                    Diagnostic::error(
                        "file-source",
                        format!("input `{name}` is not of type `path`"),
                    )
                    .in_place(place.clone())
                    .help(format!("declare `{name}` with `type: path`")),
                );
            }
        } else if readable && FileSource::of(value).is_none() {
            self.problems.push(
                Diagnostic::error("file-source", format!("`{path}` has no source that can be staged"))
                    .in_place(place.clone())
                    .help("write `${{ tasks.ID.artifacts.NAME }}`, or `${{ inputs.NAME }}` of type `path`"),
            );
        }
    }

    fn one(&mut self, target: &Target, place: Place, usage: Use) {
        let task = match target {
            Target::Input { name } => return self.all.input(name, place, self.problems),
            Target::Variable { name } => return self.variable(name, place),
            Target::Output { task, .. }
            | Target::Artifact { task, .. }
            | Target::Status { task } => task,
        };
        let Some(index) = self.all.positions.get(task.as_str()).copied() else {
            // A search through all names for each of thousands of slips would take minutes.
            let known = self.all.positions.keys().copied();
            let near = if self.problems.is_full() {
                None
            } else {
                nearest(task, known)
            };
            self.problems.push(
                Diagnostic::error("unknown-task", format!("there is no task `{task}`"))
                    .in_place(place)
                    .maybe_help(near.map(|near| format!("did you mean `tasks.{near}`?"))),
            );
            return;
        };
        self.declared(target, &self.all.draft.tasks[index.get()], &place, usage);
        if index == self.index {
            self.problems.push(
                Diagnostic::error("not-needed", format!("task `{task}` refers to itself"))
                    .in_place(place),
            );
        } else if !self.is_direct_need(index) {
            self.distant
                .entry(index)
                .or_default()
                .push((self.index, place));
        }
    }

    fn variable(&mut self, name: &str, place: Place) {
        let task = &self.all.draft.tasks[self.index.get()];
        let known = variables(task);
        if known.contains(&name) {
            return;
        }
        let (code, message, help) = unknown_root(name, &known);
        self.problems
            .push(Diagnostic::error(code, message).in_place(place).help(help));
    }

    fn is_direct_need(&mut self, index: TaskIndex) -> bool {
        let needs = self.needs.get_or_insert_with(|| {
            let mut needs = self.all.graph.needs(self.index).to_vec();
            needs.sort_unstable();
            needs
        });
        needs.binary_search(&index).is_ok()
    }

    fn declared(&mut self, target: &Target, of: &DraftTask, place: &Place, usage: Use) {
        let (kind, name, names, example): (_, _, Vec<&str>, _) = match target {
            Target::Input { .. } | Target::Status { .. } | Target::Variable { .. } => return,
            Target::Output { name, .. } => {
                let names = of.outputs.keys().map(String::as_str).collect();
                (
                    "output",
                    name,
                    names,
                    format!("outputs: {{ {name}: string }}"),
                )
            }
            Target::Artifact { name, field, .. } => {
                if *field == ArtifactField::Whole && usage != Use::File {
                    self.problems.push(
                        Diagnostic::error("artifact-as-text", "an artifact is not text")
                            .in_place(place.clone())
                            .help(
                                "use its `.name`, `.sha256` or `.size`, or stage it with `files`",
                            ),
                    );
                }
                let is_directory = of
                    .artifacts
                    .get(name)
                    .is_some_and(|path| path.ends_with('/'));
                if *field == ArtifactField::Sha256 && is_directory {
                    self.problems.push(
                        Diagnostic::error("reference-shape", "a directory has no `.sha256`")
                            .in_place(place.clone())
                            .help("name a file as the artifact"),
                    );
                }
                let names = of.artifacts.keys().map(String::as_str).collect();
                (
                    "artifact",
                    name,
                    names,
                    format!("artifacts: {{ {name}: path }}"),
                )
            }
        };
        if names.contains(&name.as_str()) {
            return;
        }
        let help = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("declare it in task `{}`: `{example}`", of.id),
        };
        let code = if kind == "output" {
            "unknown-output"
        } else {
            "unknown-artifact"
        };
        self.problems.push(
            Diagnostic::error(code, format!("task `{}` has no {kind} `{name}`", of.id))
                .in_place(place.clone())
                .help(help),
        );
    }
}
