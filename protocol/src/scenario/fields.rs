//! Reads a map by its table: every key is classified, every value is held against its shape, and all
//! problems are reported here, so that the lowering behind it stays silent.

use crate::budget::Money;
use crate::diagnostic::{Diagnostic, Problems};
use crate::nearest::nearest;
use crate::plan::whole_number;
use crate::quantity;

use super::keys::{Shape, Table};
use super::misfit::mismatch;
use super::tree::{Kind, NodeId, Tree};
use super::words::SCENARIO;
use super::words_policy::SECRET;
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
        if let Some(spec) = table.canonical(word) {
            if spec.name != word && !alias(tree, map, table, (key, word), spec.name, problems) {
                continue;
            }
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

/// Notes that a key is read as another one; refuses it where that one is given, too.
fn alias(
    tree: &Tree<'_>,
    map: NodeId,
    table: &Table,
    (key, word): (NodeId, &str),
    canonical: &'static str,
    problems: &mut Problems,
) -> bool {
    let same = |other: &str| {
        table
            .canonical(other)
            .is_some_and(|key| key.name == canonical)
    };
    let mut others = tree.entries(map).map(|(other, _)| other);
    let others = others.find(|other| *other != key && tree.text(*other).is_some_and(same));
    let first = others
        .filter(|other| tree.text(*other) == Some(canonical) || tree.span(*other) < tree.span(key));
    let Some(first) = first else {
        let note = format!("`{word}` is read as `{canonical}`");
        problems.push(Diagnostic::note("alias", note).at(tree.span(key)));
        return true;
    };
    let first = tree.text(first).unwrap_or_default();
    let message =
        format!("`{word}` is another word for `{canonical}`, which is given as `{first}`");
    let message = match first == canonical {
        true => format!("`{word}` is another word for `{canonical}`, which is given, too"),
        false => message,
    };
    let problem = Diagnostic::error("duplicate-key", message).at(tree.span(key));
    problems.push(problem.help("keep one of them"));
    false
}

/// Whether a map at the top level is a task that should stand beneath an empty `tasks`.
fn is_fallen_task(tree: &Tree<'_>, map: NodeId, table: &Table, value: NodeId) -> bool {
    let is_kind = |key: &str| tree.entry(value, key).is_some();
    std::ptr::eq(table, &raw const SCENARIO)
        && ["run", "command", "prompt", "uses"]
            .into_iter()
            .any(is_kind)
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
            "goal" | "manual" if is_task => problem.help(
                "this build has `run`, `command`, `prompt` and `uses`: write one of them instead",
            ),
            _ => problem.help("this build does not have it; remove the key"),
        };
    }
    if let Some((_, canonical)) = table.aliases.iter().find(|(alias, _)| *alias == word) {
        return Diagnostic::error("unsupported-yet", format!("`{shown}` is not supported yet"))
            .help(format!(
                "this build does not have `{canonical}`; remove the key"
            ));
    }
    // Whose line is not shown: it holds the secret itself.
    let is_value = std::ptr::eq(table, &raw const SECRET) && matches!(word, "value" | "default");
    let code = if is_value {
        "secret-value"
    } else {
        "unknown-key"
    };
    let problem = Diagnostic::error(code, format!("{what} has no key `{shown}`"));
    if let Some((_, fix)) = table.hints.iter().find(|(hint, _)| *hint == word) {
        return problem.help(*fix);
    }
    // `dependsOn`, `continue-on-error`.
    let same = table.canonical(&snake(word));
    if let Some(same) = same.or_else(|| table.canonical(&snake(word).replace('_', "-"))) {
        return problem.help(format!("write `{}`", same.name));
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
    problem.help(near_other_word(table, word).unwrap_or_else(|| "remove it".to_owned()))
}

/// A slip in a word that is not this format's own, such as `retires`.
fn near_other_word(table: &Table, word: &str) -> Option<String> {
    // Two edits make another word of a shorter one: `deps` of `steps`.
    if word.len() < 6 {
        return None;
    }
    if let Some(near) = nearest(word, table.aliases.iter().map(|(alias, _)| *alias)) {
        let canonical = table.canonical(near)?;
        return Some(format!("did you mean `{}`?", canonical.name));
    }
    let near = nearest(word, table.hints.iter().map(|(hint, _)| *hint))?;
    let (_, fix) = table.hints.iter().find(|(hint, _)| *hint == near)?;
    fix.starts_with("write ").then(|| (*fix).to_owned())
}

/// A word as this format spells words.
fn snake(word: &str) -> String {
    let mut snake = String::new();
    for c in word.chars().take(60) {
        if c.is_ascii_uppercase() && !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.push(if c == '-' {
            '_'
        } else {
            c.to_ascii_lowercase()
        });
    }
    snake
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
        Shape::Items if kind == Kind::List => true,
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
        Shape::Duration => quantity::duration(text).is_some(),
        Shape::Size => quantity::size(text).is_some(),
        Shape::Dollars => text.parse::<Money>().is_ok(),
        Shape::Word { now, .. } => now.contains(&text),
        Shape::Items => text.contains("${{"),
        Shape::OrNone(scalar) => text == "none" || scalar_fits(tree, value, scalar),
        Shape::ListOf(_)
        | Shape::MapOf { .. }
        | Shape::Object(_)
        | Shape::Either(..)
        | Shape::Any => false,
    }
}
