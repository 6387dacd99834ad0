//! A request as bytes. Equal requests are equal bytes, and requests with an equal system prompt, schema
//! and model share what the provider caches: keys are sorted, and nothing is added that varies.

use serde_json::{Map, Value, json};

use crate::model::{ErrorKind, MAX_REQUEST_BYTES, ModelError, ModelRequest, Role};

/// The body of a request for a streamed reply.
///
/// # Errors
/// It cannot be sent: no message, the last one the model's own, or too large.
pub(super) fn for_reply(request: &ModelRequest) -> Result<Vec<u8>, ModelError> {
    let mut body = counted(request)?;
    body.insert("max_tokens".to_owned(), json!(request.max_tokens));
    body.insert("stream".to_owned(), json!(true));
    bytes(body)
}

/// The body of a request for a count of the prompt's tokens.
///
/// # Errors
/// As [`for_reply`].
pub(super) fn for_count(request: &ModelRequest) -> Result<Vec<u8>, ModelError> {
    bytes(counted(request)?)
}

/// What both have.
fn counted(request: &ModelRequest) -> Result<Map<String, Value>, ModelError> {
    let refused = |message: &str| Err(ModelError::new(ErrorKind::Refused, message));
    match (request.messages.first(), request.messages.last()) {
        (Some(first), Some(last)) if first.role == Role::User && last.role == Role::User => {}
        (Some(_), Some(_)) => return refused("a conversation begins and ends with the user"),
        _ => return refused("a request has at least one message"),
    }
    if request.messages.iter().any(|turn| turn.text.is_empty()) {
        return refused("a message is not empty");
    }
    let messages = request.messages.iter().map(|turn| {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({"role": role, "content": turn.text})
    });
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(request.model));
    body.insert("messages".to_owned(), messages.collect());
    if !request.system.is_empty() {
        let mark = json!({"type": "ephemeral"});
        let block = json!({"type": "text", "text": request.system, "cache_control": mark});
        body.insert("system".to_owned(), json!([block]));
    }
    let mut output = Map::new();
    if let Some(effort) = request.effort {
        output.insert("effort".to_owned(), json!(effort.as_str()));
    }
    if let Some(schema) = &request.schema {
        let format = json!({"type": "json_schema", "schema": schema});
        output.insert("format".to_owned(), format);
    }
    if !output.is_empty() {
        body.insert("output_config".to_owned(), Value::Object(output));
    }
    Ok(body)
}

fn bytes(body: Map<String, Value>) -> Result<Vec<u8>, ModelError> {
    let mut body = Value::Object(body);
    // Holds whatever order the map type of this build keeps.
    body.sort_all_objects();
    let bytes = serde_json::to_vec(&body).expect("JSON values serialize");
    if bytes.len() > MAX_REQUEST_BYTES {
        let size = bytes.len();
        let message = format!("the request has {size} bytes; at most {MAX_REQUEST_BYTES} are sent");
        let help = "give less context";
        return Err(ModelError::new(ErrorKind::Refused, message).help(help));
    }
    Ok(bytes)
}
