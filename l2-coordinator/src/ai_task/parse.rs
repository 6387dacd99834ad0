//! From a reply's text to what it says: all of it, one JSON value, or one block of code. Two of what there
//! may be one of are refused, and so is a part of one: nothing is guessed.

use protocol::diagnostic::Diagnostic;
use protocol::plan::Parse;
use serde_json::Value;

use super::fences::{Block, Unclosed, blocks};
use crate::planner::{MAX_REPLY_BYTES, extract_text, strict_prefix};

/// What a reply says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Parsed {
    /// Text, or the inside of a block of code; ends with a line break.
    Text(String),
    /// A value.
    Json(Value),
}

type Refused = Box<Diagnostic>;

/// Takes a reply's text apart.
pub(super) fn parse(text: &str, parse: &Parse) -> Result<Parsed, Refused> {
    if text.len() > MAX_REPLY_BYTES {
        let message = format!("a reply of {} bytes; at most {MAX_REPLY_BYTES}", text.len());
        return Err(Diagnostic::error("reply-too-large", message).into());
    }
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(Diagnostic::error("reply-empty", "the reply has no text").into());
    }
    match parse {
        Parse::Text => Ok(Parsed::Text(lines(text))),
        Parse::Json => json(text).map(Parsed::Json),
        Parse::CodeBlock(language) => code(text, language.as_deref()).map(Parsed::Text),
    }
}

fn lines(text: &str) -> String {
    let mut text = text.replace("\r\n", "\n");
    text.push('\n');
    text
}

/// Bare, alone in a fence, or, of an object, in prose.
fn json(text: &str) -> Result<Value, Refused> {
    let bare = strict_prefix(text);
    if let Ok((value, length)) = &bare
        && *length == text.len()
    {
        return Ok(value.clone());
    }
    // Something else is around it, or it is broken.
    if let Some(inside) = fenced_json(text)? {
        let inside = inside.trim();
        let (value, length) = strict_prefix(inside).map_err(|problem| helped(&problem))?;
        return match length == inside.len() {
            true => Ok(value),
            false => Err(two("the fence holds more than one JSON value")),
        };
    }
    match bare {
        Err(broken) if text.starts_with(['{', '[']) => Err(helped(&broken)),
        _ => extract_text(text)
            .map(|found| Value::Object(found.object))
            .map_err(|problem| helped(&problem)),
    }
}

/// What stands in the one fence that says `json`, or in the one that says nothing.
fn fenced_json(text: &str) -> Result<Option<String>, Refused> {
    let Ok(found) = blocks(text) else {
        return Err(unclosed());
    };
    let says = |word: &str| {
        let of = found.iter();
        of.filter(|block| block.language.eq_ignore_ascii_case(word))
            .collect::<Vec<&Block<'_>>>()
    };
    match (&says("json")[..], &says("")[..]) {
        ([only], _) => Ok(Some(only.text.clone())),
        ([], [only]) if only.text.trim_start().starts_with(['{', '[']) => {
            Ok(Some(only.text.clone()))
        }
        ([], _) => Ok(None),
        _ => Err(two("the reply holds more than one fence of JSON")),
    }
}

fn code(text: &str, language: Option<&str>) -> Result<String, Refused> {
    let mut found = blocks(text).map_err(|Unclosed| unclosed())?;
    if let Some(language) = language {
        found.retain(|block| block.language.eq_ignore_ascii_case(language));
    }
    let which = language.map_or_else(|| "code".to_owned(), |word| format!("`{word}` code"));
    if found.len() > 1 {
        let message = format!("the reply holds {} blocks of {which}", found.len());
        let problem = Diagnostic::error("reply-two-code-blocks", message);
        return Err(problem.help("answer with exactly one").into());
    }
    let Some(block) = found.pop() else {
        let message = format!("the reply holds no fenced block of {which}");
        let fence = format!("```{}", language.unwrap_or_default());
        let help =
            format!("begin it with a line `{fence}` and end it with a line of three backticks");
        return Err(Diagnostic::error("reply-no-code-block", message)
            .help(help)
            .into());
    };
    if block.text.trim().is_empty() {
        let message = format!("the block of {which} is empty");
        return Err(Diagnostic::error("reply-empty", message).into());
    }
    Ok(block.text)
}

fn unclosed() -> Refused {
    let message = "a fence is opened and never closed";
    Diagnostic::error("reply-truncated", message).into()
}

fn two(message: &str) -> Refused {
    Diagnostic::error("reply-two-values", message)
        .help("answer with exactly one, and with nothing around it")
        .into()
}

/// The words of a plan's rules, with help that fits a task.
fn helped(problem: &Diagnostic) -> Refused {
    let help = match problem.code {
        "reply-truncated" => "answer with the whole value, shorter if it does not fit",
        _ => "answer with the JSON value alone; keys and texts stand in double quotes",
    };
    Diagnostic::error(problem.code, problem.message.clone())
        .help(help)
        .into()
}
