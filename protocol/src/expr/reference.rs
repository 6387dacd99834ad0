//! What an expression refers to, and what can be wrong with it.
//!
//! Every name must be spelled out (`tasks.ID.outputs.NAME`, never `tasks[x]`), so that a plan's data
//! flow is known before it runs.

use crate::nearest::nearest;
use crate::source::Span;

use super::slips;

/// Which fact about an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArtifactField {
    /// The artifact itself; only `files` can take it.
    Whole,
    /// Its name.
    Name,
    /// SHA-256 of the content; files only.
    Sha256,
    /// Size in bytes.
    Size,
}

/// What a reference names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `inputs.NAME`
    Input {
        /// The input.
        name: String,
    },
    /// `tasks.ID.outputs.NAME`
    Output {
        /// The task.
        task: String,
        /// The output.
        name: String,
    },
    /// `tasks.ID.artifacts.NAME`, with `.name`, `.sha256` or `.size` where text is wanted.
    Artifact {
        /// The task.
        task: String,
        /// The artifact.
        name: String,
        /// Which fact.
        field: ArtifactField,
    },
    /// `tasks.ID.status`
    Status {
        /// The task.
        task: String,
    },
    /// A name that only some tasks have: `item`, `matrix`, or what `as` says. Whether there is one
    /// is for whoever knows the task.
    Variable {
        /// The name.
        name: String,
    },
}

impl Target {
    /// The task it names, if any.
    #[must_use]
    pub fn task(&self) -> Option<&str> {
        match self {
            Self::Input { .. } | Self::Variable { .. } => None,
            Self::Output { task, .. } | Self::Artifact { task, .. } | Self::Status { task } => {
                Some(task)
            }
        }
    }
}

/// One reference and where it stands in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Bytes of the value's text.
    pub span: Span,
    /// What it names.
    pub target: Target,
}

/// Something wrong with an expression, placed within its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExprProblem {
    /// Stable word.
    pub code: &'static str,
    /// One line.
    pub message: String,
    /// Bytes of the value's text.
    pub span: Span,
    /// One fix.
    pub help: Option<String>,
}

impl ExprProblem {
    pub(super) fn new(
        code: &'static str,
        message: impl Into<String>,
        start: usize,
        end: usize,
    ) -> Self {
        Self {
            code,
            message: message.into(),
            span: span(start, end),
            help: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

pub(super) fn span(start: usize, end: usize) -> Span {
    let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span::new(narrow(start), narrow(end))
}

/// A code, a message and a fix.
pub(super) type Refusal = (&'static str, String, String);

pub(super) fn target(parts: &[&str]) -> Result<Target, Refusal> {
    let owned = |text: &&str| (*text).to_owned();
    match parts {
        ["inputs", name, ..] => Ok(Target::Input { name: owned(name) }),
        ["tasks", task, "outputs", name, ..] => Ok(Target::Output {
            task: owned(task),
            name: owned(name),
        }),
        ["tasks", task, "status"] => Ok(Target::Status { task: owned(task) }),
        ["tasks", task, "artifacts", name, rest @ ..] => {
            let field = match rest {
                [] => ArtifactField::Whole,
                ["name"] => ArtifactField::Name,
                ["sha256"] => ArtifactField::Sha256,
                ["size"] => ArtifactField::Size,
                [other, ..] => return Err(artifact_field(other)),
            };
            Ok(Target::Artifact {
                task: owned(task),
                name: owned(name),
                field,
            })
        }
        ["tasks", task, part, ..] => {
            let help = match nearest(part, ["outputs", "artifacts", "status"]) {
                Some(near) => format!("did you mean `tasks.{task}.{near}`?"),
                None => {
                    format!("write `tasks.{task}.outputs.NAME`, `.artifacts.NAME` or `.status`")
                }
            };
            Err((
                "reference-shape",
                format!("`{}` names nothing", parts.join(".")),
                help,
            ))
        }
        ["inputs" | "tasks", ..] => Err((
            "reference-shape",
            format!("`{}` is not a whole reference", parts.join(".")),
            "write `inputs.NAME`, `tasks.ID.outputs.NAME`, `tasks.ID.artifacts.NAME` or \
             `tasks.ID.status`"
                .to_owned(),
        )),
        ["secrets", rest @ ..] => {
            let name = rest.first().copied().unwrap_or("NAME");
            Err((
                "secret-in-expression",
                "secrets reach a task through its environment only".to_owned(),
                format!(
                    "grant it: `secrets: [{name}]`; the task finds it as the variable `{name}`"
                ),
            ))
        }
        [root @ ("repo" | "run"), ..] => Err((
            "unsupported-yet",
            format!("`{root}` is not supported yet"),
            "this build has `inputs` and `tasks`".to_owned(),
        )),
        [root, ..] => Ok(Target::Variable { name: owned(root) }),
        [] => Err(unknown_root("", &[])),
    }
}

/// Words that a variable cannot be called: they mean something already, or look as if they did.
const TAKEN: &[&str] = &[
    "inputs", "tasks", "matrix", "repo", "secrets", "run", "env", "and", "or", "not", "in", "is",
    "if", "else", "true", "false", "none", "yes", "no", "on", "off",
];

/// Whether `as` may call an item so.
#[must_use]
pub(crate) fn is_variable_name(name: &str) -> bool {
    !TAKEN.contains(&name) && slips::of_word(name).is_none() && slips::of_function(name).is_none()
}

/// What is wrong with a name that is neither `inputs` nor `tasks` nor one of `known`.
pub(crate) fn unknown_root(root: &str, known: &[&str]) -> Refusal {
    let names = ["inputs", "tasks"].into_iter().chain(known.iter().copied());
    let help = match (nearest(root, names), root) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, "item") => "only a task with `for_each` or `matrix` has an item".to_owned(),
        (None, "matrix") => "only a task with `matrix` has one".to_owned(),
        (None, _) => format!("names are `inputs` and `tasks`; text needs quotes: `'{root}'`"),
    };
    ("unknown-reference", format!("there is no `{root}`"), help)
}

fn artifact_field(word: &str) -> Refusal {
    let help = match nearest(word, ["name", "sha256", "size"]) {
        Some(near) => format!("did you mean `.{near}`?"),
        None => "an artifact has `.name`, `.sha256` and `.size`".to_owned(),
    };
    (
        "reference-shape",
        format!("an artifact has no `{word}`"),
        help,
    )
}
