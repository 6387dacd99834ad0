//! A request as bytes. Equal requests are equal bytes: keys are sorted, and nothing is added that varies.

use serde_json::{Value, json};

use super::options::LengthField;
use super::schema::Strict;
use crate::model::{ErrorKind, MAX_REQUEST_BYTES, ModelError, ModelRequest, Role};

/// The body of a request for a streamed reply.
///
/// # Errors
/// It cannot be sent: no message, the last one the model's own, or too large.
pub(super) fn body(
    request: &ModelRequest,
    strict: Option<&Strict>,
    length: LengthField,
) -> Result<Vec<u8>, ModelError> {
    let refused = |message: &str| Err(ModelError::new(ErrorKind::Refused, message));
    match (request.messages.first(), request.messages.last()) {
        (Some(first), Some(last)) if first.role == Role::User && last.role == Role::User => {}
        (Some(_), Some(_)) => return refused("a conversation begins and ends with the user"),
        _ => return refused("a request has at least one message"),
    }
    let system = (!request.system.is_empty()).then_some(("system", &request.system));
    let turns = request.messages.iter().map(|turn| match turn.role {
        Role::User => ("user", &turn.text),
        Role::Assistant => ("assistant", &turn.text),
    });
    let messages: Vec<Value> = system
        .into_iter()
        .chain(turns)
        .map(|(role, content)| json!({"role": role, "content": content}))
        .collect();
    let mut body = json!({
        "model": request.model,
        "messages": messages,
        "stream": true,
        "stream_options": {"include_usage": true},
        length.as_str(): request.max_tokens,
    });
    if let Some(effort) = request.effort {
        body["reasoning_effort"] = json!(effort.as_str());
    }
    if let Some(strict) = strict {
        let named = json!({"name": "reply", "schema": strict.schema(), "strict": true});
        body["response_format"] = json!({"type": "json_schema", "json_schema": named});
    }
    // Holds whatever order the map type of this build keeps.
    body.sort_all_objects();
    let bytes = serde_json::to_vec(&body).expect("JSON values serialize");
    if bytes.len() > MAX_REQUEST_BYTES {
        let size = bytes.len();
        let message = format!("the request has {size} bytes; at most {MAX_REQUEST_BYTES} are sent");
        return Err(ModelError::new(ErrorKind::Refused, message).help("give less context"));
    }
    Ok(bytes)
}
