//! What a model is asked, in words of no provider.

use protocol::digest::{CanonicalError, Digest};
use protocol::plan::Effort;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Largest request, as canonical JSON; providers refuse more than 32 MB.
pub const MAX_REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of a refused reply that go back with what is wrong about it.
const MAX_ECHO_BYTES: usize = 64 * 1024;

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

impl Turn {
    /// What we say.
    #[must_use]
    pub const fn user(text: String) -> Self {
        Self {
            role: Role::User,
            text,
        }
    }
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
    /// Puts a refused reply, and what is said about it, behind the conversation.
    pub(crate) fn send_back(&mut self, said: &str, repair: String) {
        let text = echo(said);
        if text.is_empty() {
            // Providers refuse an empty turn, and two of one speaker after each other.
            let last = self.messages.last_mut();
            let last = last.expect("a conversation begins with a question");
            last.text.push_str("\n\n");
            last.text.push_str(&repair);
            return;
        }
        let said = Turn {
            role: Role::Assistant,
            text,
        };
        self.messages.extend([said, Turn::user(repair)]);
    }

    /// The digest that recordings and journals know it by: domain `model-request/v1`.
    ///
    /// # Errors
    /// The schema holds a fraction, which has no canonical form.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        Digest::of_canonical("model-request/v1", self)
    }
}

fn echo(text: &str) -> String {
    let text = text.trim();
    if text.len() <= MAX_ECHO_BYTES {
        return text.to_owned();
    }
    let kept = &text[..text.floor_char_boundary(MAX_ECHO_BYTES)];
    format!("{kept}\n[{} more bytes]", text.len() - kept.len())
}
