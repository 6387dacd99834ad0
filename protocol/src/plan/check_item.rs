//! Names that only a repeated task has: `item`, `matrix`, and what `as` says; and their fields, where
//! the items are written out.

use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::expr::unknown_root;
use crate::nearest::nearest;

use super::draft::DraftTask;

/// Items whose fields are looked at; a longer list was made by a program, which makes no typing slips.
const MAX_LOOKED_AT: usize = 1000;

/// What is wrong with the name of a variable, `written` with its fields, if anything.
pub(super) fn problem(task: Option<&DraftTask>, name: &str, written: &str) -> Option<Diagnostic> {
    let known = task.map(variables).unwrap_or_default();
    let Some(task) = task.filter(|_| known.contains(&name)) else {
        let (code, message, help) = unknown_root(name, &known);
        return Some(Diagnostic::error(code, message).help(help));
    };
    let field = written.split('.').nth(1)?;
    let fields = match name {
        "matrix" => task.matrix.keys().map(String::as_str).collect(),
        _ => fields(task)?,
    };
    if fields.contains(&field) {
        return None;
    }
    let problem = Diagnostic::error("unknown-reference", format!("`{name}` has no `{field}`"));
    Some(match nearest(field, fields.iter().copied()) {
        Some(near) => problem.help(format!("did you mean `{name}.{near}`?")),
        None if fields.is_empty() => {
            problem.help(format!("its items have no fields: write `{name}`"))
        }
        None => {
            let few: Vec<String> = fields.iter().take(8).map(|it| format!("`{it}`")).collect();
            problem.help(format!("it has {}", few.join(", ")))
        }
    })
}

/// The names that only this task's expressions have.
fn variables(task: &DraftTask) -> Vec<&str> {
    let mut known = Vec::new();
    if task.for_each.is_some() || !task.matrix.is_empty() {
        known.push("item");
    }
    if !task.matrix.is_empty() {
        known.push("matrix");
    }
    known.extend(task.item_name.as_deref());
    known
}

/// The fields that some item has, where that is known before the run.
fn fields(task: &DraftTask) -> Option<Vec<&str>> {
    match &task.for_each {
        None => Some(task.matrix.keys().map(String::as_str).collect()),
        Some(Value::Array(items)) if (1..=MAX_LOOKED_AT).contains(&items.len()) => {
            let mut fields: Vec<&str> = Vec::new();
            for item in items {
                match item {
                    // Whatever an expression comes out as.
                    Value::String(text) if text.contains("${{") => return None,
                    Value::Object(map) => fields.extend(map.keys().map(String::as_str)),
                    _ => {}
                }
            }
            fields.sort_unstable();
            fields.dedup();
            Some(fields)
        }
        Some(_) => None,
    }
}
