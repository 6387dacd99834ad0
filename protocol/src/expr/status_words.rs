//! The words for how a task ended, and words of other tools for the same.

use crate::nearest::nearest;

use super::lex::{Kind, Token};
use super::reference::ExprProblem;

/// What `tasks.ID.status` can be.
const STATUS: &[&str] = &["done", "failed", "skipped", "cancelled"];

const SYNONYMS: &[(&str, &str)] = &[
    ("success", "done"),
    ("succeeded", "done"),
    ("successful", "done"),
    ("passed", "done"),
    ("ok", "done"),
    ("completed", "done"),
    ("complete", "done"),
    ("finished", "done"),
    ("failure", "failed"),
    ("error", "failed"),
    ("errored", "failed"),
    ("canceled", "cancelled"),
    ("omitted", "skipped"),
];

/// Words that the status at `first..=last` is compared with, and that it never is.
pub(super) fn problems(
    source: &str,
    tokens: &[Token],
    first: usize,
    last: usize,
) -> Vec<ExprProblem> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text(source));
    let is_equal = |at: usize| matches!(text(at), "==" | "!=");
    let mut texts = Vec::new();
    if is_equal(last + 1) {
        texts.push(last + 2);
    }
    if first >= 2 && is_equal(first - 1) {
        texts.push(first - 2);
    }
    let not = usize::from(text(last + 1) == "not");
    if text(last + 1 + not) == "in" && text(last + 2 + not) == "[" {
        let items = (last + 3 + not..tokens.len()).step_by(2);
        texts.extend(items.take_while(|at| matches!(text(at + 1), "," | "]")));
    }
    let literals = texts.into_iter().filter_map(|at| tokens.get(at));
    let literals = literals.filter(|token| token.kind == Kind::Literal);
    literals
        .filter_map(|token| problem(token.text(source), token.start, token.end))
        .collect()
}

/// What is wrong with a text in quotes that a status is compared with.
fn problem(literal: &str, start: usize, end: usize) -> Option<ExprProblem> {
    let quote = literal.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let word = literal.strip_prefix(quote)?.strip_suffix(quote)?;
    if STATUS.contains(&word) {
        return None;
    }
    let lower = word.to_lowercase();
    let other = SYNONYMS.iter().find(|(other, _)| *other == lower);
    let help = match (other, nearest(&lower, STATUS.iter().copied())) {
        (Some((_, ours)), _) => format!("write `'{ours}'`"),
        (None, Some(near)) => format!("did you mean `'{near}'`?"),
        (None, None) => "tasks end as `done`, `failed`, `skipped` or `cancelled`".to_owned(),
    };
    let shown: String = word.chars().take(60).collect();
    let message = format!("no task ends as `{shown}`");
    Some(ExprProblem::new("unknown-status", message, start, end).help(help))
}
