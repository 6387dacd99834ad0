//! Rules for what a task does: exactly one kind, a shell text that is no template, a literal program.

use crate::diagnostic::{Diagnostic, Place, Problems};
use crate::expr::Template;

use super::check_task::{bare_braces, check_template, check_text, span};
use super::draft::DraftTask;
use super::limits::{MAX_ARGUMENT_BYTES, MAX_ARGUMENTS};

pub(super) fn check_action(task: &DraftTask, problems: &mut Problems) {
    let place = || Place::task(&task.id);
    let kinds = [
        ("run", task.run.is_some()),
        ("command", task.command.is_some()),
        ("prompt", task.prompt.is_some()),
        ("uses", task.uses.is_some()),
    ];
    let kinds = kinds.iter().filter(|(_, given)| *given);
    let kinds: Vec<&'static str> = kinds.map(|(kind, _)| *kind).collect();
    match (kinds.as_slice(), &task.run, &task.command) {
        ([], ..) => problems.push(
            Diagnostic::error("no-kind", format!("task `{}` does nothing", task.id))
                .in_place(place())
                .help(
                    "give it `run: shell text`, `command: [program, argument]`, `prompt: question` or \
                     `uses: ./file.yaml`",
                ),
        ),
        ([first, .., last], ..) => problems.push(
            Diagnostic::error(
                "two-kinds",
                format!("task `{}` has `{first}` and `{last}`", task.id),
            )
            .in_place(place().field(last))
            .help("keep one of them"),
        ),
        (_, Some(run), _) => check_run(run, &place().field("run"), problems),
        (_, _, Some(command)) => check_command(task, command, problems),
        _ => {}
    }
    let Some(shell) = &task.shell else { return };
    let place = place().field("shell");
    if kinds == ["command"] {
        problems.push(
            Diagnostic::error("unused-key", "`shell` means nothing beside `command`")
                .in_place(place)
                .help("remove it, or write the command as `run`"),
        );
    } else if !matches!(kinds.as_slice(), ["prompt" | "uses"]) && !is_program(shell) {
        let shown: String = shell.chars().take(60).collect();
        problems.push(
            Diagnostic::error("invalid-shell", format!("`{shown}` is not a shell's name"))
                .in_place(place)
                .help("a program's name or path without arguments, called as `SHELL -c TEXT`"),
        );
    }
}

fn is_program(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-' | b'+');
    !text.is_empty() && text.len() <= 256 && text.bytes().all(plain) && !text.starts_with('-')
}

fn check_run(run: &str, place: &Place, problems: &mut Problems) {
    if run.trim().is_empty() {
        problems.push(Diagnostic::error("empty-run", "`run` is empty").in_place(place.clone()));
    }
    check_text(run, MAX_ARGUMENT_BYTES, place, problems);
    let mut from = 0;
    if let Some(open) = run.find("${{") {
        let close = run[open..]
            .find("}}")
            .map_or(run.len(), |close| open + close + 2);
        let inner = run[open + 3..close].trim_end_matches("}}").trim();
        let inner: String = inner.chars().take(60).collect();
        from = close;
        let help = match inner.strip_prefix("secrets.") {
            Some(name) => format!("grant it: `secrets: [{name}]`, then use \"${name}\""),
            None => format!(
                "pass it through the environment: `env: {{ VALUE: \"${{{{ {inner} }}}}\" }}`, \
                 then use \"$VALUE\""
            ),
        };
        problems.push(
            Diagnostic::error(
                "expression-in-run",
                "`${{ }}` inside `run` is refused: a value could become shell code",
            )
            .in_place(place.clone().within(span(open, close)))
            .help(help),
        );
    }
    if let Some((start, end)) = bare_braces(&run[from..]) {
        problems.push(
            Diagnostic::error("bare-braces", "`{{ }}` is not an expression here")
                .in_place(place.clone().within(span(from + start, from + end)))
                .help("pass the value through `env` as `${{ … }}`, then use \"$VALUE\""),
        );
    }
}

fn check_command(task: &DraftTask, command: &[Template], problems: &mut Problems) {
    let place = || Place::task(&task.id).field("command");
    let Some(program) = command.first() else {
        problems.push(
            Diagnostic::error("empty-command", "`command` is empty")
                .in_place(place())
                .help("a list: the program, then its arguments"),
        );
        return;
    };
    if program.has_expressions() {
        problems.push(
            Diagnostic::error(
                "expression-in-program",
                "the program cannot be an expression",
            )
            .in_place(place().index(0))
            .help("name the program; expressions are for its arguments"),
        );
    } else if program.as_str().trim().is_empty() {
        let message = "the program's name is empty";
        problems.push(Diagnostic::error("empty-command", message).in_place(place().index(0)));
    }
    if command.len() > MAX_ARGUMENTS {
        let message = format!("{} arguments; at most {MAX_ARGUMENTS}", command.len());
        problems.push(Diagnostic::error("too-many-entries", message).in_place(place()));
    }
    for (item, argument) in command.iter().enumerate() {
        check_template(argument, &place().index(item), problems);
    }
}
