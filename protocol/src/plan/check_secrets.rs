//! Rules for secrets: how they are called, where they come from, which tasks have them, and which of
//! them a nested scenario may use. No value is ever seen here.
//!
//! A nested scenario declares what it needs, as if it ran alone; whoever uses it grants each of them to
//! the task with `uses`, by the same name and from the same source. So neither file can reach a secret
//! that its caller does not list, and each file says what it has.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Place, Problems};
use crate::nearest::nearest;
use crate::policy::SecretSource;

use super::check_policy::path_problem;
use super::check_references::References;
use super::check_task::{check_count, check_text, is_variable};
use super::draft::{DraftPlan, DraftTask};
use super::limits::{MAX_ARGUMENT_BYTES, MAX_ARGUMENTS, MAX_ENTRIES};

/// Variables that an environment has anyway, or that decide what a program is: a secret in one of them
/// breaks its task, or becomes code.
const TAKEN: &[&str] = &[
    "HOME",
    "IFS",
    "LANG",
    "PATH",
    "PWD",
    "SHELL",
    "TMPDIR",
    "TRACEPARENT",
];
/// Variables from which loaders and interpreters take code or the way to it, beside `LD_*` and `DYLD_*`.
const LOADED: &[&str] = &[
    "BASH_ENV",
    "ENV",
    "GCONV_PATH",
    "JAVA_TOOL_OPTIONS",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PERL5LIB",
    "PERL5OPT",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "RUBYLIB",
    "RUBYOPT",
];

/// Warnings about secrets that nobody is granted: more would push errors out of the list.
const MAX_UNUSED: usize = 20;

/// A plan's declarations, and whether anything is done with them.
pub(super) fn check_declared(draft: &DraftPlan, problems: &mut Problems) {
    let owner = Place::plan();
    check_count(
        draft.secrets.len(),
        MAX_ENTRIES,
        &owner,
        "secrets",
        problems,
    );
    let granted: BTreeSet<&str> = draft
        .tasks
        .iter()
        .flat_map(|task| task.secrets.iter().map(String::as_str))
        .collect();
    let mut unused = 0;
    for (name, source) in &draft.secrets {
        let place = || Place::plan().field("secrets");
        if let Some(problem) = name_problem(name) {
            problems.push(problem.in_place(place().key_name(name)));
        } else if !granted.contains(name.as_str()) && unused < MAX_UNUSED {
            unused += 1;
            let message = format!("secret `{name}` is granted to no task");
            problems.push(
                Diagnostic::warning("unused-secret", message)
                    .in_place(place().key_name(name))
                    .help(format!(
                        "grant it: `secrets: [{name}]` in a task; or remove it"
                    )),
            );
        }
        if draft.env.contains_key(name) {
            let place = Place::plan().field("env").key_name(name);
            problems.push(in_env(name).in_place(place));
        }
        check_source(source, &place().key(name), problems);
    }
}

/// What is wrong with a secret's name.
fn name_problem(name: &str) -> Option<Diagnostic> {
    if !is_variable(name) {
        let message = format!("`{}` cannot be the name of a secret", shown(name));
        let problem = Diagnostic::error("invalid-name", message);
        let fixed = name.replace(['-', '.', ' '], "_");
        return Some(match is_variable(&fixed) {
            true => problem.help(format!("write `{fixed}`: tasks read it as a variable")),
            false => {
                problem.help("the name of a variable: letters, digits and `_`, no digit first")
            }
        });
    }
    let message = if name.starts_with("ORCHESTRA_") || TAKEN.contains(&name) {
        format!("`{name}` has a meaning of its own in the environment of a task")
    } else if name.starts_with("LD_") || name.starts_with("DYLD_") || LOADED.contains(&name) {
        format!("`{name}` decides which code programs load")
    } else {
        return None;
    };
    Some(Diagnostic::error("reserved-name", message).help("choose another name"))
}

fn check_source(source: &SecretSource, place: &Place, problems: &mut Problems) {
    match source {
        SecretSource::Env { name: None } => {}
        SecretSource::Env { name: Some(name) } => {
            if !is_variable(name) {
                let message = format!("`{}` cannot be the name of a variable", shown(name));
                problems.push(
                    Diagnostic::error("invalid-name", message)
                        .in_place(place.clone())
                        .help("letters, digits and `_`, no digit first"),
                );
            }
        }
        SecretSource::File { path } => {
            if let Some((code, message, help)) = path_problem(path) {
                let problem = Diagnostic::error(code, message).help(help);
                problems.push(problem.in_place(place.clone()));
            } else if path.ends_with(['/', '~']) || path == "." {
                let message = format!("`{}`: a directory holds no secret", shown(path));
                let problem = Diagnostic::error("invalid-path", message).help("name the file");
                problems.push(problem.in_place(place.clone()));
            }
        }
        SecretSource::Command { argv } => check_program(argv, place, problems),
    }
}

fn check_program(argv: &[String], place: &Place, problems: &mut Problems) {
    if argv.first().is_none_or(|program| program.trim().is_empty()) {
        problems.push(
            Diagnostic::error("empty-command", "`argv` names no program")
                .in_place(place.clone())
                .help("a list: the program, then its arguments"),
        );
    }
    if argv.len() > MAX_ARGUMENTS {
        let message = format!("{} arguments; at most {MAX_ARGUMENTS}", argv.len());
        problems.push(Diagnostic::error("too-many-entries", message).in_place(place.clone()));
    }
    for argument in argv {
        check_text(argument, MAX_ARGUMENT_BYTES, place, problems);
        if argument.contains("${{") {
            problems.push(
                Diagnostic::error(
                    "expression-not-allowed",
                    "the source of a secret cannot hold an expression",
                )
                .in_place(place.clone())
                .help("write it out; it is the same in every run"),
            );
        }
    }
}

fn in_env(name: &str) -> Diagnostic {
    let name = shown(name);
    let message = format!("`{name}` is a secret, and `env` gives it a value");
    Diagnostic::error("secret-in-env", message)
        .help("remove it from `env`: tasks that are granted the secret find it there anyway")
}

/// One task's grants.
pub(super) fn check_granted(all: &References<'_>, task: &DraftTask, problems: &mut Problems) {
    let owner = Place::task(&task.id);
    let declared = &all.draft.secrets;
    check_count(task.secrets.len(), MAX_ENTRIES, &owner, "secrets", problems);
    let mut seen = BTreeSet::new();
    for (at, name) in task.secrets.iter().enumerate() {
        let place = || owner.clone().field("secrets").index(at);
        if !seen.insert(name.as_str()) {
            let message = format!("`secrets` names `{}` twice", shown(name));
            let problem = Diagnostic::error("duplicate-entry", message).help("keep one of them");
            problems.push(problem.in_place(place()));
        } else if !declared.contains_key(name) && !is_enough(problems) {
            problems.push(undeclared(all, name).in_place(place()));
        } else if task.env.contains_key(name) {
            let place = owner.clone().field("env").key_name(name);
            problems.push(in_env(name).in_place(place));
        }
    }
    check_mentioned(all, task, problems);
    if let Some(file) = &task.uses {
        check_nested(all, task, (file, &seen), problems);
    }
}

fn undeclared(all: &References<'_>, name: &str) -> Diagnostic {
    let declared = &all.draft.secrets;
    let message = format!("there is no secret `{}`", shown(name));
    let problem = Diagnostic::error("unknown-secret", message);
    // A search through very many names for each of many slips would take minutes.
    let few = declared.len() <= MAX_ENTRIES;
    let near = nearest(name, declared.keys().map(String::as_str).filter(|_| few));
    match (near, name_problem(name)) {
        (Some(near), _) => problem.help(format!("did you mean `{near}`?")),
        (None, None) => problem.help(format!(
            "declare it at the top level: `secrets: {{ {name}: {{ from: env }} }}`"
        )),
        (None, Some(_)) => problem.help("name one that `secrets` at the top level declares"),
    }
}

/// `env: { TOKEN: $TOKEN }` of a declared secret: nothing expands it.
fn check_mentioned(all: &References<'_>, task: &DraftTask, problems: &mut Problems) {
    let declared = &all.draft.secrets;
    if declared.is_empty() {
        return;
    }
    for (key, value) in &task.env {
        let Some(name) = mentioned(value.as_str(), |name| declared.contains_key(name)) else {
            continue;
        };
        let help = match task.secrets.iter().any(|granted| granted == name) {
            true => format!("it is granted: the task finds it as `{name}`; remove this entry"),
            false => format!("grant it: `secrets: [{name}]`; the task finds it as `{name}`"),
        };
        let message = format!("values of `env` are taken as they are: `${name}` is no secret here");
        problems.push(
            Diagnostic::error("secret-in-env", message)
                .in_place(Place::task(&task.id).field("env").key(key))
                .help(help),
        );
    }
}

/// The first name of those known that a text means as `$NAME` or `${NAME…}`.
fn mentioned(text: &str, is_known: impl Fn(&str) -> bool) -> Option<&str> {
    text.match_indices('$').find_map(|(at, _)| {
        let rest = &text[at + 1..];
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let name = &rest[..end.unwrap_or(rest.len())];
        is_known(name).then_some(name)
    })
}

fn check_nested(
    all: &References<'_>,
    task: &DraftTask,
    (file, granted): (&str, &BTreeSet<&str>),
    problems: &mut Problems,
) {
    let Some(interface) = all.interfaces.get(file) else {
        return;
    };
    let (declared, needed) = (&all.draft.secrets, interface.secrets);
    let place = |field| Place::task(&task.id).field(field);
    for (at, name) in task.secrets.iter().enumerate() {
        if needed.contains_key(name) || !declared.contains_key(name) || is_enough(problems) {
            continue;
        }
        let message = format!("`{file}` has no secret `{name}`");
        let help = match nearest(name, needed.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("declare it there: `secrets: {{ {name}: … }}`; or remove it here"),
        };
        let problem = Diagnostic::error("unknown-secret", message).help(help);
        problems.push(problem.in_place(place("secrets").index(at)));
    }
    for (name, source) in needed {
        if is_enough(problems) {
            return;
        }
        if !granted.contains(name.as_str()) {
            let message = format!("`{file}` needs secret `{}`", shown(name));
            let few: Vec<&str> = needed.keys().take(8).map(String::as_str).collect();
            let more = if needed.len() > few.len() {
                ", …"
            } else {
                ""
            };
            let help = format!("grant what it needs: `secrets: [{}{more}]`", few.join(", "));
            let problem = Diagnostic::error("missing-secret", message).help(help);
            problems.push(problem.in_place(place("uses")));
            continue;
        }
        let Some(own) = declared.get(name) else {
            continue;
        };
        if of(own, name) != of(source, name) {
            let message = format!("`{file}` takes secret `{name}` from another source");
            problems.push(
                Diagnostic::error("secret-source", message)
                    .in_place(place("uses"))
                    .help("declare it alike in both files: a nested scenario has no source of its own"),
            );
        }
    }
}

/// Whether one more problem says nothing new: the plan is refused, and no more of them are shown.
fn is_enough(problems: &Problems) -> bool {
    problems.is_full() && problems.has_errors()
}

/// A name as messages have it: what stands in its place may be anything.
fn shown(name: &str) -> String {
    let name: String = name.chars().take(60).collect();
    name.escape_debug().to_string()
}

/// A source with what it leaves out filled in.
fn of<'a>(source: &'a SecretSource, name: &'a str) -> (&'static str, Vec<&'a str>) {
    match source {
        SecretSource::Env { name: other } => ("env", vec![other.as_deref().unwrap_or(name)]),
        SecretSource::File { path } => ("file", vec![path]),
        SecretSource::Command { argv } => ("command", argv.iter().map(String::as_str).collect()),
    }
}
