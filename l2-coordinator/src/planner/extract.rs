//! From a reply to exactly one JSON object: bare, in a fence, or in prose. None, two, or a part of one is
//! refused, each by a rule of its own: a guess at what was meant would be a plan that nobody made.

use std::ops::Range;

use protocol::diagnostic::Diagnostic;
use serde::Serialize;
use serde_json::{Map, Value};

use super::strict_json::{prefix, try_prefix};
use crate::model::{ModelReply, Stop};

/// Bytes of a reply that are looked at: several times what the most tokens of a plan come to.
pub const MAX_REPLY_BYTES: usize = 4 * 1024 * 1024;

/// Brackets that begin something like a list and are none: more than any prose has, so that looking at
/// each stays cheap.
const MAX_STRAY_BRACKETS: usize = 1000;

const ALONE: &str = "answer with the JSON object alone";

/// How the object stood in the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Nothing else was there.
    Bare,
    /// It was alone in a fence.
    Fenced,
    /// Other text stood around it.
    Prose,
}

/// The one object of a reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Extracted {
    /// It.
    pub object: Map<String, Value>,
    /// How it stood there.
    pub form: Form,
}

/// The one object of a reply that ended as it should.
///
/// # Errors
/// The rule that refuses the reply.
pub fn extract(reply: &ModelReply) -> Result<Extracted, Box<Diagnostic>> {
    check_end(reply).map_err(|problem| match problem.code {
        "reply-tool-call" => Box::new(problem.help(ALONE)),
        _ => problem,
    })?;
    extract_text(&reply.text)
}

/// Only the text of a reply that came to its end is whole, and nothing of ours offers tools.
///
/// # Errors
/// The rule that refuses the reply.
pub(crate) fn check_end(reply: &ModelReply) -> Result<(), Box<Diagnostic>> {
    if let Some(name) = reply.tool_calls.first() {
        let message = format!(
            "the reply calls the tool `{}`, and none was offered",
            shown(name)
        );
        return Err(Diagnostic::error("reply-tool-call", message).into());
    }
    let (rule, message) = match &reply.stop {
        Stop::End => return Ok(()),
        Stop::MaxTokens => (
            "reply-cut",
            "the reply reached the most tokens it may have".to_owned(),
        ),
        Stop::ContextFull => ("reply-context-full", "the context is full".to_owned()),
        Stop::Refusal {
            category,
            explanation,
        } => {
            let words = [category, explanation].into_iter().flatten();
            let words: Vec<_> = words.map(|word| shown(word)).collect();
            let why = if words.is_empty() {
                "no reason given".to_owned()
            } else {
                words.join(": ")
            };
            ("reply-refused", format!("the model declined ({why})"))
        }
        Stop::ToolUse => (
            "reply-tool-call",
            "the reply calls a tool, and none was offered".to_owned(),
        ),
        Stop::Paused => ("reply-paused", "the reply paused before its end".to_owned()),
        Stop::Other { word } => (
            "reply-stop-unknown",
            format!(
                "the reply ended by `{}`, which this build does not know",
                shown(word)
            ),
        ),
    };
    Err(Diagnostic::error(rule, message).into())
}

/// The one object of a text.
///
/// # Errors
/// The rule that refuses the text.
pub fn extract_text(text: &str) -> Result<Extracted, Box<Diagnostic>> {
    if text.len() > MAX_REPLY_BYTES {
        let message = format!("a reply of {} bytes; at most {MAX_REPLY_BYTES}", text.len());
        return Err(Diagnostic::error("reply-too-large", message).into());
    }
    if text.trim().is_empty() {
        return Err(Diagnostic::error("reply-empty", "the reply has no text").into());
    }
    let (object, place) = only_object(text)?;
    let form = form(text, &place)?;
    Ok(Extracted { object, form })
}

/// What a bracket opens.
enum Opening {
    /// `{` and a key, or `{` at the end of the text: an object, or a broken one.
    Object,
    /// `[{`: a list of objects, or a broken one.
    Objects,
    /// `[` and something JSON could have there; prose has such, too.
    List,
    /// `{` before something else, such as `${{ x }}`.
    Braces,
    /// `[` before something else, such as a link.
    Text,
}

fn opening(rest: &str) -> Opening {
    let next = rest[1..].trim_start().chars().next();
    match (rest.starts_with('{'), next) {
        (true, None | Some('"' | '}')) => Opening::Object,
        (true, Some(_)) => Opening::Braces,
        (false, Some('{')) => Opening::Objects,
        (false, Some('[' | ']' | '"' | '-' | '0'..='9' | 't' | 'f' | 'n')) => Opening::List,
        (false, _) => Opening::Text,
    }
}

/// An object, and where it stands in its text.
type Found = (Map<String, Value>, Range<usize>);

fn only_object(text: &str) -> Result<Found, Box<Diagnostic>> {
    let mut found: Option<Found> = None;
    let mut has_braces = false;
    let mut stray = 0;
    let mut at = 0;
    while let Some(step) = text[at..].find(['{', '[']) {
        at += step;
        let rest = &text[at..];
        at += match opening(rest) {
            Opening::Object => {
                let (value, length) = prefix(rest)?;
                let Value::Object(object) = value else {
                    return Err(no_object());
                };
                if found.replace((object, at..at + length)).is_some() {
                    return Err(two_objects());
                }
                length
            }
            Opening::Objects => {
                prefix(rest)?;
                return Err(no_object());
            }
            Opening::List => match try_prefix(rest) {
                Some((value, _)) if holds_object(&value) => return Err(no_object()),
                Some((_, length)) => length,
                None => {
                    stray += 1;
                    if stray > MAX_STRAY_BRACKETS {
                        let message = "the reply is brackets more than text";
                        return Err(Diagnostic::error("reply-not-json", message)
                            .help(ALONE)
                            .into());
                    }
                    1
                }
            },
            Opening::Braces => {
                has_braces = true;
                closed(rest).ok_or_else(|| {
                    let message = "a brace is opened and never closed";
                    Diagnostic::error("reply-truncated", message).help(ALONE)
                })?
            }
            Opening::Text => 1,
        };
    }
    found.ok_or_else(|| {
        let problem = match has_braces {
            true => Diagnostic::error("reply-not-json", "what stands in braces is not JSON")
                .help("keys and texts stand in double quotes"),
            false => {
                Diagnostic::error("reply-no-object", "the reply holds no JSON object").help(ALONE)
            }
        };
        problem.into()
    })
}

fn no_object() -> Box<Diagnostic> {
    let message = "the reply is JSON, and no object";
    let problem = Diagnostic::error("reply-not-an-object", message);
    problem
        .help("answer with one object that has `tasks`")
        .into()
}

fn two_objects() -> Box<Diagnostic> {
    let message = "the reply holds more than one JSON object";
    let problem = Diagnostic::error("reply-two-objects", message);
    problem
        .help("answer with exactly one, and with nothing around it")
        .into()
}

fn holds_object(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => items.iter().any(holds_object),
        _ => false,
    }
}

/// The bytes from a brace to the one that closes it.
fn closed(rest: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at + 1);
        }
    }
    None
}

fn form(text: &str, place: &Range<usize>) -> Result<Form, Box<Diagnostic>> {
    let (before, after) = (&text[..place.start], &text[place.end..]);
    let is_fence = |line: &&str| line.trim_start().starts_with("```");
    let fences = before.lines().chain(after.lines()).filter(is_fence).count();
    if !fences.is_multiple_of(2) {
        let message = "a fence is opened and never closed";
        return Err(Diagnostic::error("reply-truncated", message).into());
    }
    let (before, after) = (before.trim(), after.trim());
    let opens = before.strip_prefix("```").map(str::to_ascii_lowercase);
    let is_json = opens.is_some_and(|word| matches!(word.trim(), "" | "json"));
    Ok(match (before, after) {
        ("", "") => Form::Bare,
        (_, "```") if is_json => Form::Fenced,
        _ => Form::Prose,
    })
}

/// A word from outside, short and on one line.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepted_forms_are_told_apart() {
        for (text, form) in [
            ("{\"a\":1}", Form::Bare),
            (" \n{ \"a\":1 }\n", Form::Bare),
            ("```json\n{\"a\":1}\n```", Form::Fenced),
            ("```\n{\"a\":1}\n```\n", Form::Fenced),
            ("Here it is:\n```json\n{\"a\":1}\n```\nDone.", Form::Prose),
            ("```yaml\n{\"a\":1}\n```", Form::Prose),
            ("\u{feff}{\"a\":1}", Form::Prose),
            ("{\"a\":1} trailing", Form::Prose),
            (
                "I pass `${{ inputs.x }}` [on](here) [1]: {\"a\":1}",
                Form::Prose,
            ),
            ("awk '{print $1}' and [\"x\"]: {\"a\":1}", Form::Prose),
        ] {
            let found = extract_text(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((found.form, found.object.len()), (form, 1), "{text}");
        }
    }

    #[test]
    fn parts_of_objects_are_never_taken_for_one() {
        for (text, rule) in [
            ("", "reply-empty"),
            ("There is no plan.", "reply-no-object"),
            ("[1, 2]", "reply-no-object"),
            ("[{\"a\":1}]", "reply-not-an-object"),
            ("[1, {\"a\":1}]", "reply-not-an-object"),
            ("[{\"a\":1}, {\"b\"", "reply-truncated"),
            ("{tasks: [{\"a\":1}]", "reply-truncated"),
            ("{tasks: [{\"a\":1}]}", "reply-not-json"),
            ("{\"t\": [{\"a\":1}, {\"a\":2}", "reply-truncated"),
            ("{", "reply-truncated"),
            ("{\"a\":1}{\"a\":1}", "reply-two-objects"),
            ("{\"a\":1}\n\n{\"a\":1}", "reply-two-objects"),
            ("```json\n{\"a\":1}", "reply-truncated"),
            ("\"{\\\"a\\\":1}\"", "reply-not-json"),
        ] {
            assert_eq!(extract_text(text).unwrap_err().code, rule, "{text}");
        }
    }

    #[test]
    fn hostile_brackets_cost_little() {
        for unit in [
            "[", "{", "[[", "[{", "[\"", "{{", "[1,", "[]", "{x}", "[\"a", "```\n[",
        ] {
            let text = unit.repeat(MAX_REPLY_BYTES / 8 / unit.len());
            assert!(extract_text(&text).is_err(), "{unit}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in "([\\[\\]{}\":,` \n]|\\PC){0,80}") {
            if let Err(refused) = extract_text(&text) {
                prop_assert!(refused.is_error());
            }
        }

        #[test]
        fn no_part_of_an_object_is_taken(cut in 1_usize..52) {
            let whole = r#"{"tasks":[{"id":"a","env":[{"name":"A"}]}],"x":{"y":1}}"#;
            prop_assert!(extract_text(&whole[..cut]).is_err());
        }
    }
}
