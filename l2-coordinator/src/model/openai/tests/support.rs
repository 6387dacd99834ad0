//! A client of a stub, and requests for it.

use std::sync::Mutex;
use std::time::Duration;

use crate::model::openai::{LengthField, OpenAi, Options};
use crate::model::wire::{Address, Limits, Secret};
use crate::model::{Model as _, ModelError, ModelReply, ModelRequest, Progress, Role, Turn};
use crate::testing::stub_api::{KEY, Stub};

pub(super) const MODEL: &str = "gpt-stub";

/// Options for a stub: short waits, a known seed.
pub(super) fn options(stub: &Stub) -> Options {
    Options {
        base_url: Address::new(&format!("{}/v1", stub.base_url())).unwrap(),
        key: Some(Secret::new(KEY).unwrap()),
        proxy: None,
        limits: Limits {
            first_delay: Duration::from_millis(1),
            longest_delay: Duration::from_millis(2),
            ..Limits::default()
        },
        seed: 7,
        length: LengthField::default(),
    }
}

/// Options for a server at home.
pub(super) fn local(stub: &Stub) -> Options {
    Options {
        base_url: Address::new(&format!("{}/local/v1", stub.base_url())).unwrap(),
        key: None,
        length: LengthField::MaxTokens,
        ..options(stub)
    }
}

pub(super) fn request(text: &str) -> ModelRequest {
    let user = Turn {
        role: Role::User,
        text: text.to_owned(),
    };
    ModelRequest {
        model: MODEL.to_owned(),
        system: "You plan.".to_owned(),
        messages: vec![user],
        schema: None,
        max_tokens: 16_000,
        effort: None,
    }
}

/// What came of one call, and what was told meanwhile.
pub(super) async fn watched(
    options: Options,
    request: &ModelRequest,
) -> (Result<ModelReply, ModelError>, Vec<Progress>) {
    let told = Mutex::new(Vec::new());
    let client = OpenAi::new(options).unwrap();
    let tell = |progress| told.lock().unwrap().push(progress);
    let reply = client.call(request, &tell).await;
    (reply, told.into_inner().unwrap())
}

/// What came of one call.
pub(super) async fn call(stub: &Stub, text: &str) -> Result<ModelReply, ModelError> {
    watched(options(stub), &request(text)).await.0
}
