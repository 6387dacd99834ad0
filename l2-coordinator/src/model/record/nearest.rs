//! Which recorded request comes closest to one that was not recorded, and where the two differ.

use super::line::KeptRequest;
use crate::model::Role;

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Model,
    System,
    Schema,
    Messages,
    MaxTokens,
    Effort,
}

impl Part {
    /// What says most about the cause comes first.
    const ALL: [Self; 6] = [
        Self::Model,
        Self::System,
        Self::Schema,
        Self::Messages,
        Self::MaxTokens,
        Self::Effort,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::System => "system",
            Self::Schema => "schema",
            Self::Messages => "messages",
            Self::MaxTokens => "max_tokens",
            Self::Effort => "effort",
        }
    }

    fn is_same(self, one: &KeptRequest, other: &KeptRequest) -> bool {
        match self {
            Self::Model => one.model == other.model,
            Self::System => one.system == other.system,
            Self::Schema => one.schema == other.schema,
            Self::Messages => one.messages == other.messages,
            Self::MaxTokens => one.max_tokens == other.max_tokens,
            Self::Effort => one.effort == other.effort,
        }
    }

    /// The part as text, for a diff.
    pub(super) fn text(self, of: &KeptRequest) -> String {
        match self {
            Self::Model => of.model.clone(),
            Self::System => of.system.clone(),
            Self::Schema => of.schema.clone().unwrap_or_default(),
            Self::Messages => {
                let turns = of.messages.iter();
                let turns = turns.map(|turn| format!("[{}]\n{}\n", word(turn.role), turn.text));
                turns.collect()
            }
            Self::MaxTokens => of.max_tokens.to_string(),
            Self::Effort => of.effort.map_or("", |effort| effort.as_str()).to_owned(),
        }
    }
}

/// The parts that differ.
pub(super) fn changed(one: &KeptRequest, other: &KeptRequest) -> Vec<Part> {
    let all = Part::ALL.into_iter();
    all.filter(|part| !part.is_same(one, other)).collect()
}

/// How much two requests have in common: fewest parts that differ, then the longest beginning of the
/// messages, then of the system prompt.
pub(super) fn closeness(one: &KeptRequest, other: &KeptRequest) -> (usize, usize, usize, usize) {
    let same = Part::ALL.len() - changed(one, other).len();
    let turns = one.messages.iter().zip(&other.messages);
    let same_turns = turns.clone().take_while(|(a, b)| a == b).count();
    let in_next = turns
        .clone()
        .nth(same_turns)
        .map_or(0, |(a, b)| common(&a.text, &b.text));
    (
        same,
        same_turns,
        in_next,
        common(&one.system, &other.system),
    )
}

const fn word(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

fn common(one: &str, other: &str) -> usize {
    let pairs = one.bytes().zip(other.bytes());
    pairs.take_while(|(a, b)| a == b).count()
}
