//! The seam: who can be asked.

use async_trait::async_trait;
use protocol::budget::CacheUse;

use super::error::ModelError;
use super::reply::ModelReply;
use super::request::ModelRequest;

/// How far a call is, for people who wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The provider began to answer; tokens of the prompt, as far as it said.
    Began {
        /// Prompt tokens, all classes.
        prompt: u64,
    },
    /// Bytes of text that came so far.
    Text {
        /// Bytes.
        bytes: u64,
    },
    /// It will be tried again.
    Waiting {
        /// Number of the try to come, from 2.
        next: u32,
        /// Milliseconds until then.
        delay_ms: u64,
    },
}

/// Who answers requests. Implementations hold keys and addresses; requests do not. A call that is
/// dropped is cancelled, and leaves no process and no connection.
#[async_trait]
pub trait Model: Send + Sync {
    /// Its provider's name, as telemetry and reports call it: `anthropic`, `openai`, `claude-code`,
    /// `scripted`.
    fn provider(&self) -> &'static str;

    /// How long its provider is asked to keep prompts at most, which decides what they may cost.
    fn cache(&self) -> CacheUse {
        CacheUse::None
    }

    /// Whether its replies were written by hand: they are fixtures, never recordings.
    fn is_fixture(&self) -> bool {
        false
    }

    /// One request, one reply. Repeats by itself only what [`ModelError::may_repeat`].
    ///
    /// # Errors
    /// There is no reply.
    async fn call(
        &self,
        request: &ModelRequest,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ModelReply, ModelError>;
}
