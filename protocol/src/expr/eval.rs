//! Values of expressions. Each evaluation sees just what it refers to.

use std::collections::BTreeMap;

use minijinja::ErrorKind;
use minijinja::value::{Serde, Value as Dynamic};
use serde_json::{Value, json};

use super::condition::Condition;
use super::environment::ENVIRONMENT;
use super::reader::{Facts, facts};
use super::reference::{ArtifactField, Reference, Target};
use super::scope::Scope;
use super::template::{Segment, Template};
use super::{ExprProblem, MAX_VALUE_BYTES};

/// Why a value could not be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExprError {
    /// Not an expression; a checked plan holds none of these.
    #[error("{message}")]
    Syntax {
        /// What is wrong.
        message: String,
    },
    /// A reference that has no value: the task did not produce it.
    #[error("`{reference}` has no value")]
    Undefined {
        /// The reference.
        reference: String,
    },
    /// The evaluation failed.
    #[error("`{expression}`: {detail}")]
    Failed {
        /// The expression, cut.
        expression: String,
        /// Why.
        detail: String,
    },
    /// Too much work.
    #[error("`{expression}` takes too many steps")]
    OutOfFuel {
        /// The expression, cut.
        expression: String,
    },
    /// Too big a result.
    #[error("the value has {bytes} bytes; at most {MAX_VALUE_BYTES} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// `if` came out as neither true nor false.
    #[error("the condition is {kind}, neither true nor false; compare it with something")]
    NotBool {
        /// What it is.
        kind: &'static str,
    },
    /// An artifact where text is wanted.
    #[error(
        "an artifact is not text; use its `.name`, `.sha256` or `.size`, or list it in `files`"
    )]
    ArtifactAsText,
}

impl From<ExprProblem> for ExprError {
    fn from(problem: ExprProblem) -> Self {
        Self::Syntax {
            message: problem.message,
        }
    }
}

impl Template {
    /// Its value: typed if the whole of it is one expression, else text.
    ///
    /// # Errors
    /// An expression is wrong, undefined, too expensive or too big.
    pub fn render(&self, scope: &dyn Scope) -> Result<Value, ExprError> {
        match self.whole() {
            Some((start, end)) => evaluate(self.as_str(), start, end, false, scope),
            None => self.render_text(scope).map(Value::String),
        }
    }

    /// Its value as text: booleans and numbers as written in JSON, lists and maps as compact JSON,
    /// null as nothing.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn render_text(&self, scope: &dyn Scope) -> Result<String, ExprError> {
        if let Some(literal) = self.literal() {
            return Ok(literal.to_owned());
        }
        if let Some((start, end)) = self.whole() {
            return text_of(evaluate(self.as_str(), start, end, false, scope)?);
        }
        let mut text = String::new();
        for segment in self.segments()? {
            match segment {
                Segment::Text(literal) => text.push_str(literal),
                Segment::Expression { start, end } => {
                    text.push_str(&text_of(evaluate(
                        self.as_str(),
                        start,
                        end,
                        false,
                        scope,
                    )?)?);
                }
            }
            bounded(text.len())?;
        }
        Ok(text)
    }
}

impl Condition {
    /// Whether it holds.
    ///
    /// # Errors
    /// The expression is wrong, undefined or too expensive, or its value is not a boolean.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<bool, ExprError> {
        match evaluate(self.as_str(), 0, self.as_str().len(), true, scope)? {
            Value::Bool(holds) => Ok(holds),
            Value::Null => Err(ExprError::NotBool { kind: "null" }),
            Value::Number(_) => Err(ExprError::NotBool { kind: "a number" }),
            Value::String(_) => Err(ExprError::NotBool { kind: "text" }),
            Value::Array(_) => Err(ExprError::NotBool { kind: "a list" }),
            Value::Object(_) => Err(ExprError::NotBool { kind: "a map" }),
        }
    }
}

fn text_of(value: Value) -> Result<String, ExprError> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text),
        Value::Object(map) if map.contains_key(ARTIFACT_MARK) => Err(ExprError::ArtifactAsText),
        other => Ok(other.to_string()),
    }
}

/// Marks the value of a whole artifact, so that it is never printed by accident.
const ARTIFACT_MARK: &str = "$artifact";

fn evaluate(
    text: &str,
    start: usize,
    end: usize,
    functions: bool,
    scope: &dyn Scope,
) -> Result<Value, ExprError> {
    let mut problems = Vec::new();
    let facts = facts(text, start, end, functions, &mut problems);
    if let Some(problem) = problems.into_iter().next() {
        return Err(problem.into());
    }
    let source = text[start..end].trim();
    let shown = || source.chars().take(80).collect::<String>();
    let expression = ENVIRONMENT
        .compile_expression_owned(source.to_owned())
        .map_err(|error| ExprError::Syntax {
            message: error.detail().unwrap_or("not an expression").to_owned(),
        })?;
    let (context, missing) = context(&facts, text, scope);
    let undefined = |detail: String| match missing.clone() {
        Some(reference) => ExprError::Undefined { reference },
        None => ExprError::Failed {
            expression: shown(),
            detail,
        },
    };
    let value = expression
        .eval(context)
        .map_err(|error| match error.kind() {
            ErrorKind::OutOfFuel => ExprError::OutOfFuel {
                expression: shown(),
            },
            ErrorKind::UndefinedError => undefined("a value is undefined".to_owned()),
            _ => ExprError::Failed {
                expression: shown(),
                detail: error
                    .detail()
                    .map_or_else(|| error.to_string(), str::to_owned),
            },
        })?;
    if value.is_undefined() {
        return Err(undefined("a value is undefined".to_owned()));
    }
    if let Some(text) = value.as_str() {
        bounded(text.len())?;
    }
    let value = serde_json::to_value(&value).map_err(|error| ExprError::Failed {
        expression: shown(),
        detail: error.to_string(),
    })?;
    if matches!(value, Value::Array(_) | Value::Object(_)) {
        bounded(value.to_string().len())?;
    }
    Ok(value)
}

fn bounded(bytes: usize) -> Result<(), ExprError> {
    if bytes <= MAX_VALUE_BYTES {
        Ok(())
    } else {
        Err(ExprError::TooLarge { bytes })
    }
}

/// The names an expression uses with their values, and the first reference without one.
fn context(facts: &Facts, text: &str, scope: &dyn Scope) -> (Dynamic, Option<String>) {
    let mut inputs = BTreeMap::new();
    let mut tasks: BTreeMap<&str, TaskFacts> = BTreeMap::new();
    let mut variables: BTreeMap<&str, Dynamic> = BTreeMap::new();
    let mut missing = None;
    for reference in &facts.references {
        let found = match &reference.target {
            Target::Input { name } => scope.input(name).map(|value| {
                inputs.insert(name.as_str(), dynamic(value));
            }),
            Target::Output { task, name } => {
                let entry = tasks.entry(task).or_default();
                scope.output(task, name).map(|value| {
                    entry.outputs.insert(name, dynamic(&value));
                })
            }
            Target::Artifact { task, name, field } => {
                let entry = tasks.entry(task).or_default();
                artifact(scope, task, name, *field).map(|value| {
                    entry.artifacts.insert(name, dynamic(&value));
                })
            }
            Target::Status { task } => {
                let entry = tasks.entry(task).or_default();
                scope.status(task).map(|status| entry.status = Some(status))
            }
            Target::Variable { name } => scope.variable(name).map(|value| {
                variables.insert(name, dynamic(value));
            }),
        };
        if found.is_none() && missing.is_none() {
            let span = reference.span.start as usize..reference.span.end as usize;
            missing = Some(text[span].to_owned());
        }
    }
    let mut root = variables;
    let is_input = |reference: &Reference| matches!(reference.target, Target::Input { .. });
    if facts.references.iter().any(is_input) {
        root.insert("inputs", Dynamic::from_pairs(inputs));
    }
    if !tasks.is_empty() {
        let tasks = tasks
            .into_iter()
            .map(|(id, facts)| (id, facts.into_value()));
        root.insert("tasks", Dynamic::from_pairs(tasks));
    }
    if facts.always {
        root.insert("always", Dynamic::from_function(|| true));
    }
    if facts.failure {
        let failed = scope.failure();
        root.insert("failure", Dynamic::from_function(move || failed));
    }
    (Dynamic::from_pairs(root), missing)
}

fn dynamic(value: &Value) -> Dynamic {
    Dynamic::from(Serde(value))
}

#[derive(Default)]
struct TaskFacts<'a> {
    outputs: BTreeMap<&'a str, Dynamic>,
    artifacts: BTreeMap<&'a str, Dynamic>,
    status: Option<&'a str>,
}

impl TaskFacts<'_> {
    fn into_value(self) -> Dynamic {
        let mut entries = vec![
            ("outputs", Dynamic::from_pairs(self.outputs)),
            ("artifacts", Dynamic::from_pairs(self.artifacts)),
        ];
        if let Some(status) = self.status {
            entries.push(("status", Dynamic::from(status)));
        }
        Dynamic::from_pairs(entries)
    }
}

fn artifact(scope: &dyn Scope, task: &str, name: &str, field: ArtifactField) -> Option<Value> {
    let artifact = scope.artifact(task, name)?;
    let sha256 = match artifact.files.as_slice() {
        [file] if !artifact.directory => Some(file.sha256.to_string()),
        _ => None,
    };
    if field == ArtifactField::Sha256 && sha256.is_none() {
        return None;
    }
    let mut value = json!({ "name": artifact.name, "size": artifact.bytes() });
    if let (Some(map), Some(sha256)) = (value.as_object_mut(), sha256) {
        map.insert("sha256".to_owned(), Value::String(sha256));
    }
    if let (Some(map), ArtifactField::Whole) = (value.as_object_mut(), field) {
        map.insert(ARTIFACT_MARK.to_owned(), Value::Bool(true));
    }
    Some(value)
}
