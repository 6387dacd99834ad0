//! The lines of a cassette. Long texts have a line of their own and are named by their digest, so
//! that a prompt that is the same in a hundred calls is kept once.

use std::collections::HashMap;
use std::time::Duration;

use protocol::budget::{CacheUse, Used};
use protocol::digest::Digest;
use protocol::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Effort, ErrorKind, ModelError, ModelReply, ModelRequest, Role, Turn};

/// What a cassette says it is.
pub(super) const SCHEMA: &str = "orchestra.cassette/v1";
/// Bytes from which on a text has a line of its own.
const LONG: usize = 200;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) schema: String,
    /// Who answered.
    pub(super) provider: String,
    /// How its prompts are cached, which decides what is set aside for a call.
    #[serde(default = "no_cache", skip_serializing_if = "is_no_cache")]
    pub(super) cache: CacheUse,
    /// When; nothing depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recorded_at: Option<Timestamp>,
    /// No model gave these replies.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) fixture: bool,
}

const fn no_cache() -> CacheUse {
    CacheUse::None
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_no_cache(cache: &CacheUse) -> bool {
    *cache == CacheUse::None
}

/// Every further line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Line {
    /// A long text, before the first call that holds it.
    Text {
        /// SHA-256 of it, as it was asked.
        digest: Digest,
        /// The text, without what is secret.
        text: String,
    },
    /// One call.
    Call(Box<Call>),
}

/// A request and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    /// Digest of the canonical request: what it is matched by.
    pub(super) request: Digest,
    /// The model that was asked.
    pub(super) model: String,
    pub(super) max_tokens: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) effort: Option<Effort>,
    pub(super) system: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) schema: Option<Text>,
    pub(super) messages: Vec<Message>,
    /// What it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reply: Option<ModelReply>,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<KeptError>,
}

/// A text: itself, or the digest of a line before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<Digest>,
}

/// One turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    pub(super) role: Role,
    pub(super) content: Text,
}

/// A [`ModelError`] as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptError {
    kind: ErrorKind,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used: Option<Vec<Used>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_bound: bool,
}

impl From<&ModelError> for KeptError {
    fn from(error: &ModelError) -> Self {
        let error = error.clone();
        Self {
            kind: error.kind,
            message: error.message,
            help: error.help,
            status: error.status,
            code: error.code,
            request_id: error.request_id,
            retry_after: error.retry_after,
            used: error.used,
            is_bound: error.is_bound,
        }
    }
}

impl From<KeptError> for ModelError {
    fn from(kept: KeptError) -> Self {
        Self {
            kind: kept.kind,
            message: kept.message,
            help: kept.help,
            status: kept.status,
            code: kept.code,
            request_id: kept.request_id,
            retry_after: kept.retry_after,
            used: kept.used,
            is_bound: kept.is_bound,
        }
    }
}

/// Cuts a call into lines: the texts that are new and long, then the call.
pub(super) fn lines(
    digest: Digest,
    request: &ModelRequest,
    outcome: &Result<ModelReply, ModelError>,
    is_known: impl Fn(&Digest) -> bool,
) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut text = |text: String| {
        if text.len() < LONG {
            return Text {
                text: Some(text),
                digest: None,
            };
        }
        let digest = Digest::of(text.as_bytes());
        let is_new = !is_known(&digest);
        let line = Line::Text { digest, text };
        if is_new && !lines.contains(&line) {
            lines.push(line);
        }
        Text {
            text: None,
            digest: Some(digest),
        }
    };
    let system = text(request.system.clone());
    let schema = request.schema.as_ref();
    let schema = schema.map(|schema| text(schema.to_string()));
    let turns = request.messages.iter();
    let messages = turns
        .map(|turn| Message {
            role: turn.role,
            content: text(turn.text.clone()),
        })
        .collect();
    let call = Call {
        request: digest,
        model: request.model.clone(),
        max_tokens: request.max_tokens,
        effort: request.effort,
        system,
        schema,
        messages,
        reply: outcome.as_ref().ok().cloned(),
        error: outcome.as_ref().err().map(KeptError::from),
    };
    lines.push(Line::Call(Box::new(call)));
    lines
}

/// A request as far as a cassette kept it: what is compared on a miss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeptRequest {
    pub(super) model: String,
    pub(super) max_tokens: u32,
    pub(super) effort: Option<Effort>,
    pub(super) system: String,
    pub(super) schema: Option<String>,
    pub(super) messages: Vec<Turn>,
}

impl KeptRequest {
    /// As it would be kept.
    pub(super) fn of(request: &ModelRequest) -> Self {
        Self {
            model: request.model.clone(),
            max_tokens: request.max_tokens,
            effort: request.effort,
            system: request.system.clone(),
            schema: request.schema.as_ref().map(ToString::to_string),
            messages: request.messages.clone(),
        }
    }

    /// Of a call, its texts looked up. `None` if one of them has no line.
    pub(super) fn read(call: &Call, texts: &HashMap<Digest, String>) -> Option<Self> {
        let look = |text: &Text| match (&text.text, &text.digest) {
            (Some(text), None) => Some(text.clone()),
            (None, Some(digest)) => texts.get(digest).cloned(),
            _ => None,
        };
        let turn = |message: &Message| {
            Some(Turn {
                role: message.role,
                text: look(&message.content)?,
            })
        };
        Some(Self {
            model: call.model.clone(),
            max_tokens: call.max_tokens,
            effort: call.effort,
            system: look(&call.system)?,
            schema: match &call.schema {
                Some(schema) => Some(look(schema)?),
                None => None,
            },
            messages: call.messages.iter().map(turn).collect::<Option<_>>()?,
        })
    }
}
