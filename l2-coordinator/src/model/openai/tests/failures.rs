//! Every error, by status and by word, before and within a stream.

use super::support::{call, options};
use crate::model::ErrorKind;
use crate::model::openai::OpenAi;
use crate::testing::stub_api::{Act, Failure, KEY, Said, Stub};

#[tokio::test]
async fn every_status_and_word_has_its_kind_and_its_tries() {
    use ErrorKind::{Fatal, Refused, Transient};
    for (status, kind, code, wanted, tries) in [
        (400, "invalid_request_error", None, Refused, 1),
        (
            400,
            "invalid_request_error",
            Some("context_length_exceeded"),
            Refused,
            1,
        ),
        (
            401,
            "invalid_request_error",
            Some("invalid_api_key"),
            Fatal,
            1,
        ),
        (403, "permission_error", None, Fatal, 1),
        (
            404,
            "invalid_request_error",
            Some("model_not_found"),
            Fatal,
            1,
        ),
        (408, "timeout", None, Transient, 3),
        (409, "conflict", None, Transient, 3),
        (422, "invalid_request_error", None, Refused, 1),
        (429, "requests", Some("rate_limit_exceeded"), Transient, 3),
        (
            429,
            "insufficient_quota",
            Some("insufficient_quota"),
            Fatal,
            1,
        ),
        (429, "insufficient_quota", None, Fatal, 1),
        (429, "", None, Transient, 3),
        (500, "server_error", None, Transient, 3),
        (503, "", None, Transient, 3),
        (302, "", None, Fatal, 1),
    ] {
        let stub = Stub::start();
        for _ in 0..3 {
            let failure = Failure::new(status, kind, "some words");
            stub.queue(match code {
                Some(code) => failure.code(code),
                None => failure,
            });
        }
        let error = call(&stub, "x").await.unwrap_err();
        let case = format!("{status} {kind} {code:?}: {error:?}");
        assert_eq!((error.kind, error.status), (wanted, Some(status)), "{case}");
        assert_eq!(stub.requests().len(), tries, "{case}");
        assert_eq!(error.used, None, "{case}");
        let word = code.unwrap_or(kind);
        assert_eq!(error.code.as_deref().unwrap_or_default(), word, "{case}");
        let request_id = format!("req_stub_{tries:04}");
        assert_eq!(error.request_id, Some(request_id), "{case}");
    }
}

#[tokio::test]
async fn an_asked_wait_is_kept_and_then_it_works() {
    let stub = Stub::start();
    stub.queue(Failure::new(429, "requests", "slow").header("retry-after-ms", "1"));
    stub.queue(Failure::new(500, "server_error", "no").header("x-should-retry", "true"));
    assert_eq!(call(&stub, "x").await.unwrap().text, "ok");
    stub.queue(Failure::new(500, "server_error", "no").header("x-should-retry", "false"));
    assert_eq!(call(&stub, "x").await.unwrap_err().kind, ErrorKind::Fatal);
}

#[tokio::test]
async fn a_stream_that_breaks_may_be_billed_and_is_not_repeated() {
    let event = |json: &str| format!("data: {json}\n\n");
    let server = event(r#"{"error":{"type":"server_error","message":"gone"}}"#);
    let length = event(r#"{"error":{"code":"context_length_exceeded","message":"long"}}"#);
    let number = event(r#"{"error":{"code":400,"message":"bad","type":"BadRequestError"}}"#);
    for (said, kind) in [
        (Said::text("x").cut_after(2), ErrorKind::Transient),
        (Said::text("x").cut_after(4), ErrorKind::Transient),
        (
            Said::text("x").insert(1, server.clone()),
            ErrorKind::Transient,
        ),
        (Said::text("x").insert(2, length), ErrorKind::Refused),
        (Said::text("x").insert(1, number), ErrorKind::Refused),
        (
            Said::text("x").insert(1, "data: {\n\n"),
            ErrorKind::Transient,
        ),
    ] {
        let stub = Stub::start();
        stub.queue(said.clone());
        let error = call(&stub, "x").await.unwrap_err();
        assert_eq!(error.kind, kind, "{said:?}");
        assert!(error.used.is_some() && !error.may_repeat(), "{said:?}");
        assert_eq!(stub.requests().len(), 1, "{said:?}");
    }
    // In the place of a reply, an error is an answer like any other.
    let stub = Stub::start();
    stub.queue(Said::text("x").insert(0, server));
    assert_eq!(call(&stub, "x").await.unwrap().text, "ok");
    assert_eq!(stub.requests().len(), 2);
}

#[tokio::test]
async fn something_else_at_that_address_is_said_to_be() {
    let stub = Stub::start();
    stub.queue(Act::Page(200, "text/html", b"<html>".to_vec()));
    let error = call(&stub, "x").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Fatal);
    assert!(error.message.contains("text/html"), "{error}");
    stub.queue_lookup(Failure::new(404, "", ""));
    let error = OpenAi::new(options(&stub)).unwrap().models().await;
    assert_eq!(error.unwrap_err().status, Some(404));
}

#[tokio::test]
async fn the_key_shows_up_in_no_error_and_no_reply() {
    let stub = Stub::start();
    let echo = format!("you sent Bearer {KEY}");
    let acts: Vec<Act> = vec![
        Failure::new(400, "invalid_request_error", &echo).into(),
        Failure::new(401, KEY, &echo).code(KEY).into(),
        Failure::new(400, "x", &echo)
            .header("x-request-id", KEY)
            .into(),
        Act::Page(302, "text/html", echo.clone().into_bytes()),
        Said::text(&echo).model(KEY).stop(KEY).into(),
        Said::text("").tool_call(KEY).into(),
        Said::text("").refusal(None, Some(&echo)).into(),
        Said::text("")
            .insert(1, format!("data: {{\"error\":\"{KEY}\"}}\n\n"))
            .into(),
    ];
    for act in acts {
        let shown = format!("{act:?}");
        stub.queue(act);
        let answer = format!("{:?}", call(&stub, "x").await);
        assert!(!answer.contains(KEY), "{shown}: {answer}");
    }
    assert!(!format!("{:?}", options(&stub)).contains(KEY));
}
