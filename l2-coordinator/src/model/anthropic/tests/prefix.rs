//! What a provider may cache stays the same, byte for byte.

use serde_json::{Value, json};

use super::support::{client, request, user, watched};
use crate::model::anthropic::request::{for_count, for_reply};
use crate::model::{Effort, ErrorKind, MAX_REQUEST_BYTES, ModelRequest, Role, Turn};
use crate::testing::stub_api::Stub;

fn schema(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn full() -> ModelRequest {
    ModelRequest {
        schema: Some(schema(
            r#"{"type":"object","required":["b","a"],"additionalProperties":false,
                "properties":{"b":{"type":"string"},"a":{"enum":["z","y"],"type":"string"}}}"#,
        )),
        effort: Some(Effort::High),
        ..request("go \u{1f980}\n\"quoted\"")
    }
}

#[test]
fn equal_requests_are_equal_bytes_in_this_order() {
    let bytes = String::from_utf8(for_reply(&full()).unwrap()).unwrap();
    let wanted = concat!(
        r#"{"max_tokens":16000,"messages":[{"content":"go 🦀\n\"quoted\"","role":"user"}],"#,
        r#""model":"claude-opus-5-5","output_config":{"effort":"high","format":{"schema":"#,
        r#"{"additionalProperties":false,"properties":{"a":{"enum":["z","y"],"type":"string"},"#,
        r#""b":{"type":"string"}},"required":["b","a"],"type":"object"},"type":"json_schema"}},"#,
        r#""stream":true,"system":[{"cache_control":{"type":"ephemeral"},"text":"You plan.","#,
        r#""type":"text"}]}"#,
    );
    assert_eq!(bytes, wanted);
    let mut turned = full();
    turned.schema = Some(schema(
        r#"{"additionalProperties":false,"properties":{"a":{"type":"string","enum":["z","y"]},
            "b":{"type":"string"}},"required":["b","a"],"type":"object"}"#,
    ));
    assert_eq!(for_reply(&turned).unwrap(), bytes.as_bytes());
}

#[tokio::test]
async fn the_prefix_does_not_change_with_what_follows_it() {
    let stub = Stub::start();
    let (first, mut second) = (full(), full());
    second.messages = vec![
        user("something else"),
        Turn {
            role: Role::Assistant,
            text: "{}".to_owned(),
        },
        user("again"),
    ];
    for asked in [&first, &second, &first] {
        watched(&client(&stub), asked).await.0.unwrap();
    }
    let requests = stub.requests();
    let prefix = |at: usize| {
        let body = &requests[at].json;
        (
            body["system"].to_string(),
            body["output_config"].to_string(),
        )
    };
    assert_eq!(prefix(0), prefix(1));
    assert_eq!(requests[0].body, requests[2].body);
    let marks = requests[1]
        .json
        .to_string()
        .matches("cache_control")
        .count();
    assert_eq!(marks, 1, "only what stays the same is marked");
}

#[test]
fn a_count_has_what_a_reply_has_and_no_more() {
    let mut reply: Value = serde_json::from_slice(&for_reply(&full()).unwrap()).unwrap();
    let count: Value = serde_json::from_slice(&for_count(&full()).unwrap()).unwrap();
    let fields = reply.as_object_mut().unwrap();
    assert_eq!(fields.remove("max_tokens"), Some(json!(16_000)));
    assert_eq!(fields.remove("stream"), Some(json!(true)));
    assert_eq!(reply, count);
}

#[test]
fn no_system_no_block() {
    let mut asked = request("x");
    asked.system = String::new();
    let body: Value = serde_json::from_slice(&for_reply(&asked).unwrap()).unwrap();
    assert_eq!(body.get("system"), None);
    assert_eq!(body.get("output_config"), None);
}

#[test]
fn what_the_provider_would_refuse_is_not_sent() {
    let assistant = Turn {
        role: Role::Assistant,
        text: "{".to_owned(),
    };
    for (what, messages) in [
        ("nothing", vec![]),
        ("a prefill", vec![user("x"), assistant.clone()]),
        ("a first word of the model's", vec![assistant, user("x")]),
        ("an empty message", vec![user("x"), user("")]),
        ("too much", vec![user(&"x".repeat(MAX_REQUEST_BYTES))]),
    ] {
        let asked = ModelRequest {
            messages,
            ..request("")
        };
        let error = for_reply(&asked).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "{what}");
        assert!(error.message.len() < 200, "{what}");
    }
}
