//! Counting tokens, and looking at a model.

use super::support::{MODEL, client, options, request};
use crate::model::anthropic::{Anthropic, Credential, ModelInfo, Options};
use crate::model::{ErrorKind, Secret, estimate_prompt};
use crate::testing::stub_api::{Failure, Stub};

#[tokio::test]
async fn a_prompt_is_counted_without_a_reply() {
    let stub = Stub::start();
    let asked = request("count me");
    let tokens = client(&stub).count_tokens(&asked).await.unwrap();
    let sent = &stub.requests()[0];
    assert_eq!(sent.path, "/v1/messages/count_tokens");
    assert_eq!(tokens, sent.body.len() as u64 / 3);
    assert!(estimate_prompt(&asked) > 0);
}

#[tokio::test]
async fn a_model_is_known_or_not() {
    let stub = Stub::start();
    let client = client(&stub);
    let wanted = ModelInfo {
        id: MODEL.to_owned(),
        display_name: Some(MODEL.to_owned()),
        lifecycle: Some("active".to_owned()),
        max_input_tokens: Some(1_000_000),
        max_tokens: Some(128_000),
        structured_outputs: Some(true),
        effort: Some(true),
    };
    assert_eq!(client.model_info(MODEL).await, Ok(wanted));
    let error = client.model_info("claude-opus-9").await.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::Fatal, Some(404)));
    let asked = stub.requests().len();
    for wrong in [
        "",
        "..",
        ".",
        "a/b",
        "a?b",
        "a b",
        "a%2f",
        "ä",
        &"x".repeat(200),
    ] {
        let error = client.model_info(wrong).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "{wrong}");
    }
    assert_eq!(stub.requests().len(), asked, "no such name is sent");
}

#[tokio::test]
async fn a_lookup_fails_and_is_tried_again_as_a_call_is() {
    let stub = Stub::start();
    stub.queue_lookup(Failure::overloaded());
    assert!(client(&stub).model_info(MODEL).await.is_ok());
    assert_eq!(stub.requests().len(), 2);
    stub.queue_lookup(Failure::spend_limit("enforced_spend_limit_reached"));
    let error = client(&stub).count_tokens(&request("x")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Fatal);
    assert_eq!(stub.requests().len(), 3);
}

#[tokio::test]
async fn a_wrong_key_is_seen_by_a_lookup() {
    let stub = Stub::start();
    let client = Anthropic::new(Options {
        credential: Credential::ApiKey(Secret::new("sk-of-somebody-else").unwrap()),
        ..options(&stub)
    });
    let error = client.unwrap().model_info(MODEL).await.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::Fatal, Some(401)));
    assert!(error.help.unwrap().contains("key"));
}
