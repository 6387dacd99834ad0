//! Streams as they come: with pings, with things to come, cut, wrong, in any pieces.

use proptest::collection::vec;
use proptest::prelude::*;
use protocol::budget::{Usage, Used};

use super::support::{MODEL, call};
use crate::model::anthropic::assembly::Assembly;
use crate::model::wire::{Parser, Reading as _};
use crate::model::{ErrorKind, ModelReply, Stop};
use crate::testing::stub_api::{Act, Said, Stub};

/// The events of a reply without thinking: start, block start, delta, block stop, end, stop.
const EVENTS: usize = 6;

/// A stream with one of everything, and the reply in it.
const STREAM: &str = concat!(
    "event: message_start\n",
    "data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-opus-5-5\",",
    "\"content\":[],\"usage\":{\"input_tokens\":9,\"cache_read_input_tokens\":4,\"output_tokens\":1}}}\n\n",
    "event: ping\ndata: {\"type\":\"ping\"}\n\n",
    "event: content_block_start\n",
    "data: {\"type\":\"content_block_start\",\"index\":0,",
    "\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}\n\n",
    "data: {\"type\":\"content_block_delta\",\"index\":0,",
    "\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"secretly\"}}\n\n",
    "data: {\"type\":\"content_block_delta\",\"index\":0,",
    "\"delta\":{\"type\":\"signature_delta\",\"signature\":\"c2ln\"}}\n\n",
    "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "data: {\"type\":\"content_block_start\",\"index\":1,",
    "\"content_block\":{\"type\":\"text\",\"text\":\"g\"}}\n\n",
    "event: content_block_delta\r\n",
    "data: {\"type\":\"content_block_delta\",\"index\":1,\r\n",
    "data: \"delta\":{\"type\":\"text_delta\",\"text\":\"rün \u{1f980}\"}}\r\n\r\n",
    "data: {\"type\":\"content_block_delta\",\"index\":1,",
    "\"delta\":{\"type\":\"citations_delta\",\"text\":\"not text\"}}\n\n",
    "data: {\"type\":\"content_block_delta\",\"index\":7,",
    "\"delta\":{\"type\":\"text_delta\",\"text\":\"of no block\"}}\n\n",
    "data: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
    "event: from_the_future\ndata: {\"type\":\"from_the_future\",\"index\":{}}\n\n",
    "data: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"hologram\",",
    "\"text\":\"not text either\"}}\n\n",
    "data: {\"type\":\"content_block_start\",\"index\":3,",
    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "data: {\"type\":\"content_block_delta\",\"index\":3,",
    "\"delta\":{\"type\":\"text_delta\",\"text\":\"!\"}}\n\n",
    "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":null},",
    "\"usage\":{\"output_tokens\":5}}\n\n",
    "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},",
    "\"usage\":{\"output_tokens\":12,\"output_tokens_details\":{\"thinking_tokens\":3}}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

fn assembled(pieces: &[&[u8]]) -> ModelReply {
    let (mut parser, mut assembly) = (Parser::new(1 << 20), Assembly::new(MODEL));
    for piece in pieces {
        for event in parser.push(piece).unwrap() {
            assembly.apply(&event).unwrap();
        }
    }
    assert!(assembly.is_whole());
    assembly.finish(None)
}

#[test]
fn a_stream_is_the_same_reply_wherever_it_is_split() {
    let wanted = ModelReply {
        text: "grün \u{1f980}!".to_owned(),
        stop: Stop::End,
        used: vec![Used {
            model: MODEL.to_owned(),
            usage: Usage {
                input: 9,
                cache_read: 4,
                output: 12,
                thinking: 3,
                ..Usage::default()
            },
        }],
        model: MODEL.to_owned(),
        id: Some("msg_1".to_owned()),
        request_id: None,
        tool_calls: Vec::new(),
        findings: Vec::new(),
    };
    let bytes = STREAM.as_bytes();
    assert_eq!(assembled(&[bytes]), wanted);
    for at in 0..=bytes.len() {
        let (left, right) = bytes.split_at(at);
        assert_eq!(assembled(&[left, right]), wanted, "split at {at}");
    }
}

/// A piece of a stream put in the place of another.
fn damage() -> impl Strategy<Value = (prop::sample::Index, usize, Vec<u8>)> {
    let words = [
        "null",
        "-1",
        "1e999",
        "18446744073709551616",
        "[]",
        "{}",
        "\"\"",
        "}",
        "\\u0000",
        "\n\n",
        "message_start",
        "message_delta",
        "message_stop",
        "content_block_start",
        "error",
        "text",
    ];
    let word = prop::sample::select(words.map(|word| word.as_bytes().to_vec()).to_vec());
    let bytes = prop_oneof![word, vec(any::<u8>(), 0..4)];
    (any::<prop::sample::Index>(), 0..40_usize, bytes)
}

proptest! {
    /// Whatever comes: a reply, an error, or no end; never a panic, never more text than was sent.
    #[test]
    fn a_damaged_stream_is_a_reply_or_an_error(damages in vec(damage(), 1..6)) {
        let mut bytes = STREAM.as_bytes().to_vec();
        for (at, length, piece) in damages {
            let from = at.index(bytes.len());
            let to = (from + length).min(bytes.len());
            bytes.splice(from..to, piece);
        }
        let (mut parser, mut assembly) = (Parser::new(1 << 20), Assembly::new(MODEL));
        for event in parser.push(&bytes).unwrap() {
            if let Err(error) = assembly.apply(&event) {
                prop_assert!(!error.message.contains('\n'));
            }
        }
        let used = assembly.used();
        prop_assert_eq!(used.is_empty(), !assembly.has_begun());
        let reply = assembly.finish(None);
        prop_assert!(reply.text.len() <= bytes.len() * 3);
        prop_assert_eq!(reply.used, used);
    }
}

#[tokio::test]
async fn pings_and_things_to_come_are_skipped_anywhere() {
    let stub = Stub::start();
    let noise = concat!(
        ": comment\n\n",
        "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        "event: ping\ndata: not json\n\n",
        "event: from_the_future\ndata: {\"type\":\"from_the_future\"}\n\n",
        "data: {}\n\n",
        "data: [1]\n\n",
        "data: null\n\n",
        "id: 7\nretry: 1\n\n",
    );
    let noisy = (0..EVENTS).fold(Said::text("still"), |said, at| said.insert(at, noise));
    stub.queue(noisy);
    assert_eq!(call(&stub, "x").await.unwrap().text, "still");
}

#[tokio::test]
async fn a_cut_stream_is_no_reply_and_is_not_sent_again() {
    let stub = Stub::start();
    let usage = Usage {
        input: 7,
        output: 40,
        ..Usage::default()
    };
    for events in 0..EVENTS {
        stub.queue(Said::text("half").usage(usage).cut_after(events));
        let error = call(&stub, "x").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Transient, "{events}: {error}");
        assert!(!error.may_repeat(), "{events}");
        let used = error.used.expect("it may be billed");
        let output = used
            .first()
            .map(|used| (used.usage.input, used.usage.output));
        let wanted = match events {
            0 => None,
            // The count comes at the end: until then, it may be as long as it was allowed to.
            1..5 => Some((7, 16_000)),
            _ => Some((7, 40)),
        };
        assert_eq!(output, wanted, "{events}");
        assert_eq!(error.is_bound, events < 5, "{events}");
        assert!(error.request_id.is_some(), "{events}");
    }
    assert_eq!(stub.requests().len(), EVENTS);
}

#[tokio::test]
async fn an_error_after_200_ends_the_call() {
    let stub = Stub::start();
    for (word, kind) in [
        ("overloaded_error", ErrorKind::Transient),
        ("api_error", ErrorKind::Transient),
        ("timeout_error", ErrorKind::Transient),
        ("rate_limit_error", ErrorKind::Transient),
        ("an_error_to_come", ErrorKind::Transient),
        ("invalid_request_error", ErrorKind::Refused),
        ("request_too_large", ErrorKind::Refused),
        ("authentication_error", ErrorKind::Fatal),
        ("permission_error", ErrorKind::Fatal),
        ("billing_error", ErrorKind::Fatal),
        ("not_found_error", ErrorKind::Fatal),
    ] {
        for at in 1..EVENTS {
            let event = format!(
                "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{word}\",\
                 \"message\":\"sorry\"}}}}\n\n"
            );
            stub.queue(Said::text("half").insert(at, event));
            let before = stub.requests().len();
            let error = call(&stub, "x").await.unwrap_err();
            assert_eq!(
                (error.kind, error.code.as_deref()),
                (kind, Some(word)),
                "{at}"
            );
            assert_eq!(
                error.message,
                format!("the provider broke off with {word}: sorry")
            );
            assert!(error.used.is_some(), "{word} at {at}: it had begun");
            assert_eq!(stub.requests().len(), before + 1, "{word} at {at}");
        }
    }
}

#[tokio::test]
async fn an_error_in_place_of_a_reply_is_tried_again() {
    let stub = Stub::start();
    let event =
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n";
    stub.queue(Said::text("").insert(0, event));
    stub.queue(Said::text("now"));
    assert_eq!(call(&stub, "x").await.unwrap().text, "now");
    assert_eq!(stub.requests().len(), 2);
}

#[tokio::test]
async fn a_spend_limit_inside_a_stream_is_terminal() {
    let stub = Stub::start();
    let event = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\
        \"details\":{\"error_code\":\"enforced_spend_limit_reached\"}}}\n\n";
    stub.queue(Said::text("").insert(0, event));
    let error = call(&stub, "x").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Fatal);
    assert!(error.help.is_some());
}

#[tokio::test]
async fn what_is_no_stream_is_no_reply() {
    let stub = Stub::start();
    let page = |kind| Act::Page(200, kind, b"<html>welcome</html>".to_vec());
    let huge = format!("data: {}\n\n", "x".repeat(9 << 20));
    let wide = "data: {\"type\":\"content_block_start\",\"index\":1}\n\n";
    let wide: String = (0..99).map(|n| wide.replace('1', &n.to_string())).collect();
    for (what, act, kind) in [
        ("a page", page("text/html"), ErrorKind::Fatal),
        ("no type", page(""), ErrorKind::Fatal),
        (
            "a page that says it is a stream",
            page("text/event-stream"),
            ErrorKind::Transient,
        ),
        (
            "no JSON",
            Said::text("").insert(1, "data: {\"type\n\n").into(),
            ErrorKind::Transient,
        ),
        (
            "a huge event",
            Said::text("").insert(1, huge).into(),
            ErrorKind::Fatal,
        ),
        (
            "open blocks",
            Said::text("").insert(1, wide).into(),
            ErrorKind::Fatal,
        ),
    ] {
        stub.queue(act);
        let error = call(&stub, "x").await.unwrap_err();
        assert_eq!(error.kind, kind, "{what}: {error}");
        assert!(error.used.is_some(), "{what}: the provider said 200");
    }
}

#[tokio::test]
async fn text_has_a_bound() {
    let stub = Stub::start();
    stub.queue(Said::pieces(vec!["x".repeat(1 << 20); 9]));
    let error = call(&stub, "x").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Fatal, "{error}");
}

#[tokio::test]
async fn the_model_that_answered_is_the_one_that_is_priced() {
    let stub = Stub::start();
    for (says, priced) in [
        ("claude-opus-5-5", "claude-opus-5-5"),
        ("claude-opus-5-5-20261001", "claude-opus-5-5"),
        ("claude-opus-5-5-fast", "claude-opus-5-5-fast"),
        ("claude-haiku-5-5", "claude-haiku-5-5"),
        ("", "claude-opus-5-5"),
    ] {
        stub.queue(Said::text("").model(says));
        let reply = call(&stub, "x").await.unwrap();
        let answered = if says.is_empty() { MODEL } else { says };
        assert_eq!(
            (reply.model.as_str(), reply.used[0].model.as_str()),
            (answered, priced)
        );
    }
}
