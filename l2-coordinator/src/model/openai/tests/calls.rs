//! Calls that work, and every way a reply ends.

use protocol::budget::Usage;
use serde_json::json;

use super::support::{MODEL, call, local, options, request, watched};
use crate::model::openai::OpenAi;
use crate::model::{Effort, Model as _, ModelReply, Progress, Role, Stop, Turn, Used};
use crate::testing::stub_api::{Act, Said, Stub};

#[tokio::test]
async fn a_reply_is_what_was_said_and_what_it_used() {
    let stub = Stub::start();
    let usage = Usage {
        input: 21,
        cache_write_5m: 188,
        cache_write_1h: 0,
        cache_read: 40,
        output: 393,
        thinking: 120,
    };
    stub.queue(Said::pieces(["{\"a\":", "1}"]).thinking("hm").usage(usage));
    let (reply, told) = watched(options(&stub), &request("plan")).await;
    let wanted = ModelReply {
        text: "{\"a\":1}".to_owned(),
        stop: Stop::End,
        used: vec![Used {
            model: MODEL.to_owned(),
            usage,
        }],
        model: MODEL.to_owned(),
        id: Some("chatcmpl-stub-0001".to_owned()),
        request_id: Some("req_stub_0001".to_owned()),
        tool_calls: Vec::new(),
        findings: Vec::new(),
    };
    assert_eq!(reply, Ok(wanted));
    let told_wanted = [
        Progress::Began { prompt: 0 },
        Progress::Text { bytes: 5 },
        Progress::Text { bytes: 7 },
    ];
    assert_eq!(told, told_wanted);
    assert_eq!(
        stub.requests()[0].json,
        json!({
            "model": MODEL, "max_completion_tokens": 16_000, "stream": true,
            "stream_options": {"include_usage": true},
            "messages": [
                {"role": "system", "content": "You plan."},
                {"role": "user", "content": "plan"},
            ],
        })
    );
}

#[tokio::test]
async fn a_server_at_home_needs_no_key_and_has_the_older_field() {
    let stub = Stub::start();
    let mut asked = request("plan");
    asked.model = "llama-stub:8b".to_owned();
    asked.system = String::new();
    let (reply, _) = watched(local(&stub), &asked).await;
    assert_eq!(reply.map(|reply| reply.text), Ok("ok".to_owned()));
    let sent = &stub.requests()[0];
    assert_eq!(sent.json["max_tokens"], 16_000);
    assert_eq!(sent.json["messages"].as_array().map(Vec::len), Some(1));
    assert!(!sent.headers.contains_key("authorization"));
    let names = OpenAi::new(local(&stub)).unwrap().models().await;
    assert_eq!(
        names,
        Ok(vec![MODEL.to_owned(), "llama-stub:8b".to_owned()])
    );
}

#[tokio::test]
async fn equal_requests_are_equal_bytes_and_turns_keep_their_order() {
    let stub = Stub::start();
    let mut asked = request("a");
    asked.effort = Some(Effort::High);
    let turn = |role, text: &str| Turn {
        role,
        text: text.to_owned(),
    };
    asked.messages.push(turn(Role::Assistant, "b"));
    asked.messages.push(turn(Role::User, "c"));
    for _ in 0..2 {
        watched(options(&stub), &asked).await.0.unwrap();
    }
    let sent = stub.requests();
    assert_eq!(sent[0].body, sent[1].body);
    assert_eq!(sent[0].json["reasoning_effort"], "high");
    assert_eq!(sent[0].json["messages"][2]["role"], "assistant");
    assert_eq!(sent[0].last_text(), "c");
}

#[tokio::test]
async fn what_a_schema_lets_out_comes_back_left_out() {
    let stub = Stub::start();
    let mut asked = request("x");
    asked.schema = Some(json!({"type": "object", "required": ["id"],
        "properties": {"id": {"type": "string"}, "note": {"type": "string"}}}));
    stub.queue(Said::text(r#"{"id":"a","note":null}"#));
    let (reply, _) = watched(options(&stub), &asked).await;
    assert_eq!(reply.unwrap().text, r#"{"id":"a"}"#);
    let format = &stub.requests()[0].json["response_format"];
    assert_eq!(format["json_schema"]["strict"], true);
    assert_eq!(
        format["json_schema"]["schema"]["required"],
        json!(["id", "note"])
    );
}

#[tokio::test]
async fn every_reason_to_stop_has_its_word() {
    let stub = Stub::start();
    let refusal = |category: Option<&str>, explanation: Option<&str>| Stop::Refusal {
        category: category.map(str::to_owned),
        explanation: explanation.map(str::to_owned),
    };
    let other = |word: &str| Stop::Other {
        word: word.to_owned(),
    };
    for (said, stop) in [
        (Said::text("x"), Stop::End),
        (Said::text("x").stop("max_tokens"), Stop::MaxTokens),
        (Said::text("x").stop("tool_use"), Stop::ToolUse),
        (Said::text("x").stop("function_call"), Stop::ToolUse),
        (
            Said::text("").tool_call("id").stop("end_turn"),
            Stop::ToolUse,
        ),
        (
            Said::text("").refusal(None, Some("I can\nnot")),
            refusal(None, Some("I can not")),
        ),
        (
            Said::text("").refusal(None, None),
            refusal(Some("content_filter"), None),
        ),
        (Said::text("x").stop("later"), other("later")),
    ] {
        stub.queue(said);
        assert_eq!(call(&stub, "x").await.map(|reply| reply.stop), Ok(stop));
    }
    stub.queue(Said::text("").tool_call("Bash").tool_call("id"));
    assert_eq!(call(&stub, "x").await.unwrap().tool_calls, ["Bash", "id"]);
}

#[tokio::test]
async fn a_reply_may_come_in_any_pieces() {
    let stub = Stub::start();
    let said = || Said::pieces(["grün ", "\u{1f980}\n"]).thinking("hm");
    for split in [usize::MAX, 1, 7] {
        stub.queue(said().split(split).insert(1, ": a comment\n\n"));
        let reply = call(&stub, "x").await.unwrap();
        assert_eq!(reply.text, "grün \u{1f980}\n", "{split}");
    }
}

#[tokio::test]
async fn what_a_server_leaves_out_is_not_made_up() {
    let stub = Stub::start();
    let bare = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\n\
        data: {\"odd\":1}\n\ndata: [DONE]\n\n";
    let page = Act::Page(200, "text/event-stream", bare.as_bytes().to_vec());
    stub.queue(page);
    let reply = call(&stub, "x").await.unwrap();
    assert_eq!((&*reply.text, &reply.stop), ("hi", &Stop::End));
    assert_eq!((reply.model.as_str(), reply.id), (MODEL, None));
    assert_eq!(reply.used, [], "not known is not nothing");
}

#[tokio::test]
async fn a_dated_name_is_priced_as_the_name_that_was_asked() {
    let stub = Stub::start();
    for (said, priced) in [
        ("gpt-stub-2026-10-01", MODEL),
        ("gpt-stub-mini", "gpt-stub-mini"),
        ("other", "other"),
    ] {
        stub.queue(Said::text("x").model(said));
        let reply = call(&stub, "x").await.unwrap();
        assert_eq!((&*reply.model, &*reply.used[0].model), (said, priced));
    }
    assert_eq!(OpenAi::new(options(&stub)).unwrap().provider(), "openai");
}
