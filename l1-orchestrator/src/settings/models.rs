//! Settings of models: who plans, where it is reached, whose key it takes. Words and their resolution;
//! nothing here opens a connection or reads a key.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use l2_coordinator::model::Effort;

use super::files::Files;
use super::origin::{Origin, Setting};
use super::table::{InProject, Key, Shape};
use crate::cli::args::Modelling;
use crate::runs::SettingRecord;

/// Most tokens of a reply that a model of today gives.
pub const MAX_REPLY_TOKENS: u32 = 128_000;
/// Most tokens of a reply unless told otherwise: a plan of two hundred tasks.
pub const REPLY_TOKENS: u32 = 16_000;
const WALL: Duration = Duration::from_secs(15 * 60);
const IDLE: Duration = Duration::from_secs(120);

/// The settings of this file, for the one table.
pub(super) const KEYS: [Key; 7] = [
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
        about: "The model that plans goals.",
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
];

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Claude by its Messages API.
    Anthropic,
    /// `claude -p`.
    ClaudeCode,
    /// Any server of the chat completions interface.
    Openai,
    /// Replies that a person wrote into a file.
    Scripted,
}

impl Provider {
    const ALL: [(&'static str, Self); 4] = [
        ("anthropic", Self::Anthropic),
        ("claude-code", Self::ClaudeCode),
        ("openai", Self::Openai),
        ("scripted", Self::Scripted),
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let one = Self::ALL.iter().find(|(_, provider)| *provider == self);
        one.map_or("", |(word, _)| word)
    }
}

/// A provider and the name of one of its models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Who.
    pub provider: Provider,
    /// As the provider spells it.
    pub name: String,
}

impl Named {
    /// Longest name of a model.
    const MAX_NAME: usize = 128;

    /// Who is asked unless anybody says otherwise.
    #[must_use]
    pub fn usual() -> Self {
        Self {
            provider: Provider::Anthropic,
            name: "claude-opus-5-5".into(),
        }
    }

    /// From `provider/name`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (provider, name) = text.split_once('/')?;
        let known = Provider::ALL.iter().find(|(word, _)| *word == provider);
        let (_, provider) = *known?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:/@+".contains(c);
        let fits = !name.is_empty()
            && name.len() <= Self::MAX_NAME
            && name.chars().all(plain)
            && !name.starts_with('-');
        fits.then(|| Self {
            provider,
            name: name.to_owned(),
        })
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.provider.as_str(), self.name)
    }
}

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The variable that the provider's own tools read.
    Auto,
    /// There is none, as for a server on this machine.
    None,
    /// This variable.
    Env(String),
    /// The first line of this file.
    File(PathBuf),
}

impl KeySource {
    /// From its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_variable = |name: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
            !name.is_empty() && name.bytes().all(plain) && !name.as_bytes()[0].is_ascii_digit()
        };
        match text.split_once(':') {
            None if text == "auto" => Some(Self::Auto),
            None if text == "none" => Some(Self::None),
            Some(("env", name)) if is_variable(name) => Some(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() && !path.contains('\0') => {
                Some(Self::File(path.into()))
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::None => f.write_str("none"),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// Everything said about models.
#[derive(Clone, Debug)]
pub struct Models {
    /// Who plans.
    pub model: Setting<Named>,
    /// The name that a run which goes on asked it by, where that is another one.
    pub asked_as: Option<String>,
    /// Where it is, if anybody said so.
    pub url: Option<Setting<String>>,
    /// The provider that the address was written for, where that is another one than is asked.
    pub url_is_of: Option<Provider>,
    /// Where its key is.
    pub key: Setting<KeySource>,
    /// How hard it thinks, if anybody said so.
    pub effort: Option<Effort>,
    /// Most tokens of a reply.
    pub max_tokens: u32,
    /// Longest wait for a reply.
    pub wall: Duration,
    /// Longest silence.
    pub idle: Duration,
    /// A flag or a variable says who is asked, or how.
    pub is_typed: bool,
}

impl Models {
    /// What a run's record keeps, for a later life that is to ask the same.
    #[must_use]
    pub fn record(
        &self,
        asked_as: &str,
        max_tokens: u32,
        effort: Option<Effort>,
    ) -> Vec<(&'static str, SettingRecord)> {
        let named = Setting {
            value: self.model.value.to_string(),
            origin: self.model.origin.clone(),
        };
        let mut kept = vec![("model", named.record())];
        kept.extend(self.url.as_ref().map(|url| ("model_url", url.record())));
        let key = Setting {
            value: self.key.value.to_string(),
            origin: self.key.origin.clone(),
        };
        let plain = |value: String| SettingRecord {
            value: value.into(),
            origin: "resolved".into(),
        };
        let effort = effort.map_or("auto", Effort::as_str);
        kept.extend([
            ("model_key", key.record()),
            ("model_asked_as", plain(asked_as.to_owned())),
            ("model_effort", plain(effort.to_owned())),
            ("model_max_tokens", plain(max_tokens.to_string())),
        ]);
        kept
    }

    /// Where nothing is typed, what the run that goes on was told: its record is signed.
    #[must_use]
    pub fn or_recorded(
        mut self,
        typed: &Modelling,
        record: &BTreeMap<String, SettingRecord>,
    ) -> Self {
        let told = |name: &str, typed: &Option<String>| match (typed, record.get(name)) {
            (None, Some(told)) => told.value.as_str(),
            _ => None,
        };
        let origin = || Origin::Recorded;
        if let Some(value) = told("model", &typed.model).and_then(Named::parse) {
            let origin = origin();
            self.model = Setting { value, origin };
        }
        self.asked_as = told("model_asked_as", &typed.model).map(str::to_owned);
        if let Some(url) = told("model_url", &typed.model_url) {
            let (value, origin) = (url.to_owned(), origin());
            self.url = Some(Setting { value, origin });
        }
        if let Some(value) = told("model_key", &typed.model_key).and_then(KeySource::parse) {
            let origin = origin();
            self.key = Setting { value, origin };
        }
        if let Some(effort) = told("model_effort", &typed.model_effort) {
            self.effort = effort_of(effort);
        }
        let most = told("model_max_tokens", &typed.model_max_tokens);
        if let Some(most) = most.and_then(|text| text.parse().ok()) {
            self.max_tokens = most;
        }
        self
    }
}

/// Resolves what is said about models.
#[must_use]
pub fn models(typed: &Modelling, matches: &ArgMatches, files: &Files) -> Models {
    let found = |name: &str, typed: &Option<String>| found(name, typed.as_ref(), matches, files);
    let parsed = |name: &str, typed: &Option<String>| found(name, typed).value;
    let model = found("model", &typed.model);
    let url = found("model_url", &typed.model_url);
    let key = found("model_key", &typed.model_key);
    let effort = parsed("model_effort", &typed.model_effort);
    let named = Setting {
        value: Named::parse(&model.value).unwrap_or_else(Named::usual),
        origin: model.origin.clone(),
    };
    Models {
        model: named,
        asked_as: None,
        url_is_of: other_provider(&model, &url, files),
        url: (url.value != "auto").then_some(url),
        key: Setting {
            value: KeySource::parse(&key.value).unwrap_or(KeySource::Auto),
            origin: key.origin,
        },
        effort: effort_of(&effort),
        max_tokens: parsed("model_max_tokens", &typed.model_max_tokens)
            .parse()
            .unwrap_or(REPLY_TOKENS),
        wall: duration(&parsed("model_timeout", &typed.model_timeout)).unwrap_or(WALL),
        is_typed: ["model", "model_effort", "model_max_tokens"]
            .iter()
            .any(|name| Origin::of(matches, name).is_some()),
        idle: duration(&parsed("model_idle_timeout", &typed.model_idle_timeout)).unwrap_or(IDLE),
    }
}

/// An address in a file goes with the model that files name.
fn other_provider(
    model: &Setting<String>,
    url: &Setting<String>,
    files: &Files,
) -> Option<Provider> {
    let Origin::File(_) = url.origin else {
        return None;
    };
    let key = Key::find("model").expect("the table has this file's keys");
    let layers = files.last_first();
    let written = layers.into_iter().find_map(|layer| layer.value(key));
    let written = written.and_then(Named::parse).unwrap_or_else(Named::usual);
    let asked = Named::parse(&model.value).unwrap_or_else(Named::usual);
    (written.provider != asked.provider).then_some(written.provider)
}

/// What holds, as it is written: flag, variable, project, user, default.
fn found(
    name: &str,
    typed: Option<&String>,
    matches: &ArgMatches,
    files: &Files,
) -> Setting<String> {
    let key = Key::find(name).expect("the table has this file's keys");
    let written = files.last_first().map(|layer| {
        let value = layer.value(key).map(str::to_owned);
        (value, layer.path.clone())
    });
    let origin = Origin::of(matches, name);
    Setting::resolve(typed.cloned(), origin, written, key.default.to_owned())
}

fn effort_of(word: &str) -> Option<Effort> {
    serde_json::from_value(serde_json::Value::from(word)).ok()
}

fn efforts() -> Vec<String> {
    let words = Effort::WORDS.iter().map(|word| (*word).to_owned());
    std::iter::once("auto".to_owned()).chain(words).collect()
}

/// A time limit of at least a second and at most a day.
fn duration(text: &str) -> Option<Duration> {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let ms = protocol::quantity::duration(text)?;
    (1000..=DAY_MS)
        .contains(&ms)
        .then(|| Duration::from_millis(ms))
}

/// Reads a value as the table has it, for flags.
///
/// # Errors
/// What it should be.
pub fn parse(name: &str, text: &str) -> Result<String, String> {
    let key = Key::find(name).expect("flags follow from the table");
    match key.takes(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("it is {}", key.expected().replace('`', ""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_named_with_their_provider() {
        for (text, fits) in [
            ("anthropic/claude-opus-5-5", true),
            ("claude-code/sonnet", true),
            ("openai/qwen3:14b", true),
            ("openai/meta-llama/Llama-4", true),
            ("claude-opus-5-5", false),
            ("anthropic/", false),
            ("google/gemini", false),
            ("anthropic/a b", false),
            ("claude-code/--help", false),
        ] {
            assert_eq!(Named::parse(text).is_some(), fits, "{text}");
        }
        let named = Named::parse("openai/a/b").unwrap();
        assert_eq!(
            (named.name.as_str(), named.to_string().as_str()),
            ("a/b", "openai/a/b")
        );
    }

    #[test]
    fn a_key_is_named_and_never_written() {
        for (text, fits) in [
            ("auto", true),
            ("none", true),
            ("env:MY_KEY", true),
            ("file:/run/key", true),
            ("sk-ant-api03-abc", false),
            ("env:", false),
            ("env:1X", false),
            ("file:", false),
        ] {
            assert_eq!(KeySource::parse(text).is_some(), fits, "{text}");
        }
    }

    #[test]
    fn times_have_units_and_bounds() {
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        for text in ["90", "0s", "2d", "", "1w"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
