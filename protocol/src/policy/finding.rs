//! What a policy has to say about a plan or an attempt.

use serde::{Deserialize, Serialize};

use crate::ids::TaskId;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FindingSeverity {
    /// Worth knowing.
    Info,
    /// It exceeds the policy, and a person approved exactly that.
    Granted,
    /// Worth a look; the run goes on.
    Warning,
    /// What it is about does not start, or did not work.
    Refused,
}

impl FindingSeverity {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Granted => "granted",
            Self::Warning => "warning",
            Self::Refused => "refused",
        }
    }
}

/// One thing a policy has to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct Finding {
    /// Stable id, kebab-case: `program-not-allowed`.
    pub code: String,
    /// How much it weighs.
    pub severity: FindingSeverity,
    /// One line, escaped.
    pub message: String,
    /// The task it is about; absent for the whole plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// What the person could change, one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggested_fix: Option<String>,
}

impl Finding {
    /// With what the person could change.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.suggested_fix = Some(fix.into());
        self
    }
}

/// A foreign text made safe for a message: one line, at most `max` characters, every gap and all that
/// moves a cursor or is not seen one space.
#[must_use]
pub fn one_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    let mut count = 0;
    // Looked at far enough to fill the line, however much of it is gaps.
    for c in text.chars().take(max.saturating_mul(4)) {
        let is_gap = c.is_whitespace() || c.is_control() || is_unseen(c);
        if is_gap && (line.is_empty() || line.ends_with(' ')) {
            continue;
        }
        if count == max {
            line.pop();
            line.push('…');
            return line;
        }
        line.push(if is_gap { ' ' } else { c });
        count += 1;
    }
    line.truncate(line.trim_end().len());
    line
}

/// Marks that join, order or hide letters: soft hyphens, zero widths, directions, tags.
pub(super) const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_becomes_one_short_line() {
        for (text, line) in [
            ("plain", "plain"),
            ("  a\r\n\tb  ", "a b"),
            ("\u{1b}[1mred\u{1b}[0m", "[1mred [0m"),
            ("a\u{202e}b\u{e0041}", "a b"),
            ("", ""),
            ("äöü-12345678", "äöü-12345…"),
            ("äöü-123456", "äöü-123456"),
        ] {
            assert_eq!(one_line(text, 10), line, "{text:?}");
        }
    }
}
