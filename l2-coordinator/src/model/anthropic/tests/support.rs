//! A client of a stub, and requests for it.

use std::sync::Mutex;
use std::time::Duration;

use crate::model::anthropic::{Anthropic, Credential, Options};
use crate::model::wire::{Address, Limits, Secret};
use crate::model::{Model as _, ModelError, ModelReply, ModelRequest, Progress, Role, Turn};
use crate::testing::stub_api::{KEY, Stub};

/// The newest model of the sheet.
pub(super) const MODEL: &str = "claude-opus-5-5";

/// Options for a stub: short waits, a known seed.
pub(super) fn options(stub: &Stub) -> Options {
    Options {
        base_url: Address::new(&stub.base_url()).unwrap(),
        credential: Credential::ApiKey(Secret::new(KEY).unwrap()),
        proxy: None,
        limits: Limits {
            first_delay: Duration::from_millis(1),
            longest_delay: Duration::from_millis(2),
            ..Limits::default()
        },
        seed: 7,
    }
}

pub(super) fn client(stub: &Stub) -> Anthropic {
    Anthropic::new(options(stub)).unwrap()
}

/// A small request.
pub(super) fn request(text: &str) -> ModelRequest {
    ModelRequest {
        model: MODEL.to_owned(),
        system: "You plan.".to_owned(),
        messages: vec![user(text)],
        schema: None,
        max_tokens: 16_000,
        effort: None,
    }
}

pub(super) fn user(text: &str) -> Turn {
    Turn {
        role: Role::User,
        text: text.to_owned(),
    }
}

/// What came of one call of this client, and what was told meanwhile.
pub(super) async fn watched(
    client: &Anthropic,
    request: &ModelRequest,
) -> (Result<ModelReply, ModelError>, Vec<Progress>) {
    let told = Mutex::new(Vec::new());
    let reply = client
        .call(request, &|progress| told.lock().unwrap().push(progress))
        .await;
    (reply, told.into_inner().unwrap())
}

/// What came of one call.
pub(super) async fn call(stub: &Stub, text: &str) -> Result<ModelReply, ModelError> {
    watched(&client(stub), &request(text)).await.0
}
