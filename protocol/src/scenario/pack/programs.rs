//! Programs of a pack: names, and rules with arguments and examples.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Problems};
use crate::policy::{ArgumentRule, ProgramRule, RuleExamples, is_privileged_program};
use crate::source::Span;

use super::super::fields::{Fields, read};
use super::super::lower::text;
use super::super::tree::{Kind, NodeId, Tree};
use super::terms::listed;
use super::words_more::RULE;

/// Bytes of a program's name or of a pattern: as long as any real one.
const MAX_NAME_BYTES: usize = 256;

/// The rules under `programs`, sorted; those with something wrong are reported and left out.
pub(super) fn programs(
    tree: &Tree<'_>,
    fields: &Fields,
    problems: &mut Problems,
) -> Option<Vec<ProgramRule>> {
    let list = fields.get("programs")?;
    let mut rules = Vec::new();
    let mut seen = BTreeSet::new();
    for item in tree.children(list) {
        let (rule, span) = match tree.kind(*item) {
            Kind::Map => {
                let Some(found) = rule(tree, *item, problems) else {
                    continue;
                };
                found
            }
            _ => match tree.text(*item) {
                Some(name) => (ProgramRule::any_arguments(name), tree.span(*item)),
                None => continue,
            },
        };
        if let Some(problem) = problem(&rule.program) {
            problems.push(problem.at(span));
        } else if seen.insert(rule.program.clone()) {
            rules.push(rule);
        } else {
            let message = format!("`{}` is listed twice", shown(&rule.program));
            problems.push(
                Diagnostic::error("duplicate-program", message)
                    .at(span)
                    .help("keep one of them"),
            );
        }
    }
    rules.sort_unstable();
    Some(rules)
}

fn rule(tree: &Tree<'_>, map: NodeId, problems: &mut Problems) -> Option<(ProgramRule, Span)> {
    let fields = read(tree, map, &RULE, problems);
    let program = fields.get("program")?;
    let within = |key, problems: &mut Problems| {
        let (id, table) = (fields.get(key)?, RULE.canonical(key)?);
        let super::super::keys::Shape::Object(table) = table.shape else {
            return None;
        };
        Some(read(tree, id, table, problems))
    };
    let args = within("args", problems);
    let examples = within("examples", problems);
    let mut texts = |fields: &Option<Fields>, key| {
        let id = fields.as_ref().and_then(|fields| fields.get(key));
        id.map(|id| patterns(tree, id, problems))
            .unwrap_or_default()
    };
    let rule = ProgramRule {
        program: tree.text(program)?.to_owned(),
        args: ArgumentRule {
            allow: texts(&args, "allow"),
            deny: texts(&args, "deny"),
        },
        why: text(tree, &fields, "why"),
        examples: RuleExamples {
            matching: texts(&examples, "match"),
            no_match: texts(&examples, "no_match"),
        },
    };
    Some((rule, tree.span(program)))
}

fn patterns(tree: &Tree<'_>, list: NodeId, problems: &mut Problems) -> Vec<String> {
    let mut patterns = Vec::new();
    for (text, span) in listed(tree, list) {
        if text.trim().is_empty() || text.len() > 4096 || text.chars().any(char::is_control) {
            let problem =
                Diagnostic::error("invalid-pattern", "words in one line are expected here");
            problems.push(problem.at(span).help("write words, separated by spaces"));
        } else {
            patterns.push(text.to_owned());
        }
    }
    patterns
}

/// What is wrong with the name of a program.
fn problem(name: &str) -> Option<Diagnostic> {
    let is_path = name.contains('/');
    let error = |message: String| Diagnostic::error("invalid-program", message);
    if name.is_empty()
        || name.len() > MAX_NAME_BYTES
        || name.chars().any(|c| c.is_control() || c == ' ')
    {
        let message = format!("`{}` is not the name of a program", shown(name));
        return Some(error(message).help("write its name alone; arguments belong into `args`"));
    }
    if is_path && (!name.starts_with('/') || name.split('/').any(|part| part == "..")) {
        let message = format!("`{}` is neither a name nor an absolute path", shown(name));
        let help = "programs of a workspace are let in together, by `workspace_programs: true`";
        return Some(error(message).help(help));
    }
    if is_privileged_program(name) {
        let message = format!("`{name}` is there to gain rights, which no task does");
        return Some(error(message).help("remove it"));
    }
    None
}

fn shown(text: &str) -> String {
    text.chars().take(60).flat_map(char::escape_debug).collect()
}
