//! What a client is made of.

use crate::model::wire::{Address, Limits, Secret};

/// Where Claude is unless told otherwise.
pub const DEFAULT_BASE_URL: &str = "https://api.anthropic.com";

/// Everything a client needs; it reads nothing from anywhere else.
#[derive(Clone, Debug)]
pub struct Options {
    /// Root of the interface, without `/v1`. Plain HTTP is used if it says so, which on the way to
    /// another machine shows the key to all between; see [`Address::is_open`].
    pub base_url: Address,
    /// Who asks.
    pub credential: Credential,
    /// URL of an HTTP proxy; none is used unless given here. It may hold a password.
    pub proxy: Option<Secret>,
    /// Times and tries.
    pub limits: Limits,
    /// Seed of the waits between tries.
    pub seed: u64,
}

/// One of two forms; never both are sent. Its debug form shows no key.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Sent as `x-api-key`.
    ApiKey(Secret),
    /// Sent as `authorization: Bearer`.
    Bearer(Secret),
}

impl Credential {
    /// The text that must not show up anywhere.
    pub(super) fn secret(&self) -> &Secret {
        match self {
            Self::ApiKey(secret) | Self::Bearer(secret) => secret,
        }
    }

    /// Name and value of its header.
    pub(super) fn header(&self) -> (&'static str, String) {
        match self {
            Self::ApiKey(key) => ("x-api-key", key.expose().to_owned()),
            Self::Bearer(token) => ("authorization", format!("Bearer {}", token.expose())),
        }
    }
}
