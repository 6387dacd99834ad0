//! What a client is made of.

use crate::model::wire::{Address, Limits, Secret};

/// Where OpenAI is.
pub const DEFAULT_BASE_URL: &str = "https://api.openai.com/v1";

/// Everything a client needs; it reads nothing from anywhere else.
#[derive(Clone, Debug)]
pub struct Options {
    /// Root of the interface, with its `/v1`: `http://localhost:11434/v1` is an Ollama at home.
    pub base_url: Address,
    /// Sent as `authorization: Bearer`; servers at home want none.
    pub key: Option<Secret>,
    /// URL of an HTTP proxy; none is used unless given here. It may hold a password.
    pub proxy: Option<Secret>,
    /// Times and tries.
    pub limits: Limits,
    /// Seed of the waits between tries.
    pub seed: u64,
    /// How the longest reply is told.
    pub length: LengthField,
}

/// The name of the field for the most tokens of a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LengthField {
    /// Of today's interface.
    #[default]
    MaxCompletionTokens,
    /// Of the first one, which some servers still have only.
    MaxTokens,
}

impl LengthField {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxTokens => "max_tokens",
        }
    }
}
