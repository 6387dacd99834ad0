//! The settings of models, for the one table.

use std::time::Duration;

use l2_coordinator::model::Effort;

use super::model_names::{KeySource, Named};
use super::table::{InProject, Key, Shape};

/// Most tokens of a reply that a model of today gives.
pub const MAX_REPLY_TOKENS: u32 = 128_000;

/// The settings of this file, for the one table.
pub(super) const KEYS: [Key; 9] = [
    Key {
        name: "model",
        shape: Shape::Checked {
            expected: "a provider and a model, such as `anthropic/claude-opus-5-5`; providers are \
                       `anthropic`, `claude-code`, `openai` and `scripted`, whose model is a file of \
                       replies",
            fits: |text| Named::parse(text).is_some(),
        },
        default: "anthropic/claude-opus-5-5",
        in_project: InProject::Trusted,
        about: "The model that plans goals, and answers prompts of tier `smart`.",
    },
    Key {
        name: "model_fast",
        shape: Shape::Checked {
            expected: "a provider and a model, as for `model`, or `auto`",
            fits: |text| text == "auto" || Named::parse(text).is_some(),
        },
        default: "auto",
        in_project: InProject::Trusted,
        about: "The model that answers prompts of tier `fast`; `auto` is claude-haiku-5-5 where `model` is anthropic's, else `model`.",
    },
    Key {
        name: "model_url",
        shape: Shape::Checked {
            expected: "an address such as `https://host/path`, or `auto`",
            fits: |text| text == "auto" || l2_coordinator::model::Address::new(text).is_ok(),
        },
        default: "auto",
        in_project: InProject::Trusted,
        about: "Where the provider is reached; `auto` is $ANTHROPIC_BASE_URL or $OPENAI_BASE_URL, else its own.",
    },
    Key {
        name: "model_key",
        shape: Shape::Checked {
            expected: "`auto`, `none`, `env:NAME` or `file:PATH`",
            fits: |text| KeySource::parse(text).is_some(),
        },
        default: "auto",
        in_project: InProject::Trusted,
        about: "Where the provider's key is; `auto` is $ANTHROPIC_API_KEY or $OPENAI_API_KEY. Never the key.",
    },
    Key {
        name: "model_effort",
        shape: Shape::Word(efforts),
        default: "auto",
        in_project: InProject::Trusted,
        about: "How hard the model thinks; `auto` is its own default.",
    },
    Key {
        name: "model_max_tokens",
        shape: Shape::CountOrAuto {
            min: 256,
            max: MAX_REPLY_TOKENS,
        },
        default: "auto",
        in_project: InProject::Trusted,
        about: "Most tokens of one reply, thinking included; `auto` is 16000.",
    },
    Key {
        name: "model_timeout",
        shape: Shape::Checked {
            expected: "a duration with its unit, such as `10m`",
            fits: |text| duration(text).is_some(),
        },
        default: "15m",
        in_project: InProject::Trusted,
        about: "Longest wait for one reply, all tries included.",
    },
    Key {
        name: "model_idle_timeout",
        shape: Shape::Checked {
            expected: "a duration with its unit, such as `2m`",
            fits: |text| duration(text).is_some(),
        },
        default: "2m",
        in_project: InProject::Trusted,
        about: "Longest silence of a provider within a call.",
    },
    Key {
        name: "model_prices",
        shape: Shape::Checked {
            expected: "a file of prices, or `auto`",
            fits: |text| !text.is_empty() && !text.contains('\0'),
        },
        default: "auto",
        in_project: InProject::Trusted,
        about: "Prices of your own, before those that ship; in the form of l2-coordinator/prices/prices.json.",
    },
];

fn efforts() -> Vec<String> {
    let words = Effort::WORDS.iter().map(|word| (*word).to_owned());
    std::iter::once("auto".to_owned()).chain(words).collect()
}

/// A time limit of at least a second and at most a day.
pub(super) fn duration(text: &str) -> Option<Duration> {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let ms = protocol::quantity::duration(text)?;
    (1000..=DAY_MS)
        .contains(&ms)
        .then(|| Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_and_bounds() {
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        for text in ["90", "0s", "2d", "", "1w"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
