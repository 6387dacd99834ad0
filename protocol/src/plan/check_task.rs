//! Rules for the fields of one task, each on its own. References are checked elsewhere.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Place, Problems};
use crate::expr::Template;
use crate::ids::TaskId;
use crate::policy::RetryPolicy;
use crate::source::Span;

use super::check_action::check_action;
use super::check_expansion::check_expansion;
use super::check_policy::check_effects;
use super::check_prompt::check_prompt;
use super::draft::DraftTask;
use super::limits::{
    MAX_ARGUMENT_BYTES, MAX_ENTRIES, MAX_FILES, MAX_TASK_DESCRIPTION_BYTES, MAX_TIMEOUT_MS,
};
use super::overlap::check_overlaps;
use super::paths::check_relative;

/// Exit codes one may list; more is a range, which `retry` does not have.
const MAX_EXIT_CODES: usize = 256;

pub(super) fn check_fields(task: &DraftTask, problems: &mut Problems) {
    check_id(task, problems);
    check_description(task, problems);
    check_action(task, problems);
    check_prompt(task, problems);
    check_expansion(task, problems);
    check_env(&task.env, &Place::task(&task.id), problems);
    check_names(task, problems);
    check_paths(task, problems);
    check_times(task, problems);
    check_effects(task, problems);
}

fn check_id(task: &DraftTask, problems: &mut Problems) {
    if task.id.parse::<TaskId>().is_err() {
        problems.push(invalid_id(&task.id).in_place(Place::task(&task.id)));
    }
    if let Some(parent) = &task.parent_id {
        let beneath = task.id.strip_prefix(parent.as_str()).is_some_and(|rest| {
            rest.starts_with('/') || (rest.starts_with('[') && rest.ends_with(']'))
        });
        if !beneath || parent.parse::<TaskId>().is_err() {
            let message = format!("task `{}` is no child of `{parent}`", task.id);
            let place = Place::task(&task.id).field("parent_id");
            problems.push(Diagnostic::error("parent-id", message).in_place(place));
        }
    }
}

/// It stands on one line of reports and of a terminal.
fn check_description(task: &DraftTask, problems: &mut Problems) {
    let Some(text) = &task.description else {
        return;
    };
    let place = || Place::task(&task.id).field("description");
    if text.len() > MAX_TASK_DESCRIPTION_BYTES {
        let message = format!("{} bytes; at most {MAX_TASK_DESCRIPTION_BYTES}", text.len());
        problems.push(Diagnostic::error("value-too-long", message).in_place(place()));
    }
    if text.chars().any(char::is_control) {
        let message = "a task's description is one line of plain text";
        problems.push(
            Diagnostic::error("description-not-plain", message)
                .in_place(place())
                .help("remove line breaks, tabs and other control characters"),
        );
    }
}

/// A text that cannot be a task's id, with the fix where it is plain.
pub(crate) fn invalid_id(text: &str) -> Diagnostic {
    let shown: String = text.chars().take(80).collect();
    let problem = Diagnostic::error("invalid-id", format!("`{shown}` cannot be a task's id"));
    let fixed: String = text
        .chars()
        .map(|c| {
            if matches!(c, '-' | ' ' | '.') {
                '_'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();
    if TaskId::is_segment(&fixed) && text.contains('-') {
        problem.help(format!(
            "write `{fixed}`: in an expression `a-b` reads as subtraction"
        ))
    } else if TaskId::is_segment(&fixed) {
        problem.help(format!("write `{fixed}`"))
    } else {
        problem.help("lower-case letters, digits and `_`, at most 63, a letter first")
    }
}

/// Whether a text can name a variable of an environment.
pub(crate) fn is_variable(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let starts = name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    starts && name.bytes().all(plain) && name.len() <= 255
}

/// Names and values of an environment, the plan's or a task's.
pub(super) fn check_env(env: &BTreeMap<String, Template>, owner: &Place, problems: &mut Problems) {
    check_count(env.len(), MAX_ENTRIES, owner, "env", problems);
    for (name, value) in env {
        let place = || owner.clone().field("env");
        if !is_variable(name) {
            let shown: String = name.chars().take(60).collect();
            let message = format!("`{shown}` cannot be the name of a variable");
            problems.push(
                Diagnostic::error("invalid-name", message)
                    .in_place(place().key_name(name))
                    .help("letters, digits and `_`, no digit first"),
            );
        } else if name.starts_with("ORCHESTRA_") || name == "TRACEPARENT" {
            problems.push(
                Diagnostic::error(
                    "reserved-name",
                    format!("`{name}` is set by orchestra itself"),
                )
                .in_place(place().key_name(name))
                .help("choose another name"),
            );
        }
        check_template(value, &place().key(name), problems);
    }
}

fn check_names(task: &DraftTask, problems: &mut Problems) {
    let owner = Place::task(&task.id);
    check_count(task.outputs.len(), MAX_ENTRIES, &owner, "outputs", problems);
    check_count(
        task.artifacts.len(),
        MAX_ENTRIES,
        &owner,
        "artifacts",
        problems,
    );
    check_count(task.files.len(), MAX_FILES, &owner, "files", problems);
    let outputs = task
        .outputs
        .keys()
        .map(|name| ("outputs", "an output", name));
    let artifacts = task
        .artifacts
        .keys()
        .map(|name| ("artifacts", "an artifact", name));
    for (field, kind, name) in outputs.chain(artifacts) {
        if TaskId::is_segment(name) {
            continue;
        }
        let shown: String = name.chars().take(60).collect();
        let problem = Diagnostic::error("invalid-name", format!("`{shown}` cannot name {kind}"));
        let fixed = name.to_lowercase().replace(['-', '.', ' '], "_");
        let help = match TaskId::is_segment(&fixed) {
            true => format!("write `{fixed}`"),
            false => "lower-case letters, digits and `_`, at most 63, a letter first".to_owned(),
        };
        let place = Place::task(&task.id).field(field).key_name(name);
        problems.push(problem.in_place(place).help(help));
    }
}

fn check_paths(task: &DraftTask, problems: &mut Problems) {
    let place = |field| Place::task(&task.id).field(field);
    for (name, path) in &task.artifacts {
        check_path(path, &place("artifacts").key(name), problems);
        if path.contains(['*', '?']) {
            problems.push(
                Diagnostic::error(
                    "unsupported-yet",
                    "patterns in artifact paths are not supported yet",
                )
                .in_place(place("artifacts").key(name))
                .help("name one file, or a directory with a final `/`"),
            );
        }
    }
    for path in task.files.keys() {
        check_path(path, &place("files").key_name(path), problems);
    }
    check_overlaps(task, problems);
    if let Some(path) = &task.working_dir {
        check_path(path, &place("working_dir"), problems);
    }
}

fn check_path(path: &str, place: &Place, problems: &mut Problems) {
    if path.contains("${{") {
        problems.push(
            Diagnostic::error("expression-not-allowed", "a path cannot hold an expression")
                .in_place(place.clone())
                .help("write the path out; the plan must show where files go"),
        );
    } else if let Err(problem) = check_relative(path) {
        let shown: String = path.chars().take(80).collect();
        problems.push(
            Diagnostic::error(
                "invalid-path",
                format!("`{}`: {problem}", shown.escape_debug()),
            )
            .in_place(place.clone())
            .help("a path beneath the workspace, such as `out/notes.md`"),
        );
    }
}

fn check_times(task: &DraftTask, problems: &mut Problems) {
    let place = |field| Place::task(&task.id).field(field);
    let limits = [
        ("wall", task.timeout.wall_ms),
        ("idle", task.timeout.idle_ms),
    ];
    for (name, value) in limits {
        let Some(ms) = value else { continue };
        if ms == 0 || ms > MAX_TIMEOUT_MS {
            let message = format!("the {name} time limit is between 1ms and 365d");
            problems.push(Diagnostic::error("out-of-range", message).in_place(place("timeout")));
        }
    }
    let Some(retry) = &task.retry else { return };
    let longest = u64::try_from(RetryPolicy::MAX_DELAY.as_millis()).unwrap_or(u64::MAX);
    let refuse = |message: String| Diagnostic::error("out-of-range", message);
    if retry.max > RetryPolicy::MAX_EXTRA {
        let message = format!("at most {} extra attempts", RetryPolicy::MAX_EXTRA);
        problems.push(refuse(message).in_place(place("retry").key("max")));
    }
    if retry.delay_ms > longest {
        let message = "a retry delay is at most 24h".to_owned();
        problems.push(refuse(message).in_place(place("retry").key("delay")));
    }
    if retry.max_delay_ms > longest {
        let message = "`max_delay` is at most 24h".to_owned();
        problems.push(refuse(message).in_place(place("retry").key("max_delay")));
    } else if retry.delay_ms > retry.max_delay_ms {
        problems.push(
            refuse("`delay` is longer than `max_delay`".to_owned())
                .in_place(place("retry").key("delay"))
                .help("raise `max_delay`, which is 60s unless given"),
        );
    }
    if retry.exit_codes.len() > MAX_EXIT_CODES
        || retry
            .exit_codes
            .iter()
            .any(|code| !(1..=255).contains(code))
    {
        let message = "exit codes to repeat are between 1 and 255".to_owned();
        problems.push(refuse(message).in_place(place("retry").key("exit_codes")));
    }
}

pub(super) fn check_count(
    count: usize,
    most: usize,
    owner: &Place,
    field: &'static str,
    problems: &mut Problems,
) {
    if count > most {
        let message = format!("{count} entries in `{field}`; at most {most}");
        let place = owner.clone().field(field);
        problems.push(Diagnostic::error("too-many-entries", message).in_place(place));
    }
}

pub(super) fn check_template(template: &Template, place: &Place, problems: &mut Problems) {
    check_text(template.as_str(), MAX_ARGUMENT_BYTES, place, problems);
    if let Some((start, end)) = bare_braces(template.as_str()) {
        let inner = template.as_str()[start..end]
            .trim_matches(['{', '}'])
            .trim();
        problems.push(
            Diagnostic::error("bare-braces", "`{{ }}` is not an expression here")
                .in_place(place.clone().within(span(start, end)))
                .help(format!("write `${{{{ {inner} }}}}`")),
        );
    }
}

pub(super) fn check_text(text: &str, most: usize, place: &Place, problems: &mut Problems) {
    if let Some(at) = text.find('\0') {
        problems.push(
            Diagnostic::error("nul-byte", "a NUL character, which no program can receive")
                .in_place(place.clone().within(span(at, at + 1))),
        );
    }
    if text.len() > most {
        problems.push(
            Diagnostic::error(
                "value-too-long",
                format!("{} bytes; at most {most}", text.len()),
            )
            .in_place(place.clone())
            .help("put it into a file and stage that with `files`"),
        );
    }
}

/// The place of `{{ x }}` where x looks like one of our references; `docker --format {{.Names}}` and
/// other programs' braces are left alone.
pub(super) fn bare_braces(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(open) = text[from..].find("{{").map(|at| from + at) {
        let inner = text[open + 2..].trim_start();
        let ours = ["inputs.", "tasks.", "item ", "item.", "item}", "matrix."];
        if !text[..open].ends_with('$') && ours.iter().any(|root| inner.starts_with(root)) {
            let end = text[open..]
                .find("}}")
                .map_or(text.len(), |close| open + close + 2);
            return Some((open, end));
        }
        from = open + 2;
    }
    None
}

pub(super) fn span(start: usize, end: usize) -> Span {
    let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span::new(narrow(start), narrow(end))
}
