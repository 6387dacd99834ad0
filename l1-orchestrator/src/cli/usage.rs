//! Reads the command line; what clap refuses becomes one of our errors, with the nearest name.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Command, FromArgMatches as _};
use protocol::nearest::nearest;

use super::args::{self, Cli};
use super::bad_value;
use super::error::CliError;

/// Variables beside those of flags that change what happens, for the reference and the manual page.
pub const OTHER_VARIABLES: &[(&str, &str)] = &[
    (
        "NO_COLOR",
        "Not empty: no color, unless --color says otherwise.",
    ),
    (
        "CLICOLOR_FORCE, FORCE_COLOR",
        "Not empty and not 0: color even where there is no terminal.",
    ),
    ("TERM", "dumb: no color and no bar."),
    ("CI", "Set, and neither 0 nor false: no bar."),
    (
        "COLUMNS",
        "Columns of the terminal, where it does not say itself.",
    ),
    (
        "XDG_CONFIG_HOME",
        "Where your settings are, else ~/.config.",
    ),
    (
        "XDG_STATE_HOME",
        "Where your signing key and your trusted projects are, else ~/.local/state.",
    ),
    (
        "PATH",
        "Where tasks find programs; entries that are not absolute are left out.",
    ),
    (
        "TRACEPARENT",
        "The trace that a run belongs to, recorded with it.",
    ),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "Collector of traces, OTLP over plain HTTP. No trace is sent without.",
    ),
    (
        "OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER",
        "true, and anything but otlp: no trace is sent.",
    ),
];

/// The flag without which `--save` means nothing.
const WITH_SAVE: &str = "--plan-only";

/// What the command line asks for.
pub enum Parsed {
    /// A verb, with where each value came from.
    Verb(Box<Cli>, ArgMatches),
    /// Help or version text, for stdout.
    Text(String),
    /// No verb at all: the first help screen, for stderr.
    Nothing(String),
}

/// Reads the arguments, program name included.
///
/// # Errors
/// They are not a command line of ours.
pub fn parse(args: Vec<OsString>) -> Result<Parsed, CliError> {
    if let [_, flag] = args.as_slice()
        && (flag == "--version" || flag == "-V")
    {
        // Scripts ask often; building the tree would take as long as all the rest.
        let version = env!("CARGO_PKG_VERSION");
        return Ok(Parsed::Text(format!("orchestra {version}\n")));
    }
    let args = help_as_flag(args);
    let command = args::command();
    let typed = args.clone();
    let matches = match command.clone().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => {
            // Arguments show their names only once the tree is complete.
            let mut command = command;
            command.build();
            return refused(&command, &typed, &error);
        }
    };
    let cli = Cli::from_arg_matches(&matches).map_err(|error| {
        CliError::internal("arguments do not fit their own tree").because(error)
    })?;
    Ok(Parsed::Verb(Box::new(cli), matches))
}

/// `orchestra help run` is what people type for `orchestra run --help`.
fn help_as_flag(mut args: Vec<OsString>) -> Vec<OsString> {
    if args.get(1).is_some_and(|word| word == "help") {
        args.remove(1);
        args.truncate(2);
        args.push("--help".into());
    }
    args
}

fn refused(command: &Command, typed: &[OsString], error: &clap::Error) -> Result<Parsed, CliError> {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    let arg = context(ContextKind::InvalidArg);
    let verb = verb_of(command, typed);
    let help = format!("`orchestra {}--help` lists what there is", prefix(verb));
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            Ok(Parsed::Text(error.render().to_string()))
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if typed.len() <= 1 => {
            Ok(Parsed::Nothing(error.render().to_string()))
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            Err(CliError::usage("missing-command", "no command is given").hint(help))
        }
        ErrorKind::InvalidSubcommand => {
            let word = context(ContextKind::InvalidSubcommand);
            let names = command.get_subcommands().map(Command::get_name);
            let near = nearest(&word, names).map(|name| format!("did you mean `{name}`?"));
            let hint = near.unwrap_or(help);
            Err(
                CliError::usage("unknown-command", format!("there is no command `{word}`"))
                    .hint(hint),
            )
        }
        ErrorKind::UnknownArgument => {
            let verb = verb.unwrap_or(command);
            let negative = bad_value::negative(verb, typed, &arg);
            Err(negative.unwrap_or_else(|| unknown_argument(verb, &arg, help)))
        }
        ErrorKind::MissingRequiredArgument if arg == WITH_SAVE => {
            let message = format!("--save goes with {WITH_SAVE}, which is missing");
            let hint =
                format!("add `{WITH_SAVE}`: the plan is shown and saved, and nothing is run");
            Err(CliError::usage("missing-argument", message).hint(hint))
        }
        ErrorKind::MissingRequiredArgument => {
            let message = format!("{arg} is missing");
            let usage = verb.map(|verb| usage_line(verb.clone()));
            Err(CliError::usage("missing-argument", message).maybe_hint(usage))
        }
        ErrorKind::ArgumentConflict => {
            let other = context(ContextKind::PriorArg);
            // Clap's way to say that a flag may be repeated.
            let plain = |flag: &str| flag.trim_end_matches("...").to_owned();
            let (arg, other) = (plain(&arg), plain(&other));
            let message = format!("{arg} and {other} exclude each other");
            Err(CliError::usage("conflict", message))
        }
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => {
            Err(bad_value::refused(verb.unwrap_or(command), typed, error))
        }
        _ => Err(CliError::usage("bad-value", first_line(error))),
    }
}

fn unknown_argument(verb: &Command, arg: &str, help: String) -> CliError {
    if !arg.starts_with('-') {
        return CliError::usage(
            "unexpected-argument",
            format!("`{arg}` is one argument too many"),
        )
        .hint(usage_line(verb.clone()));
    }
    let longs: Vec<String> = flags(verb);
    let near = nearest(arg, longs.iter().map(String::as_str));
    let hint = near.map_or(help, |name| format!("did you mean `{name}`?"));
    CliError::usage("unknown-flag", format!("there is no flag `{arg}`")).hint(hint)
}

fn flags(verb: &Command) -> Vec<String> {
    let mut longs: Vec<String> = verb
        .get_arguments()
        .filter_map(|arg| arg.get_long().map(|long| format!("--{long}")))
        .collect();
    longs.extend(["--help".to_owned(), "--version".to_owned()]);
    longs
}

fn first_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// The verb that was typed, if it is one.
fn verb_of<'a>(command: &'a Command, typed: &[OsString]) -> Option<&'a Command> {
    let mut words = typed.iter().skip(1).filter_map(|arg| arg.to_str());
    command.find_subcommand(words.find(|word| !word.starts_with('-'))?)
}

fn prefix(verb: Option<&Command>) -> String {
    verb.map_or_else(String::new, |verb| format!("{} ", verb.get_name()))
}

fn usage_line(verb: Command) -> String {
    let mut verb = verb
        .clone()
        .bin_name(format!("orchestra {}", verb.get_name()));
    let usage = verb.render_usage().to_string();
    let usage = usage.trim().trim_start_matches("Usage: ");
    format!("it is used as {usage}")
}

/// Whether errors are to be one JSON object, read from what was typed even if it does not parse.
#[must_use]
pub fn wants_json(typed: &[OsString], environment: impl Fn(&str) -> Option<OsString>) -> bool {
    let words: Vec<&str> = typed.iter().filter_map(|arg| arg.to_str()).collect();
    let format = |word: &str| matches!(word, "json" | "jsonl");
    let as_pair = words
        .windows(2)
        .any(|pair| matches!(pair[0], "-o" | "--output-format" | "--output") && format(pair[1]));
    let as_one = words.iter().any(|word| {
        let value = word
            .strip_prefix("--output-format=")
            .or_else(|| word.strip_prefix("--output="))
            .or_else(|| word.strip_prefix("-o="))
            .or_else(|| word.strip_prefix("-o"));
        *word == "--json" || value.is_some_and(format)
    });
    let as_variable = environment("ORCHESTRA_OUTPUT_FORMAT")
        .is_some_and(|value| value.to_str().is_some_and(format))
        || environment("ORCHESTRA_JSON").is_some_and(|value| is_truthy(&value));
    as_pair || as_one || as_variable
}

/// As clap reads a flag's variable.
fn is_truthy(value: &std::ffi::OsStr) -> bool {
    let falsey = ["", "n", "no", "f", "false", "off", "0"];
    !value
        .to_str()
        .is_some_and(|text| falsey.contains(&text.to_lowercase().as_str()))
}
