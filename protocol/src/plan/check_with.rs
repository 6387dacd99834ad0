//! `with` against what the nested scenario takes. Values with expressions are held against their types
//! when they are known, at run time.

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place, Problems};
use crate::expr::Template;
use crate::nearest::nearest;

use super::check_references::References;
use super::draft::DraftTask;
use super::types::InputType;

pub(super) fn check(all: &References<'_>, task: &DraftTask, file: &str, problems: &mut Problems) {
    let Some(interface) = all.interfaces.get(file) else {
        return;
    };
    let parameters = interface.parameters;
    let place = || Place::task(&task.id);
    for (name, value) in &task.with {
        let Some(parameter) = parameters.get(name) else {
            let problem =
                Diagnostic::error("unknown-input", format!("`{file}` has no input `{name}`"));
            let help = match nearest(name, parameters.keys().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None if parameters.is_empty() => "it has no inputs: remove it".to_owned(),
                None => {
                    let few = parameters.keys().take(8).map(|name| format!("`{name}`"));
                    format!("its inputs are {}", few.collect::<Vec<_>>().join(", "))
                }
            };
            let place = place().field("with").key_name(name);
            problems.push(problem.in_place(place).help(help));
            continue;
        };
        if let Some(found) = misfit(all, parameter.kind, value) {
            let kind = parameter.kind;
            let message = format!(
                "input `{name}` of `{file}` expects a value of type `{kind}`, found {found}"
            );
            let problem = Diagnostic::error("wrong-type", message);
            let help = match (kind, value.as_str()) {
                (_, Some(text)) if is_plain(kind, text) => Some("write it without quotes"),
                (InputType::Bool, Some("yes" | "on" | "True" | "TRUE")) => Some("write `true`"),
                (InputType::Bool, Some("no" | "off" | "False" | "FALSE")) => Some("write `false`"),
                (InputType::List, _) if !value.is_array() => Some("write the items in `[ ]`"),
                _ => None,
            };
            let help = help.map(str::to_owned);
            let place = place().field("with").key(name);
            problems.push(problem.in_place(place).maybe_help(help));
        }
    }
    let missing = parameters.iter().filter(|(name, parameter)| {
        parameter.default.is_none() && !parameter.optional && !task.with.contains_key(*name)
    });
    for (name, parameter) in missing {
        let message = format!("`{file}` needs input `{name}`");
        let example = match parameter.kind {
            InputType::Int => "1",
            InputType::Bool => "true",
            InputType::List => "[…]",
            InputType::String | InputType::Path => "…",
        };
        problems.push(
            Diagnostic::error("missing-input", message)
                .in_place(place().field("uses"))
                .help(format!("give it: `with: {{ {name}: {example} }}`")),
        );
    }
}

/// Whether a text in quotes would be right without them.
fn is_plain(kind: InputType, text: &str) -> bool {
    match kind {
        InputType::Int => super::types::whole_number(text).is_some(),
        InputType::Bool => matches!(text, "true" | "false"),
        InputType::String | InputType::List | InputType::Path => false,
    }
}

/// What a value is that cannot be of a type.
fn misfit(all: &References<'_>, kind: InputType, value: &Value) -> Option<String> {
    // Nothing is what an expression may come out as, too; whoever takes it says at run time.
    if value.is_null() {
        return None;
    }
    let Value::String(text) = value else {
        return (!fits(kind, value)).then(|| shown(value));
    };
    let template = Template::new(text.as_str());
    if !template.has_expressions() {
        return (!fits(kind, value)).then(|| shown(value));
    }
    let textual = matches!(kind, InputType::String | InputType::Path);
    let Some(whole) = template.whole_reference() else {
        // More than one expression, or text around it, comes out as text.
        let is_text = !template.is_whole() && !textual;
        return is_text.then(|| "text".to_owned());
    };
    let found = all.kind(&whole.target)?;
    let right = match found {
        "json" => true,
        "string" | "path" => textual,
        "int" | "bool" => found == kind.as_str() || kind == InputType::String,
        _ => found == kind.as_str(),
    };
    (!right).then(|| format!("one of type `{found}`"))
}

/// Whether a value as it looks is of a type; texts in lists may hold expressions.
pub(crate) fn fits(kind: InputType, value: &Value) -> bool {
    match (kind, value) {
        (InputType::String, Value::String(_)) | (InputType::Bool, Value::Bool(_)) => true,
        (InputType::Path, Value::String(path)) => !path.is_empty(),
        (InputType::Int, Value::Number(number)) => number.is_i64(),
        (InputType::List, Value::Array(items)) => items.iter().all(Value::is_string),
        _ => false,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
        Value::Bool(flag) => format!("`{flag}`"),
        Value::Number(number) => format!("`{number}`"),
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(text) => {
            let shown: String = text.chars().take(60).collect();
            format!("`{}`", shown.escape_debug())
        }
    }
}
