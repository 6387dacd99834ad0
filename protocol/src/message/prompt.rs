//! What a task with `prompt` goes out with: a question with all its values, and by digest the files that
//! the model gets to see. Read in the coordinator's own process, by its own worker of such tasks.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::{Effort, Parse, Tier};

use super::task::FileSource;

/// A question to a model, ready to be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct PromptMessage {
    /// What is asked.
    pub text: String,
    /// What the model gets to see beside it, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<ContextItem>,
    /// Most tokens of all that together, where the task says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u32>,
    /// JSON Schema that the reply has to match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// How the reply is read.
    pub parse: Parse,
    /// Which of the user's models is asked.
    pub tier: Tier,
    /// Most tokens of the reply, where the task says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// How hard to think, where the task says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// What is tried once when that comes to nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<FallbackMessage>,
}

/// One piece of what a model gets to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct ContextItem {
    /// What it is, as the plan names it: `tasks.list[2].artifacts.notes`.
    pub label: String,
    /// Where it is.
    pub source: ContextSource,
}

/// Where a piece of context comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ContextSource {
    /// A value: text as it is, any other as JSON.
    Text {
        /// It.
        text: String,
    },
    /// A file, or all files of a directory.
    File {
        /// As it is staged for programs; digests are verified while reading.
        source: FileSource,
    },
}

/// Another question, another model, or both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct FallbackMessage {
    /// What is asked; the same unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Who is asked.
    pub tier: Tier,
}
