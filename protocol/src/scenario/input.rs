//! Declared inputs, and typed values for them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place};
use crate::nearest::nearest;
use crate::plan::{InputType, whole_number};

/// Bytes of one value given on the command line: what the kernel passes in one argument anyway.
const MAX_INPUT_BYTES: usize = 128 * 1024;
/// Items of one list.
const MAX_ITEMS: usize = 10_000;

/// A declared input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Type of its value.
    pub kind: InputType,
    /// Whether a run without it is refused.
    pub required: bool,
    /// Its value when none is given; a path is still relative to the scenario's root.
    pub default: Option<Value>,
    /// What it is for.
    pub description: Option<String>,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            kind: InputType::String,
            required: true,
            default: None,
            description: None,
        }
    }
}

pub(super) fn resolve(
    declared: &BTreeMap<String, Input>,
    given: &[(String, String)],
    working_dir: &Path,
    root: &Path,
) -> Result<BTreeMap<String, Value>, Vec<Diagnostic>> {
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, text) in given {
        let Some(input) = declared.get(name) else {
            problems.push(unknown(name, declared));
            continue;
        };
        if values.contains_key(name) {
            let message = format!("input `{name}` is given twice");
            problems.push(Diagnostic::error("duplicate-input", message));
            continue;
        }
        let value = read(input.kind, text, working_dir).unwrap_or_else(|wrong| {
            let message = format!("input `{name}` {wrong}");
            problems.push(
                Diagnostic::error("invalid-input", message)
                    .maybe_help(hint(input.kind, name, text)),
            );
            Value::Null
        });
        values.insert(name.clone(), value);
    }
    for (name, input) in declared {
        if values.contains_key(name) {
            continue;
        }
        let place = || Place::plan().field("inputs").key_name(name);
        let value = match &input.default {
            Some(Value::String(path)) if input.kind == InputType::Path => absolute(root, path)
                .unwrap_or_else(|wrong| {
                    let message = format!("the default of `{name}` {wrong}");
                    problems.push(Diagnostic::error("invalid-input", message).in_place(place()));
                    Value::Null
                }),
            Some(value) => value.clone(),
            None if input.required => {
                problems.push(
                    Diagnostic::error("missing-input", format!("input `{name}` is required"))
                        .in_place(place())
                        .help(match &input.description {
                            Some(about) => {
                                format!("give it with `-i {name}=VALUE`: {}", short(about))
                            }
                            None => format!("give it with `-i {name}=VALUE`"),
                        }),
                );
                continue;
            }
            None => Value::Null,
        };
        values.insert(name.clone(), value);
    }
    if problems.is_empty() {
        Ok(values)
    } else {
        Err(problems)
    }
}

/// The first line of a description, cut.
fn short(about: &str) -> String {
    about
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(100)
        .collect()
}

fn unknown(name: &str, declared: &BTreeMap<String, Input>) -> Diagnostic {
    let shown: String = name.chars().take(60).collect();
    let help = match nearest(name, declared.keys().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if declared.is_empty() => "this scenario has no inputs".to_owned(),
        None => {
            let few: Vec<String> = declared
                .keys()
                .take(8)
                .map(|name| format!("`{name}`"))
                .collect();
            format!("its inputs are {}", few.join(", "))
        }
    };
    Diagnostic::error(
        "unknown-input",
        format!("the scenario has no input `{shown}`"),
    )
    .help(help)
}

/// A typed value, or what is wrong, completing "input `x` ".
fn read(kind: InputType, text: &str, working_dir: &Path) -> Result<Value, String> {
    if text.len() > MAX_INPUT_BYTES {
        return Err(format!(
            "has {} bytes; at most {MAX_INPUT_BYTES} are taken",
            text.len()
        ));
    }
    if text.contains('\0') {
        return Err("holds a NUL character".to_owned());
    }
    let shown = || {
        text.chars()
            .take(60)
            .collect::<String>()
            .escape_debug()
            .to_string()
    };
    match kind {
        InputType::String => Ok(Value::from(text)),
        InputType::Int => whole_number(text)
            .map(Value::from)
            .ok_or_else(|| format!("is not a whole number: `{}`", shown())),
        InputType::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(format!("is neither `true` nor `false`: `{}`", shown())),
        },
        InputType::List => {
            list(text).ok_or_else(|| format!("is not a list of texts: `{}`", shown()))
        }
        InputType::Path => absolute(working_dir, text),
    }
}

fn hint(kind: InputType, name: &str, text: &str) -> Option<String> {
    match kind {
        InputType::List => {
            Some("separate items by commas, or write a JSON array of texts".to_owned())
        }
        InputType::Bool => Some(match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "y" | "on" | "1" => format!("write `-i {name}=true`"),
            "false" | "no" | "n" | "off" | "0" => format!("write `-i {name}=false`"),
            _ => format!("write `-i {name}=true` or `-i {name}=false`"),
        }),
        _ => None,
    }
}

/// `a,b`, or a JSON array of texts when it starts with `[`; nothing is the empty list.
fn list(text: &str) -> Option<Value> {
    let items: Vec<String> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).ok()?
    } else if text.is_empty() {
        Vec::new()
    } else {
        text.split(',').map(|item| item.trim().to_owned()).collect()
    };
    (items.len() <= MAX_ITEMS).then(|| Value::from(items))
}

/// A path made absolute, or what is wrong with it, completing "input `x` ".
pub(super) fn absolute(base: &Path, path: &str) -> Result<Value, String> {
    if path.is_empty() {
        return Err("is an empty path".to_owned());
    }
    if path.contains('\0') {
        return Err("holds a NUL character".to_owned());
    }
    // Components drop `.` and doubled slashes; `..` stays, because what it means depends on links.
    let joined: PathBuf = base.join(path).components().collect();
    match joined.to_str() {
        Some(text) => Ok(Value::from(text)),
        None => Err("lies beneath a directory whose name is not UTF-8".to_owned()),
    }
}
