//! Types of inputs and outputs, and where a task runs.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::limits::MAX_INTEGER;

macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $name {
            /// Every word, for messages and schemas.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word people write.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The type of a word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

/// The type of a scenario's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum InputType {
    /// Text.
    String,
    /// A whole number.
    Int,
    /// `true` or `false`.
    Bool,
    /// A list of texts.
    List,
    /// A path, made absolute.
    Path,
}
words!(InputType { String = "string", Int = "int", Bool = "bool", List = "list", Path = "path" });

/// The type of a task's output, written by the task as a line `name=value` of `$ORCHESTRA_OUTPUT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OutputType {
    /// The text after `=`.
    String,
    /// A whole number.
    Int,
    /// `true` or `false`.
    Bool,
    /// A JSON array.
    List,
    /// Any JSON value without fractions.
    Json,
}
words!(OutputType { String = "string", Int = "int", Bool = "bool", List = "list", Json = "json" });

impl OutputType {
    /// Reads what a task wrote.
    ///
    /// # Errors
    /// The text is not of this type; the message completes "output `x` ".
    pub fn parse(self, text: &str) -> Result<Value, String> {
        let shown = || text.chars().take(40).collect::<String>();
        match self {
            Self::String => Ok(Value::String(text.to_owned())),
            Self::Int => whole_number(text)
                .map(Value::from)
                .ok_or_else(|| format!("is not a whole number: `{}`", shown())),
            Self::Bool => match text {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err(format!("is neither `true` nor `false`: `{}`", shown())),
            },
            Self::List | Self::Json => {
                let value: Value = serde_json::from_str(text)
                    .map_err(|_| format!("is not JSON: `{}`", shown()))?;
                if self == Self::List && !value.is_array() {
                    return Err(format!("is not a JSON array: `{}`", shown()));
                }
                Ok(value)
            }
        }
    }
}

/// A decimal integer without sign of its base, leading zeros or a plus, at most 2^53 - 1.
#[must_use]
pub(crate) fn whole_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'))
        && text != "-0";
    let number: i64 = if plain {
        text.parse().ok()?
    } else {
        return None;
    };
    (number.abs() <= MAX_INTEGER).then_some(number)
}

/// Where an attempt runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Workspace {
    /// A fresh, empty directory for every attempt.
    #[default]
    Scratch,
    /// The scenario's own tree, shared with every other task there.
    Project,
}
words!(Workspace { Scratch = "scratch", Project = "project" });

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn outputs_are_read_by_type() {
        let ok = |kind: OutputType, text: &str| kind.parse(text).unwrap();
        assert_eq!(ok(OutputType::String, " 010 "), json!(" 010 "));
        assert_eq!(ok(OutputType::Int, "-7"), json!(-7));
        assert_eq!(ok(OutputType::Bool, "false"), json!(false));
        assert_eq!(ok(OutputType::List, "[1,\"a\"]"), json!([1, "a"]));
        assert_eq!(ok(OutputType::Json, "{\"a\":null}"), json!({"a": null}));
        for (kind, text) in [
            (OutputType::Int, "010"),
            (OutputType::Int, "+1"),
            (OutputType::Int, "1.0"),
            (OutputType::Int, "9007199254740992"),
            (OutputType::Int, "-0"),
            (OutputType::Int, ""),
            (OutputType::Bool, "yes"),
            (OutputType::List, "{}"),
            (OutputType::Json, "{"),
        ] {
            assert!(kind.parse(text).is_err(), "{kind} {text}");
        }
    }

    #[test]
    fn words_round_trip() {
        for word in InputType::WORDS {
            assert_eq!(InputType::from_word(word).unwrap().as_str(), *word);
        }
        for word in OutputType::WORDS {
            assert_eq!(OutputType::from_word(word).unwrap().as_str(), *word);
        }
        assert_eq!(InputType::from_word("integer"), None);
    }
}
