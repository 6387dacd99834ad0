//! What tasks run: something, and what they say. A command that only pretends, or a wish in place of a
//! command, would end well and have done nothing.

use std::collections::BTreeSet;

use protocol::diagnostic::{Diagnostic, Place, Problems};
use protocol::expr::Template;
use protocol::plan::{DraftPlan, DraftTask};

use super::shell::{Simple, commands};
use super::text::{is_same, terms, words};

/// Commands that leave the world as it was.
const IDLE: &[&str] = &[
    ":", "cd", "echo", "exit", "export", "false", "printf", "pwd", "set", "sleep", "true", "wait",
    "yes",
];
/// Of these, those that say something.
const SAYING: &[&str] = &["echo", "printf"];
/// Words by which a fixed text claims that work was done and went well.
const CLAIMS: &[&str] = &[
    "accomplished",
    "analyzed",
    "completed",
    "complete",
    "deployed",
    "done",
    "finished",
    "fixed",
    "ok",
    "pass",
    "passed",
    "passes",
    "ready",
    "success",
    "succeeded",
    "successful",
    "successfully",
    "tested",
    "validated",
    "verified",
];
/// What stands where something was still to be filled in.
const PLACEHOLDERS: &[&str] = &[
    "# TODO",
    "# FIXME",
    "<your",
    "<YOUR",
    "<insert",
    "/path/to/",
    "CHANGEME",
    "REPLACE_ME",
];
/// Words that a text needs before it can be a wish: `cargo test` is a command, and may be the goal.
const WISH_WORDS: usize = 4;

pub(super) fn check(goal: &str, draft: &DraftPlan, problems: &mut Problems) {
    let goal = terms(goal);
    for task in &draft.tasks {
        let Some((field, text)) = action(task) else {
            continue;
        };
        let place = || Place::task(&task.id).field(field);
        if let Some(word) = PLACEHOLDERS.iter().find(|word| text.contains(**word)) {
            let message = format!("`{word}` stands where something is still to be filled in");
            problems.push(Diagnostic::error("placeholder", message).in_place(place()));
        }
        let said = words(task.description.as_deref().unwrap_or_default());
        let is_wish = (goal.len() >= WISH_WORDS && is_same(&terms(&text), &goal))
            || (said.len() >= WISH_WORDS && words(&text) == said);
        let simple = simple(task);
        let simple = simple.as_deref();
        let is_empty = simple.is_some_and(<[_]>::is_empty) && !text.trim().is_empty();
        if is_wish || is_empty || simple.is_some_and(is_prose) {
            let message = "the task says what is wanted, and not how it is done";
            problems.push(
                Diagnostic::error("still-a-goal", message)
                    .in_place(place())
                    .help(
                        "write a command line that does it, or split it into tasks that have one",
                    ),
            );
        } else if let Some(pretence) = simple.and_then(|simple| pretence(task, simple, &goal)) {
            problems.push(pretence.in_place(place()));
        }
    }
}

fn action(task: &DraftTask) -> Option<(&'static str, String)> {
    let command = || {
        let words = task.command.as_ref()?.iter().map(Template::as_str);
        Some(("command", words.collect::<Vec<_>>().join(" ")))
    };
    let run = task.run.as_ref();
    run.map(|run| ("run", run.clone())).or_else(command)
}

/// What a task runs, where that is simple commands.
fn simple(task: &DraftTask) -> Option<Vec<Simple>> {
    if let Some(run) = &task.run {
        return commands(run);
    }
    let words: Vec<&str> = task
        .command
        .as_ref()?
        .iter()
        .map(Template::as_str)
        .collect();
    match words.as_slice() {
        ["sh" | "bash" | "dash", "-c", text, ..] => commands(text),
        words => Some(vec![Simple {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            targets: Vec::new(),
            is_open: words.iter().any(|word| word.contains("${{")),
        }]),
    }
}

/// A sentence: no program is called `Analyze`, and none takes words alone.
fn is_prose(commands: &[Simple]) -> bool {
    let is_plain = |word: &String| {
        let word = word.trim_end_matches(['.', ',', ';', ':', '!']);
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_alphabetic() || matches!(c, '-' | '\''))
    };
    commands.iter().any(|command| {
        let first = command.words.first();
        let is_capital = first.is_some_and(|word| word.starts_with(char::is_uppercase));
        let is_sentence = command.words.len() >= 3 && command.words.iter().all(is_plain);
        is_capital && is_sentence && command.targets.is_empty()
    })
}

/// Whether it leaves the world as it was, but for what it writes to [`targets`].
fn is_idle(command: &Simple) -> bool {
    let is_idle = |word: &String| IDLE.contains(&word.as_str()) || word.contains('=');
    command
        .words
        .first()
        .is_none_or(|word| is_idle(word) || word == "tee")
}

/// The files that a command writes its output to.
fn targets(command: &Simple) -> impl Iterator<Item = &String> {
    let is_tee = command.words.first().is_some_and(|word| word == "tee");
    let files = command
        .words
        .iter()
        .skip(1)
        .filter(move |word| is_tee && !word.starts_with('-'));
    command.targets.iter().chain(files)
}

fn pretence(task: &DraftTask, commands: &[Simple], goal: &BTreeSet<String>) -> Option<Diagnostic> {
    let is_read = commands.iter().all(is_idle) && !commands.iter().any(|one| one.is_open);
    if commands.is_empty() || !is_read {
        return None;
    }
    let keeps = |target: &String| {
        let path = target.trim_start_matches("./");
        target.contains("ORCHESTRA_OUTPUT")
            || task.artifacts.values().any(|kept| path.starts_with(kept))
    };
    if !commands.iter().flat_map(targets).any(keeps) {
        let message = "the command does nothing: it only says something, or waits";
        return Some(
            Diagnostic::error("pretends", message)
                .help("write the command that does the work, or leave the task out"),
        );
    }
    let says = |command: &&Simple| {
        let first = command.words.first();
        first.is_some_and(|word| SAYING.contains(&word.as_str()))
    };
    let said = commands
        .iter()
        .filter(says)
        .flat_map(|one| one.words.iter().skip(1));
    let mut said = said.flat_map(|word| words(word));
    // What the goal itself wants said is no claim.
    let claim = said.find(|word| CLAIMS.contains(&word.as_str()) && !goal.contains(word))?;
    let message = format!("the result is a fixed text that claims something (`{claim}`)");
    Some(
        Diagnostic::error("claimed-result", message)
            .help("have a program find out, and keep what it says"),
    )
}
