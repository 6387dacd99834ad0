//! Every row of the table of errors, and what is tried again.

use std::time::Duration;

use super::support::{MODEL, call, client, request, watched};
use crate::model::{ErrorKind, Progress};
use crate::testing::stub_api::{Act, Failure, Said, Stub};

#[tokio::test]
async fn every_error_has_its_kind_and_is_tried_again_only_if_it_may_work() {
    let (transient, fatal, refused) = (ErrorKind::Transient, ErrorKind::Fatal, ErrorKind::Refused);
    for (status, word, code, kind, helps) in [
        (400, "invalid_request_error", None, refused, false),
        (
            400,
            "invalid_request_error",
            Some("tool_name_conflict"),
            refused,
            false,
        ),
        (
            400,
            "invalid_request_error",
            Some("organization_on_hold"),
            fatal,
            true,
        ),
        (
            400,
            "invalid_request_error",
            Some("workspace_spend_limit_reached"),
            fatal,
            true,
        ),
        (400, "billing_error", None, fatal, true),
        (401, "authentication_error", None, fatal, true),
        (402, "billing_error", None, fatal, true),
        (403, "permission_error", None, fatal, true),
        (404, "not_found_error", None, fatal, true),
        (408, "", None, transient, false),
        (409, "conflict_error", None, transient, false),
        (413, "request_too_large", None, refused, true),
        (422, "", None, refused, false),
        (431, "", None, refused, false),
        (429, "rate_limit_error", None, transient, false),
        (
            429,
            "rate_limit_error",
            Some("ramp_limit_exceeded"),
            transient,
            false,
        ),
        (
            429,
            "rate_limit_error",
            Some("enforced_spend_limit_reached"),
            fatal,
            true,
        ),
        (
            429,
            "rate_limit_error",
            Some("contract_spend_limit_reached"),
            fatal,
            true,
        ),
        (429, "billing_error", None, fatal, true),
        (500, "api_error", None, transient, false),
        (502, "", None, transient, false),
        (503, "", None, transient, false),
        (504, "timeout_error", None, transient, false),
        (529, "overloaded_error", None, transient, false),
        (307, "", None, fatal, true),
        (204, "", None, refused, false),
    ] {
        let stub = Stub::start();
        let failure = Failure::new(status, word, "sorry");
        let failure = match code {
            Some(code) => failure.code(code),
            None => failure,
        };
        stub.answer(move |_| failure.clone().into());
        let error = call(&stub, "x").await.unwrap_err();
        let row = format!("{status} {word} {code:?}: {error:?}");
        assert_eq!(error.kind, kind, "{row}");
        assert_eq!(error.status, Some(status), "{row}");
        let word = Some(word).filter(|word| !word.is_empty());
        assert_eq!(error.code.as_deref(), code.or(word), "{row}");
        assert_eq!(error.help.is_some(), helps, "{row}");
        assert_eq!(error.used, None, "{row}");
        let tries = if kind == transient { 3 } else { 1 };
        assert_eq!(stub.requests().len(), tries, "{row}");
        let number = format!("req_stub_{tries:04}");
        assert_eq!(error.request_id, Some(number), "{row}");
    }
}

#[tokio::test]
async fn an_error_is_one_line_in_the_providers_words() {
    let stub = Stub::start();
    let said = "max_tokens:\n\u{1b}[31m 9 > 8";
    stub.queue(Failure::new(400, "invalid_request_error", said));
    let error = call(&stub, "x").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the provider answered 400 invalid_request_error: max_tokens: [31m 9 > 8"
    );
    stub.queue(Failure::new(
        400,
        "invalid_request_error",
        "x".repeat(9_999),
    ));
    let error = call(&stub, "x").await.unwrap_err();
    assert!(error.message.chars().count() < 400);
    stub.queue(Act::Page(400, "text/html", vec![0xff; 1 << 20]));
    let error = call(&stub, "x").await.unwrap_err();
    assert_eq!(error.to_string(), "the provider answered 400");
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    let stub = Stub::start();
    stub.queue(Failure::overloaded());
    stub.queue(Failure::rate_limit("0.002"));
    stub.queue(Said::text("at last"));
    let (reply, told) = watched(&client(&stub), &request("x")).await;
    assert_eq!(reply.unwrap().text, "at last");
    let waits: Vec<_> = told
        .iter()
        .filter_map(|progress| match progress {
            Progress::Waiting { next, delay_ms } => Some((*next, *delay_ms)),
            _ => None,
        })
        .collect();
    assert_eq!(waits.len(), 2, "{told:?}");
    assert!(
        waits[0].0 == 2 && waits[0].1 <= 1,
        "spread below a millisecond: {waits:?}"
    );
    assert_eq!(waits[1], (3, 2), "as asked");
    let bodies: Vec<_> = stub.requests().into_iter().map(|one| one.body).collect();
    assert!(
        bodies.windows(2).all(|pair| pair[0] == pair[1]),
        "the same request each time"
    );
}

#[tokio::test]
async fn a_long_wait_is_the_callers() {
    let stub = Stub::start();
    for (failure, wait) in [
        (Failure::rate_limit("3600"), 3_600),
        (Failure::overloaded().header("retry-after-ms", "90000"), 90),
    ] {
        stub.queue(failure);
        let error = call(&stub, "x").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Transient);
        assert_eq!(error.retry_after, Some(Duration::from_secs(wait)));
    }
    assert_eq!(stub.requests().len(), 2);
}

#[tokio::test]
async fn a_spend_limit_is_never_waited_for() {
    let stub = Stub::start();
    for code in [
        "enforced_spend_limit_reached",
        "contract_spend_limit_reached",
    ] {
        let failure = Failure::spend_limit(code).header("retry-after", "0");
        stub.queue(failure.header("x-should-retry", "true"));
        let error = call(&stub, "x").await.unwrap_err();
        assert_eq!((error.kind, error.retry_after), (ErrorKind::Fatal, None));
    }
    assert_eq!(stub.requests().len(), 2);
}

#[tokio::test]
async fn the_provider_may_say_whether_it_is_worth_it() {
    for (status, should_retry, kind, tries) in [
        (500, "false", ErrorKind::Fatal, 1),
        (429, "false", ErrorKind::Fatal, 1),
        (400, "true", ErrorKind::Transient, 3),
        (500, "true", ErrorKind::Transient, 3),
        (400, "perhaps", ErrorKind::Refused, 1),
    ] {
        let stub = Stub::start();
        let failure = Failure::new(status, "api_error", "").header("x-should-retry", should_retry);
        stub.answer(move |_| failure.clone().into());
        let error = call(&stub, "x").await.unwrap_err();
        let row = format!("{status} {should_retry}");
        assert_eq!((error.kind, stub.requests().len()), (kind, tries), "{row}");
    }
}

#[tokio::test]
async fn what_the_rules_refuse_comes_back_as_refused() {
    let stub = Stub::start();
    let client = client(&stub);
    let mut asked = request("x");
    asked.max_tokens = 200_000;
    let error = watched(&client, &asked).await.0.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::Refused, Some(400)));
    let mut asked = request("x");
    asked.model = format!("{MODEL}-turbo");
    let error = watched(&client, &asked).await.0.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::Fatal, Some(404)));
}
