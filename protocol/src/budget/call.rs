//! One call of a model as the journal tells it: what was set aside before it, and what it used. Not
//! what was asked or answered; that is a file that the settlement names by its digest.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::money::Money;
use super::usage::{Usage, Used};
use crate::digest::Digest;
use crate::ids::TaskId;
use crate::outcome::Failure;

/// Characters of a provider's id of a request.
const MAX_REQUEST_ID: usize = 128;

/// Number of a call in its run, from 1, in the order of reservations.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct CallId(pub u64);

impl CallId {
    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To plan the scenario's goal.
    Plan,
    /// To plan the goal of one task.
    Goal,
    /// To answer the prompt of one task.
    Prompt,
}

impl Purpose {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Goal => "goal",
            Self::Prompt => "prompt",
        }
    }
}

/// A call is about to be made: the most it may use is set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct Reserved {
    /// The call.
    pub call: CallId,
    /// The task it is for; absent for the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// What it is for.
    pub purpose: Purpose,
    /// How often it was asked to repair its answer before: 0 at first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub round: u32,
    /// The provider's name.
    pub provider: String,
    /// The model's name, as its provider spells it.
    pub model: String,
    /// Digest of the request.
    pub request: Digest,
    /// Tokens of the prompt, estimated from above.
    pub prompt: u64,
    /// Most tokens of the reply.
    pub output: u64,
    /// What they cost at most; absent where the model has no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<Money>,
}

impl Reserved {
    /// All its tokens.
    #[must_use]
    pub const fn tokens(&self) -> u64 {
        self.prompt.saturating_add(self.output)
    }

    /// The settlement of a call that nobody knows the end of: it may have used all of it.
    #[must_use]
    pub fn in_full(&self, failure: Option<Failure>) -> Settled {
        let usage = Usage {
            input: self.prompt,
            output: self.output,
            ..Usage::default()
        };
        let model = self.model.clone();
        Settled {
            call: self.call,
            task: self.task.clone(),
            used: vec![Used { model, usage }],
            usd: self.usd,
            reply: None,
            request_id: None,
            estimated: true,
            fixture: false,
            failure,
        }
    }
}

/// A call is over: what it used, instead of what was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct Settled {
    /// The call.
    pub call: CallId,
    /// The task it was for; absent for the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// Tokens by model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used: Vec<Used>,
    /// What they cost; absent where a model has no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<Money>,
    /// SHA-256 of the file in `calls/` that holds request and reply; absent without a reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Digest>,
    /// The provider's id of the request, for its support: its beginning if it is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Nobody said what it used: this is what was set aside.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    /// The reply was written by hand, for tests and demonstrations: no model gave it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fixture: bool,
    /// Why there is no reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl Settled {
    /// The same, with the provider's id of the request, if it gave one.
    #[must_use]
    pub fn known_as(mut self, request_id: Option<&str>) -> Self {
        let kept = |id: &str| id.chars().take(MAX_REQUEST_ID).collect();
        self.request_id = request_id.map(kept);
        self
    }

    /// All its tokens.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let all = self.used.iter().map(|used| used.usage);
        all.fold(Usage::default(), Usage::plus)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
const fn is_zero(round: &u32) -> bool {
    *round == 0
}
