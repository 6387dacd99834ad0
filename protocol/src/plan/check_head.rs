//! Rules for the fields of a plan itself.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place, Problems};
use crate::ids::TaskId;

use super::check_policy::check_policy;
use super::check_secrets::check_declared;
use super::check_task::{check_count, check_env, check_template};
use super::check_with::fits;
use super::draft::{DraftPlan, Parameter};
use super::limits::{MAX_DESCRIPTION_BYTES, MAX_ENTRIES, MAX_GOAL_BYTES, MAX_PARALLEL};
use super::wire;

pub(super) fn check_head(draft: &DraftPlan, problems: &mut Problems) {
    if let Some(schema) = draft
        .schema
        .as_deref()
        .filter(|schema| *schema != wire::SCHEMA)
    {
        let shown: String = schema.chars().take(60).collect();
        problems.push(
            Diagnostic::error("plan-schema", format!("plan of schema `{shown}`"))
                .in_place(Place::plan().field("schema"))
                .help(format!("this build reads `{}`", wire::SCHEMA)),
        );
    }
    if !is_scenario_name(&draft.name) {
        let shown: String = draft.name.chars().take(60).collect();
        problems.push(
            Diagnostic::error("invalid-name", format!("`{shown}` is not a scenario name"))
                .in_place(Place::plan().field("name"))
                .help(
                    "lower-case letters, digits, `-` and `_`, at most 63, a letter or digit first",
                ),
        );
    }
    if draft
        .description
        .as_ref()
        .is_some_and(|text| text.len() > MAX_DESCRIPTION_BYTES)
    {
        problems.push(
            Diagnostic::error("value-too-long", "a description of more than 64 KiB")
                .in_place(Place::plan().field("description")),
        );
    }
    check_goal(draft, problems);
    if draft
        .max_parallel
        .is_some_and(|n| n == 0 || n > MAX_PARALLEL)
    {
        problems.push(
            Diagnostic::error(
                "out-of-range",
                format!("`max_parallel` is 1 to {MAX_PARALLEL}"),
            )
            .in_place(Place::plan().field("max_parallel")),
        );
    }
    check_env(&draft.env, &Place::plan(), problems);
    check_outputs(draft, problems);
    check_parameters(&draft.parameters, problems);
    check_declared(draft, problems);
    check_policy(draft, problems);
    for (name, value) in &draft.inputs {
        check_input(name, value, problems);
    }
}

fn check_goal(draft: &DraftPlan, problems: &mut Problems) {
    let Some(goal) = &draft.goal else { return };
    let problem = if goal.trim().is_empty() {
        Diagnostic::error("empty-goal", "a goal without words")
            .help("say what is to be achieved, such as `goal: Summarize the log files.`")
    } else if goal.len() > MAX_GOAL_BYTES {
        let message = format!("a goal of more than {} KiB", MAX_GOAL_BYTES / 1024);
        Diagnostic::error("value-too-long", message)
            .help("say what is to be achieved; long texts belong into an input of type `path`")
    } else {
        return;
    };
    problems.push(problem.in_place(Place::plan().field("goal")));
}

fn check_input(name: &str, value: &Value, problems: &mut Problems) {
    let plain = |value: &Value| match value {
        Value::Number(number) => number.is_i64(),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Array(_) | Value::Object(_) => false,
    };
    let fits = match value {
        Value::Array(items) => items.iter().all(plain),
        other => plain(other),
    };
    if !TaskId::is_segment(name) {
        let shown: String = name.chars().take(60).collect();
        problems.push(
            Diagnostic::error("invalid-name", format!("`{shown}` is not an input name"))
                .in_place(Place::plan().field("inputs").key_name(name)),
        );
    }
    if !fits {
        problems.push(
            Diagnostic::error(
                "wrong-type",
                format!("input `{name}` has a value of no input type"),
            )
            .in_place(Place::plan().field("inputs").key(name)),
        );
    }
}

/// Whether `name` is `[a-z0-9][a-z0-9_-]{0,62}`.
pub(crate) fn is_scenario_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    matches!(bytes.first(), Some(b'a'..=b'z' | b'0'..=b'9'))
        && bytes.len() <= 63
        && bytes
            .iter()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

/// What a nested scenario takes. In a scenario that a person wrote, names and defaults were checked where
/// they stand.
fn check_parameters(parameters: &BTreeMap<String, Parameter>, problems: &mut Problems) {
    for (name, parameter) in parameters {
        let place = || Place::plan().field("parameters");
        if !TaskId::is_segment(name) {
            let shown: String = name.chars().take(60).collect();
            problems.push(
                Diagnostic::error("invalid-name", format!("`{shown}` cannot name an input"))
                    .in_place(place().key_name(name)),
            );
        }
        let default = parameter.default.as_ref();
        if default.is_some_and(|value| !fits(parameter.kind, value)) {
            let kind = parameter.kind;
            let message = format!("the default of `{name}` is not of type `{kind}`");
            let problem = Diagnostic::error("wrong-type", message);
            problems.push(problem.in_place(place().key(name)));
        }
    }
}

fn check_outputs(draft: &DraftPlan, problems: &mut Problems) {
    let owner = Place::plan();
    check_count(
        draft.outputs.len(),
        MAX_ENTRIES,
        &owner,
        "outputs",
        problems,
    );
    for (name, value) in &draft.outputs {
        let place = || Place::plan().field("outputs");
        if !TaskId::is_segment(name) {
            let shown: String = name.chars().take(60).collect();
            problems.push(
                Diagnostic::error("invalid-name", format!("`{shown}` cannot name an output"))
                    .in_place(place().key_name(name))
                    .help("lower-case letters, digits and `_`, at most 63, a letter first"),
            );
        }
        check_template(value, &place().key(name), problems);
    }
}
