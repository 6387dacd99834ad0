//! Every `${{ … }}` and `if` refers to something that exists and comes before it.
//!
//! A referenced task must be reachable by `needs`, directly or through others. What it refers to must
//! be declared, so that a typing slip is found before anything runs.

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place, Problems};
use crate::expr::{Condition, ExprProblem, Reference, Target, Template};
use crate::nearest::nearest;

use super::ancestors::{Ancestors, Before};
use super::check::{InputNames, Positions};
use super::check_reader::{Distant, Reader, Use};
use super::check_secrets;
use super::check_with;
use super::draft::{DraftPlan, DraftTask};
use super::graph::{Graph, TaskIndex};
use super::interface::{Interfaces, is_artifact};

/// What the check looks at.
pub(super) struct References<'a> {
    pub(super) draft: &'a DraftPlan,
    pub(super) positions: &'a Positions<'a>,
    pub(super) inputs: &'a InputNames<'a>,
    /// What nested scenarios take and give.
    pub(super) interfaces: &'a Interfaces<'a>,
    pub(super) graph: &'a Graph,
    /// Present if there is no cycle.
    pub(super) order: Option<&'a [TaskIndex]>,
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
        for (name, value) in &self.draft.outputs {
            let place = Place::plan().field("outputs").key(name);
            let mut none = Distant::new();
            let usage = if is_artifact(value) {
                Use::Result
            } else {
                Use::Text
            };
            Reader::of_plan(self, &mut none, problems).template(value, &place, usage);
        }
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
        self.refers(task, out);
        let mut reader = Reader::of_task(self, index, distant, out);
        if let Some(text) = &task.condition {
            let condition = Condition::new(text);
            reader.undecidable(&condition, &place("if"));
            reader.condition(&condition, &place("if"), shift(text));
        }
        for (name, value) in &task.env {
            reader.template(value, &place("env").key(name), Use::Text);
        }
        for (item, value) in task.command.iter().flatten().enumerate() {
            reader.template(value, &place("command").index(item), Use::Text);
        }
        if let Some(prompt) = &task.prompt {
            reader.template(prompt, &place("prompt"), Use::Text);
        }
        let other = task
            .fallback
            .as_ref()
            .and_then(|fallback| fallback.prompt.as_ref());
        if let Some(prompt) = other {
            reader.template(prompt, &place("fallback.prompt"), Use::Text);
        }
        for (at, seen) in task.context.iter().enumerate() {
            let is_twice = task.context[..at].contains(seen);
            reader.context(seen, is_twice, &place("context").index(at));
        }
        for (path, value) in &task.files {
            reader.file(path, value, &place("files").key(path));
        }
        for (name, value) in &task.with {
            reader.value(value, &place("with").key(name));
        }
        // The item is not there before there are items.
        reader.has_item = false;
        match &task.for_each {
            Some(Value::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    reader.value(item, &place("for_each").index(at));
                }
            }
            Some(value) => reader.list(value, "for_each", &place("for_each")),
            None => {}
        }
        for (axis, value) in &task.matrix {
            reader.list(value, &format!("matrix.{axis}"), &place("matrix").key(axis));
        }
        check_secrets::check_granted(self, task, out);
        if let Some(file) = &task.uses {
            check_with::check(self, task, file, out);
        }
    }

    fn refers(&self, task: &DraftTask, problems: &mut Problems) {
        for (at, id) in task.refers.iter().enumerate() {
            let place = || Place::task(&task.id).field("refers").index(at);
            let problem = if !self.positions.contains_key(id.as_str()) {
                let known = || nearest(id, self.positions.keys().copied());
                let near = if problems.is_full() { None } else { known() };
                Diagnostic::error("unknown-task", "`refers` names a task that does not exist")
                    .maybe_help(near.map(|near| format!("did you mean `{near}`?")))
            } else if *id == task.id {
                Diagnostic::error("self-need", format!("task `{id}` refers to itself"))
                    .help("remove it")
            } else if task.refers[..at].contains(id) {
                Diagnostic::error("duplicate-need", format!("`refers` names `{id}` twice"))
                    .help("keep one of them")
            } else {
                continue;
            };
            problems.push(problem.in_place(place()));
        }
    }

    /// The type of what a reference names, where it is known before the run.
    pub(super) fn kind(&self, target: &Target) -> Option<&'static str> {
        match target {
            Target::Input { name } => {
                let kind = self.inputs.get(name.as_str()).copied().flatten();
                kind.map(|kind| kind.as_str())
            }
            Target::Output { task, name } => {
                let index = self.positions.get(task.as_str())?;
                let task = &self.draft.tasks[index.get()];
                let own = task.outputs.get(name).map(|kind| kind.as_str());
                if is_fan_out(task) { Some("list") } else { own }
            }
            Target::Status { .. } => Some("string"),
            Target::Artifact { .. } | Target::Variable { .. } => None,
        }
    }

    pub(super) fn input(&self, name: &str, place: Place, problems: &mut Problems) {
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

/// Whether a task is repeated.
pub(super) fn is_fan_out(task: &DraftTask) -> bool {
    task.for_each.is_some() || !task.matrix.is_empty()
}

/// Where the expression starts in the text of an `if`, which may have had delimiters.
pub(super) fn shift(text: &str) -> u32 {
    let condition = Condition::new(text);
    let at = text.find(condition.as_str()).unwrap_or(0);
    u32::try_from(at).unwrap_or(0)
}

pub(super) fn found(
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
