//! What a pack and the `policy` of a project's settings have in common: everything but their heads.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use crate::budget::Money;
use crate::diagnostic::{Diagnostic, Problems};
use crate::policy::{
    ApproveWhen, BUDGET_BOUNDS, Budgets, Guarantee, LIMIT_BOUNDS, LimitTerms, Mode, SandboxLevel,
    SecretSourceKind, TaskApproval, Terms, Unit,
};
use crate::quantity;
use crate::source::Span;

use super::super::fields::{Fields, read};
use super::super::keys::Shape;
use super::super::lower::{number, text};
use super::super::tree::{NodeId, Tree};
use super::paths::{Purpose, set, toolchains};
use super::programs::programs;
use super::words::PACK;
use super::words_more::{APPROVALS, BUDGETS, LIMITS, TASK_APPROVAL};

/// Everything but the head of a pack.
pub(super) fn terms(tree: &Tree<'_>, fields: &Fields, problems: &mut Problems) -> Terms {
    let sandbox = part(tree, fields, "sandbox", problems);
    let paths = part(tree, fields, "paths", problems);
    let environment = part(tree, fields, "environment", problems);
    let secrets = part(tree, fields, "secrets", problems);
    let mut terms = Terms {
        mode: word(tree, fields, "mode", mode),
        network: parsed(tree, fields, "network"),
        workspace_programs: flag(tree, fields, "workspace_programs"),
        programs: programs(tree, fields, problems),
        toolchains: toolchains(tree, fields, problems),
        limits: limits(tree, fields, problems),
        budgets: budgets(tree, fields, problems),
        ..Terms::default()
    };
    if let Some(sandbox) = sandbox {
        terms.level = parsed(tree, &sandbox, "level");
        terms.may_lower = flag(tree, &sandbox, "may_lower");
        terms.unix_sockets = parsed(tree, &sandbox, "unix_sockets");
        terms.debug = flag(tree, &sandbox, "debug");
        terms.require = guarantees(tree, &sandbox, "require");
        terms.allow_degraded = guarantees(tree, &sandbox, "allow_degraded");
        contradictions(tree, &sandbox, problems);
    }
    if let Some(paths) = paths {
        terms.read = set(tree, &paths, "read", Purpose::Read, problems);
        terms.write = set(tree, &paths, "write", Purpose::Write, problems);
        terms.protect = set(tree, &paths, "protect", Purpose::Protect, problems);
    }
    if let Some(environment) = environment {
        terms.pass = names(tree, &environment, "pass", problems);
        if let Some(list) = environment.get("pass") {
            whole(tree, list, problems);
        }
        terms.allow_variables = names(tree, &environment, "allow", problems);
    }
    if let Some(secrets) = secrets {
        terms.secrets = names(tree, &secrets, "allow", problems);
        terms.secret_sources = secrets.get("sources").map(|id| {
            let kinds = listed(tree, id).filter_map(|(text, _)| source(text));
            kinds.collect()
        });
    }
    approvals(tree, fields, &mut terms, problems);
    terms
}

/// The fields of a map that is a value of a pack.
fn part(
    tree: &Tree<'_>,
    fields: &Fields,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Fields> {
    let id = fields.get(key)?;
    let Shape::Object(table) = PACK.canonical(key)?.shape else {
        return None;
    };
    Some(read(tree, id, table, problems))
}

fn word<T>(
    tree: &Tree<'_>,
    fields: &Fields,
    key: &'static str,
    of: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    of(tree.text(fields.get(key)?)?)
}

fn parsed<T: FromStr>(tree: &Tree<'_>, fields: &Fields, key: &'static str) -> Option<T> {
    word(tree, fields, key, |text| text.parse().ok())
}

fn flag(tree: &Tree<'_>, fields: &Fields, key: &'static str) -> Option<bool> {
    word(tree, fields, key, |text| Some(text == "true"))
}

fn mode(text: &str) -> Option<Mode> {
    match text {
        "warn" => Some(Mode::Warn),
        "enforce" => Some(Mode::Enforce),
        _ => None,
    }
}

fn approve(text: &str) -> Option<ApproveWhen> {
    match text {
        "never" => Some(ApproveWhen::Never),
        "on_warning" => Some(ApproveWhen::OnWarning),
        "always" => Some(ApproveWhen::Always),
        _ => None,
    }
}

fn source(text: &str) -> Option<SecretSourceKind> {
    match text {
        "env" => Some(SecretSourceKind::Env),
        "file" => Some(SecretSourceKind::File),
        "command" => Some(SecretSourceKind::Command),
        _ => None,
    }
}

/// The scalars of a list with their places.
pub(super) fn listed<'t>(
    tree: &'t Tree<'_>,
    list: NodeId,
) -> impl Iterator<Item = (&'t str, Span)> + 't {
    let items = tree.children(list).iter();
    items.filter_map(|item| Some((tree.text(*item)?, tree.span(*item))))
}

/// A map of texts.
pub(super) fn strings(
    tree: &Tree<'_>,
    fields: &Fields,
    key: &'static str,
) -> BTreeMap<String, String> {
    let entries = fields.get(key).into_iter().flat_map(|id| tree.entries(id));
    let texts = entries.filter_map(|(key, value)| {
        Some((tree.text(key)?.to_owned(), tree.text(value)?.to_owned()))
    });
    texts.collect()
}

/// Names of variables, secrets or toolchains, which may hold `*`.
pub(super) fn names(
    tree: &Tree<'_>,
    fields: &Fields,
    key: &'static str,
    problems: &mut Problems,
) -> Option<BTreeSet<String>> {
    let is_name = |text: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'*' | b'-');
        !text.is_empty() && text.len() <= 256 && text.bytes().all(plain)
    };
    let mut names = BTreeSet::new();
    for (text, span) in listed(tree, fields.get(key)?) {
        if is_name(text) {
            names.insert(text.to_owned());
            continue;
        }
        let shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
        let problem = Diagnostic::error("invalid-name", format!("`{shown}` is not a name"));
        problems.push(
            problem
                .at(span)
                .help("letters, digits and `_`; `*` stands for any characters"),
        );
    }
    Some(names)
}

/// Names that stand for one thing each.
fn whole(tree: &Tree<'_>, list: NodeId, problems: &mut Problems) {
    for (text, span) in listed(tree, list).filter(|(text, _)| text.contains('*')) {
        let shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
        let problem = Diagnostic::error("invalid-name", format!("`{shown}` is more than one name"));
        problems.push(problem.at(span).help("name each variable that tasks need"));
    }
}

fn guarantees(tree: &Tree<'_>, fields: &Fields, key: &'static str) -> Option<BTreeSet<Guarantee>> {
    let texts = listed(tree, fields.get(key)?);
    Some(texts.filter_map(|(text, _)| text.parse().ok()).collect())
}

/// A guarantee that is required and let go at once, or by a level that keeps none.
fn contradictions(tree: &Tree<'_>, sandbox: &Fields, problems: &mut Problems) {
    let required = guarantees(tree, sandbox, "require").unwrap_or_default();
    let level: Option<SandboxLevel> = parsed(tree, sandbox, "level");
    if let (Some(SandboxLevel::None), Some(list)) = (level, sandbox.get("require"))
        && !required.is_empty()
    {
        let message = "`level: none` keeps none of the guarantees that `require` names";
        let help = "choose `strict` or `landlock`, or write `require: []`";
        let problem = Diagnostic::error("contradiction", message);
        problems.push(problem.at(tree.span(list)).help(help));
    }
    let Some(list) = sandbox.get("allow_degraded") else {
        return;
    };
    for (text, span) in listed(tree, list) {
        if text.parse().is_ok_and(|one| required.contains(&one)) {
            let message = format!("`{text}` is required and let go at once");
            problems.push(
                Diagnostic::error("contradiction", message)
                    .at(span)
                    .help("keep it in one of the lists"),
            );
        }
    }
}

fn limits(tree: &Tree<'_>, fields: &Fields, problems: &mut Problems) -> LimitTerms {
    let mut limits = LimitTerms::default();
    let Some(id) = fields.get("limits") else {
        return limits;
    };
    let fields = read(tree, id, &LIMITS, problems);
    for bound in LIMIT_BOUNDS {
        let Some(id) = fields.get(bound.name) else {
            continue;
        };
        let text = tree.text(id).unwrap_or_default();
        if text == "none" {
            limits.unbounded.insert(bound.name);
            continue;
        }
        let value = amount(tree, id, bound.unit);
        if value == Some(0) {
            let problem = Diagnostic::error(
                "zero-limit",
                format!("`{}: {text}` lets nothing run", bound.name),
            );
            problems.push(problem.at(tree.span(id)).help("write `none` for no bound"));
        }
        (bound.set)(&mut limits.given, value);
    }
    limits
}

/// A bound as it is written, in its unit.
pub(in super::super) fn amount(tree: &Tree<'_>, id: NodeId, unit: Unit) -> Option<u64> {
    let text = tree.text(id)?;
    match unit {
        Unit::Milliseconds => quantity::duration(text),
        Unit::Bytes => quantity::size(text),
        Unit::Count => number(tree, id).and_then(|n| u64::try_from(n).ok()),
        Unit::Dollars => text.parse().ok().map(Money::nanos),
    }
}

fn budgets(tree: &Tree<'_>, fields: &Fields, problems: &mut Problems) -> Budgets {
    let mut budgets = Budgets::default();
    let Some(id) = fields.get("budgets") else {
        return budgets;
    };
    let fields = read(tree, id, &BUDGETS, problems);
    for bound in BUDGET_BOUNDS {
        let value = fields
            .get(bound.name)
            .and_then(|id| amount(tree, id, bound.unit));
        (bound.set)(&mut budgets, value);
    }
    budgets
}

fn approvals(tree: &Tree<'_>, fields: &Fields, terms: &mut Terms, problems: &mut Problems) {
    let Some(id) = fields.get("approvals") else {
        return;
    };
    let fields = read(tree, id, &APPROVALS, problems);
    terms.plans = word(tree, &fields, "plans", approve);
    terms.planned = word(tree, &fields, "planned", approve);
    let Some(list) = fields.get("tasks") else {
        return;
    };
    let mut tasks = BTreeSet::new();
    for item in tree.children(list) {
        let own = read(tree, *item, &TASK_APPROVAL, problems);
        if let (Some(pattern), Some(approve)) = (
            text(tree, &own, "match"),
            word(tree, &own, "approve", approve),
        ) {
            tasks.insert(TaskApproval { pattern, approve });
        }
    }
    terms.tasks = Some(tasks);
}
