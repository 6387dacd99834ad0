//! Secrets: a planned task has none, and takes none from where they lie.

use protocol::diagnostic::{Diagnostic, Place, Problems};
use protocol::expr::Template;
use protocol::plan::{DraftPlan, DraftTask};

/// How names of variables end that hold secrets.
const NAMES: &[&str] = &[
    "_API_KEY",
    "_TOKEN",
    "_SECRET",
    "_PASSWORD",
    "_PASSWD",
    "_CREDENTIALS",
];
/// Where keys lie.
const PLACES: &[&str] = &[
    ".ssh/",
    ".aws/",
    ".gnupg",
    ".netrc",
    ".git-credentials",
    ".docker/config",
    ".kube/config",
    "/etc/shadow",
    "id_rsa",
    "id_ed25519",
    ".claude/.credentials",
];

pub(super) fn check(draft: &DraftPlan, problems: &mut Problems) {
    for task in &draft.tasks {
        for (field, text) in texts(task) {
            let Some(what) = asked(task, text) else {
                continue;
            };
            let message = format!("the task reaches for a secret: `{what}`");
            problems.push(
                Diagnostic::error("secret-asked-for", message)
                    .in_place(Place::task(&task.id).field(field))
                    .help("leave it out; who starts the run grants secrets, by name"),
            );
        }
    }
}

fn texts(task: &DraftTask) -> impl Iterator<Item = (&'static str, &str)> {
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
    run.chain(command).chain(env)
}

fn asked<'t>(task: &DraftTask, text: &'t str) -> Option<&'t str> {
    let place = PLACES.iter().find_map(|place| {
        let at = text.find(place)?;
        text.get(at..at + place.len())
    });
    place
        .or_else(|| expression(text))
        .or_else(|| variable(task, text))
}

/// `${{ secrets.X }}`, which other systems have.
fn expression(text: &str) -> Option<&str> {
    let at = text.find("${{")?;
    let inner = text[at + 3..].trim_start();
    inner.starts_with("secrets").then_some("secrets")
}

/// A variable whose name is that of a secret, and which the task does not set itself.
fn variable<'t>(task: &DraftTask, text: &'t str) -> Option<&'t str> {
    text.split('$').skip(1).find_map(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
        let is_secret = NAMES
            .iter()
            .any(|end| name.ends_with(end) || name == &end[1..]);
        (is_secret && !task.env.contains_key(name)).then_some(name)
    })
}
