//! Chat completions: the rules of OpenAI's, and its stream of chunks. Beneath `/local/v1` it is a
//! server at home as well: no key, and `max_tokens` only.

use serde_json::{Value, json};

use super::act::{Failure, Said};
use super::http::Recorded;
use super::schema;
use super::server::KEY;

/// Models that it has.
const MODELS: &[&str] = &["gpt-stub", "llama-stub:8b"];

/// Longest name of a schema.
const MAX_NAME: usize = 64;

const FIELDS: &[&str] = &[
    "model",
    "messages",
    "max_completion_tokens",
    "max_tokens",
    "response_format",
    "reasoning_effort",
    "stream",
    "stream_options",
];

const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

type Checked<T = ()> = Result<T, Failure>;

fn refuse<T>(message: impl Into<String>) -> Checked<T> {
    Err(Failure::invalid(message))
}

/// A request for a reply.
pub(super) fn check(request: &Recorded) -> Checked {
    check_key(request)?;
    let body = &request.json;
    let Some(fields) = body.as_object() else {
        return refuse("the body is no JSON object");
    };
    // Sampling parameters are among them: the models of the day take none.
    if let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(
            Failure::invalid(format!("Unsupported parameter: {unknown}"))
                .code("unsupported_parameter"),
        );
    }
    let model = body["model"].as_str().unwrap_or_default();
    if !MODELS.contains(&model) {
        let message = format!("The model `{model}` does not exist");
        return Err(Failure::new(404, "invalid_request_error", message).code("model_not_found"));
    }
    let (wanted, other) = match is_local(request) {
        true => ("max_tokens", "max_completion_tokens"),
        false => ("max_completion_tokens", "max_tokens"),
    };
    if !body[wanted].is_u64() || !body[other].is_null() {
        return refuse(format!("Use '{wanted}' instead of '{other}'"));
    }
    check_messages(&body["messages"])?;
    if body["stream"] != true {
        return refuse("stream: this stub only streams");
    }
    match body
        .get("reasoning_effort")
        .map(|word| word.as_str().unwrap_or(""))
    {
        Some(word) if !EFFORTS.contains(&word) => return refuse("reasoning_effort"),
        _ => {}
    }
    check_format(&body["response_format"])
}

/// The list of models.
pub(super) fn list(request: &Recorded) -> Checked<Value> {
    check_key(request)?;
    let models = MODELS
        .iter()
        .map(|id| json!({"id": id, "object": "model", "owned_by": "stub"}));
    Ok(json!({"object": "list", "data": models.collect::<Vec<_>>()}))
}

fn is_local(request: &Recorded) -> bool {
    request.path.starts_with("/local/")
}

fn check_key(request: &Recorded) -> Checked {
    let given = request.headers.get("authorization").map(String::as_str);
    let wanted = format!("Bearer {KEY}");
    match given {
        None if is_local(request) => Ok(()),
        Some(given) if given == wanted && !is_local(request) => Ok(()),
        _ => {
            let failure = Failure::new(401, "invalid_request_error", "Incorrect API key provided");
            Err(failure.code("invalid_api_key"))
        }
    }
}

fn check_messages(messages: &Value) -> Checked {
    let messages = messages.as_array().map_or(&[][..], Vec::as_slice);
    let is_good = |(at, message): (usize, &Value)| {
        let role = message["role"].as_str().unwrap_or_default();
        let is_known = ["user", "assistant"].contains(&role) || (role == "system" && at == 0);
        is_known && message["content"].is_string()
    };
    match messages.iter().enumerate().all(is_good) {
        true if !messages.is_empty() => Ok(()),
        _ => refuse("messages: roles and texts, at least one"),
    }
}

fn check_format(format: &Value) -> Checked {
    if format.is_null() {
        return Ok(());
    }
    let named = &format["json_schema"];
    let name = named["name"].as_str().unwrap_or_default();
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let is_name = (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_word);
    if format["type"] != "json_schema" || named["strict"] != true || !is_name {
        return refuse("response_format: a strict json_schema with a name");
    }
    schema::check(&named["schema"], true)
        .map_err(|why| Failure::invalid(format!("Invalid schema for response_format: {why}")))
}

/// The body of an error.
pub(super) fn error(failure: &Failure) -> Value {
    json!({"error": {"message": failure.message, "type": failure.kind, "param": null,
        "code": failure.code}})
}

/// The chunks of a reply, each with the blank line that ends it.
pub(super) fn events(request: &Recorded, said: &Said) -> Vec<String> {
    let model = said.model.as_deref().or(request.json["model"].as_str());
    let chunk = |choices: Value, usage: Value| {
        let chunk = json!({"id": "chatcmpl-stub-0001", "object": "chat.completion.chunk",
            "created": 1_763_600_000, "model": model, "choices": choices, "usage": usage});
        format!("data: {chunk}\n\n")
    };
    let delta = |delta: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": null});
        chunk(json!([choice]), Value::Null)
    };
    let mut events = vec![delta(
        json!({"role": "assistant", "content": "", "refusal": null}),
    )];
    // Where servers show thinking, they do it so.
    let thinking = said.thinking.iter();
    events.extend(thinking.map(|text| delta(json!({"reasoning_content": text}))));
    events.extend(
        said.pieces
            .iter()
            .map(|text| delta(json!({"content": text}))),
    );
    events.extend(said.tool_calls.iter().map(|name| {
        let function = json!({"name": name, "arguments": "{\"command\":\"id\"}"});
        let call = json!({"index": 0, "id": "call_stub", "type": "function", "function": function});
        delta(json!({"tool_calls": [call]}))
    }));
    let explained = said.refusal.iter().filter_map(|(_, words)| words.as_ref());
    events.extend(explained.map(|words| delta(json!({"refusal": words}))));
    let finish = json!({"index": 0, "delta": {}, "finish_reason": finish(said)});
    events.push(chunk(json!([finish]), Value::Null));
    if request.json["stream_options"]["include_usage"] == true {
        events.push(chunk(json!([]), usage(request, said)));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// Claude's word in this interface's.
fn finish(said: &Said) -> &str {
    match said.stop.as_str() {
        "end_turn" => "stop",
        "max_tokens" => "length",
        "tool_use" => "tool_calls",
        "refusal" => match &said.refusal {
            Some((_, Some(_))) => "stop",
            _ => "content_filter",
        },
        word => word,
    }
}

fn usage(request: &Recorded, said: &Said) -> Value {
    let usage = said.used(request.body.len());
    json!({
        "prompt_tokens": usage.prompt(), "completion_tokens": usage.output,
        "total_tokens": usage.total(),
        "prompt_tokens_details": {"cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write_5m.saturating_add(usage.cache_write_1h)},
        "completion_tokens_details": {"reasoning_tokens": usage.thinking},
    })
}
