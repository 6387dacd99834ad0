//! Whether a value fits the schema that the task's author wrote, all of it: providers enforce a part.

use jsonschema::Validator;
use protocol::diagnostic::Diagnostic;
use serde_json::Value;

/// Problems of one value that are told.
const MAX_TOLD: usize = 20;
/// Characters of one problem: it may quote the value.
const MAX_CHARS: usize = 300;

/// A schema that values are held against.
pub(super) struct Schema(Validator);

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// It is none, in one line.
    pub(super) fn new(schema: &Value) -> Result<Self, String> {
        let validator = jsonschema::validator_for(schema);
        validator
            .map(Self)
            .map_err(|error| short(&error.to_string()))
    }

    /// Everything that is wrong with a value.
    pub(super) fn check(&self, value: &Value) -> Vec<Diagnostic> {
        let problems = self.0.iter_errors(value).take(MAX_TOLD);
        let told = problems.map(|problem| {
            let at = problem.instance_path().to_string();
            let at = if at.is_empty() { "the value" } else { &at };
            let message = format!("{}: {}", short(at), short(&problem.to_string()));
            Diagnostic::error("reply-schema", message)
        });
        told.collect()
    }
}

fn short(text: &str) -> String {
    protocol::policy::one_line(text, MAX_CHARS)
}
