//! What tasks say they are for: said at all, said once, and not the goal over again.

use std::collections::BTreeMap;

use protocol::diagnostic::{Diagnostic, Place, Problems};
use protocol::plan::DraftPlan;

use super::text::{is_same, terms, words};

pub(super) fn check(goal: &str, draft: &DraftPlan, problems: &mut Problems) {
    let goal = terms(goal);
    let mut said: BTreeMap<Vec<String>, &str> = BTreeMap::new();
    for task in &draft.tasks {
        let place = || Place::task(&task.id).field("description");
        let text = task.description.as_deref().unwrap_or_default();
        let words = words(text);
        if words.len() < 2 {
            let message = "the description says nothing";
            problems.push(
                Diagnostic::error("empty-description", message)
                    .in_place(place())
                    .help("say in one line what comes of the task"),
            );
            continue;
        }
        if is_same(&terms(text), &goal) {
            let message = "the description is the goal over again";
            problems.push(
                Diagnostic::error("goal-echoed", message)
                    .in_place(place())
                    .help("say what this task alone does, and what it leaves"),
            );
        }
        if let Some(other) = said.get(&words) {
            let message = format!("the same description as that of `{other}`");
            problems.push(
                Diagnostic::error("duplicate-description", message)
                    .in_place(place())
                    .help("say what sets the two tasks apart, or make them one"),
            );
        } else {
            said.insert(words, &task.id);
        }
    }
}
