//! What a model is asked, in words of no provider.

use protocol::digest::{CanonicalError, Digest};
use protocol::plan::Effort;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Largest request, as canonical JSON; providers refuse more than 32 MB.
pub const MAX_REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// One question. Everything that can change the answer is in it, and nothing else: no time, no id, no
/// key, so that equal questions are equal bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRequest {
    /// Name of the model, as its provider spells it.
    pub model: String,
    /// What stays the same between many requests: the prefix that a provider may cache.
    pub system: String,
    /// The conversation: begins and ends with [`Role::User`].
    pub messages: Vec<Turn>,
    /// JSON Schema that the reply's text has to match, in the subset that providers take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// Most tokens of the reply, thinking included.
    pub max_tokens: u32,
    /// How hard to think; the model's own default unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Who said it.
    pub role: Role,
    /// What.
    pub text: String,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// We.
    User,
    /// The model.
    Assistant,
}

impl ModelRequest {
    /// The digest that recordings and journals know it by: domain `model-request/v1`.
    ///
    /// # Errors
    /// The schema holds a fraction, which has no canonical form.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        Digest::of_canonical("model-request/v1", self)
    }
}
