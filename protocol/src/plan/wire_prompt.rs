//! What a prompt is in the JSON form of a plan: fields in canonical order, absent means default.

use serde::{Serialize, Serializer};

use crate::expr::Template;

use super::prompt::{ContextRef, Effort, Fallback, ModelChoice, Parse, Prompt, Tier};

/// In the order of the task.
pub(super) struct Context<'a>(pub(super) &'a [ContextRef]);

impl Context<'_> {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Context<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(ContextRef::draft))
    }
}

/// How a reply is read, where that does not follow from the rest.
pub(super) fn written_parse(prompt: &Prompt) -> Option<&Parse> {
    let default = Prompt::default_parse(prompt.schema.is_some());
    Some(&prompt.parse).filter(|parse| **parse != default)
}

/// [`ModelChoice`] with its fields in canonical order.
#[derive(Serialize)]
pub(super) struct WireModel {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<Effort>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<Tier>,
}

impl WireModel {
    pub(super) fn new(model: &ModelChoice) -> Option<Self> {
        let ModelChoice {
            tier,
            max_tokens,
            effort,
        } = *model;
        (*model != ModelChoice::default()).then(|| Self {
            effort,
            max_tokens,
            tier: Some(tier).filter(|tier| *tier != Tier::default()),
        })
    }
}

/// [`Fallback`] with its fields in canonical order.
#[derive(Serialize)]
pub(super) struct WireFallback<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<&'a Template>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<Tier>,
}

impl<'a> WireFallback<'a> {
    pub(super) const fn new(fallback: &'a Fallback) -> Self {
        let Fallback { prompt, tier } = fallback;
        Self {
            prompt: prompt.as_ref(),
            tier: *tier,
        }
    }
}
