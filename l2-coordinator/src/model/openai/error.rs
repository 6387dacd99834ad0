//! What an error means: by status, then its code or type. Never by its message, which changes and is
//! another one with every server.

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::model::wire::{asked_wait, by_status, one_line};
use crate::model::{ErrorKind, ModelError};

/// Longest part of the server's own sentence that is repeated.
const MAX_MESSAGE: usize = 300;

/// Longest word of the server's that is taken for one.
const MAX_WORD: usize = 64;

/// What a word means, for those that change something.
fn by_word(word: &str) -> Option<(ErrorKind, Option<&'static str>)> {
    match word {
        // Both come with 429, and waiting helps with neither.
        "insufficient_quota" | "billing_hard_limit_reached" => Some((
            ErrorKind::Fatal,
            Some("the account's quota is used up; raise it in the provider's console"),
        )),
        "account_deactivated" => Some(by_status(403)),
        "context_length_exceeded" => Some(by_status(413)),
        _ => None,
    }
}

/// What a type or code means where there is no status: in a stream that had begun.
fn of_stream(word: &str) -> (ErrorKind, Option<&'static str>) {
    match word {
        "invalid_request_error" | "BadRequestError" => (ErrorKind::Refused, None),
        "authentication_error" | "invalid_api_key" => by_status(401),
        "permission_error" => by_status(403),
        "not_found_error" | "model_not_found" => by_status(404),
        // `server_error`, `rate_limit_exceeded`, and what this build does not know: a failed attempt.
        _ => (ErrorKind::Transient, None),
    }
}

/// An answer that is an error.
pub(super) fn of_answer(
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> ModelError {
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let (word, said) = words(&body);
    let decided = word.as_deref().and_then(by_word);
    let is_terminal = decided.is_some();
    let (mut kind, mut help) = decided.unwrap_or_else(|| by_status(status));
    let should_retry = headers.get("x-should-retry").map(|value| value.as_bytes());
    match (should_retry, kind) {
        (Some(b"true"), _) if !is_terminal => (kind, help) = (ErrorKind::Transient, None),
        (Some(b"false"), ErrorKind::Transient) => kind = ErrorKind::Fatal,
        _ => {}
    }
    let what = word
        .as_ref()
        .map_or_else(String::new, |word| format!(" {word}"));
    let mut message = format!("the provider answered {status}{what}");
    append(&mut message, said);
    let request_id = headers.get("x-request-id").and_then(|id| id.to_str().ok());
    ModelError {
        status: Some(status),
        code: word,
        request_id: request_id.map(|id| one_line(id, MAX_WORD)),
        retry_after: asked_wait(headers, now).filter(|_| kind == ErrorKind::Transient),
        help: help.map(str::to_owned),
        ..ModelError::new(kind, message)
    }
}

/// An error inside a stream.
pub(super) fn of_event(data: &Value) -> ModelError {
    let (word, said) = words(data);
    let known = word.as_deref().unwrap_or_default();
    let status = data["error"]["code"]
        .as_u64()
        .and_then(|code| u16::try_from(code).ok());
    let (kind, help) = match (by_word(known), status) {
        (Some(decided), _) => decided,
        (None, Some(status @ 300..)) => by_status(status),
        _ => of_stream(known),
    };
    let shown = word.as_deref().unwrap_or("an error without a name");
    let mut message = format!("the provider broke off with {shown}");
    append(&mut message, said);
    ModelError {
        code: word,
        help: help.map(str::to_owned),
        ..ModelError::new(kind, message)
    }
}

/// The finer of code and type, and the sentence. Some servers have only a text for an error.
fn words(body: &Value) -> (Option<String>, &str) {
    let error = &body["error"];
    let word = |value: &Value| {
        let word = value.as_str().filter(|word| !word.is_empty());
        word.map(|word| one_line(word, MAX_WORD))
    };
    let said = error["message"].as_str().or(error.as_str());
    let word = word(&error["code"]).or_else(|| word(&error["type"]));
    (word, said.unwrap_or_default())
}

fn append(message: &mut String, said: &str) {
    if !said.is_empty() {
        message.push_str(": ");
        message.push_str(&one_line(said, MAX_MESSAGE));
    }
}
