//! What a task with `prompt` asks a model: the words of it, and the checked form. Which model answers a
//! tier is the user's own setting; no plan names a model, a provider or a key.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::expr::{ArtifactField, Target, Template};
use crate::ids::TaskId;

/// A task's question to a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// What is asked.
    pub text: Template,
    /// What the model gets to see beside it, in this order.
    pub context: Box<[ContextRef]>,
    /// Most tokens of all that together, where the task says so.
    pub context_tokens: Option<u32>,
    /// JSON Schema that the reply has to match, in the subset that providers take.
    pub schema: Option<Value>,
    /// How the reply is read.
    pub parse: Parse,
    /// Who is asked, and how.
    pub model: ModelChoice,
    /// What is tried when that comes to nothing.
    pub fallback: Option<Fallback>,
}

impl Prompt {
    /// How a reply is read where the task does not say: what has a schema is JSON.
    #[must_use]
    pub const fn default_parse(has_schema: bool) -> Parse {
        if has_schema { Parse::Json } else { Parse::Text }
    }
}

/// An unchecked piece of what a model gets to see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftContext {
    /// Whether it is the file that an input of type `path` names, and not its path.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub file: bool,
    /// A whole reference, with or without `${{ }}`: `tasks.ID.artifacts.NAME`, `tasks.ID.outputs.NAME` or
    /// `inputs.NAME`.
    #[serde(rename = "ref")]
    pub reference: String,
}

/// What a model gets to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextRef {
    /// An artifact of a task before this one; of a repeated task, that of every item.
    Artifact {
        /// The task.
        task: TaskId,
        /// Its artifact.
        name: Box<str>,
    },
    /// An output of a task before this one; of a repeated task, the list of all.
    Output {
        /// The task.
        task: TaskId,
        /// Its output.
        name: Box<str>,
    },
    /// The value of an input.
    Input {
        /// The input.
        name: Box<str>,
    },
    /// The file or directory that an input of type `path` names.
    File {
        /// The input.
        name: Box<str>,
    },
}

impl ContextRef {
    /// What a draft names, if that is a model's to see.
    #[must_use]
    pub fn of(draft: &DraftContext) -> Option<Self> {
        let written = &draft.reference;
        let whole = match written.contains("${{") {
            true => Template::new(written.as_str()),
            false => Template::new(format!("${{{{ {written} }}}}")),
        };
        match (whole.whole_reference()?.target, draft.file) {
            (
                Target::Artifact {
                    task,
                    name,
                    field: ArtifactField::Whole,
                },
                false,
            ) => Some(Self::Artifact {
                task: task.parse().ok()?,
                name: name.into(),
            }),
            (Target::Output { task, name }, false) => Some(Self::Output {
                task: task.parse().ok()?,
                name: name.into(),
            }),
            (Target::Input { name }, false) => Some(Self::Input { name: name.into() }),
            (Target::Input { name }, true) => Some(Self::File { name: name.into() }),
            _ => None,
        }
    }

    /// The input whose file it is, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::File { name } => Some(name),
            Self::Artifact { .. } | Self::Output { .. } | Self::Input { .. } => None,
        }
    }

    /// The form it is written in.
    pub(super) fn draft(&self) -> DraftContext {
        DraftContext {
            file: matches!(self, Self::File { .. }),
            reference: self.to_string(),
        }
    }
}

impl fmt::Display for ContextRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Artifact { task, name } => write!(f, "tasks.{task}.artifacts.{name}"),
            Self::Output { task, name } => write!(f, "tasks.{task}.outputs.{name}"),
            Self::Input { name } | Self::File { name } => write!(f, "inputs.{name}"),
        }
    }
}

/// How a reply is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Parse {
    /// As it is.
    Text,
    /// One JSON value.
    Json,
    /// The one code block in it, of this language if one is named.
    CodeBlock(Option<String>),
}

impl Parse {
    /// The words that stand alone.
    pub const WORDS: &'static [&'static str] = &["text", "json", "code_block"];

    /// What a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            "code_block" => Some(Self::CodeBlock(None)),
            _ => None,
        }
    }
}

impl fmt::Display for Parse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Json => f.write_str("json"),
            Self::CodeBlock(None) => f.write_str("code_block"),
            Self::CodeBlock(Some(lang)) => write!(f, "code_block {lang}"),
        }
    }
}

/// Which of the user's models is asked.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// The quick and cheap one: setting `model_fast`.
    Fast,
    /// The one that plans, too: setting `model`.
    #[default]
    Smart,
}

impl Tier {
    /// Every word.
    pub const WORDS: &'static [&'static str] = &["fast", "smart"];

    /// The word people write.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Smart => "smart",
        }
    }

    /// What a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "fast" => Some(Self::Fast),
            "smart" => Some(Self::Smart),
            _ => None,
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How hard a model thinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Least.
    Low,
    /// Less.
    Medium,
    /// Much.
    High,
    /// More.
    Xhigh,
    /// Most.
    Max,
}

impl Effort {
    /// Every word.
    pub const WORDS: &'static [&'static str] = &["low", "medium", "high", "xhigh", "max"];

    /// The word providers and people use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// What a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "low" => Some(Self::Low),
            "medium" => Some(Self::Medium),
            "high" => Some(Self::High),
            "xhigh" => Some(Self::Xhigh),
            "max" => Some(Self::Max),
            _ => None,
        }
    }
}

/// Who is asked, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelChoice {
    /// Which of the user's models.
    #[serde(default)]
    pub tier: Tier,
    /// Most tokens of the reply, thinking included; the user's setting unless given.
    #[serde(default)]
    pub max_tokens: Option<u32>,
    /// How hard to think; the user's setting unless given.
    #[serde(default)]
    pub effort: Option<Effort>,
}

/// What is tried once when no reply fits, or the model cannot be had: another prompt, another model, or
/// both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// What is asked instead; the same unless given.
    #[serde(default)]
    pub prompt: Option<Template>,
    /// Who is asked instead; the same unless given.
    #[serde(default)]
    pub tier: Option<Tier>,
}
