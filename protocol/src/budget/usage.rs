//! Tokens of a model call, by what they cost.

use serde::{Deserialize, Serialize};

/// Tokens that a model call used, in disjoint classes: every token is counted once. Providers count
/// differently (one includes cached tokens in its input, another does not); readers of their replies
/// bring it to this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    /// Input that no cache held, and that none was told to hold.
    pub input: u64,
    /// Input written to a cache for five minutes.
    pub cache_write_5m: u64,
    /// Input written to a cache for an hour.
    pub cache_write_1h: u64,
    /// Input read from a cache.
    pub cache_read: u64,
    /// Output, thinking included.
    pub output: u64,
    /// How much of the output was thinking; not added to anything.
    pub thinking: u64,
}

/// Tokens of one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Used {
    /// Its name, as it is priced by.
    pub model: String,
    /// Its tokens.
    pub usage: Usage,
}

impl Usage {
    /// The whole prompt.
    #[must_use]
    pub const fn prompt(&self) -> u64 {
        self.input
            .saturating_add(self.cache_write_5m)
            .saturating_add(self.cache_write_1h)
            .saturating_add(self.cache_read)
    }

    /// Prompt and output: what a budget of tokens counts.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.prompt().saturating_add(self.output)
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            cache_write_5m: self.cache_write_5m.saturating_add(other.cache_write_5m),
            cache_write_1h: self.cache_write_1h.saturating_add(other.cache_write_1h),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            output: self.output.saturating_add(other.output),
            thinking: self.thinking.saturating_add(other.thinking),
        }
    }
}
