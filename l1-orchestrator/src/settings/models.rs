//! Settings of models: who plans, where it is reached, whose key it takes. Words and their resolution;
//! nothing here opens a connection or reads a key.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use l2_coordinator::model::Effort;

use super::files::Files;
use super::model_names::{KeySource, Named, Provider};
use super::model_words::duration;
use super::origin::{Origin, Setting};
use super::table::Key;
use crate::cli::args::Modelling;
use crate::runs::SettingRecord;

/// Most tokens of a reply unless told otherwise: a plan of two hundred tasks.
pub const REPLY_TOKENS: u32 = 16_000;
const WALL: Duration = Duration::from_secs(15 * 60);
const IDLE: Duration = Duration::from_secs(120);

/// Everything said about models.
#[derive(Clone, Debug)]
pub struct Models {
    /// Who plans, and answers prompts of tier `smart`.
    pub model: Setting<Named>,
    /// The name that a run which goes on asked it by, where that is another one.
    pub asked_as: Option<String>,
    /// Who answers prompts of tier `fast`.
    pub fast: Setting<Named>,
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
    /// A table of the user's own prices.
    pub prices: Option<PathBuf>,
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

    /// The same of the one for prompts of tier `fast`, for runs that have prompts.
    #[must_use]
    pub fn record_fast(&self) -> (&'static str, SettingRecord) {
        let named = Setting {
            value: self.fast.value.to_string(),
            origin: self.fast.origin.clone(),
        };
        ("model_fast", named.record())
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
        if let Some(value) = told("model_fast", &typed.model_fast).and_then(Named::parse) {
            let origin = origin();
            self.fast = Setting { value, origin };
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
    let named = Named::parse(&model.value).unwrap_or_else(Named::usual);
    let fast = found("model_fast", &typed.model_fast);
    let usual = match named.provider {
        Provider::Anthropic => Named::usual_fast(),
        Provider::ClaudeCode | Provider::Openai | Provider::Scripted => named.clone(),
    };
    let url = found("model_url", &typed.model_url);
    let key = found("model_key", &typed.model_key);
    let effort = parsed("model_effort", &typed.model_effort);
    let named = Setting {
        value: named,
        origin: model.origin.clone(),
    };
    Models {
        fast: Setting {
            value: Named::parse(&fast.value).unwrap_or(usual),
            origin: fast.origin,
        },
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
        prices: Some(parsed("model_prices", &typed.model_prices))
            .filter(|text| text != "auto")
            .map(PathBuf::from),
        is_typed: ["model", "model_fast", "model_effort", "model_max_tokens"]
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
