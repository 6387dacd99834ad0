//! The Messages API of version 2026-10-21: its rules.

use serde_json::{Value, json};

use super::act::Failure;
use super::http::Recorded;
use super::schema;
use super::server::KEY;

const VERSION: &str = "2026-10-21";

/// A model and what it does not take.
struct Model {
    id: &'static str,
    max_tokens: u64,
    takes_prefill: bool,
    takes_forced_tools: bool,
    takes_effort: bool,
    takes_thinking_budget: bool,
    takes_no_thinking: bool,
}

/// The strictest.
const fn new(id: &'static str) -> Model {
    Model {
        id,
        max_tokens: 128_000,
        takes_prefill: false,
        takes_forced_tools: false,
        takes_effort: true,
        takes_thinking_budget: false,
        takes_no_thinking: false,
    }
}

/// One that can be kept from thinking.
const fn plain(id: &'static str) -> Model {
    Model {
        takes_no_thinking: true,
        ..new(id)
    }
}

/// One that can be told which tool to call.
const fn forced(id: &'static str) -> Model {
    Model {
        takes_forced_tools: true,
        ..plain(id)
    }
}

/// One before 4.7, whose thinking has a budget of its own.
const fn budgeted(id: &'static str) -> Model {
    Model {
        takes_thinking_budget: true,
        ..forced(id)
    }
}

/// One before 4.6, whose reply can be begun for it.
const fn prefilled(id: &'static str) -> Model {
    Model {
        takes_prefill: true,
        ..budgeted(id)
    }
}

const MODELS: &[Model] = &[
    new("claude-fable-5-2"),
    new("claude-fable-5-1"),
    new("claude-opus-5-5"),
    plain("claude-sonnet-5-5"),
    forced("claude-haiku-5-5"),
    forced("claude-opus-5"),
    forced("claude-sonnet-5"),
    forced("claude-opus-4-8"),
    forced("claude-opus-4-7"),
    budgeted("claude-opus-4-6"),
    budgeted("claude-sonnet-4-6"),
    prefilled("claude-opus-4-5"),
    prefilled("claude-sonnet-4-5"),
    Model {
        max_tokens: 64_000,
        takes_effort: false,
        ..prefilled("claude-haiku-4-5")
    },
];

const FIELDS: &[&str] = &[
    "model",
    "max_tokens",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "output_config",
    "thinking",
    "stream",
    "stop_sequences",
    "cache_control",
    "metadata",
    "service_tier",
    "speed",
    "inference_geo",
    "container",
    "diagnostics",
];

/// Of those, what counting takes.
const COUNTED: &[&str] = &[
    "model",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "cache_control",
    "speed",
];

type Checked<T = ()> = Result<T, Failure>;

fn refuse<T>(message: impl Into<String>) -> Checked<T> {
    Err(Failure::invalid(message))
}

/// A request for a reply.
pub(super) fn check(request: &Recorded) -> Checked {
    check_headers(request)?;
    let (body, model) = (object(request)?, model_of(request)?);
    check_fields(request, FIELDS)?;
    match body["max_tokens"].as_u64() {
        None => return refuse("max_tokens: field required"),
        Some(most) if most > model.max_tokens => {
            return refuse(format!("max_tokens: {most} > {}", model.max_tokens));
        }
        Some(_) => {}
    }
    check_body(body, model)?;
    match body["stream"].as_bool() {
        Some(true) => Ok(()),
        _ => refuse("stream: this stub only streams"),
    }
}

/// A request for a count of tokens, and its answer: a third of the bytes.
pub(super) fn check_count(request: &Recorded) -> Checked<Value> {
    check_headers(request)?;
    let (body, model) = (object(request)?, model_of(request)?);
    check_fields(request, COUNTED)?;
    check_body(body, model)?;
    Ok(json!({"input_tokens": request.body.len() / 3}))
}

/// What is known of a model.
pub(super) fn look_up(request: &Recorded) -> Checked<Value> {
    check_headers(request)?;
    let id = request.path.strip_prefix("/v1/models/").unwrap_or_default();
    let model = find(id)?;
    let effort = json!({"supported": model.takes_effort});
    Ok(json!({
        "type": "model", "id": id, "display_name": id, "created_at": "2026-10-01T00:00:00Z",
        "lifecycle": "active", "max_input_tokens": 1_000_000, "max_tokens": model.max_tokens,
        "capabilities": {"structured_outputs": {"supported": true}, "effort": effort},
    }))
}

fn check_headers(request: &Recorded) -> Checked {
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    let denied = |message: &str| Err(Failure::new(401, "authentication_error", message));
    let bearer = header("authorization").map(|text| text.strip_prefix("Bearer ").unwrap_or(""));
    match (header("x-api-key"), bearer) {
        (Some(_), Some(_)) => return refuse("two credentials; send one"),
        (None, None) => return denied("x-api-key header is required"),
        (Some(key), None) | (None, Some(key)) if key != KEY => return denied("invalid x-api-key"),
        _ => {}
    }
    match header("anthropic-version") {
        None => return refuse("anthropic-version: header is required"),
        Some(VERSION) => {}
        Some(other) => return refuse(format!("anthropic-version: `{other}` is no version")),
    }
    let is_json = header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    if request.method == "POST" && !is_json {
        return refuse("content-type: application/json is required");
    }
    Ok(())
}

fn object(request: &Recorded) -> Checked<&Value> {
    match &request.json {
        body @ Value::Object(_) => Ok(body),
        _ => refuse("the body is no JSON object"),
    }
}

fn model_of(request: &Recorded) -> Checked<&'static Model> {
    match request.json["model"].as_str() {
        Some(id) => find(id),
        None => refuse("model: field required"),
    }
}

fn find(id: &str) -> Checked<&'static Model> {
    let known = MODELS.iter().find(|model| model.id == id);
    known.ok_or_else(|| Failure::new(404, "not_found_error", format!("model: {id}")))
}

fn check_fields(request: &Recorded, fields: &[&str]) -> Checked {
    for sampling in ["temperature", "top_p", "top_k"] {
        if !request.json[sampling].is_null() {
            return refuse(format!("{sampling}: not accepted since {VERSION}"));
        }
    }
    let body = request.json.as_object().into_iter().flatten();
    let mut unknown = body.filter(|(name, _)| !fields.contains(&name.as_str()));
    match unknown.next() {
        Some((name, _)) => refuse(format!("{name}: Extra inputs are not permitted")),
        None => Ok(()),
    }
}

fn check_body(body: &Value, model: &Model) -> Checked {
    check_messages(body, model)?;
    check_system(&body["system"])?;
    let choice = body["tool_choice"]["type"].as_str();
    if matches!(choice, Some("any" | "tool")) && !model.takes_forced_tools {
        return refuse("tool_choice: forced tool use is not supported on this model");
    }
    match body["thinking"]["type"].as_str() {
        Some("enabled") if !model.takes_thinking_budget => {
            return refuse("thinking: use adaptive thinking");
        }
        Some("disabled") if !model.takes_no_thinking => {
            return refuse("thinking: cannot be disabled");
        }
        _ => {}
    }
    check_output(&body["output_config"], model)
}

fn check_messages(body: &Value, model: &Model) -> Checked {
    let Some(messages) = body["messages"].as_array() else {
        return refuse("messages: field required");
    };
    for message in messages {
        let is_known = ["user", "assistant"].contains(&message["role"].as_str().unwrap_or(""));
        let extra = message.as_object().is_none_or(|fields| fields.len() != 2);
        let is_empty = match &message["content"] {
            Value::String(text) => text.is_empty(),
            Value::Array(blocks) => blocks.iter().any(|block| !is_text(block)) || blocks.is_empty(),
            _ => true,
        };
        if !is_known || extra || is_empty {
            return refuse("messages: a message is a role and text that is not empty");
        }
    }
    match messages.last().and_then(|message| message["role"].as_str()) {
        None => refuse("messages: at least one message is required"),
        Some("assistant") if !model.takes_prefill => {
            refuse("messages: this model does not support assistant message prefill")
        }
        Some(_) if messages[0]["role"] != "user" => refuse("messages: the first is the user's"),
        Some(_) => Ok(()),
    }
}

fn check_system(system: &Value) -> Checked {
    match system {
        Value::Null | Value::String(_) => Ok(()),
        Value::Array(blocks) if blocks.iter().all(is_text) => {
            let marked = blocks
                .iter()
                .filter(|block| !block["cache_control"].is_null());
            match marked.count() {
                0..=4 => Ok(()),
                more => refuse(format!("cache_control: {more} breakpoints; at most 4")),
            }
        }
        _ => refuse("system: a text, or text blocks that are not empty"),
    }
}

fn is_text(block: &Value) -> bool {
    let fields = block.as_object().map(|map| map.keys().map(String::as_str));
    let mut fields = fields.into_iter().flatten();
    let mark = &block["cache_control"];
    let ttl = mark["ttl"].as_str().unwrap_or("5m");
    let is_marked_well =
        mark.is_null() || (mark["type"] == "ephemeral" && ["5m", "1h"].contains(&ttl));
    block["type"] == "text"
        && block["text"].as_str().is_some_and(|text| !text.is_empty())
        && fields.all(|name| ["type", "text", "cache_control"].contains(&name))
        && is_marked_well
}

fn check_output(config: &Value, model: &Model) -> Checked {
    let Some(fields) = config.as_object() else {
        return if config.is_null() {
            Ok(())
        } else {
            refuse("output_config: an object")
        };
    };
    if let Some(unknown) = fields
        .keys()
        .find(|key| !["effort", "format"].contains(&key.as_str()))
    {
        return refuse(format!(
            "output_config.{unknown}: Extra inputs are not permitted"
        ));
    }
    match config.get("effort").map(|word| word.as_str().unwrap_or("")) {
        Some(_) if !model.takes_effort => return refuse("effort: not accepted by this model"),
        None | Some("low" | "medium" | "high" | "xhigh" | "max") => {}
        Some(word) => return refuse(format!("effort: `{word}` is no effort")),
    }
    match config.get("format") {
        None => Ok(()),
        Some(format) if format["type"] == "json_schema" => {
            schema::check(&format["schema"], false).map_err(Failure::invalid)
        }
        Some(_) => refuse("output_config.format.type: json_schema"),
    }
}
