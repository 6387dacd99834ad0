//! Tree to draft: one task.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Problems};
use crate::expr::Template;
use crate::outcome::FailureClass;
use crate::plan::{DraftTask, OutputType, Workspace};
use crate::policy::{Backoff, RetryPolicy, Timeout};
use crate::quantity;
use crate::source::Span;

use super::fields::{Fields, read};
use super::lower::{number, templates, text};
use super::lower_defaults::{Defaults, Kept};
use super::lower_policy;
use super::lower_prompt;
use super::tree::{Kind, NodeId, Tree};
use super::values::natural;
use super::words_limits::{RETRY, TIMEOUT};
use super::words_task::TASK;

/// Keys that count as a kind even where they were refused.
const KINDS: &[&str] = &["run", "command", "prompt", "goal", "manual", "uses"];

/// Stands for a task that was reported, so that what needs it is not reported too.
pub(super) fn placeholder(id: &str) -> DraftTask {
    DraftTask {
        id: id.to_owned(),
        run: Some(":".to_owned()),
        ..DraftTask::default()
    }
}

/// `map` is known to be a map.
pub(super) fn lower(
    tree: &Tree<'_>,
    id: &str,
    map: NodeId,
    defaults: &Defaults,
    problems: &mut Problems,
) -> DraftTask {
    let fields = read(tree, map, &TASK, problems);
    let mut run = text(tree, &fields, "run");
    for kind in ["run", "prompt"] {
        if let Some(node) = fields.get(kind) {
            check_comment(tree, kind, node, problems);
        }
    }
    let command = fields.get("command").map(|list| {
        let items = tree
            .children(list)
            .iter()
            .filter_map(|item| tree.text(*item));
        items.map(Template::new).collect()
    });
    let uses = text(tree, &fields, "uses");
    let prompt = text(tree, &fields, "prompt").map(Template::new);
    let is_nothing = run.is_none() && command.is_none() && prompt.is_none() && uses.is_none();
    if is_nothing && fields.refused(KINDS) {
        run = placeholder(id).run;
    }
    let mut task = DraftTask {
        id: id.to_owned(),
        // A folded block ends with a line break that nobody wrote on purpose.
        description: text(tree, &fields, "description").map(|text| text.trim().to_owned()),
        needs: ids(tree, &fields, "needs"),
        run,
        command,
        prompt,
        context: lower_prompt::context(ids(tree, &fields, "context")),
        context_tokens: fields.get("context_tokens").and_then(|id| small(tree, id)),
        output_schema: lower_prompt::schema(tree, &fields, problems),
        parse: lower_prompt::parse(tree, &fields, problems),
        model: lower_prompt::model(tree, &fields, problems),
        fallback: lower_prompt::fallback(tree, &fields, problems),
        uses,
        with: values(tree, fields.given("with"), natural),
        for_each: for_each(tree, &fields),
        item_name: text(tree, &fields, "as"),
        matrix: matrix(tree, &fields, problems),
        refers: ids(tree, &fields, "refers"),
        max_parallel: fields.get("max_parallel").and_then(|id| small(tree, id)),
        condition: text(tree, &fields, "if"),
        env: templates(tree, fields.get("env")),
        secrets: ids(tree, &fields, "secrets"),
        outputs: texts(tree, fields.given("outputs"), |word| {
            OutputType::from_word(word).unwrap_or(OutputType::Json)
        }),
        artifacts: texts(tree, fields.given("artifacts"), str::to_owned),
        files: templates(tree, fields.get("files")),
        continue_on_error: fields
            .get("continue_on_error")
            .is_some_and(|id| tree.text(id) == Some("true")),
        ..DraftTask::default()
    };
    let own = kept(tree, &fields, problems);
    defaults.fill(&mut task, own, |key| fields.given(key).is_some());
    task
}

/// What a task and `defaults` can both have.
pub(super) fn kept(tree: &Tree<'_>, fields: &Fields, problems: &mut Problems) -> Kept {
    let workspace = |id| Workspace::from_word(tree.text(id)?);
    Kept {
        timeout: fields.get("timeout").map(|id| timeout(tree, id, problems)),
        retry: fields.get("retry").map(|id| retry(tree, id, problems)),
        shell: text(tree, fields, "shell"),
        working_dir: text(tree, fields, "working_dir"),
        workspace: fields.get("workspace").and_then(workspace),
        priority: fields.get("priority").and_then(|id| small(tree, id)),
        crash_limit: fields.get("crash_limit").and_then(|id| small(tree, id)),
        effects: lower_policy::effects(tree, fields, problems),
    }
}

/// A wrong list has been reported; the item is there all the same.
fn for_each(tree: &Tree<'_>, fields: &Fields) -> Option<Value> {
    let given = fields.given("for_each")?;
    Some(match fields.get("for_each") {
        Some(items) => natural(tree, items),
        None if tree.kind(given) == Kind::List => natural(tree, given),
        None => Value::Array(Vec::new()),
    })
}

fn matrix(tree: &Tree<'_>, fields: &Fields, problems: &mut Problems) -> BTreeMap<String, Value> {
    let Some(given) = fields.given("matrix") else {
        return BTreeMap::new();
    };
    let axes = values(tree, Some(given), |tree, axis| match tree.kind(axis) {
        Kind::List => natural(tree, axis),
        _ => match tree.text(axis).filter(|text| text.contains("${{")) {
            Some(text) => Value::from(text),
            None => Value::Array(Vec::new()),
        },
    });
    if axes.is_empty() && fields.get("matrix").is_some() {
        problems.push(
            Diagnostic::error("missing-key", "a matrix without axes")
                .at(tree.span(given))
                .help("write `matrix: { os: [linux, macos] }`"),
        );
    }
    axes
}

/// A single id instead of a list has been reported; its order holds all the same.
fn ids(tree: &Tree<'_>, fields: &Fields, key: &'static str) -> Vec<String> {
    let Some(given) = fields.given(key) else {
        return Vec::new();
    };
    let ids = match tree.kind(given) {
        Kind::List => tree.children(given),
        Kind::Map | Kind::Broken => &[],
        Kind::Plain | Kind::Quoted | Kind::Block => std::slice::from_ref(&given),
    };
    let ids = ids
        .iter()
        .filter(|id| !tree.is_null(**id))
        .filter_map(|id| tree.text(*id));
    ids.map(str::to_owned).collect()
}

fn texts<T>(tree: &Tree<'_>, map: Option<NodeId>, read: impl Fn(&str) -> T) -> BTreeMap<String, T> {
    let entries = map.into_iter().flat_map(|map| tree.entries(map));
    entries
        .filter_map(|(key, value)| Some((tree.text(key)?.to_owned(), read(tree.text(value)?))))
        .collect()
}

fn values(
    tree: &Tree<'_>,
    map: Option<NodeId>,
    read: impl Fn(&Tree<'_>, NodeId) -> Value,
) -> BTreeMap<String, Value> {
    let entries = map.into_iter().flat_map(|map| tree.entries(map));
    entries
        .filter_map(|(key, value)| Some((tree.text(key)?.to_owned(), read(tree, value))))
        .collect()
}

pub(super) fn small<N: TryFrom<i64>>(tree: &Tree<'_>, id: NodeId) -> Option<N> {
    N::try_from(number(tree, id)?).ok()
}

/// YAML cuts an unquoted value at ` #` without a word; in a shell text or a prompt that may lose half of it.
fn check_comment(tree: &Tree<'_>, key: &'static str, value: NodeId, problems: &mut Problems) {
    if tree.kind(value) != Kind::Plain {
        return;
    }
    let code = match key {
        "run" => "comment-in-run",
        _ => "comment-in-prompt",
    };
    let end = tree.span(value).end as usize;
    let rest = &tree.source[end..];
    let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    if blank > 0 && rest[blank..].starts_with('#') {
        let start = u32::try_from(end + blank).unwrap_or(u32::MAX);
        problems.push(
            Diagnostic::error(code, format!("YAML ends this `{key}` at ` #`"))
                .at(Span::new(start, start + 1))
                .help(format!(
                    "write `{key}: |` and the text on the next lines, or move the comment"
                )),
        );
    }
}

fn milliseconds(tree: &Tree<'_>, id: NodeId) -> Option<u64> {
    quantity::duration(tree.text(id)?)
}

fn timeout(tree: &Tree<'_>, id: NodeId, problems: &mut Problems) -> Timeout {
    if tree.kind(id) != Kind::Map {
        return Timeout {
            wall_ms: milliseconds(tree, id),
            idle_ms: None,
        };
    }
    let fields = read(tree, id, &TIMEOUT, problems);
    let limit = |key| fields.get(key).and_then(|id| milliseconds(tree, id));
    let timeout = Timeout {
        wall_ms: limit("wall"),
        idle_ms: limit("idle"),
    };
    if timeout == Timeout::default() && !fields.refused(&["wall", "idle"]) {
        problems.push(
            Diagnostic::error("missing-key", "a timeout needs `wall`, `idle` or both")
                .at(tree.span(id)),
        );
    }
    timeout
}

fn retry(tree: &Tree<'_>, id: NodeId, problems: &mut Problems) -> RetryPolicy {
    let extra = |id| {
        number(tree, id)
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(0)
    };
    let default = RetryPolicy::default();
    if tree.kind(id) != Kind::Map {
        return RetryPolicy {
            max: extra(id),
            ..default
        };
    }
    let fields = read(tree, id, &RETRY, problems);
    let delay = |key| fields.get(key).and_then(|id| milliseconds(tree, id));
    let items = |key| {
        fields
            .get(key)
            .map(|id| tree.children(id))
            .unwrap_or_default()
    };
    let backoff = match fields.get("backoff").and_then(|id| tree.text(id)) {
        Some("fixed") => Backoff::Fixed,
        _ => Backoff::Exponential,
    };
    let class = |id: &NodeId| tree.text(*id)?.parse::<FailureClass>().ok();
    let code = |id: &NodeId| i32::try_from(number(tree, *id)?).ok();
    RetryPolicy {
        max: fields.get("max").map_or(0, extra),
        delay_ms: delay("delay").unwrap_or(default.delay_ms),
        backoff,
        max_delay_ms: delay("max_delay").unwrap_or(default.max_delay_ms),
        when: items("when").iter().filter_map(class).collect(),
        exit_codes: items("exit_codes").iter().filter_map(code).collect(),
    }
}
