//! Reads a map by its table: every key is classified, every value is held against its shape, and all
//! problems are reported here, so that the lowering behind it stays silent.

use crate::diagnostic::{Diagnostic, Problems};
use crate::nearest::nearest;
use crate::plan::whole_number;

use super::duration;
use super::keys::{MAX_LISTED, Shape, Table};
use super::tree::{Kind, NodeId, Tree};
use super::words::SCENARIO;
use super::words_task::TASK;

/// The known keys of one map, with values that fit their shapes.
pub(super) struct Fields {
    found: Vec<(&'static str, NodeId)>,
    /// Values that do not fit.
    misfits: Vec<(&'static str, NodeId)>,
    /// Keys that are there but wrong, or known but not built.
    refused: Vec<&'static str>,
}

impl Fields {
    /// The value of a key, if it is there and fits.
    pub(super) fn get(&self, name: &'static str) -> Option<NodeId> {
        self.found
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| *value)
    }

    /// The value of a key, fitting or not: what it declares is not also reported as missing.
    pub(super) fn given(&self, name: &'static str) -> Option<NodeId> {
        let all = self.found.iter().chain(&self.misfits);
        all.into_iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| *value)
    }

    /// Whether any of these keys is there but was refused.
    pub(super) fn refused(&self, names: &[&'static str]) -> bool {
        self.refused.iter().any(|key| names.contains(key))
    }
}

/// Reads `map`, which the caller has found to be a map, by `table`.
pub(super) fn read(
    tree: &Tree<'_>,
    map: NodeId,
    table: &'static Table,
    problems: &mut Problems,
) -> Fields {
    let mut fields = Fields {
        found: Vec::new(),
        misfits: Vec::new(),
        refused: Vec::new(),
    };
    for (key, value) in tree.entries(map) {
        let Some(word) = tree.text(key) else { continue };
        if let Some(at) = table.position(word) {
            let spec = &table.keys[at];
            if fits(tree, value, &spec.shape, spec.name, problems) {
                fields.found.push((spec.name, value));
            } else {
                fields.refused.push(spec.name);
                fields.misfits.push((spec.name, value));
            }
            continue;
        }
        if let Some(later) = table.later.iter().find(|later| **later == word) {
            fields.refused.push(later);
            // A goal stands for the tasks; their absence is not a second problem.
            if *later == "goal" {
                fields.refused.push("tasks");
            }
        }
        if let Some((alias, _)) = table.aliases.iter().find(|(alias, _)| *alias == word) {
            fields.refused.push(alias);
        }
        let mut problem = unknown(table, word);
        if is_fallen_task(tree, map, table, value) {
            problem = problem.help("indent it beneath `tasks`");
        }
        // Whoever wrote another word for a key is not told that the key is missing, too.
        let help = problem.help.as_deref().unwrap_or_default();
        let meant = |word: &&'static str| {
            [format!("write `{word}`"), format!("did you mean `{word}`?")]
                .iter()
                .any(|said| help.starts_with(said.as_str()))
        };
        fields.refused.extend(table.words().find(meant));
        problems.push(problem.at(tree.span(key)));
    }
    for key in table.keys.iter().filter(|key| key.required) {
        if fields.get(key.name).is_none() && !fields.refused.contains(&key.name) {
            problems.push(
                Diagnostic::error(
                    "missing-key",
                    format!("{} needs `{}`", table.what, key.name),
                )
                .at(tree.span(map)),
            );
        }
    }
    fields
}

/// Whether a map at the top level is a task that should stand beneath an empty `tasks`.
fn is_fallen_task(tree: &Tree<'_>, map: NodeId, table: &Table, value: NodeId) -> bool {
    let is_kind = |key: &str| tree.entry(value, key).is_some();
    std::ptr::eq(table, &raw const SCENARIO)
        && (is_kind("run") || is_kind("command"))
        && tree
            .entry(map, "tasks")
            .is_some_and(|(_, tasks)| tree.is_null(tasks))
}

fn unknown(table: &Table, word: &str) -> Diagnostic {
    let what = table.what;
    let is_task = std::ptr::eq(table, &raw const TASK);
    let shown: String = word.chars().take(60).collect();
    if table.later.contains(&word) {
        let problem =
            Diagnostic::error("unsupported-yet", format!("`{shown}` is not supported yet"));
        return match word {
            "prompt" | "goal" | "manual" | "uses" if is_task => {
                problem.help("this build has `run` and `command`: write one of them instead")
            }
            "goal" => problem.help("this build runs written tasks: write them under `tasks`"),
            _ => problem.help("this build does not have it; remove the key"),
        };
    }
    if let Some((_, canonical)) = table.aliases.iter().find(|(alias, _)| *alias == word) {
        return Diagnostic::error("unsupported-yet", format!("`{shown}` is not supported yet"))
            .help(format!("write `{canonical}`"));
    }
    let problem = Diagnostic::error("unknown-key", format!("{what} has no key `{shown}`"));
    if let Some((_, fix)) = table.hints.iter().find(|(hint, _)| *hint == word) {
        return problem.help(*fix);
    }
    if let Some(near) = nearest(word, table.words()) {
        return problem.help(match table.later.contains(&near) {
            true => format!("did you mean `{near}`? This build does not have it yet"),
            false => format!("did you mean `{near}`?"),
        });
    }
    if std::ptr::eq(table, &raw const SCENARIO) && TASK.position(word).is_some() {
        return problem.help(format!("`{shown}` belongs into a task"));
    }
    if is_task && SCENARIO.position(word).is_some() {
        return problem.help(format!("`{shown}` belongs to the top level"));
    }
    problem.help("remove it")
}

/// Whether `value` fits; reports what does not, at every depth but that of known keys.
pub(super) fn fits(
    tree: &Tree<'_>,
    value: NodeId,
    shape: &Shape,
    key: &str,
    problems: &mut Problems,
) -> bool {
    let kind = tree.kind(value);
    if kind == Kind::Broken {
        return false;
    }
    match shape {
        Shape::Either(_, map) if kind == Kind::Map => fits(tree, value, map, key, problems),
        Shape::Either(scalar, _) if scalar_fits(tree, value, scalar) => true,
        Shape::ListOf(items) if kind == Kind::List => {
            let mut all = true;
            for item in tree.children(value) {
                all &= fits(tree, *item, items, key, problems);
            }
            all
        }
        Shape::MapOf { values, .. } if kind == Kind::Map => {
            // Known keys have tables of their own, which the lowering reads one by one.
            let nested = matches!(values, Shape::Object(_));
            let mut all = true;
            for (name, entry) in tree.entries(value).filter(|_| !nested) {
                if !scalar_fits(tree, entry, values) {
                    let name = format!("{key}.{}", tree.text(name).unwrap_or_default());
                    all &= fits(tree, entry, values, &name, problems);
                }
            }
            all
        }
        Shape::Object(_) if kind == Kind::Map => true,
        Shape::Any if !tree.is_null(value) => true,
        shape if scalar_fits(tree, value, shape) => true,
        _ => {
            problems.push(mismatch(tree, value, shape, key));
            false
        }
    }
}

fn scalar_fits(tree: &Tree<'_>, value: NodeId, shape: &Shape) -> bool {
    let (Some(text), false) = (tree.text(value), tree.is_null(value)) else {
        return false;
    };
    let plain = tree.kind(value) == Kind::Plain;
    match shape {
        Shape::Text => true,
        Shape::Flag => plain && matches!(text, "true" | "false"),
        Shape::Count { min, max } => {
            plain && whole_number(text).is_some_and(|number| (*min..=*max).contains(&number))
        }
        Shape::Duration => duration::parse(text).is_some(),
        Shape::Word { now, .. } => now.contains(&text),
        Shape::ListOf(_)
        | Shape::MapOf { .. }
        | Shape::Object(_)
        | Shape::Either(..)
        | Shape::Any => false,
    }
}

fn mismatch(tree: &Tree<'_>, value: NodeId, shape: &Shape, key: &str) -> Diagnostic {
    let span = tree.span(value);
    let text = tree.text(value).filter(|_| !tree.is_null(value));
    let shown: Option<String> = text.map(|text| text.chars().take(60).collect());
    let scalar = match shape {
        Shape::Either(scalar, _) => scalar,
        other => other,
    };
    if let (Shape::Word { later, .. }, Some(text)) = (scalar, text)
        && later.contains(&text)
    {
        return Diagnostic::error(
            "unsupported-yet",
            format!("`{key}: {text}` is not supported yet"),
        )
        .at(span)
        .help(format!("this build has {}", scalar.expected()));
    }
    let found = match (tree.kind(value), &shown) {
        (Kind::List, _) => "a list".to_owned(),
        (Kind::Map, _) => "a map".to_owned(),
        (_, Some(shown)) => format!("`{}`", shown.escape_debug()),
        (_, None) => "nothing".to_owned(),
    };
    Diagnostic::error(
        "wrong-type",
        format!("`{key}` expects {}, found {found}", shape.expected()),
    )
    .at(span)
    .maybe_help(fix(scalar, key, text, tree.kind(value)))
}

/// Words of other tools for our types.
const SYNONYMS: &[(&str, &str)] = &[
    ("integer", "int"),
    ("number", "int"),
    ("boolean", "bool"),
    ("str", "string"),
    ("text", "string"),
    ("array", "list"),
    ("object", "json"),
    ("map", "json"),
    ("file", "path"),
    ("dir", "path"),
    ("directory", "path"),
    ("constant", "fixed"),
    ("linear", "fixed"),
];

fn fix(shape: &Shape, key: &str, text: Option<&str>, kind: Kind) -> Option<String> {
    let short = text.filter(|text| text.len() <= 60 && !text.contains('\n'));
    let help = match (shape, key, short) {
        (Shape::Duration, _, Some(number)) if whole_number(number).is_some() => {
            format!("write a unit: `{number}s` or `{number}m`")
        }
        (Shape::Duration, ..) => "units are `d`, `h`, `m`, `s` and `ms`, as in `1h30m`".to_owned(),
        (Shape::Flag, _, Some("yes" | "Yes" | "on" | "On" | "True" | "TRUE")) => {
            "write `true`".to_owned()
        }
        (Shape::Flag, _, Some("no" | "No" | "off" | "Off" | "False" | "FALSE")) => {
            "write `false`".to_owned()
        }
        (Shape::Flag | Shape::Count { .. }, ..) if kind == Kind::Quoted => {
            "write it without quotes".to_owned()
        }
        (Shape::Count { .. }, _, Some(number))
            if number.starts_with('0')
                && number.len() > 1
                && whole_number(number.trim_start_matches('0')).is_some() =>
        {
            "write it without leading zeros".to_owned()
        }
        (Shape::Word { now, .. }, _, Some(word)) => {
            let other = SYNONYMS
                .iter()
                .find(|(other, _)| *other == word)
                .map(|(_, ours)| *ours);
            let ours = other.filter(|ours| now.contains(ours));
            let near = ours.or_else(|| nearest(word, now.iter().copied()));
            match near {
                Some(near) => format!("did you mean `{near}`?"),
                None if now.len() > MAX_LISTED => "`orchestra schema` lists them".to_owned(),
                None => return None,
            }
        }
        (Shape::MapOf { .. }, "tasks", None) if kind == Kind::List => {
            "write a map: each task's id, then its keys".to_owned()
        }
        (Shape::MapOf { .. }, _, None) if kind == Kind::List => {
            format!("write a map: `{key}: {{ name: … }}`")
        }
        (Shape::Object(_) | Shape::MapOf { .. }, _, None) if kind == Kind::Plain => {
            "indent what belongs to it on the lines below".to_owned()
        }
        (Shape::Object(table), key, Some(_))
            if table.what == "a task" && TASK.position(key).is_some() =>
        {
            format!("`{key}` is a key of a task: indent it beneath the task's id")
        }
        (Shape::Object(table), _, Some(text)) if table.what == "a task" => {
            format!("write `{key}: {{ run: {text} }}`")
        }
        (Shape::Object(table), _, Some(text)) if table.what == "an input" => {
            format!("write `{key}: {{ type: {text} }}`")
        }
        (Shape::ListOf(_), "command", Some(_)) => {
            "a text is for a shell: write it as `run`, or list program and arguments".to_owned()
        }
        (Shape::ListOf(_), _, Some(text)) => format!("write `{key}: [{text}]`"),
        (Shape::ListOf(_), "needs", None) if kind == Kind::Map => {
            "list the ids; a condition belongs into `if`".to_owned()
        }
        (Shape::Text, "run", None) if kind == Kind::List => {
            "write the lines as a block: `run: |`; a list of arguments is `command`".to_owned()
        }
        (Shape::Text, name, None) if kind == Kind::Plain && name.starts_with("env.") => {
            "write \"\" for an empty value".to_owned()
        }
        _ => return None,
    };
    Some(help)
}
