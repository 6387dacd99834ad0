//! The stub is no pushover: what the sheet says is refused, it refuses.

use serde_json::{Value, json};

use super::support::{MODEL, request};
use crate::model::anthropic::request::for_reply;
use crate::model::wire::{Address, Limits, client};
use crate::testing::stub_api::{KEY, Stub};

/// A body that it takes.
fn good() -> Value {
    let mut body: Value = serde_json::from_slice(&for_reply(&request("x")).unwrap()).unwrap();
    body["output_config"] = json!({
        "effort": "high",
        "format": {"type": "json_schema", "schema": {
            "type": "object", "additionalProperties": false, "required": ["tasks"],
            "properties": {"tasks": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/task"}}},
            "$defs": {"task": {
                "type": "object", "additionalProperties": false, "required": ["id"],
                "properties": {"id": {"type": "string", "format": "uuid", "description": "d"},
                    "tool": {"anyOf": [{"const": 1}, {"type": ["string", "null"]}]}},
            }},
        }},
    });
    body
}

/// Status and kind of the answer to this body with these headers.
async fn answer(stub: &Stub, body: &Value, headers: &[(&str, &str)]) -> (u16, String) {
    let http = client(
        &Address::new(&stub.base_url()).unwrap(),
        &Limits::default(),
        None,
    )
    .unwrap();
    let mut request = http.post(format!("{}/v1/messages", stub.base_url()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.body(body.to_string()).send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let kind = body["error"]["type"].as_str().unwrap_or_default();
    (status, kind.to_owned())
}

const HEADERS: [(&str, &str); 3] = [
    ("x-api-key", KEY),
    ("anthropic-version", "2026-10-21"),
    ("content-type", "application/json"),
];

#[tokio::test]
async fn bodies_that_break_a_rule_are_refused() {
    let stub = Stub::start();
    assert_eq!(answer(&stub, &good(), &HEADERS).await.0, 200);
    let schema = "/output_config/format/schema";
    let with = |at: &str, value: Value| {
        let mut body = good();
        let (parent, key) = at.rsplit_once('/').unwrap();
        let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if value.is_null() {
            assert!(parent.remove(key).is_some(), "{at}");
        } else {
            parent.insert(key.to_owned(), value);
        }
        body
    };
    let user = json!({"role": "user", "content": "x"});
    let prefill = json!([user, {"role": "assistant", "content": "{"}]);
    let image = json!([{"role": "user", "content": [{"type": "image"}]}]);
    let five = json!(vec![
        json!({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}});
        5
    ]);
    let mut refused = vec![
        ("/temperature".to_owned(), json!(1.0)),
        ("/top_p".to_owned(), json!(1)),
        ("/top_k".to_owned(), json!(0)),
        ("/seed".to_owned(), json!(7)),
        ("/output_format".to_owned(), json!({"type": "json_schema"})),
        ("/tool_choice".to_owned(), json!({"type": "any"})),
        (
            "/tool_choice".to_owned(),
            json!({"type": "tool", "name": "t"}),
        ),
        ("/messages".to_owned(), prefill),
        ("/messages".to_owned(), image),
        ("/messages".to_owned(), json!([])),
        (
            "/messages".to_owned(),
            json!([{"role": "user", "content": ""}]),
        ),
        (
            "/messages".to_owned(),
            json!([{"role": "tool", "content": "x"}]),
        ),
        ("/messages".to_owned(), Value::Null),
        (
            "/thinking".to_owned(),
            json!({"type": "enabled", "budget_tokens": 1024}),
        ),
        ("/thinking".to_owned(), json!({"type": "disabled"})),
        ("/max_tokens".to_owned(), Value::Null),
        ("/max_tokens".to_owned(), json!(128_001)),
        ("/model".to_owned(), Value::Null),
        ("/system".to_owned(), json!([{"type": "text", "text": ""}])),
        ("/system".to_owned(), json!(7)),
        ("/system".to_owned(), five),
        ("/stream".to_owned(), json!(false)),
        ("/output_config/effort".to_owned(), json!("extreme")),
        (
            "/output_config/format/type".to_owned(),
            json!("json_object"),
        ),
        ("/output_config/verbosity".to_owned(), json!("low")),
        (format!("{schema}/additionalProperties"), Value::Null),
        (format!("{schema}/additionalProperties"), json!(true)),
        (
            format!("{schema}/$defs/task/additionalProperties"),
            Value::Null,
        ),
        (format!("{schema}/type"), json!("array")),
        (format!("{schema}/properties/tasks/minItems"), json!(2)),
        (format!("{schema}/properties/tasks/maxItems"), json!(2)),
        (
            format!("{schema}/properties/tasks/items/$ref"),
            json!("#/$defs/none"),
        ),
        (
            format!("{schema}/$defs/task/properties/id/$ref"),
            json!("#/$defs/task"),
        ),
        (
            format!("{schema}/$defs/task/properties/id/format"),
            json!("regex"),
        ),
        (
            format!("{schema}/$defs/task/properties/id/type"),
            json!("text"),
        ),
    ];
    for keyword in [
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "pattern",
        "oneOf",
        "uniqueItems",
    ] {
        let at = format!("{schema}/$defs/task/properties/id/{keyword}");
        refused.push((at, json!(1)));
    }
    for (at, value) in refused {
        let wanted = (400, "invalid_request_error".to_owned());
        let body = with(&at, value.clone());
        assert_eq!(
            answer(&stub, &body, &HEADERS).await,
            wanted,
            "{at} = {value}"
        );
    }
    let unknown = with("/model", json!("claude-opus-9"));
    assert_eq!(answer(&stub, &unknown, &HEADERS).await.0, 404);
    let mut old = with("/model", json!("claude-haiku-4-5"));
    assert_eq!(
        answer(&stub, &old, &HEADERS).await.0,
        400,
        "it takes no effort"
    );
    old["output_config"] = Value::Null;
    old.as_object_mut().unwrap().remove("output_config");
    assert_eq!(answer(&stub, &old, &HEADERS).await.0, 200);
    assert_eq!(answer(&stub, &json!("no object"), &HEADERS).await.0, 400);
    assert_eq!(old["model"], json!("claude-haiku-4-5"), "not {MODEL}");
}

#[tokio::test]
async fn headers_that_break_a_rule_are_refused() {
    let stub = Stub::start();
    let [key, version, kind] = HEADERS;
    let bearer = ("authorization", &*format!("Bearer {KEY}"));
    for (headers, status) in [
        (vec![key, version, kind], 200),
        (vec![bearer, version, kind], 200),
        (vec![key, bearer, version, kind], 400),
        (vec![version, kind], 401),
        (vec![("x-api-key", "sk-other"), version, kind], 401),
        (vec![("authorization", KEY), version, kind], 401),
        (vec![key, kind], 400),
        (vec![key, ("anthropic-version", "2023-06-01"), kind], 400),
        (vec![key, version], 400),
    ] {
        let answered = answer(&stub, &good(), &headers).await;
        assert_eq!(answered.0, status, "{headers:?}");
    }
}
