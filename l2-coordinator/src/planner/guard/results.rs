//! What tasks leave behind. A task whose need nobody has and that declares neither an output nor an artifact
//! leaves nothing: its workspace is gone with it. One that others wait for may be a mere check.

use std::collections::BTreeSet;

use protocol::diagnostic::{Diagnostic, Place, Problems};
use protocol::plan::DraftPlan;

pub(super) fn check(draft: &DraftPlan, problems: &mut Problems) {
    let needed: BTreeSet<&str> = draft
        .tasks
        .iter()
        .flat_map(|task| task.needs.iter().map(String::as_str))
        .collect();
    for task in &draft.tasks {
        let declares = !task.outputs.is_empty() || !task.artifacts.is_empty();
        if !declares && !needed.contains(task.id.as_str()) {
            let message = "the task leaves nothing: no output, no artifact, and no task needs it";
            problems.push(
                Diagnostic::error("no-result", message)
                    .in_place(Place::task(&task.id))
                    .help("declare what it makes under `artifacts` or `outputs`, or leave it out"),
            );
        }
    }
}
