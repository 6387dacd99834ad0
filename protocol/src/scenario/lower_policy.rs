//! Tree to draft: secrets, `policy` and `effects`. Whether they make sense is said by the plan check.

use crate::diagnostic::{Diagnostic, Problems};
use crate::plan::is_variable;
use crate::policy::{
    BUDGET_BOUNDS, Budgets, Effects, LimitsRequest, Network, PolicyRequest, SecretSource, Secrets,
};
use crate::quantity;

use super::fields::{Fields, fits, read};
use super::keys::Shape;
use super::lower::{number, text};
use super::pack::amount;
use super::tree::{Kind, NodeId, Tree};
use super::words_limits::BUDGET;
use super::words_policy::{EFFECTS, LIMITS, POLICY, SECRET};

/// Stands for a source that was reported, so that who is granted the secret is not reported too.
const REPORTED: SecretSource = SecretSource::Env { name: None };

pub(super) fn secrets(tree: &Tree<'_>, top: &Fields, problems: &mut Problems) -> Secrets {
    let Some(given) = top.given("secrets") else {
        return Secrets::new();
    };
    let named = |id: NodeId| {
        let name = tree.text(id).filter(|name| is_variable(name))?;
        Some((name.to_owned(), REPORTED))
    };
    match tree.kind(given) {
        Kind::Map => {
            let entries = tree.entries(given);
            let mut secret = |(key, value)| {
                let name = tree.text(key)?;
                let right = fits(tree, value, &Shape::Object(&SECRET), name, problems);
                let source = right.then(|| source(tree, value, problems)).flatten();
                Some((name.to_owned(), source.unwrap_or(REPORTED)))
            };
            entries.filter_map(&mut secret).collect()
        }
        Kind::List => {
            let names = tree.children(given).iter();
            names.filter_map(|id| named(*id)).collect()
        }
        Kind::Plain | Kind::Quoted | Kind::Block | Kind::Broken => {
            named(given).into_iter().collect()
        }
    }
}

/// None where something about it was reported.
fn source(tree: &Tree<'_>, map: NodeId, problems: &mut Problems) -> Option<SecretSource> {
    let fields = read(tree, map, &SECRET, problems);
    let from = tree.text(fields.get("from")?)?.to_owned();
    let own = match from.as_str() {
        "env" => "name",
        "file" => "path",
        _ => "argv",
    };
    for (word, home) in [("name", "env"), ("path", "file"), ("argv", "command")] {
        let Some(value) = fields.get(word).filter(|_| word != own) else {
            continue;
        };
        problems.push(
            Diagnostic::error(
                "unused-key",
                format!("`{word}` means nothing beside `from: {from}`"),
            )
            .at(tree.span(value))
            .help(format!("remove it, or write `from: {home}`")),
        );
    }
    if own != "name" && fields.given(own).is_none() {
        if !fields.refused(&[own]) {
            let message = format!("a secret from a {from} needs `{own}`");
            let help = match own {
                "path" => "write `{ from: file, path: … }`",
                _ => "write `{ from: command, argv: [program, argument] }`",
            };
            let problem = Diagnostic::error("missing-key", message).help(help);
            problems.push(problem.at(tree.span(map)));
        }
        return None;
    }
    match own {
        "name" => Some(SecretSource::Env {
            name: text(tree, &fields, "name"),
        }),
        "path" => Some(SecretSource::File {
            path: text(tree, &fields, "path")?,
        }),
        _ => Some(SecretSource::Command {
            argv: texts(tree, &fields, "argv")?,
        }),
    }
}

pub(super) fn policy(
    tree: &Tree<'_>,
    top: &Fields,
    problems: &mut Problems,
) -> Option<PolicyRequest> {
    let budget = budget(tree, top, problems);
    let request = request(tree, top, problems);
    // One record holds all that a scenario asks of the policy.
    match budget {
        Some(_) => Some(PolicyRequest {
            budget,
            ..request.unwrap_or_default()
        }),
        None => request,
    }
}

fn budget(tree: &Tree<'_>, top: &Fields, problems: &mut Problems) -> Option<Budgets> {
    let map = top.get("budget")?;
    let fields = read(tree, map, &BUDGET, problems);
    let mut budget = Budgets::default();
    for bound in BUDGET_BOUNDS {
        let value = fields.get(bound.name);
        let value = value.and_then(|id| amount(tree, id, bound.unit));
        (bound.set)(&mut budget, value);
    }
    said(tree, map, budget)
}

fn request(tree: &Tree<'_>, top: &Fields, problems: &mut Problems) -> Option<PolicyRequest> {
    let map = top.get("policy")?;
    let fields = read(tree, map, &POLICY, problems);
    let policy = PolicyRequest {
        budget: None,
        pack: text(tree, &fields, "use"),
        programs: texts(tree, &fields, "programs"),
        read: texts(tree, &fields, "read"),
        write: texts(tree, &fields, "write"),
        network: network(tree, &fields),
        limits: limits(tree, &fields, problems),
    };
    said(tree, map, policy)
}

pub(super) fn effects(tree: &Tree<'_>, task: &Fields, problems: &mut Problems) -> Option<Effects> {
    let map = task.get("effects")?;
    let fields = read(tree, map, &EFFECTS, problems);
    let effects = Effects {
        read: texts(tree, &fields, "read"),
        write: texts(tree, &fields, "write"),
        network: network(tree, &fields),
        programs: texts(tree, &fields, "programs"),
    };
    said(tree, map, effects)
}

fn limits(tree: &Tree<'_>, policy: &Fields, problems: &mut Problems) -> Option<LimitsRequest> {
    let map = policy.get("limits")?;
    let fields = read(tree, map, &LIMITS, problems);
    let time = |word| quantity::duration(tree.text(fields.get(word)?)?);
    let size = |word| quantity::size(tree.text(fields.get(word)?)?);
    let count = |word| number(tree, fields.get(word)?);
    let limits = LimitsRequest {
        wall_ms: time("wall"),
        idle_ms: time("idle"),
        cpu_ms: time("cpu"),
        memory_bytes: size("memory"),
        pids: count("pids").and_then(|n| u32::try_from(n).ok()),
        output_bytes: size("output"),
        disk_bytes: size("disk"),
        files: count("files").and_then(|n| u64::try_from(n).ok()),
        file_bytes: size("file_size"),
        tmp_bytes: size("tmp"),
    };
    said(tree, map, limits)
}

/// Nothing where all that is written was reported: that it says nothing is no second problem.
fn said<T: Default + PartialEq>(tree: &Tree<'_>, map: NodeId, value: T) -> Option<T> {
    let is_reported = value == T::default() && tree.entries(map).next().is_some();
    (!is_reported).then_some(value)
}

fn network(tree: &Tree<'_>, fields: &Fields) -> Option<Network> {
    tree.text(fields.get("network")?)?.parse().ok()
}

fn texts(tree: &Tree<'_>, fields: &Fields, key: &'static str) -> Option<Vec<String>> {
    let items = tree.children(fields.get(key)?).iter();
    let items = items.filter_map(|item| tree.text(*item));
    Some(items.map(str::to_owned).collect())
}
