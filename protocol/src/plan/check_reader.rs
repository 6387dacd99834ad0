//! The references of one task's values: each names something declared, and is used as what it is.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place, Problems};
use crate::expr::{Condition, ExprProblem, Reference, Target, Template};
#[cfg(feature = "expr")]
use crate::expr::{ExprError, Nothing};
use crate::nearest::nearest;
use crate::source::Span;

use super::check_declared;
use super::check_item;
use super::check_references::{References, found, shift};
use super::graph::TaskIndex;
use super::prompt::{ContextRef, DraftContext};
use super::task::FileSource;
use super::types::InputType;

/// References to a task that is not a direct need, by that task.
pub(super) type Distant = BTreeMap<TaskIndex, Vec<(TaskIndex, Place)>>;

/// How a value is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Text,
    Condition,
    /// Staged at a path, or into a directory.
    File {
        into: bool,
    },
    /// A result of the scenario: it stands when all tasks have ended.
    Result,
}

/// A model is shown all artifacts of a repeated task, as a directory has them.
const SEEN: Use = Use::File { into: true };

pub(super) struct Reader<'a, 'b> {
    all: &'a References<'a>,
    /// The task; none for values of the plan.
    index: Option<TaskIndex>,
    /// Whether the task's own names, such as `item`, stand for something here.
    pub(super) has_item: bool,
    /// The task's needs, sorted; made at the first question.
    needs: Option<Vec<TaskIndex>>,
    distant: &'b mut Distant,
    problems: &'b mut Problems,
}

impl<'a, 'b> Reader<'a, 'b> {
    pub(super) fn of_task(
        all: &'a References<'a>,
        index: TaskIndex,
        distant: &'b mut Distant,
        problems: &'b mut Problems,
    ) -> Self {
        Self {
            index: Some(index),
            has_item: true,
            ..Self::of_plan(all, distant, problems)
        }
    }

    pub(super) fn of_plan(
        all: &'a References<'a>,
        distant: &'b mut Distant,
        problems: &'b mut Problems,
    ) -> Self {
        Self {
            all,
            index: None,
            has_item: false,
            needs: None,
            distant,
            problems,
        }
    }

    pub(super) fn template(&mut self, value: &Template, place: &Place, usage: Use) {
        self.read(value.as_str(), value.references(), place, usage, 0);
    }

    pub(super) fn condition(&mut self, condition: &Condition, place: &Place, shift: u32) {
        let references = condition.references();
        self.read(condition.as_str(), references, place, Use::Condition, shift);
    }

    /// Every text of a value that is taken as it looks.
    pub(super) fn value(&mut self, value: &Value, place: &Place) {
        match value {
            Value::String(text) if text.contains("${{") => {
                self.template(&Template::new(text.as_str()), place, Use::Text);
            }
            Value::Array(items) => items.iter().for_each(|item| self.value(item, place)),
            Value::Object(map) => map.values().for_each(|item| self.value(item, place)),
            _ => {}
        }
    }

    /// A list, or an expression that must come out as one.
    pub(super) fn list(&mut self, value: &Value, key: &str, place: &Place) {
        self.value(value, place);
        let Value::String(text) = value else { return };
        let Some(whole) = Template::new(text.as_str()).whole_reference() else {
            return;
        };
        let kind = self.all.kind(&whole.target);
        if let Some(kind) = kind.filter(|kind| !matches!(*kind, "list" | "json")) {
            let message = format!("`{key}` expects a list, found a value of type `{kind}`");
            let help = match (&whole.target, kind) {
                (Target::Input { .. }, _) => "declare it with `type: list`",
                (Target::Output { .. }, "string") => {
                    "declare it as `list` and write JSON, or split it: `${{ … | split(',') }}`"
                }
                (Target::Output { .. }, _) => "declare it as `list`, and write JSON",
                _ => "name an input or an output that is a list",
            };
            let problem = Diagnostic::error("wrong-type", message).in_place(place.clone());
            self.problems.push(problem.help(help));
        }
    }

    fn read(
        &mut self,
        text: &str,
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
            let written = &text[reference.span.start as usize..reference.span.end as usize];
            let at = place.clone().within(moved(reference.span));
            self.one(&reference.target, written, at, usage);
        }
    }

    /// A condition that refers to nothing: a slip, or a task that was switched off for a while.
    #[cfg(feature = "expr")]
    fn constant(&mut self, condition: &Condition, place: &Place) {
        let problem = match condition.evaluate(&Nothing) {
            Ok(true) => Diagnostic::warning("constant-condition", "`if` is true in every run")
                .help("remove it"),
            Ok(false) => Diagnostic::warning(
                "constant-condition",
                "`if` is false in every run: the task is always skipped",
            ),
            Err(ExprError::NotBool { kind }) => {
                let message = format!("`if` expects true or false, found {kind}");
                Diagnostic::error("wrong-type", message)
                    .help("a name needs its path, as in `inputs.NAME`")
            }
            Err(error) => Diagnostic::error("expression-syntax", error.to_string()),
        };
        self.problems.push(problem.in_place(place.clone()));
    }

    /// A condition that is one value of a known type other than bool never comes out true or false.
    pub(super) fn undecidable(&mut self, condition: &Condition, place: &Place) {
        let Ok(references) = condition.references() else {
            return;
        };
        #[cfg(feature = "expr")]
        if condition.is_constant() {
            self.constant(condition, place);
            return;
        }
        let [reference] = references.as_slice() else {
            return;
        };
        if reference.span.end as usize - reference.span.start as usize != condition.as_str().len() {
            return;
        }
        let kind = self.all.kind(&reference.target);
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

    pub(super) fn file(&mut self, path: &str, value: &Template, place: &Place) {
        let references = value.references();
        let readable = references.is_ok();
        let into = path.ends_with('/');
        self.read(value.as_str(), references, place, Use::File { into }, 0);
        if let Some(FileSource::Input { name }) = FileSource::of(value) {
            if self.is_no_path(&name) {
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

    /// What a model gets to see: a whole reference, with or without delimiters.
    pub(super) fn context(&mut self, seen: &DraftContext, is_twice: bool, place: &Place) {
        let text = seen.reference.as_str();
        let problem = match ContextRef::of(seen) {
            None => Diagnostic::error("context-source", "nothing that a model could be shown").help(
                "write `tasks.ID.artifacts.NAME`, `tasks.ID.outputs.NAME` or `inputs.NAME`; a file of the \
                 project is an input of type `path`",
            ),
            Some(ContextRef::File { name }) if self.is_no_path(&name) => {
                let message = format!("input `{name}` is not of type `path`");
                Diagnostic::error("context-source", message)
            }
            Some(_) if is_twice => {
                Diagnostic::error("duplicate-entry", format!("`context` names `{text}` twice"))
                    .help("keep one of them")
            }
            Some(_) if text.contains("${{") => {
                return self.read(text, Template::new(text).references(), place, SEEN, 0);
            }
            Some(_) => {
                let bare = Condition::new(text);
                let references = bare.references();
                return self.read(bare.as_str(), references, place, SEEN, shift(text));
            }
        };
        self.problems.push(problem.in_place(place.clone()));
    }

    fn is_no_path(&self, input: &str) -> bool {
        let kind = self.all.inputs.get(input).copied().flatten();
        kind.is_some_and(|kind| kind != InputType::Path)
    }

    fn one(&mut self, target: &Target, written: &str, place: Place, usage: Use) {
        let task = match target {
            Target::Input { name } => return self.all.input(name, place, self.problems),
            Target::Variable { name } => {
                let task = self.index.filter(|_| self.has_item);
                let task = task.map(|index| &self.all.draft.tasks[index.get()]);
                if let Some(problem) = check_item::problem(task, name, written) {
                    self.problems.push(problem.in_place(place));
                }
                return;
            }
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
        let named = &self.all.draft.tasks[index.get()];
        let interfaces = self.all.interfaces;
        check_declared::check(target, named, interfaces, usage, &place, self.problems);
        let Some(own) = self.index else { return };
        if index == own {
            self.problems.push(
                Diagnostic::error("not-needed", format!("task `{task}` refers to itself"))
                    .in_place(place)
                    .help("a task's own results are there when it has ended"),
            );
        } else if !self.is_direct_need(own, index) {
            let asked = self.distant.entry(index).or_default();
            asked.push((own, place));
        }
    }

    fn is_direct_need(&mut self, own: TaskIndex, index: TaskIndex) -> bool {
        let needs = self.needs.get_or_insert_with(|| {
            let mut needs = self.all.graph.needs(own).to_vec();
            needs.sort_unstable();
            needs
        });
        needs.binary_search(&index).is_ok()
    }
}
