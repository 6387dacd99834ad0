//! The page of commands: every verb, argument and flag, in the words of its help.

use clap::{Arg, Command};

use super::table;

/// Flags that every verb has; told once.
const COMMON: &[&str] = &["output_format", "json", "quiet", "color", "help"];

pub fn page() -> String {
    let mut tree = l1_orchestrator::tree();
    tree.build();
    let verbs: Vec<&Command> = tree
        .get_subcommands()
        .filter(|verb| !verb.is_hide_set())
        .collect();
    let mut text = String::from(
        "`orchestra VERB --help` says the same at the prompt, `orchestra man VERB` as a manual page. \
         Data goes to stdout, everything for eyes to stderr. Exit codes: [failures](failures.md).\n\n\
         A RUN is an id, a unique prefix of one, `@last`, `@failed`, or a run directory's path.\n\n",
    );
    for verb in &verbs {
        let name = verb.get_name();
        let about = verb.get_about().unwrap();
        text.push_str(&format!("- [`{name}`](#{name}): {about}\n"));
    }
    text.push_str("\n## Flags of every verb\n\n");
    let first = verbs.first().expect("there are verbs");
    text.push_str(&flags(first, |arg| COMMON.contains(&arg.get_id().as_str())));
    for verb in verbs {
        text.push_str(&of_verb(verb));
    }
    text
}

fn of_verb(verb: &Command) -> String {
    let name = verb.get_name();
    let mut text = format!("\n## {name}\n\n{}.\n", verb.get_about().unwrap());
    if let Some(long) = verb.get_long_about() {
        // Its first line names the verb again.
        let long = long.to_string();
        let more = long.split_once("\n\n").map(|(_, more)| more.trim());
        if let Some(more) = more.filter(|more| !more.is_empty()) {
            text.push_str(&format!("{more}\n"));
        }
    }
    let usage = verb.clone().render_usage().to_string();
    let usage = usage.trim().trim_start_matches("Usage: ");
    text.push_str(&format!("\n```text\n{usage}\n```\n"));
    let positional: Vec<Vec<String>> = verb
        .get_positionals()
        .map(|arg| {
            vec![
                format!("`{}`", arg.get_value_names().unwrap()[0]),
                about(arg),
            ]
        })
        .collect();
    if !positional.is_empty() {
        text.push_str(&format!(
            "\n{}",
            table(&["argument", "meaning"], &positional)
        ));
    }
    let own = flags(verb, |arg| !COMMON.contains(&arg.get_id().as_str()));
    if !own.is_empty() {
        text.push_str(&format!("\n{own}"));
    }
    let after = verb.get_after_help().map(ToString::to_string);
    for part in after.iter().flat_map(|after| after.split("\n\n")) {
        let (head, lines) = part.split_once('\n').unwrap_or((part, ""));
        let language = if head == "Examples:" { "sh" } else { "text" };
        let lines: Vec<&str> = lines.lines().map(str::trim).collect();
        text.push_str(&format!(
            "\n{head}\n\n```{language}\n{}\n```\n",
            lines.join("\n")
        ));
    }
    text
}

fn flags(verb: &Command, wanted: impl Fn(&Arg) -> bool) -> String {
    let rows: Vec<Vec<String>> = verb
        .get_opts()
        .chain(
            verb.get_arguments()
                .filter(|arg| !arg.get_action().takes_values()),
        )
        .filter(|arg| arg.get_long().is_some() && wanted(arg))
        .map(|arg| vec![name(arg), variable(arg), about(arg)])
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    table(&["flag", "variable", "meaning"], &rows)
}

fn name(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| format!("-{short}, "));
    let value = arg
        .get_value_names()
        .filter(|_| arg.get_action().takes_values());
    let value = value.map(|names| format!(" {}", names[0]));
    format!(
        "`{}--{}{}`",
        short.unwrap_or_default(),
        arg.get_long().unwrap(),
        value.unwrap_or_default()
    )
}

fn variable(arg: &Arg) -> String {
    arg.get_env()
        .map(|name| format!("`{}`", name.to_string_lossy()))
        .unwrap_or_default()
}

fn about(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set() && arg.get_action().takes_values())
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}` ({help})", value.get_name()),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    let default: Vec<String> = arg
        .get_default_values()
        .iter()
        .filter(|_| arg.get_action().takes_values())
        .map(|value| value.to_string_lossy().into_owned())
        .collect();
    let mut text = help;
    if !default.is_empty() {
        text.push_str(&format!(" [default: {}]", default.join(" ")));
    }
    if !values.is_empty() {
        text.push_str(&format!(": {}", values.join(", ")));
    }
    text
}
