//! What a parsed reply gives: declared outputs by the names of an object's members, and what stands in each
//! declared artifact. Everything that is missing or of another type goes back to the model, all at once.

use std::collections::BTreeMap;

use protocol::diagnostic::Diagnostic;
use protocol::plan::OutputType;
use protocol::policy::{Constraints, one_line};
use serde_json::{Map, Value};

use super::parse::Parsed;
use super::task::PromptTask;

/// Characters of a value that is quoted.
const MAX_QUOTE: usize = 60;

/// Outputs and files of a success.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Results {
    pub(super) outputs: Map<String, Value>,
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// Takes from a reply what its task declares.
///
/// # Errors
/// Everything that is not there or does not fit.
pub(super) fn results(parsed: &Parsed, work: &PromptTask<'_>) -> Result<Results, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let mut results = Results::default();
    for (name, wanted) in work.outputs {
        match output(parsed, name, *wanted) {
            Ok(value) => {
                results.outputs.insert(name.clone(), value);
            }
            Err(why) => problems.push(unfit(format!("output `{name}` {why}"))),
        }
    }
    for name in work.artifacts.keys() {
        match file(parsed, name, work.artifacts.len()) {
            Ok(bytes) => {
                results.files.insert(name.clone(), bytes);
            }
            Err(why) => problems.push(unfit(format!("artifact `{name}` {why}"))),
        }
    }
    let size = serde_json::to_vec(&results.outputs).map_or(usize::MAX, |bytes| bytes.len());
    if size as u64 > Constraints::OUTPUTS_BYTES {
        let most = Constraints::OUTPUTS_BYTES;
        problems.push(unfit(format!(
            "the outputs take {size} bytes as JSON; at most {most}"
        )));
    }
    match problems.is_empty() {
        true => Ok(results),
        false => Err(problems),
    }
}

fn unfit(message: String) -> Diagnostic {
    Diagnostic::error("reply-output", message)
}

fn output(parsed: &Parsed, name: &str, wanted: OutputType) -> Result<Value, String> {
    match parsed {
        Parsed::Text(text) => wanted.parse(text.trim_end_matches('\n')),
        Parsed::Json(value) => typed(member(value, name)?, wanted),
    }
}

fn member<'a>(value: &'a Value, name: &str) -> Result<&'a Value, String> {
    let Value::Object(members) = value else {
        return Err("is a member of an object, and the reply is none".to_owned());
    };
    let found = members.get(name);
    found.ok_or_else(|| format!("is not there: the object has no member `{name}`"))
}

fn typed(value: &Value, wanted: OutputType) -> Result<Value, String> {
    let is_of = match wanted {
        OutputType::String => value.is_string(),
        // As text it is held to the same bounds as what a program writes.
        OutputType::Int => value.is_number() && wanted.parse(&value.to_string()).is_ok(),
        OutputType::Bool => value.is_boolean(),
        OutputType::List => value.is_array(),
        OutputType::Json => true,
    };
    if !is_of {
        let quoted = one_line(&value.to_string(), MAX_QUOTE);
        return Err(format!("is not of type {wanted}: {quoted}"));
    }
    if !without_fractions(value) {
        return Err("holds a fraction; write it as text, or as a whole number".to_owned());
    }
    Ok(value.clone())
}

/// Digests cover whole numbers only.
fn without_fractions(value: &Value) -> bool {
    match value {
        Value::Number(number) => !number.is_f64(),
        Value::Array(items) => items.iter().all(without_fractions),
        Value::Object(members) => members.values().all(without_fractions),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// The member of the artifact's name; without one, the whole, which only one artifact can hold.
fn file(parsed: &Parsed, name: &str, declared: usize) -> Result<Vec<u8>, String> {
    let value = match parsed {
        Parsed::Text(text) if declared == 1 => return Ok(text.clone().into_bytes()),
        Parsed::Text(_) => return Err("cannot be told apart from others in a text".to_owned()),
        Parsed::Json(value) => value,
    };
    match (member(value, name), declared) {
        (Ok(member), _) => Ok(written(member)),
        (Err(_), 1) => Ok(written(value)),
        (Err(why), _) => Err(why),
    }
}

/// A text as it is, anything else as JSON; both end with a line break.
fn written(value: &Value) -> Vec<u8> {
    let mut text = match value {
        Value::String(text) => text.clone(),
        other => format!("{other:#}"),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.into_bytes()
}
