//! Tree to draft: the top level. Wrong parts are left out, so that the plan check behind it still
//! sees the rest and all problems come out together.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Problems};
use crate::expr::Template;
use crate::ids::TaskId;
use crate::plan::{DraftPlan, InputType, invalid_id, is_scenario_name, whole_number};
use crate::source::Span;

use super::fields::{Fields, fits, read};
use super::input::Input;
use super::keys::Shape;
use super::lower_defaults::Defaults;
use super::lower_policy;
use super::lower_task;
use super::tree::{Kind, NodeId, Tree};
use super::words::{INPUT, SCENARIO};
use super::words_task::TASK;

/// A scenario whose tasks are not checked against each other yet.
pub(super) struct Lowered {
    pub(super) inputs: BTreeMap<String, Input>,
    pub(super) draft: DraftPlan,
}

pub(super) fn lower(tree: &Tree<'_>, file: &str, problems: &mut Problems) -> Option<Lowered> {
    let Some(root) = tree.root.filter(|root| !tree.is_null(*root)) else {
        if !problems.has_errors() {
            problems.push(
                Diagnostic::error("empty-scenario", "the file holds no scenario")
                    .at(Span::new(0, 0))
                    .help("the smallest is `tasks: { hello: { run: echo hello } }`"),
            );
        }
        return None;
    };
    if tree.kind(root) != Kind::Map {
        fits(tree, root, &Shape::Object(&SCENARIO), "scenario", problems);
        return None;
    }
    let fields = read(tree, root, &SCENARIO, problems);
    let name = match text(tree, &fields, "name") {
        Some(name) => name,
        None => name_of(file),
    };
    let max_parallel = fields.get("max_parallel").and_then(|id| number(tree, id));
    let draft = DraftPlan {
        secrets: lower_policy::secrets(tree, &fields, problems),
        policy: lower_policy::policy(tree, &fields, problems),
        name,
        description: text(tree, &fields, "description"),
        goal: text(tree, &fields, "goal"),
        env: templates(tree, fields.get("env")),
        max_parallel: max_parallel.and_then(|n| u32::try_from(n).ok()),
        outputs: templates(tree, fields.given("outputs")),
        ..DraftPlan::default()
    };
    let defaults = Defaults::read(tree, &fields, problems);
    let mut lowered = Lowered {
        inputs: inputs(tree, &fields, problems),
        draft,
    };
    let goal = fields.get("goal").or(fields.given("goal"));
    match (fields.get("tasks"), goal) {
        (Some(_), Some(goal)) => {
            let problem = Diagnostic::error("goal-and-tasks", "a scenario has a goal or tasks");
            let help = "remove one of them: a goal is planned whole";
            problems.push(problem.at(tree.span(goal)).help(help));
        }
        (None, None) if !fields.refused(&["tasks"]) => {
            let problem = Diagnostic::error("missing-key", "a scenario needs `tasks` or `goal`");
            problems.push(problem.at(tree.span(root)));
        }
        _ => {}
    }
    if let Some(tasks) = fields.get("tasks") {
        lower_tasks(tree, tasks, &defaults, &mut lowered.draft, problems);
    } else if fields.refused(&["tasks"]) || problems.has_errors() {
        // Nothing to check: the missing or wrong `tasks` has been reported.
        return None;
    }
    Some(lowered)
}

/// A scenario's name from its file's: `ci/Release Notes.orchestra.yaml` is `release-notes`.
fn name_of(file: &str) -> String {
    let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = base
        .strip_suffix(".yaml")
        .or_else(|| base.strip_suffix(".yml"))
        .unwrap_or(base);
    let stem = stem.strip_suffix(".orchestra").unwrap_or(stem);
    let plain = |c: char| match c.to_ascii_lowercase() {
        c @ ('a'..='z' | '0'..='9' | '_') => c,
        _ => '-',
    };
    let name: String = stem.chars().map(plain).take(63).collect();
    let name = name.trim_start_matches(['-', '_']).to_owned();
    if is_scenario_name(&name) {
        name
    } else {
        "scenario".to_owned()
    }
}

fn lower_tasks(
    tree: &Tree<'_>,
    tasks: NodeId,
    defaults: &Defaults,
    draft: &mut DraftPlan,
    problems: &mut Problems,
) {
    draft.tasks.reserve(tree.children(tasks).len() / 2);
    for (key, value) in tree.entries(tasks) {
        let Some(id) = tree.text(key) else { continue };
        // The check behind us takes children's ids too, which nobody writes.
        if !TaskId::is_segment(id) && id.parse::<TaskId>().is_ok() {
            problems.push(invalid_id(id).at(tree.span(key)));
        }
        if fits(tree, value, &Shape::Object(&TASK), id, problems) {
            let task = lower_task::lower(tree, id, value, defaults, problems);
            draft.tasks.push(task);
        } else {
            draft.tasks.push(lower_task::placeholder(id));
        }
    }
}

fn inputs(tree: &Tree<'_>, fields: &Fields, problems: &mut Problems) -> BTreeMap<String, Input> {
    let mut inputs = BTreeMap::new();
    let Some(map) = fields.get("inputs") else {
        return inputs;
    };
    for (key, value) in tree.entries(map) {
        let Some(name) = tree.text(key) else { continue };
        if !TaskId::is_segment(name) {
            let shown: String = name.chars().take(60).collect();
            problems.push(
                Diagnostic::error("invalid-name", format!("`{shown}` cannot name an input"))
                    .at(tree.span(key))
                    .help("lower-case letters, digits and `_`, at most 63, a letter first"),
            );
        }
        let input = match fits(tree, value, &Shape::Object(&INPUT), name, problems) {
            true => input(tree, name, value, problems),
            false => Input::default(),
        };
        inputs.insert(name.to_owned(), input);
    }
    inputs
}

fn input(tree: &Tree<'_>, name: &str, map: NodeId, problems: &mut Problems) -> Input {
    let fields = read(tree, map, &INPUT, problems);
    let kind = fields
        .get("type")
        .and_then(|id| InputType::from_word(tree.text(id)?));
    let kind = kind.unwrap_or(InputType::String);
    let required = fields
        .get("required")
        .map(|id| tree.text(id) == Some("true"));
    let default = fields
        .get("default")
        .and_then(|id| default(tree, name, kind, id, problems));
    if let (Some(true), Some(id)) = (required, fields.get("default")) {
        problems.push(
            Diagnostic::error(
                "input-default",
                format!("`{name}` is required and has a default"),
            )
            .at(tree.span(id))
            .help("remove one of them"),
        );
    }
    Input {
        kind,
        required: required.unwrap_or(fields.get("default").is_none()),
        default,
        description: text(tree, &fields, "description"),
    }
}

fn default(
    tree: &Tree<'_>,
    name: &str,
    kind: InputType,
    id: NodeId,
    problems: &mut Problems,
) -> Option<serde_json::Value> {
    use serde_json::Value;
    const WIDE: Shape = Shape::Count {
        min: -9_007_199_254_740_991,
        max: 9_007_199_254_740_991,
    };
    let shape = match kind {
        InputType::String | InputType::Path => Shape::Text,
        InputType::Int => WIDE,
        InputType::Bool => Shape::Flag,
        InputType::List => Shape::ListOf(&Shape::Text),
    };
    let key = format!("default of {name}");
    if !fits(tree, id, &shape, &key, problems) {
        return None;
    }
    let texts = |id: NodeId| tree.children(id).iter().filter_map(|item| tree.text(*item));
    match kind {
        InputType::String | InputType::Path => Some(Value::from(tree.text(id)?)),
        InputType::Int => number(tree, id).map(Value::from),
        InputType::Bool => Some(Value::Bool(tree.text(id)? == "true")),
        InputType::List => Some(Value::Array(texts(id).map(Value::from).collect())),
    }
}

/// The text under a key.
pub(super) fn text(tree: &Tree<'_>, fields: &Fields, key: &'static str) -> Option<String> {
    Some(tree.text(fields.get(key)?)?.to_owned())
}

/// The number of a scalar that fits [`Shape::Count`].
pub(super) fn number(tree: &Tree<'_>, id: NodeId) -> Option<i64> {
    whole_number(tree.text(id)?)
}

/// A map of texts that may hold expressions.
pub(super) fn templates(tree: &Tree<'_>, map: Option<NodeId>) -> BTreeMap<String, Template> {
    let entries = map.into_iter().flat_map(|map| tree.entries(map));
    entries
        .filter_map(|(key, value)| {
            Some((tree.text(key)?.to_owned(), Template::new(tree.text(value)?)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_files() {
        let cases = [
            ("hello.yaml", "hello"),
            ("ci/Release Notes.orchestra.yaml", "release-notes"),
            ("-", "scenario"),
            ("_x.yml", "x"),
            ("日本.yaml", "scenario"),
            ("9lives", "9lives"),
        ];
        for (file, name) in cases {
            assert_eq!(name_of(file), name);
        }
    }
}
