//! Nested scenarios: each is checked once, after those it uses itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place, Problems};

use super::assemble::build;
use super::check::{InputNames, interfaces, problems_and_graph, unread_schemas};
use super::check_policy::nested_budget;
use super::checked::Plan;
use super::draft::DraftPlan;
use super::limits::{Limits, MAX_DEPTH};
use super::paths::check_relative;

/// Checked scenarios by file.
pub(super) type Library = BTreeMap<String, Arc<Plan>>;

/// Checks every nested scenario; wrong ones are reported and left out.
pub(super) fn check(
    drafts: &mut BTreeMap<String, DraftPlan>,
    limits: &Limits,
    problems: &mut Problems,
) -> Library {
    let mut library = Library::new();
    // Every round takes those whose own scenarios are there; a round for every level.
    for _ in 0..MAX_DEPTH {
        let ready: Vec<String> = drafts
            .iter()
            .filter(|(_, draft)| uses(draft).all(|file| library.contains_key(file)))
            .map(|(file, _)| file.clone())
            .collect();
        for file in ready {
            if let Some(draft) = drafts.remove(&file) {
                one(file, draft, limits, &mut library, problems);
            }
        }
    }
    for file in drafts.keys() {
        let message = format!(
            "scenario `{file}` uses itself, uses one that is missing or wrong, or is nested deeper than {MAX_DEPTH}"
        );
        problems.push(Diagnostic::error("nested-scenario", message).in_place(Place::plan()));
    }
    library
}

fn uses(draft: &DraftPlan) -> impl Iterator<Item = &String> {
    draft.tasks.iter().filter_map(|task| task.uses.as_ref())
}

fn one(
    file: String,
    draft: DraftPlan,
    limits: &Limits,
    library: &mut Library,
    problems: &mut Problems,
) {
    let mut found = Problems::default();
    nested_budget(&draft)
        .into_iter()
        .for_each(|problem| found.push(problem));
    let inputs: InputNames<'_> = draft
        .parameters
        .iter()
        .map(|(name, parameter)| (name.as_str(), Some(parameter.kind)))
        .collect();
    if check_relative(&file).is_err() || !draft.scenarios.is_empty() || !draft.inputs.is_empty() {
        let message =
            "a nested scenario is named by its path, and has neither inputs nor scenarios";
        found.push(Diagnostic::error("nested-scenario", message));
    }
    if draft.goal.is_some() {
        let message = "a nested scenario with a `goal` is not supported yet";
        found.push(Diagnostic::error("unsupported-yet", message));
    }
    let used = interfaces(library);
    let ranked = problems_and_graph(&draft, &inputs, &used, limits, &mut found);
    drop(used);
    if !found.has_errors() {
        unread_schemas(&draft, &mut found);
    }
    match ranked {
        Some(ranked) if !found.has_errors() => {
            let plan = build(draft, ranked, library);
            library.insert(file, Arc::new(plan));
        }
        _ => {
            for problem in found.into_vec() {
                let message = format!("scenario `{file}`: {}", problem.message);
                let help = problem.help;
                problems.push(Diagnostic::error(problem.code, message).maybe_help(help));
            }
        }
    }
}
