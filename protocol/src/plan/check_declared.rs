//! Outputs and artifacts that references name: declared, and used as what they are. A task with `uses`
//! has what the nested scenario hands out; a repeated task has lists of outputs and folders of artifacts.

use crate::diagnostic::{Diagnostic, Place, Problems};
use crate::expr::{ArtifactField, Target};
use crate::nearest::nearest;

use super::check_reader::Use;
use super::check_references::is_fan_out;
use super::draft::DraftTask;
use super::interface::{Interface, Interfaces};

/// A task that is referred to.
struct Named<'a> {
    task: &'a DraftTask,
    /// Its file and interface, if it is a nested scenario.
    nested: Option<(&'a str, Interface<'a>)>,
}

pub(super) fn check(
    target: &Target,
    task: &DraftTask,
    interfaces: &Interfaces<'_>,
    usage: Use,
    place: &Place,
    problems: &mut Problems,
) {
    let nested = match &task.uses {
        None => None,
        // Nothing is known about a scenario that is missing or wrong.
        Some(file) => match interfaces.get(file.as_str()) {
            Some(interface) => Some((file.as_str(), *interface)),
            None => return,
        },
    };
    let named = Named { task, nested };
    let problem = match target {
        Target::Input { .. } | Target::Status { .. } | Target::Variable { .. } => None,
        Target::Output { name, .. } => named.output(name),
        Target::Artifact { name, field, .. } => {
            if let Some(problem) = named.artifact_use(name, *field, usage) {
                problems.push(problem.in_place(place.clone()));
            }
            named.artifact(name)
        }
    };
    if let Some(problem) = problem {
        problems.push(problem.in_place(place.clone()));
    }
}

impl Named<'_> {
    fn output(&self, name: &str) -> Option<Diagnostic> {
        let names = match self.nested {
            Some((_, interface)) => interface.names(false),
            None => self.task.outputs.keys().map(String::as_str).collect(),
        };
        let other = match self.nested {
            Some((_, interface)) => interface.names(true),
            None => self.task.artifacts.keys().map(String::as_str).collect(),
        };
        self.missing(("output", name), &names, ("artifact", &other))
    }

    fn artifact(&self, name: &str) -> Option<Diagnostic> {
        let names: Vec<&str> = match self.nested {
            Some((_, interface)) => interface.names(true),
            None => self.task.artifacts.keys().map(String::as_str).collect(),
        };
        let other = match self.nested {
            Some((_, interface)) => interface.names(false),
            None => self.task.outputs.keys().map(String::as_str).collect(),
        };
        self.missing(("artifact", name), &names, ("output", &other))
    }

    fn missing(
        &self,
        (kind, name): (&'static str, &str),
        names: &[&str],
        (other, others): (&str, &[&str]),
    ) -> Option<Diagnostic> {
        if names.contains(&name) {
            return None;
        }
        let id = &self.task.id;
        let code = match kind {
            "output" => "unknown-output",
            _ => "unknown-artifact",
        };
        let problem = Diagnostic::error(code, format!("task `{id}` has no {kind} `{name}`"));
        let help = match (nearest(name, names.iter().copied()), self.nested) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, _) if others.contains(&name) => {
                format!("it is an {other}: write `tasks.{id}.{other}s.{name}`")
            }
            (None, Some((file, _))) if kind == "output" => {
                format!("declare it in `{file}`: `outputs: {{ {name}: \"${{{{ … }}}}\" }}`")
            }
            (None, Some((file, _))) => format!(
                "declare it in `{file}`: `outputs: {{ {name}: \"${{{{ tasks.ID.artifacts.NAME }}}}\" }}`"
            ),
            (None, None) if kind == "output" => {
                format!("declare it in task `{id}`: `outputs: {{ {name}: string }}`")
            }
            (None, None) => format!("declare it in task `{id}`: `artifacts: {{ {name}: path }}`"),
        };
        Some(problem.help(help))
    }

    /// What is wrong with how an artifact is used.
    fn artifact_use(&self, name: &str, field: ArtifactField, usage: Use) -> Option<Diagnostic> {
        let whole = field == ArtifactField::Whole;
        let many = is_fan_out(self.task);
        let id = &self.task.id;
        let one_each = || format!("`{id}` has an artifact `{name}` for each of its items");
        if whole && matches!(usage, Use::Text | Use::Condition) {
            let problem = Diagnostic::error("artifact-as-text", "an artifact is not text");
            return Some(match many {
                true => problem.help("stage all of them with `files`: `in/: ${{ … }}`"),
                false => {
                    problem.help("use its `.name`, `.sha256` or `.size`, or stage it with `files`")
                }
            });
        }
        if many && !whole {
            let problem = Diagnostic::error("reference-shape", one_each());
            return Some(problem.help("stage them with `files`: `in/: ${{ … }}`, and look there"));
        }
        if many && usage == (Use::File { into: false }) {
            let problem = Diagnostic::error("file-target", one_each());
            return Some(problem.help("stage them into a directory: end its path with `/`"));
        }
        if many && usage == Use::Result {
            let problem = Diagnostic::error("reference-shape", one_each());
            return Some(problem.help("gather them in a task, and name what that task keeps"));
        }
        let path = self.task.artifacts.get(name);
        let is_directory = path.is_some_and(|path| path.ends_with('/'));
        if field == ArtifactField::Sha256 && is_directory {
            let problem = Diagnostic::error("reference-shape", "a directory has no `.sha256`");
            return Some(problem.help("name a file as the artifact"));
        }
        None
    }
}
