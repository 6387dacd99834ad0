//! What a person approves is what they read: a page shows every line of a planned task whole, so none may be
//! longer than anybody reads.

use protocol::diagnostic::{Diagnostic, Place, Problems};
use protocol::expr::Template;
use protocol::plan::{DraftPlan, DraftTask};

/// Lines of a script; longer work is more than one task, or a program of the project's own.
pub const MAX_SCRIPT_LINES: usize = 60;
/// Characters of a line, of a word of a command, of a value.
pub const MAX_LINE: usize = 400;
/// Words of a command.
pub const MAX_WORDS: usize = 60;
/// Blanks in a row within a line: more of them push what follows out of sight.
const MAX_BLANKS: usize = 40;

pub(super) fn check(draft: &DraftPlan, problems: &mut Problems) {
    for task in &draft.tasks {
        if let Some((field, why)) = unreadable(task) {
            let place = Place::task(&task.id).field(field);
            problems.push(
                Diagnostic::error("too-long-to-read", format!("`{field}` {why}"))
                    .in_place(place)
                    .help("split it into tasks, or into shorter lines"),
            );
        }
    }
}

fn unreadable(task: &DraftTask) -> Option<(&'static str, String)> {
    if let Some(run) = &task.run {
        let lines = run.lines().count();
        if lines > MAX_SCRIPT_LINES {
            let why = format!("has {lines} lines; at most {MAX_SCRIPT_LINES} are read");
            return Some(("run", why));
        }
        if let Some(why) = run.lines().find_map(long) {
            return Some(("run", why));
        }
    }
    let words = task.command.iter().flatten();
    if words.clone().count() > MAX_WORDS {
        let why = format!("has more than {MAX_WORDS} words");
        return Some(("command", why));
    }
    let why = words.map(Template::as_str).find_map(long);
    if let Some(why) = why {
        return Some(("command", why));
    }
    let values = task.env.values().map(Template::as_str);
    values.into_iter().find_map(long).map(|why| ("env", why))
}

fn long(line: &str) -> Option<String> {
    let length = line.chars().count();
    if length > MAX_LINE {
        return Some(format!(
            "has {length} characters in one; at most {MAX_LINE} are read"
        ));
    }
    let mut blanks = 0;
    for c in line.chars() {
        blanks = if matches!(c, ' ' | '\t') {
            blanks + 1
        } else {
            0
        };
        if blanks > MAX_BLANKS {
            return Some(format!("has more than {MAX_BLANKS} blanks in a row"));
        }
    }
    None
}
