//! What an error of the provider means: by status, then its type, then its finer code. Never by its
//! message, which changes.

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::model::wire::{asked_wait, by_status, one_line};
use crate::model::{ErrorKind, ModelError};

/// Longest part of the provider's own sentence that is repeated.
const MAX_MESSAGE: usize = 300;

/// Longest word of the provider's that is taken for one.
const MAX_WORD: usize = 64;

/// Limits of spending end on a date or by a person, not by waiting.
const SPENT: &str = "a spend limit of this account is reached; raise it in the provider's console, or \
    wait for its next period";

/// What a type means where there is no status: in a stream that had begun.
fn by_type(kind: &str) -> (ErrorKind, Option<&'static str>) {
    match kind {
        "authentication_error" => by_status(401),
        "billing_error" => by_status(402),
        "permission_error" => by_status(403),
        "not_found_error" => by_status(404),
        "request_too_large" => by_status(413),
        "invalid_request_error" => (ErrorKind::Refused, None),
        // `overloaded_error`, `api_error`, `timeout_error`, `rate_limit_error`, `conflict_error`, and
        // what this build does not know: a failed attempt.
        _ => (ErrorKind::Transient, None),
    }
}

/// What a finer code means, for those that change something.
fn by_code(code: &str) -> Option<(ErrorKind, Option<&'static str>)> {
    match code {
        // `enforced_spend_limit_reached`, `contract_spend_limit_reached`, and their like to come.
        code if code.ends_with("spend_limit_reached") => Some((ErrorKind::Fatal, Some(SPENT))),
        "organization_on_hold" => Some((
            ErrorKind::Fatal,
            Some("this organization is on hold; its owner has to write to the provider"),
        )),
        _ => None,
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
    let (kind_word, code) = words(&body["error"]);
    let (mut kind, mut help) = by_status(status);
    let mut is_terminal = false;
    // Money is a matter of its type too: it may come with any status.
    if kind_word.as_deref() == Some("billing_error") {
        (kind, help) = by_status(402);
        is_terminal = true;
    }
    if let Some((of_code, its_help)) = code.as_deref().and_then(by_code) {
        (kind, help) = (of_code, its_help);
        is_terminal = true;
    }
    // The provider's word on whether it is worth it; nothing makes a reached limit worth it.
    let should_retry = headers.get("x-should-retry").map(|value| value.as_bytes());
    match (should_retry, kind) {
        (Some(b"true"), _) if !is_terminal => (kind, help) = (ErrorKind::Transient, None),
        (Some(b"false"), ErrorKind::Transient) => kind = ErrorKind::Fatal,
        _ => {}
    }
    let word = code.as_ref().or(kind_word.as_ref());
    let what = word.map_or_else(String::new, |word| format!(" {word}"));
    let said = body["error"]["message"].as_str().unwrap_or_default();
    let mut message = format!("the provider answered {status}{what}");
    append(&mut message, said);
    let request_id = headers.get("request-id").and_then(|id| id.to_str().ok());
    let request_id = request_id.or(body["request_id"].as_str());
    ModelError {
        status: Some(status),
        code: word.cloned(),
        request_id: request_id.map(|id| one_line(id, MAX_WORD)),
        retry_after: asked_wait(headers, now).filter(|_| kind == ErrorKind::Transient),
        help: help.map(str::to_owned),
        ..ModelError::new(kind, message)
    }
}

/// An error inside a stream.
pub(super) fn of_event(data: &Value) -> ModelError {
    let (kind_word, code) = words(&data["error"]);
    let (kind, help) = code
        .as_deref()
        .and_then(by_code)
        .unwrap_or_else(|| by_type(kind_word.as_deref().unwrap_or_default()));
    let word = code.or(kind_word);
    let shown = word.as_deref().unwrap_or("an error without a name");
    let mut message = format!("the provider broke off with {shown}");
    append(
        &mut message,
        data["error"]["message"].as_str().unwrap_or_default(),
    );
    ModelError {
        code: word,
        help: help.map(str::to_owned),
        ..ModelError::new(kind, message)
    }
}

/// Type and finer code.
fn words(error: &Value) -> (Option<String>, Option<String>) {
    let word = |value: &Value| value.as_str().map(|word| one_line(word, MAX_WORD));
    (word(&error["type"]), word(&error["details"]["error_code"]))
}

fn append(message: &mut String, said: &str) {
    if !said.is_empty() {
        message.push_str(": ");
        message.push_str(&one_line(said, MAX_MESSAGE));
    }
}
