//! Values that a flag does not take: which flag, why not, and what it takes. Clap knows the first two,
//! in words of its own.

use std::env;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command};
use protocol::nearest::nearest;

use super::error::CliError;
use crate::settings::Key;

/// A value that does not parse, or is none of the possible ones.
pub(super) fn refused(verb: &Command, typed: &[OsString], error: &clap::Error) -> CliError {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let (shown, value) = (
        text(ContextKind::InvalidArg),
        text(ContextKind::InvalidValue),
    );
    let arg = verb.get_arguments().find(|arg| arg.to_string() == shown);
    let name = arg.map_or(shown.clone(), name);
    let mut message = match (value.as_str(), text(ContextKind::SuggestedValue)) {
        ("", _) => format!("{name} needs a value"),
        _ if is_private(arg) => format!("{name} cannot be what was given"),
        _ => format!("{name} cannot be `{value}`"),
    };
    if let Some(variable) = arg.and_then(|arg| of_variable(arg, typed, &value)) {
        message.push_str(&format!(", which {variable} says"));
    }
    let why = std::error::Error::source(error).map(|why| reason(&why.to_string()));
    let hint = match (why, possible(error, &value)) {
        (_, Some(hint)) => Some(hint),
        (Some(Reason::Says(why)), None) => {
            message.push_str(&format!(": {why}"));
            pair(arg, &value)
        }
        (Some(Reason::Expects(what)), None) => Some(format!("it is {what}")),
        (None, None) => pair(arg, &value),
    };
    CliError::usage("bad-value", message).maybe_hint(hint)
}

/// Whether the value is repeated to nobody.
fn is_private(arg: Option<&Arg>) -> bool {
    let key = arg.and_then(|arg| Key::find(arg.get_id().as_str()));
    key.is_some_and(Key::is_private)
}

/// A word such as `-5`: clap takes it for a flag, whoever typed it may have meant a value.
pub(super) fn negative(verb: &Command, typed: &[OsString], word: &str) -> Option<CliError> {
    let digits = word.strip_prefix('-')?;
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let at = typed.iter().position(|one| one.to_str() == Some(word))?;
    let before = typed.get(at.checked_sub(1)?)?.to_str()?;
    let takes = |arg: &&Arg| {
        let long = arg.get_long().map(|long| format!("--{long}"));
        let short = arg.get_short().map(|short| format!("-{short}"));
        arg.get_action().takes_values() && [long, short].iter().flatten().any(|flag| flag == before)
    };
    let error = match verb.get_arguments().find(takes) {
        Some(arg) => {
            let error = CliError::usage("bad-value", format!("{} cannot be `{word}`", name(arg)));
            match pair(Some(arg), word) {
                Some(_) => error.hint(format!("write `{before} NAME={word}`")),
                None => error.maybe_hint(takes_what(arg)),
            }
        }
        None => CliError::usage("unknown-flag", format!("there is no flag `{word}`"))
            .hint(format!("write `./{word}` for a file of that name")),
    };
    Some(error)
}

/// A flag with its value and what that is for.
fn takes_what(arg: &Arg) -> Option<String> {
    let help = arg.get_help()?.to_string();
    let help = help.split(" [default").next().unwrap_or_default();
    let value = arg.get_value_names()?.first()?;
    Some(format!("`{} {value}`: {help}", name(arg)))
}

/// `--max-parallel`, or `SCENARIO`.
fn name(arg: &Arg) -> String {
    match (arg.get_long(), arg.get_value_names()) {
        (Some(long), _) => format!("--{long}"),
        (None, Some([name, ..])) => name.to_string(),
        (None, _) => arg.get_id().to_string(),
    }
}

/// The variable that a value comes from, when nobody typed it.
fn of_variable(arg: &Arg, typed: &[OsString], value: &str) -> Option<String> {
    let variable = arg.get_env()?;
    let is_typed = typed
        .iter()
        .any(|word| word.to_str().is_some_and(|word| word.contains(value)));
    let says = env::var_os(variable)?;
    (!is_typed && says.to_str() == Some(value)).then(|| variable.to_string_lossy().into_owned())
}

enum Reason {
    /// What is wrong with it.
    Says(String),
    /// What it should be.
    Expects(String),
}

/// The standard library's and clap's words for numbers, in ours.
fn reason(why: &str) -> Reason {
    if let Some((_, range)) = why.split_once(" is not in ")
        && let Some((min, max)) = range.split_once("..=")
    {
        return Reason::Expects(format!("a number from {min} to {max}"));
    }
    match why {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            Reason::Expects("a whole number".to_owned())
        }
        "number too large to fit in target type" => Reason::Says("it is too large".to_owned()),
        other => Reason::Says(other.to_owned()),
    }
}

/// What would fit, for values of a closed set.
fn possible(error: &clap::Error, value: &str) -> Option<String> {
    let Some(ContextValue::Strings(valid)) = error.get(ContextKind::ValidValue) else {
        return None;
    };
    match nearest(value, valid.iter().map(String::as_str)) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if valid.is_empty() => None,
        None => Some(format!("possible values: {}", valid.join(", "))),
    }
}

/// `-i name` lacks its value.
fn pair(arg: Option<&Arg>, value: &str) -> Option<String> {
    let arg = arg?;
    let names = arg.get_value_names()?;
    let is_pair = names.first().is_some_and(|name| name.contains('='));
    let short = arg.get_short().filter(|_| is_pair)?;
    Some(match value.strip_prefix('=') {
        Some(value) if !value.is_empty() => format!("write `-{short} NAME={value}`"),
        None if !value.is_empty() => format!("write `-{short} {value}=VALUE`"),
        _ => format!("write `-{short} NAME=VALUE`"),
    })
}
