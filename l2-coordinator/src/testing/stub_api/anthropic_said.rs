//! The Messages API's answers: its stream of events, its errors.

use serde_json::{Value, json};

use super::act::{Failure, Said};
use super::http::Recorded;

/// The body of an error.
pub(super) fn error(failure: &Failure, number: &str) -> Value {
    let mut error = json!({"type": failure.kind, "message": failure.message});
    if let Some(code) = &failure.code {
        error["details"] = json!({"error_code": code});
    }
    json!({"type": "error", "error": error, "request_id": number})
}

/// The events of a reply, each with the blank line that ends it.
pub(super) fn events(request: &Recorded, said: &Said) -> Vec<String> {
    let usage = said.used(request.body.len());
    let model = said.model.as_deref().or(request.json["model"].as_str());
    let written = usage.cache_write_5m.saturating_add(usage.cache_write_1h);
    let mut events = vec![event(
        "message_start",
        json!({"message": {
            "id": "msg_stub_0001", "type": "message", "role": "assistant", "model": model,
            "content": [], "stop_reason": null, "stop_sequence": null, "stop_details": null,
            "usage": {
                "input_tokens": usage.input, "cache_read_input_tokens": usage.cache_read,
                "cache_creation_input_tokens": written,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": usage.cache_write_5m,
                    "ephemeral_1h_input_tokens": usage.cache_write_1h,
                },
                "output_tokens": 1, "service_tier": "standard",
            },
        }}),
    )];
    for (index, (start, deltas)) in blocks(said).into_iter().enumerate() {
        events.push(event(
            "content_block_start",
            json!({"index": index, "content_block": start}),
        ));
        let deltas = deltas
            .into_iter()
            .map(|delta| json!({"index": index, "delta": delta}));
        events.extend(deltas.map(|delta| event("content_block_delta", delta)));
        events.push(event("content_block_stop", json!({"index": index})));
    }
    let details = said.refusal.as_ref().map(|(category, explanation)| {
        json!({"type": "refusal", "category": category, "explanation": explanation})
    });
    events.push(event(
        "message_delta",
        json!({
            "delta": {
                "stop_reason": said.stop, "stop_sequence": null, "stop_details": details,
                "container": null,
            },
            "usage": {
                "output_tokens": usage.output,
                "output_tokens_details": {"thinking_tokens": usage.thinking},
            },
        }),
    ));
    events.push(event("message_stop", json!({})));
    events
}

/// Every content block: how it starts, and what is added to it.
fn blocks(said: &Said) -> Vec<(Value, Vec<Value>)> {
    let thinking = said.thinking.iter().map(|text| {
        let start = json!({"type": "thinking", "thinking": "", "signature": ""});
        let thought = json!({"type": "thinking_delta", "thinking": text});
        let signature = json!({"type": "signature_delta", "signature": "c3R1Yg=="});
        (start, vec![thought, signature])
    });
    let pieces = said.pieces.iter();
    let deltas = pieces.map(|text| json!({"type": "text_delta", "text": text}));
    let text = (json!({"type": "text", "text": ""}), deltas.collect());
    let tools = said.tool_calls.iter().map(|name| {
        let start = json!({"type": "tool_use", "id": "toolu_stub", "name": name, "input": {}});
        let part = |json: &str| json!({"type": "input_json_delta", "partial_json": json});
        (start, vec![part("{\"command\""), part(":\"id\"}")])
    });
    thinking.chain([text]).chain(tools).collect()
}

fn event(name: &str, mut data: Value) -> String {
    data["type"] = Value::String(name.to_owned());
    format!("event: {name}\ndata: {data}\n\n")
}
