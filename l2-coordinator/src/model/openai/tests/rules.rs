//! What is never sent, and what is refused before it is.

use serde_json::json;

use super::support::{local, options, request, watched};
use crate::model::openai::{LengthField, Options};
use crate::model::{ErrorKind, MAX_REQUEST_BYTES, Role, Secret};
use crate::testing::stub_api::Stub;

#[tokio::test]
async fn what_cannot_be_sent_is_not() {
    let stub = Stub::start();
    let mut none = request("x");
    none.messages.clear();
    let mut theirs = request("x");
    theirs.messages[0].role = Role::Assistant;
    let large = request(&"x".repeat(MAX_REQUEST_BYTES));
    for asked in [none, theirs, large] {
        let error = watched(options(&stub), &asked).await.0.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
    }
    assert_eq!(stub.requests().len(), 0);
}

/// The stub is no stub if it takes everything.
#[tokio::test]
async fn the_stub_enforces_its_rules() {
    let stub = Stub::start();
    let wrong_key = Options {
        key: Some(Secret::new("sk-some-other-key").unwrap()),
        ..options(&stub)
    };
    let no_key = Options {
        key: None,
        ..options(&stub)
    };
    let older = Options {
        length: LengthField::MaxTokens,
        ..options(&stub)
    };
    let newer = Options {
        length: LengthField::MaxCompletionTokens,
        ..local(&stub)
    };
    for (options, status) in [(wrong_key, 401), (no_key, 401), (older, 400), (newer, 400)] {
        let error = watched(options, &request("x")).await.0.unwrap_err();
        assert_eq!(error.status, Some(status), "{error}");
    }
    let mut unknown = request("x");
    unknown.model = "gpt-none".to_owned();
    let error = watched(options(&stub), &unknown).await.0.unwrap_err();
    assert_eq!(
        (error.status, error.code.as_deref()),
        (Some(404), Some("model_not_found"))
    );
    let mut odd = request("x");
    odd.schema = Some(json!({"type": "object", "properties": {"a": {"pattern": "x"}}}));
    let error = watched(options(&stub), &odd).await.0.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.message.contains("`pattern`"), "{error}");
}
