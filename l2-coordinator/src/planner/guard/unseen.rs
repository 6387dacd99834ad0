//! What a person approves is what they see: no text of a task changes how a line looks, or hides a part of it.

use protocol::diagnostic::{Diagnostic, Place, Problems};
use protocol::expr::Template;
use protocol::plan::{DraftPlan, DraftTask};

use super::text::is_unseen;

pub(super) fn check(draft: &DraftPlan, problems: &mut Problems) {
    let about = draft
        .description
        .iter()
        .map(|text| (Place::plan(), "description", text.as_str()));
    let of_tasks = draft
        .tasks
        .iter()
        .flat_map(|task| texts(task).map(|(field, text)| (Place::task(&task.id), field, text)));
    let outputs = draft
        .outputs
        .values()
        .map(|value| (Place::plan(), "outputs", value.as_str()));
    for (place, field, text) in about.chain(outputs).chain(of_tasks) {
        let acts = |c: char| is_unseen(c) || (c.is_control() && !matches!(c, '\n' | '\t'));
        if text.chars().any(acts) {
            let message = format!("`{field}` holds characters that are not seen");
            let place = place.field(field);
            problems.push(
                Diagnostic::error("unseen-characters", message)
                    .in_place(place)
                    .help(
                        "write them as escapes of the program that needs them, or leave them out",
                    ),
            );
        }
    }
}

fn texts(task: &DraftTask) -> impl Iterator<Item = (&'static str, &str)> {
    let description = task
        .description
        .as_deref()
        .into_iter()
        .map(|text| ("description", text));
    let run = task.run.as_deref().into_iter().map(|run| ("run", run));
    let command = task
        .command
        .iter()
        .flatten()
        .map(|word| ("command", word.as_str()));
    let env = task
        .env
        .values()
        .map(|value| ("env", Template::as_str(value)));
    let paths = task
        .artifacts
        .values()
        .map(|path| ("artifacts", path.as_str()));
    let files = task.files.keys().map(|path| ("files", path.as_str()));
    description
        .chain(run)
        .chain(command)
        .chain(env)
        .chain(paths)
        .chain(files)
}
