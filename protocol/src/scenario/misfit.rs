//! Values that do not fit: what was expected, what is there, and the most likely fix.

use crate::diagnostic::Diagnostic;
use crate::nearest::nearest;
use crate::plan::{InputType, whole_number};

use super::keys::{MAX_LISTED, Shape};
use super::misfit_policy;
use super::tree::{Kind, NodeId, Tree};
use super::words_task::TASK;

/// What is wrong with a value that does not fit its shape.
pub(super) fn mismatch(tree: &Tree<'_>, value: NodeId, shape: &Shape, key: &str) -> Diagnostic {
    if let Some(problem) = misfit_policy::mismatch(tree, value, shape, key) {
        return problem;
    }
    let span = tree.span(value);
    let text = tree.text(value).filter(|_| !tree.is_null(value));
    let shown: Option<String> = text.map(|text| text.chars().take(60).collect());
    let scalar = match shape {
        Shape::Either(scalar, _) | Shape::OrNone(scalar) => scalar,
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
        (Shape::Size, _, Some(number)) if whole_number(number).is_some() => {
            format!("write a unit: `{number}MiB` or `{number}GiB`")
        }
        (Shape::Size, ..) => {
            "a whole number and one of `B`, `KiB`, `MiB`, `GiB` and `TiB`, as in `512MiB`"
                .to_owned()
        }
        (Shape::Dollars, ..) => "digits, and at most nine behind the point".to_owned(),
        (Shape::Flag, _, Some("yes" | "Yes" | "on" | "On" | "True" | "TRUE")) => {
            "write `true`".to_owned()
        }
        (Shape::Flag, _, Some("no" | "No" | "off" | "Off" | "False" | "FALSE")) => {
            "write `false`".to_owned()
        }
        (Shape::Flag | Shape::Count { .. }, ..) if kind == Kind::Quoted => {
            "write it without quotes".to_owned()
        }
        (Shape::Flag, "required", Some("optional")) => "write `false`".to_owned(),
        (Shape::Count { min, .. }, _, Some(number))
            if number.starts_with('-') && whole_number(number).is_some() =>
        {
            match min {
                0 => "write 0 for none".to_owned(),
                min => format!("the least is {min}"),
            }
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
                None if now.len() > MAX_LISTED => match now {
                    [first, second, ..] => {
                        format!("such as `{first}` or `{second}`; `orchestra schema` lists them")
                    }
                    _ => return None,
                },
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
        (Shape::Object(table), _, Some(text)) if table.what == "an input" => input(key, text),
        (Shape::ListOf(_), "command", Some(_)) => {
            "a text is for a shell: write it as `run`, or list program and arguments".to_owned()
        }
        (Shape::ListOf(_), _, Some(text)) if key.starts_with("default of ") => {
            format!("write `default: [{text}]`")
        }
        (Shape::ListOf(_), _, Some(text)) => format!("write `{key}: [{text}]`"),
        (Shape::Items, _, Some(text)) => {
            let key = key.rsplit('.').next().unwrap_or(key);
            format!("write `{key}: [{text}]`, or `{key}: ${{{{ inputs.NAME }}}}`")
        }
        (Shape::Items, "for_each", None) if kind == Kind::Map => {
            "axes by name belong into `matrix`".to_owned()
        }
        (Shape::Text, "run", None) if matches!(kind, Kind::Plain) => {
            "write what the shell is to do, such as `run: make`; `run: \"true\"` does nothing"
                .to_owned()
        }
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

/// `x: string` and `x: 5`, as people write them for `type` and `default`.
fn input(key: &str, text: &str) -> String {
    let kind = |word: &str| InputType::from_word(word).map(InputType::as_str);
    let other = SYNONYMS.iter().find(|(other, _)| *other == text);
    match kind(other.map_or(text, |(_, ours)| ours)) {
        Some(kind) => format!("write `{key}: {{ type: {kind} }}`"),
        None if whole_number(text).is_some() => {
            format!("write `{key}: {{ type: int, default: {text} }}`")
        }
        None if matches!(text, "true" | "false") => {
            format!("write `{key}: {{ type: bool, default: {text} }}`")
        }
        None => format!("write `{key}: {{ default: {text} }}`"),
    }
}
