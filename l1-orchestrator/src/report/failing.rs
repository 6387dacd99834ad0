//! Failures as every report tells them: which, in what order, what they ran, what they caused.

use protocol::ids::TaskId;
use protocol::plan::{Action, Plan};

use super::attempt::Attempt;
use super::planned::Planned;
use super::summary::RunSummary;
use super::task::TaskSummary;

/// Failures shown with their tails, each ≤ 4 KiB.
const MAX_FAILURES: usize = 50;
/// Attempts of each, the last ones.
const MAX_ATTEMPTS: usize = 2;
/// Tasks named that were skipped because of one.
const MAX_CAUSED: usize = 20;
/// Lines of a program that are shown; the rest is in `scenario.yaml`.
const MAX_LINES: usize = 20;
/// Characters of a program that are shown.
const MAX_CHARS: usize = 4096;

/// Failed tasks, the first failure first, then the earliest.
pub(super) struct Failing<'a> {
    pub(super) shown: Vec<&'a TaskSummary>,
    pub(super) more: usize,
}

pub(super) fn failing(summary: &RunSummary) -> Failing<'_> {
    let Some(first) = summary.first_failure() else {
        return Failing {
            shown: Vec::new(),
            more: 0,
        };
    };
    let failed = summary.tasks.iter().filter(|task| task.fails_itself());
    let mut others: Vec<&TaskSummary> = failed.filter(|task| task.id != first.id).collect();
    others.sort_by_key(|task| task.ended);
    let more = others.len().saturating_sub(MAX_FAILURES);
    others.truncate(MAX_FAILURES);
    others.insert(0, first);
    Failing {
        shown: others,
        more,
    }
}

/// The attempts that are told, the last ones.
pub(super) fn told_attempts(task: &TaskSummary) -> &[Attempt] {
    let from = task.attempts.len().saturating_sub(MAX_ATTEMPTS);
    &task.attempts[from..]
}

/// Names of some tasks that were skipped because of this one.
pub(super) fn caused(summary: &RunSummary, task: &TaskSummary) -> Vec<String> {
    let by_it = |other: &&TaskSummary| {
        let root = summary.root_cause(other);
        !other.is_failed() && root.is_some_and(|root| root.id == task.id)
    };
    let caused = summary.tasks.iter().filter(by_it);
    caused
        .take(MAX_CAUSED)
        .map(|task| task.id.to_string())
        .collect()
}

/// What a task ran, before its expressions were evaluated.
pub(super) struct Program {
    /// How, such as "by `sh -c`".
    pub(super) how: String,
    /// Its language, for fences.
    pub(super) language: &'static str,
    /// Its beginning.
    pub(super) text: String,
}

pub(super) fn program(plan: Option<&Plan>, id: &TaskId) -> Option<Program> {
    let planned = Planned::find(plan?, id)?.task();
    let (how, language, text) = match planned.action() {
        Action::Run(script) => (
            format!("by {} -c", planned.shell()),
            "sh",
            script.to_string(),
        ),
        Action::Command(words) => {
            let words: Vec<_> = words.iter().map(|word| word.as_str()).collect();
            ("as these words".to_owned(), "text", words.join(" "))
        }
        Action::Prompt(prompt) => (
            "as a question to a model".to_owned(),
            "text",
            prompt.text.to_string(),
        ),
        Action::Uses(uses) => (
            "as a nested scenario".to_owned(),
            "text",
            format!("uses: {}", uses.file),
        ),
    };
    let head: String = text.chars().take(MAX_CHARS).collect();
    let mut shown: Vec<_> = head.lines().take(MAX_LINES).collect();
    if head.len() < text.len() || head.lines().nth(MAX_LINES).is_some() {
        shown.push("… the rest is in scenario.yaml");
    }
    let text = shown.join("\n");
    Some(Program {
        how,
        language,
        text,
    })
}
