//! Rules for what a task expands into, and for keys that mean something on some tasks only.

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place, Problems};
use crate::expr::{Template, is_variable_name};
use crate::ids::TaskId;

use super::check_references::is_fan_out;
use super::check_task::{check_count, check_template};
use super::draft::DraftTask;
use super::limits::{
    MAX_CRASH_LIMIT, MAX_ENTRIES, MAX_INTEGER, MAX_ITEMS, MAX_PARALLEL, MAX_PRIORITY,
};
use super::paths::check_relative;
use super::types::Workspace;

/// Lists and maps in each other in a value.
const MAX_VALUE_DEPTH: usize = 64;

pub(super) fn check_expansion(task: &DraftTask, problems: &mut Problems) {
    check_fan_out(task, problems);
    check_uses(task, problems);
    check_numbers(task, problems);
}

fn check_fan_out(task: &DraftTask, problems: &mut Problems) {
    let place = |field| Place::task(&task.id).field(field);
    if let Some(items) = &task.for_each {
        check_items("for_each", items, &place("for_each"), problems);
        if let Value::Array(items) = items {
            for (at, item) in items.iter().enumerate() {
                check_value(item, 0, &place("for_each").index(at), problems);
            }
        }
        if !task.matrix.is_empty() {
            let message = format!("task `{}` has `for_each` and `matrix`", task.id);
            problems.push(
                Diagnostic::error("two-fan-outs", message)
                    .in_place(place("matrix"))
                    .help("keep one of them; a list can be an axis of `matrix`"),
            );
        }
    }
    check_count(
        task.matrix.len(),
        MAX_AXES,
        &Place::task(&task.id),
        "matrix",
        problems,
    );
    let mut product = 1_usize;
    for (axis, items) in &task.matrix {
        if !TaskId::is_segment(axis) {
            let shown: String = axis.chars().take(60).collect();
            let message = format!("`{shown}` cannot name an axis");
            problems.push(
                Diagnostic::error("invalid-name", message)
                    .in_place(place("matrix").key_name(axis))
                    .help("lower-case letters, digits and `_`, at most 63, a letter first"),
            );
        }
        check_items(axis, items, &place("matrix").key(axis), problems);
        check_value(items, 0, &place("matrix").key(axis), problems);
        product = product.saturating_mul(items.as_array().map_or(1, Vec::len));
    }
    if product > MAX_ITEMS {
        let message = format!("a matrix of {product} combinations; at most {MAX_ITEMS}");
        problems.push(Diagnostic::error("too-many-items", message).in_place(place("matrix")));
    }
    let Some(name) = &task.item_name else { return };
    if task.for_each.is_none() && task.matrix.is_empty() {
        problems.push(
            Diagnostic::error("unused-key", "`as` names the item of `for_each`")
                .in_place(place("as"))
                .help("remove it, or write `for_each`"),
        );
    } else if !TaskId::is_segment(name) || !is_variable_name(name) {
        let shown: String = name.chars().take(60).collect();
        let message = format!("`{shown}` cannot name an item");
        let help = match TaskId::is_segment(name) {
            true => "choose another word: this one means something in expressions",
            false => "lower-case letters, digits and `_`, at most 63, a letter first",
        };
        let problem = Diagnostic::error("invalid-name", message);
        problems.push(problem.in_place(place("as")).help(help));
    }
}

/// Axes of one matrix; more than that is a table, which `for_each` takes.
const MAX_AXES: usize = 32;

fn check_items(key: &str, items: &Value, place: &Place, problems: &mut Problems) {
    let problem = match items {
        Value::Array(items) if items.len() <= MAX_ITEMS => return,
        Value::Array(items) => {
            let message = format!("{} items in `{key}`; at most {MAX_ITEMS}", items.len());
            Diagnostic::error("too-many-items", message)
        }
        Value::String(text) => {
            let template = Template::new(text.as_str());
            if template.is_whole() {
                return;
            }
            let message = format!("`{key}` expects a list, found text");
            Diagnostic::error("wrong-type", message).help(match template.has_expressions() {
                true => "one `${{ … }}` with nothing around it can be a list",
                false => "write the items in `[ ]`",
            })
        }
        _ => Diagnostic::error("wrong-type", format!("`{key}` expects a list")),
    };
    problems.push(problem.in_place(place.clone()));
}

/// A value that is taken as it looks: whole numbers, texts that may hold expressions, lists, maps.
fn check_value(value: &Value, depth: usize, place: &Place, problems: &mut Problems) {
    let refuse = |code: &'static str, message: &str, problems: &mut Problems| {
        problems.push(Diagnostic::error(code, message).in_place(place.clone()));
    };
    if depth > MAX_VALUE_DEPTH {
        return refuse("too-deep", "nested more than 64 levels deep", problems);
    }
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => {
            let plain = number.as_i64().is_some_and(|n| n.abs() <= MAX_INTEGER);
            if !plain {
                refuse(
                    "wrong-type",
                    "a number that is not whole, or too big",
                    problems,
                );
            }
        }
        Value::String(text) => check_template(&Template::new(text.as_str()), place, problems),
        Value::Array(items) => {
            for item in items {
                check_value(item, depth + 1, place, problems);
            }
        }
        Value::Object(map) => {
            for item in map.values() {
                check_value(item, depth + 1, place, problems);
            }
        }
    }
}

fn check_uses(task: &DraftTask, problems: &mut Problems) {
    let owner = Place::task(&task.id);
    let place = |field| Place::task(&task.id).field(field);
    check_count(task.with.len(), MAX_ENTRIES, &owner, "with", problems);
    for (name, value) in &task.with {
        check_value(value, 0, &place("with").key(name), problems);
    }
    let Some(file) = &task.uses else {
        if !task.with.is_empty() {
            problems.push(
                Diagnostic::error("unused-key", "`with` means nothing without `uses`")
                    .in_place(place("with"))
                    .help("values for `run` and `command` come in through `env`"),
            );
        }
        return;
    };
    if file.contains("${{") {
        problems.push(
            Diagnostic::error("expression-not-allowed", "`uses` cannot hold an expression")
                .in_place(place("uses"))
                .help("write the path out; the plan must show every task"),
        );
    } else if let Err(problem) = check_relative(file.strip_prefix("./").unwrap_or(file)) {
        let shown: String = file.chars().take(80).collect();
        let message = format!("`{}`: {problem}", shown.escape_debug());
        problems.push(
            Diagnostic::error("invalid-path", message)
                .in_place(place("uses"))
                .help("a path beneath the scenario's root, such as `./parts/build.yaml`"),
        );
    }
    let meaningless = [
        (
            "shell",
            task.shell.is_some(),
            "the tasks of the file have their own",
        ),
        (
            "working_dir",
            task.working_dir.is_some(),
            "the tasks of the file have their own",
        ),
        (
            "workspace",
            task.workspace != Workspace::default(),
            "the tasks of the file have their own",
        ),
        (
            "outputs",
            !task.outputs.is_empty(),
            "the file's own top-level `outputs` are what this task has",
        ),
        (
            "artifacts",
            !task.artifacts.is_empty(),
            "artifacts among the file's top-level `outputs` are what this task has",
        ),
        (
            "files",
            !task.files.is_empty(),
            "files are staged for the tasks that need them: hand a value over in `with`",
        ),
    ];
    for (field, _, help) in meaningless.into_iter().filter(|(_, given, _)| *given) {
        problems.push(
            Diagnostic::error(
                "unused-key",
                format!("`{field}` means nothing beside `uses`"),
            )
            .in_place(place(field))
            .help(format!("remove it: {help}")),
        );
    }
}

fn check_numbers(task: &DraftTask, problems: &mut Problems) {
    let mut refuse = |field, message: String| {
        let place = Place::task(&task.id).field(field);
        problems.push(Diagnostic::error("out-of-range", message).in_place(place));
    };
    if task.priority.is_some_and(|n| n.abs() > MAX_PRIORITY) {
        refuse(
            "priority",
            format!("`priority` is -{MAX_PRIORITY} to {MAX_PRIORITY}"),
        );
    }
    if task
        .crash_limit
        .is_some_and(|n| n == 0 || n > MAX_CRASH_LIMIT)
    {
        refuse(
            "crash_limit",
            format!("`crash_limit` is 1 to {MAX_CRASH_LIMIT}"),
        );
    }
    let Some(wide) = task.max_parallel else {
        return;
    };
    if wide == 0 || wide > MAX_PARALLEL {
        refuse(
            "max_parallel",
            format!("`max_parallel` is 1 to {MAX_PARALLEL}"),
        );
    } else if !is_fan_out(task) && task.uses.is_none() {
        problems.push(
            Diagnostic::error(
                "unused-key",
                "`max_parallel` means nothing on a task that does not expand",
            )
            .in_place(Place::task(&task.id).field("max_parallel"))
            .help("it belongs beside `for_each`, `matrix` or `uses`, or to the top level"),
        );
    }
}
