//! The key goes to the provider and nowhere else, even if the provider throws it back.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::support::{MODEL, client, options, request, watched};
use crate::model::anthropic::{Anthropic, Credential, Options};
use crate::model::{Address, Secret};
use crate::testing::stub_api::{Act, Failure, KEY, Said, Stub};

/// Everything that is logged, at any level, by anybody on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for &Log {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        writeln!(self.0.lock().unwrap(), "{field} {value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut &*self);
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut &*self);
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut &*self);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn the_key_shows_up_in_no_error_reply_or_log() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let stub = Stub::start();
    let client = client(&stub);
    let echo = format!("you sent x-api-key: {KEY}");
    let event = |kind: &str| {
        format!(
            "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\
             \"message\":\"{KEY}\"}}}}\n\n"
        )
    };
    let cut = |at: usize| format!("{}{KEY}", "x".repeat(at));
    let acts: Vec<Act> = vec![
        Failure::new(400, "invalid_request_error", cut(290)).into(),
        Failure::new(400, &cut(55), "").into(),
        Said::text("").model(&cut(120)).into(),
        Said::text("").stop(&cut(120)).into(),
        Failure::new(400, "invalid_request_error", &echo).into(),
        Failure::new(401, KEY, &echo).code(KEY).into(),
        Failure::overloaded().header("request-id", KEY).into(),
        Failure::overloaded().header("retry-after", KEY).into(),
        Failure::new(418, &echo, &echo).into(),
        Act::Page(302, "text/html", echo.clone().into_bytes()),
        Act::Page(200, "text/html", echo.clone().into_bytes()),
        Act::Bytes(echo.clone().into_bytes()),
        Said::text("").insert(0, event("api_error")).into(),
        Said::text("").insert(1, event(KEY)).into(),
        Said::text("")
            .insert(1, format!("event: {KEY}\ndata: {{\n\n"))
            .into(),
        Said::text(&echo).into(),
        Said::text("").model(KEY).into(),
        Said::text("").stop(KEY).into(),
        Said::text("").tool_call(KEY).into(),
        Said::text("").refusal(Some(KEY), Some(&echo)).into(),
    ];
    for act in acts {
        // As often as it is tried.
        for _ in 0..3 {
            stub.queue(act.clone());
        }
        let outcome = watched(&client, &request("x")).await;
        let shown = format!("{outcome:?} {outcome:#?}");
        assert!(!shown.contains(&KEY[..8]), "{act:?}: {shown}");
        if let Err(error) = &outcome.0 {
            assert!(!error.to_string().contains(KEY), "{act:?}");
        }
        // What is left of it.
        while watched(&client, &request("x")).await.0.is_err() {}
    }
    let logged = log.0.lock().unwrap().clone();
    assert!(
        logged.contains("an answer of the provider"),
        "the log is empty: {logged}"
    );
    assert!(!logged.contains(&KEY[..8]), "{logged}");
}

#[tokio::test]
async fn the_key_is_in_its_header_and_in_no_other_place() {
    let stub = Stub::start();
    let secret = || Secret::new(KEY).unwrap();
    for (credential, header, value) in [
        (Credential::ApiKey(secret()), "x-api-key", KEY.to_owned()),
        (
            Credential::Bearer(secret()),
            "authorization",
            format!("Bearer {KEY}"),
        ),
    ] {
        let client = Anthropic::new(Options {
            credential,
            ..options(&stub)
        });
        let client = client.unwrap();
        watched(&client, &request("x")).await.0.unwrap();
        client.model_info(MODEL).await.unwrap();
        client.count_tokens(&request("x")).await.unwrap();
        for mut sent in stub.requests().split_off(stub.requests().len() - 3) {
            assert_eq!(sent.headers.remove(header), Some(value.clone()));
            assert_eq!(sent.headers["anthropic-version"], "2026-10-21");
            assert!(!format!("{sent:?}").contains(KEY));
            assert!(!String::from_utf8_lossy(&sent.body).contains(KEY));
        }
        // What a library that logs requests would print.
        let printed = format!("{:?}", client.get("/v1/models/x"));
        assert!(!printed.contains(KEY), "{printed}");
    }
}

#[test]
fn options_may_be_printed() {
    let options = Options {
        base_url: Address::new("https://api.anthropic.com").unwrap(),
        credential: Credential::ApiKey(Secret::new(KEY).unwrap()),
        proxy: Some(Secret::new("http://me:hunter2hunter2@proxy").unwrap()),
        limits: Default::default(),
        seed: 1,
    };
    let printed = format!("{options:?} {options:#?}");
    assert!(
        printed.contains("api.anthropic.com") && !printed.contains(KEY),
        "{printed}"
    );
}

/// A proxy's address may have a password in it, and an address that is none may be a key.
#[test]
fn what_cannot_be_used_is_not_repeated() {
    let stub = Stub::start();
    let made = Anthropic::new(Options {
        proxy: Some(Secret::new("http://me:hunter2hunter2@[").unwrap()),
        ..options(&stub)
    });
    let error = made.err().unwrap();
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    let error = Address::new(KEY).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(KEY));
}
