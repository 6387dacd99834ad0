//! Calls that work.

use protocol::budget::Usage;
use serde_json::json;

use super::support::{MODEL, call, client, request, user, watched};
use crate::model::{ModelReply, Progress, Role, Stop, Turn, Used};
use crate::testing::stub_api::{Said, Stub};

#[tokio::test]
async fn a_reply_is_what_was_said_and_what_it_used() {
    let stub = Stub::start();
    let usage = Usage {
        input: 21,
        cache_write_5m: 188,
        cache_write_1h: 3,
        cache_read: 40,
        output: 393,
        thinking: 120,
    };
    stub.queue(Said::pieces(["{\"a\":", "1}"]).thinking("hm").usage(usage));
    let (reply, told) = watched(&client(&stub), &request("plan")).await;
    let wanted = ModelReply {
        text: "{\"a\":1}".to_owned(),
        stop: Stop::End,
        used: vec![Used {
            model: MODEL.to_owned(),
            usage,
        }],
        model: MODEL.to_owned(),
        id: Some("msg_stub_0001".to_owned()),
        request_id: Some("req_stub_0001".to_owned()),
        tool_calls: Vec::new(),
        findings: Vec::new(),
    };
    assert_eq!(reply, Ok(wanted));
    let told_wanted = [
        Progress::Began { prompt: 252 },
        Progress::Text { bytes: 5 },
        Progress::Text { bytes: 7 },
    ];
    assert_eq!(told, told_wanted);
    let sent = &stub.requests()[0];
    assert_eq!(
        sent.json,
        json!({
            "model": MODEL, "max_tokens": 16_000, "stream": true,
            "system": [{
                "type": "text", "text": "You plan.", "cache_control": {"type": "ephemeral"},
            }],
            "messages": [{"role": "user", "content": "plan"}],
        })
    );
}

#[tokio::test]
async fn a_reply_may_come_in_any_pieces() {
    let stub = Stub::start();
    let said = || {
        Said::pieces(["grün ", "\u{1f980}\n"])
            .thinking("hm")
            .tool_call("id")
    };
    stub.queue(said());
    let whole = call(&stub, "x").await.unwrap();
    stub.queue(said().split(1));
    stub.queue(said().split(7));
    for number in ["req_stub_0002", "req_stub_0003"] {
        let cut = call(&stub, "x").await.unwrap();
        let wanted = ModelReply {
            request_id: Some(number.to_owned()),
            ..whole.clone()
        };
        assert_eq!(cut, wanted);
    }
}

#[tokio::test]
async fn what_a_provider_reports_is_reported_on() {
    let stub = Stub::start();
    for times in [10, u64::MAX] {
        let usage = Usage {
            input: 3,
            output: 5,
            ..Usage::default()
        };
        stub.queue(Said::text("").usage(usage).usage_times(times));
        let reply = call(&stub, "x").await.unwrap();
        let wanted = [3_u64, 5].map(|tokens| tokens.saturating_mul(times));
        assert_eq!([reply.usage().input, reply.usage().output], wanted);
    }
}

#[tokio::test]
async fn a_conversation_goes_as_it_is() {
    let stub = Stub::start();
    let mut asked = request("plan");
    asked.messages.push(Turn {
        role: Role::Assistant,
        text: "{".to_owned(),
    });
    asked.messages.push(user("no, whole"));
    watched(&client(&stub), &asked).await.0.unwrap();
    let sent = &stub.requests()[0];
    let wanted = json!([
        {"role": "user", "content": "plan"},
        {"role": "assistant", "content": "{"},
        {"role": "user", "content": "no, whole"},
    ]);
    assert_eq!(sent.json["messages"], wanted);
    assert_eq!(
        (sent.system_text(), sent.last_text()),
        ("You plan.".into(), "no, whole".into())
    );
}
