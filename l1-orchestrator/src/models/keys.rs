//! Finds the key of a provider where the user said it is. Nothing here prints one.

use std::env;
use std::path::Path;

use l2_coordinator::model::Secret;
use l2_coordinator::model::anthropic::Credential;

use crate::cli::error::CliError;
use crate::settings::{KeySource, Provider, Setting};

/// Bytes of a key file; a key has a hundred.
const MAX_KEY_FILE: u64 = 64 * 1024;

/// A key and which of the two forms it is sent in.
pub(super) enum Found {
    /// There is none, and none is wanted.
    Nothing,
    /// A key.
    Key(Secret),
    /// A token that is only taken as `Bearer`.
    Token(Secret),
}

impl Found {
    /// What must not be written anywhere.
    pub(super) const fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Nothing => None,
            Self::Key(secret) | Self::Token(secret) => Some(secret),
        }
    }

    /// For the Messages API, which wants one.
    pub(super) fn credential(self) -> Option<Credential> {
        match self {
            Self::Nothing => None,
            Self::Key(key) => Some(Credential::ApiKey(key)),
            Self::Token(token) => Some(Credential::Bearer(token)),
        }
    }
}

/// Looks where the setting says.
///
/// # Errors
/// It is not there, or no key.
pub(super) fn find(source: &Setting<KeySource>, provider: Provider) -> Result<Found, CliError> {
    match &source.value {
        KeySource::None => Ok(Found::Nothing),
        KeySource::Auto => usual(provider),
        KeySource::Env(name) => {
            let missing = || missing(format!("${name} is not set, and model_key names it"));
            let text = variable(name).ok_or_else(missing)?;
            key(text, &format!("${name}")).map(Found::Key)
        }
        KeySource::File(path) => {
            let shown = path.display().to_string();
            key(first_line(path)?, &shown).map(Found::Key)
        }
    }
}

/// Where a key is that [`find`] finds; the key itself is never shown.
pub(super) fn place(source: &KeySource, found: &Found, provider: Provider) -> String {
    let variable = match (provider, found) {
        (_, Found::Nothing) => return "none, and none is sent".into(),
        (Provider::Openai, _) => "OPENAI_API_KEY",
        (_, Found::Token(_)) => "ANTHROPIC_AUTH_TOKEN",
        (_, Found::Key(_)) => "ANTHROPIC_API_KEY",
    };
    match source {
        KeySource::Env(name) => format!("in ${name}"),
        KeySource::File(path) => format!("in {}", path.display()),
        KeySource::Auto | KeySource::None => format!("in ${variable}"),
    }
}

/// Where the provider's own tools look.
fn usual(provider: Provider) -> Result<Found, CliError> {
    match provider {
        Provider::Anthropic => {
            if let Some(text) = variable("ANTHROPIC_API_KEY") {
                return key(text, "$ANTHROPIC_API_KEY").map(Found::Key);
            }
            match variable("ANTHROPIC_AUTH_TOKEN") {
                Some(text) => key(text, "$ANTHROPIC_AUTH_TOKEN").map(Found::Token),
                None => Err(missing("there is no key for anthropic".into())
                    .hint("set ANTHROPIC_API_KEY, or name its place with `--model-key env:NAME`")),
            }
        }
        Provider::Openai => match variable("OPENAI_API_KEY") {
            Some(text) => key(text, "$OPENAI_API_KEY").map(Found::Key),
            // A server on this machine wants none; one that does says so.
            None => Ok(Found::Nothing),
        },
        // It has a login of its own; a key in the environment would be taken instead of it.
        Provider::ClaudeCode | Provider::Scripted => Ok(Found::Nothing),
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|text| !text.trim().is_empty())
}

fn missing(message: String) -> CliError {
    CliError::not_ready("model-key-missing", message)
}

fn key(text: String, place: &str) -> Result<Secret, CliError> {
    Secret::new(text).map_err(|error| {
        let message = format!("what stands in {place} is no key");
        CliError::not_ready("model-key-missing", message).because(error)
    })
}

fn first_line(path: &Path) -> Result<String, CliError> {
    use std::io::Read as _;
    let unreadable = |error: std::io::Error| {
        let message = format!("the key file {} cannot be read", path.display());
        CliError::not_ready("model-key-missing", message).because(error)
    };
    let mut text = String::new();
    let file = fs_err::File::open(path).map_err(unreadable)?;
    file.take(MAX_KEY_FILE)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
