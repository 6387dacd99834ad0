//! The words of a question to a model: `model`, `parse` and `fallback` of a task with `prompt`.

use crate::plan::{Effort, MAX_REPLY_TOKENS, Parse, Tier};

use super::keys::{Shape, Table};
use super::words::{key, required};

/// `json`, or the long form.
pub(super) const PARSE_SHAPE: Shape = Shape::Either(
    &Shape::Word {
        now: Parse::WORDS,
        later: &[],
    },
    &Shape::Object(&PARSE),
);
/// A path, or the schema itself.
pub(super) const SCHEMA_SHAPE: Shape = Shape::Either(
    &Shape::Text,
    &Shape::MapOf {
        keys: "",
        values: &Shape::Any,
    },
);

const TIER: Shape = Shape::Word {
    now: Tier::WORDS,
    later: &[],
};

/// Who is asked, and how.
pub(super) static MODEL: Table = Table {
    what: "a model",
    keys: &[
        key(
            "tier",
            TIER,
            "Which of your models: `fast` is setting `model_fast`, `smart` is setting `model`; `smart` unless \
             given.",
        ),
        key(
            "max_tokens",
            Shape::Count {
                min: 1,
                max: MAX_REPLY_TOKENS as i64,
            },
            "Most tokens of the reply, thinking included; setting `model_max_tokens` unless given.",
        ),
        key(
            "effort",
            Shape::Word {
                now: Effort::WORDS,
                later: &[],
            },
            "How hard it thinks; setting `model_effort` unless given.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        ("name", TIER_ONLY),
        ("model", TIER_ONLY),
        ("provider", TIER_ONLY),
        ("url", TIER_ONLY),
        (
            "key",
            "remove it: keys are settings of whoever starts the run",
        ),
        (
            "api_key",
            "remove it: keys are settings of whoever starts the run",
        ),
        ("temperature", NO_SAMPLING),
        ("top_p", NO_SAMPLING),
        ("top_k", NO_SAMPLING),
        ("seed", NO_SAMPLING),
        ("tokens", "write `max_tokens`"),
        ("max_output_tokens", "write `max_tokens`"),
        ("reasoning", "write `effort`"),
        ("thinking", "write `effort`"),
    ],
};

const TIER_ONLY: &str = "write `tier: fast` or `tier: smart`: which model that is, is a setting of whoever starts the run";
const NO_SAMPLING: &str =
    "remove it: models take no sampling parameters; `--record` and `--replay` repeat a run";

/// The long form of `parse`.
pub(super) static PARSE: Table = Table {
    what: "a parser",
    keys: &[required(
        "code_block",
        Shape::Text,
        "Language of the one code block that is taken from the reply, as behind its fence.",
    )],
    later: &[],
    aliases: &[],
    hints: &[
        ("code", "write `code_block`"),
        ("block", "write `code_block`"),
        ("lang", "write `code_block: LANGUAGE`"),
        ("language", "write `code_block: LANGUAGE`"),
    ],
};

/// Another question, another model, or both.
pub(super) static FALLBACK: Table = Table {
    what: "a fallback",
    keys: &[
        key(
            "prompt",
            Shape::Text,
            "What is asked when no reply fits; may hold `${{ … }}`; the same unless given.",
        ),
        key(
            "tier",
            TIER,
            "Which of your models is asked then; the same unless given.",
        ),
    ],
    later: &[],
    aliases: &[],
    hints: &[
        ("model", "write `tier`"),
        ("text", "write `prompt`"),
        (
            "run",
            "write a task with `if: failure()` that needs this one",
        ),
    ],
};
