//! The files that `output_schema` names: each holds one JSON object. What it says is held against the rules of
//! schemas by the plan check.

use serde_json::Value;

use crate::diagnostic::Diagnostic;

use super::load::{Gathered, NestedBytes, Surroundings};
use super::nested_path;

/// Bytes of such a file: its blanks are not part of the plan, which takes less.
const MAX_BYTES: usize = 256 * 1024;

impl Gathered {
    /// Puts the schemas that a file's tasks name into their places.
    pub(super) fn schemas(&mut self, at: usize, surroundings: &mut Surroundings<'_>) {
        let from = self.units[at].path.clone();
        let Some(lowered) = &self.units[at].lowered else {
            return;
        };
        let tasks = lowered.draft.tasks.iter().enumerate();
        let written: Vec<(usize, String)> = tasks
            .filter_map(|(task, draft)| {
                let path = draft.output_schema.as_ref()?.as_str()?;
                Some((task, path.to_owned()))
            })
            .collect();
        for (task, written) in written {
            let schema = match nested_path::resolve("output_schema", &from, &written) {
                Ok(path) => self.schema(&path, surroundings),
                Err((message, help)) => {
                    Err(Diagnostic::error("invalid-path", message).help(help).into())
                }
            };
            if let Err(problem) = &schema {
                self.units[at].refuse(task, "output_schema", (**problem).clone());
            }
            if let Some(lowered) = &mut self.units[at].lowered {
                lowered.draft.tasks[task].output_schema = schema.ok();
            }
        }
    }

    fn schema(
        &mut self,
        path: &str,
        surroundings: &mut Surroundings<'_>,
    ) -> Result<Value, Box<Diagnostic>> {
        if let Some(known) = self.known_schemas.get(path) {
            return known.clone();
        }
        let found = (surroundings.read)(path).map_err(|mut problem| {
            problem.code = "schema-unreadable";
            problem
        });
        let read = found.and_then(|NestedBytes { name, bytes }| {
            self.count(bytes.len())?;
            read(&name, &bytes)
        });
        self.known_schemas.insert(path.to_owned(), read.clone());
        read
    }
}

/// Reads it. `name` is the file as diagnostics name it.
fn read(name: &str, bytes: &[u8]) -> Result<Value, Box<Diagnostic>> {
    let refuse = |message: String, help: &str| {
        Err(Diagnostic::error("schema-shape", message).help(help).into())
    };
    if bytes.len() > MAX_BYTES {
        let message = format!("{name} has {} bytes; at most {MAX_BYTES}", bytes.len());
        return Err(Diagnostic::error("schema-too-big", message).into());
    }
    let is_yaml = [".yaml", ".yml"].iter().any(|end| name.ends_with(end));
    match serde_json::from_slice(bytes) {
        Ok(schema @ Value::Object(_)) => Ok(schema),
        Ok(_) => refuse(
            format!("{name} holds JSON that is no schema"),
            "a schema is an object, such as `{\"type\": \"object\", …}`",
        ),
        Err(_) if is_yaml => refuse(
            format!("{name} is not JSON"),
            "write the schema as JSON, or into the scenario itself",
        ),
        Err(error) => {
            let message = format!("{name} is not JSON: {error}");
            Err(Diagnostic::error("schema-shape", message).into())
        }
    }
}
