//! What a model answered, in words of no provider.

use protocol::budget::{Usage, Used};
use protocol::policy::Finding;
use serde::{Deserialize, Serialize};

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelReply {
    /// Its text, all text blocks together; thinking is not kept.
    pub text: String,
    /// Why it ended. Only the text of [`Stop::End`] is whole.
    pub stop: Stop,
    /// What it used, by model: a provider may ask more than one.
    pub used: Vec<Used>,
    /// The model that answered, as it calls itself.
    pub model: String,
    /// The provider's id of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The provider's id of the request, for its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Names of tools it wanted to call though it was offered none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<String>,
    /// What is worth a remark, such as actions that were denied to it. Changes nothing by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// Why a reply ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Stop {
    /// It was done.
    End,
    /// It reached the most tokens it was given: cut.
    MaxTokens,
    /// The context is full: cut.
    ContextFull,
    /// It declined.
    Refusal {
        /// The provider's word for why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        category: Option<String>,
        /// The provider's sentence.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        explanation: Option<String>,
    },
    /// It wanted a tool, and was offered none.
    ToolUse,
    /// It paused and wants to be asked again with what it said; nothing of ours lets it.
    Paused,
    /// A reason this build does not know.
    Other {
        /// The provider's word.
        word: String,
    },
}

impl ModelReply {
    /// All its tokens.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let all = self.used.iter().map(|used| used.usage);
        all.fold(Usage::default(), Usage::plus)
    }
}
