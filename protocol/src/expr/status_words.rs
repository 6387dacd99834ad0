//! The words for how a task ended, and words of other tools for the same.

use crate::nearest::nearest;

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

/// What is wrong with a text in quotes that a status is compared with.
pub(super) fn problem(literal: &str, start: usize, end: usize) -> Option<ExprProblem> {
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
