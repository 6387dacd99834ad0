//! Values of secrets, `policy` and `effects` that do not fit. What may be a secret's value is not repeated.

use crate::diagnostic::Diagnostic;

use super::keys::Shape;
use super::tree::{Kind, NodeId, Tree};
use super::words_policy::{EFFECTS, POLICY, SECRET};

/// What is wrong with such a value, where there is more to say than its shape.
pub(super) fn mismatch(
    tree: &Tree<'_>,
    value: NodeId,
    shape: &Shape,
    key: &str,
) -> Option<Diagnostic> {
    let text = tree.text(value).filter(|_| !tree.is_null(value));
    let kind = tree.kind(value);
    let found = (kind, text.is_some());
    let problem = match (shape, key) {
        (Shape::Object(table), _) if std::ptr::eq(*table, &raw const SECRET) => {
            secret(key, text, kind)
        }
        (Shape::Object(table), _) if std::ptr::eq(*table, &raw const POLICY) => {
            let pack = text.filter(|text| text.len() <= 60 && !text.contains('\n'))?;
            wrong(key, "a map", found).help(format!("write `policy: {{ use: {pack} }}`"))
        }
        (Shape::Object(table), _) if std::ptr::eq(*table, &raw const EFFECTS) => {
            wrong(key, "a map", found)
                .help("such as `effects: { write: [out], network: none }`; `write: []` is nothing")
        }
        (Shape::MapOf { .. }, "secrets") => {
            let names: Vec<&str> = match kind {
                Kind::List => {
                    let items = tree.children(value).iter();
                    items.filter_map(|item| tree.text(*item)).collect()
                }
                _ => text.into_iter().collect(),
            };
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let names = names.into_iter().filter(|name| name.chars().all(plain));
            let entries: Vec<String> = names
                .take(4)
                .map(|name| format!("{name}: {{ from: env }}"))
                .collect();
            let entries = match entries.is_empty() {
                true => "NAME: { from: env }".to_owned(),
                false => entries.join(", "),
            };
            wrong(key, "a map", found).help(format!(
                "say where each comes from: `secrets: {{ {entries} }}`; tasks list their names"
            ))
        }
        (Shape::ListOf(_), "secrets") if kind == Kind::Map => wrong(key, "a list", found)
            .help("list the names: `secrets: [NAME]`; sources are declared at the top level"),
        (Shape::Word { .. }, "network") => network(text, kind, tree.children(value).is_empty())?,
        (Shape::Word { .. }, "from") => {
            let found: String = text?.chars().take(60).collect();
            let near = crate::nearest::nearest(&found, ["env", "file", "command"]);
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "let a program print it: `{ from: command, argv: [program, argument] }`"
                    .to_owned(),
            };
            let found = found.escape_debug();
            let message = format!("`from` expects {}, found `{found}`", shape.expected());
            Diagnostic::error("wrong-type", message).help(help)
        }
        (Shape::Text, "read" | "write") if tree.text(value) == Some("~") => {
            wrong(key, "text", found).help("YAML takes `~` for nothing: write `~/` for your home")
        }
        _ => return None,
    };
    Some(problem.at(tree.span(value)))
}

fn secret(name: &str, text: Option<&str>, kind: Kind) -> Diagnostic {
    let shown: String = name.chars().take(60).collect();
    let problem = match text {
        Some("env" | "file" | "command") | None => wrong(&shown, "a map", (kind, text.is_some())),
        // Whoever wrote the value itself does not want to read it in a log.
        Some(_) => Diagnostic::error(
            "secret-value",
            format!("`{shown}` stands for where the value comes from, never for the value"),
        ),
    };
    problem.help(match text {
        Some("file") => format!("write `{shown}: {{ from: file, path: … }}`"),
        Some("command") => {
            format!("write `{shown}: {{ from: command, argv: [program, argument] }}`")
        }
        _ => format!("write `{shown}: {{ from: env }}`"),
    })
}

fn network(text: Option<&str>, kind: Kind, is_empty: bool) -> Option<Diagnostic> {
    let expects = "one of `none`, `full`";
    let has_host = text.is_some_and(|text| text.contains(['.', ':', '*']));
    Some(match (kind, text) {
        (Kind::List | Kind::Map, _) if is_empty => {
            wrong("network", expects, (kind, text.is_some())).help("write `network: none`")
        }
        _ if has_host || matches!(kind, Kind::List | Kind::Map) => {
            let message = "`network` with a list of hosts is not supported yet";
            Diagnostic::error("unsupported-yet", message)
                .help("this build has `none` and `full`: write one of them")
        }
        (_, Some(word @ ("true" | "yes" | "on" | "all" | "any" | "host" | "open" | "allow"))) => {
            let message = format!("`network` expects {expects}, found `{word}`");
            Diagnostic::error("wrong-type", message).help("write `full`")
        }
        (_, Some(word @ ("false" | "no" | "off" | "deny" | "closed" | "offline"))) => {
            let message = format!("`network` expects {expects}, found `{word}`");
            Diagnostic::error("wrong-type", message).help("write `none`")
        }
        _ => return None,
    })
}

fn wrong(key: &str, expected: &str, (kind, is_text): (Kind, bool)) -> Diagnostic {
    let found = match kind {
        Kind::List => "a list",
        Kind::Map => "a map",
        Kind::Plain | Kind::Quoted | Kind::Block | Kind::Broken if is_text => "text",
        Kind::Plain | Kind::Quoted | Kind::Block | Kind::Broken => "nothing",
    };
    let message = format!("`{key}` expects {expected}, found {found}");
    Diagnostic::error("wrong-type", message)
}
