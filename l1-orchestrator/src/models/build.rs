//! The model that a run asks, by settings and flags.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use l2_coordinator::model::anthropic::{Anthropic, DEFAULT_BASE_URL, Options};
use l2_coordinator::model::openai::{self, LengthField, OpenAi};
use l2_coordinator::model::{
    Address, Cassette, ClaudeCode, ClaudeCodeOptions, Effort, Existing, Limits, Model, ModelError,
    Recorder, RecorderOptions, Replay, Scripted, Secret,
};
use protocol::time::Clock as _;

use super::keys::{self, Found};
use super::later::Later;
use crate::cli::args::Recording;
use crate::cli::error::CliError;
use crate::session::{SystemClock, seed};
use crate::settings::{self, Models, Named, Provider, REPLY_TOKENS};

/// Variables that a `claude` needs to find its way on this machine, and nothing else of ours.
const PASSED: [&str; 9] = [
    "LANG",
    "LC_ALL",
    "TERM",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "CLAUDE_CONFIG_DIR",
];

/// A model, and what is said of it.
#[derive(Clone)]
pub struct Chosen {
    /// To be asked.
    pub model: Arc<dyn Model>,
    /// Its name, as requests have it.
    pub name: String,
    /// The name that requests of tier `fast` have, where the same provider answers them.
    pub fast_name: String,
    /// Most tokens of a reply.
    pub max_tokens: u32,
    /// How hard it thinks.
    pub effort: Option<Effort>,
    /// Answers were written by hand.
    pub is_fixture: bool,
    /// Nobody is asked at all: replies come from a file.
    pub is_replay: bool,
}

/// The model that settings and flags name; with `again`, for a run that goes on, whose recording is
/// continued.
///
/// # Errors
/// Its key, its program or its recording is not there, or is none.
pub fn model(settings: &Models, recording: &Recording, again: bool) -> Result<Chosen, CliError> {
    let name = asked_as(settings);
    if let Some(file) = &recording.replay {
        let cassette = Cassette::open(file).map_err(|error| {
            let message = format!("{} is no recording to replay", file.display());
            CliError::not_ready("replay-unreadable", message).because(error)
        })?;
        let is_fixture = cassette.is_fixture();
        // What a file says about live models is not meant for a recording; what is typed is.
        let replayed = match settings.is_typed {
            false => replayed(&cassette),
            true => None,
        };
        let (name, max_tokens, effort) =
            replayed.unwrap_or((name, settings.max_tokens, settings.effort));
        let asks = |name: &str| cassette.asked_with().any(|(asked, ..)| asked == name);
        let fast_name = match (settings.is_typed, Named::usual_fast().name) {
            (true, _) => fast_as(settings),
            (false, usual) if asks(&usual) => usual,
            (false, _) => name.clone(),
        };
        return Ok(Chosen {
            model: Arc::new(Replay::new(cassette)),
            name,
            fast_name,
            max_tokens,
            effort,
            is_fixture,
            is_replay: true,
        });
    }
    let (model, found) = asked(settings)?;
    let model = match &recording.record {
        Some(file) => recorded(model, &found, file, again)?,
        None => model,
    };
    Ok(Chosen {
        is_fixture: model.is_fixture(),
        model,
        name,
        fast_name: fast_as(settings),
        max_tokens: settings.max_tokens,
        effort: settings.effort,
        is_replay: false,
    })
}

/// The model of a run that goes on. Unless something is recorded or replayed, nobody looks for a key or a
/// program before something is to be asked: what the journal has is not asked again.
///
/// # Errors
/// As [`model`].
pub fn model_for_resume(settings: &Models, recording: &Recording) -> Result<Chosen, CliError> {
    if recording.replay.is_some() || recording.record.is_some() {
        return model(settings, recording, true);
    }
    let provider = settings.model.value.provider;
    let later = settings.clone();
    Ok(Chosen {
        model: Arc::new(Later::new(provider, move || {
            asked(&later).map(|(model, _)| model)
        })),
        name: asked_as(settings),
        fast_name: fast_as(settings),
        max_tokens: settings.max_tokens,
        effort: settings.effort,
        is_fixture: provider == Provider::Scripted,
        is_replay: false,
    })
}

/// The name that requests have. A script answers for whichever model; requests name the usual one, so that
/// what is recorded of it replays without a word about models.
fn asked_as(settings: &Models) -> String {
    match (&settings.asked_as, settings.model.value.provider) {
        (Some(name), _) => name.clone(),
        (None, Provider::Scripted) => Named::usual().name,
        (None, _) => settings.model.value.name.clone(),
    }
}

/// The same for prompts of tier `fast`.
fn fast_as(settings: &Models) -> String {
    match settings.fast.value.provider {
        Provider::Scripted => Named::usual_fast().name,
        _ => settings.fast.value.name.clone(),
    }
}

/// With what a recording was asked: by its first call that is not the quick model's. A task may have said
/// for itself how long a reply may be; what is usual comes before that.
fn replayed(cassette: &Cassette) -> Option<(String, u32, Option<Effort>)> {
    let fast = Named::usual_fast().name;
    let calls = || cassette.asked_with().filter(|(name, ..)| *name != fast);
    let (name, ..) = calls().next()?;
    let same = || calls().filter(|(other, ..)| *other == name);
    let usual = same().find(|(_, tokens, _)| *tokens == REPLY_TOKENS);
    let (name, tokens, effort) = usual.or_else(|| same().next())?;
    Some((name.to_owned(), tokens, effort))
}

fn recorded(
    model: Arc<dyn Model>,
    found: &Found,
    file: &Path,
    again: bool,
) -> Result<Arc<dyn Model>, CliError> {
    let secret = found.secret().cloned();
    let options = RecorderOptions {
        path: file.to_owned(),
        existing: match again {
            true => Existing::Append,
            false => Existing::Refuse,
        },
        recorded_at: SystemClock.now(),
        redact: Arc::new(move |text| match &secret {
            Some(secret) => secret.scrub(text.to_owned()),
            None => text.to_owned(),
        }),
    };
    let recorder = Recorder::start(model, options).map_err(|error| {
        let message = format!("nothing can be recorded to {}", file.display());
        CliError::not_ready("record-unwritable", message)
            .because(error)
            .hint("name a file that is not there yet")
    })?;
    Ok(Arc::new(recorder))
}

fn asked(settings: &Models) -> Result<(Arc<dyn Model>, Found), CliError> {
    let provider = settings.model.value.provider;
    let limits = Limits {
        wall: settings.wall,
        idle: settings.idle,
        ..Limits::default()
    };
    let found = keys::find(&settings.key, provider)?;
    let model: Arc<dyn Model> = match provider {
        Provider::Anthropic => {
            let secret = found.secret().cloned();
            let model = anthropic(settings, found, limits)?;
            return Ok((Arc::new(model), secret.map_or(Found::Nothing, Found::Key)));
        }
        Provider::Openai => Arc::new(open_ai(settings, &found, limits)?),
        Provider::ClaudeCode => Arc::new(ClaudeCode::new(claude_code(settings, &found))),
        Provider::Scripted => {
            let file = PathBuf::from(&settings.model.value.name);
            let script = Scripted::read(&file).map_err(|error| {
                let message = format!("{} is no script of replies", file.display());
                CliError::not_ready("script-unreadable", message).because(error)
            })?;
            Arc::new(script)
        }
    };
    Ok((model, found))
}

/// The client of the Messages API.
pub(super) fn anthropic(
    settings: &Models,
    found: Found,
    limits: Limits,
) -> Result<Anthropic, CliError> {
    let base_url = way(settings, &found)?;
    let credential = found.credential().ok_or_else(|| {
        let message = "anthropic wants a key, and model_key is none";
        CliError::not_ready("model-key-missing", message)
    })?;
    let model = Anthropic::new(Options {
        base_url,
        credential,
        proxy: proxy(),
        limits,
        seed: seed(),
    });
    model.map_err(unready)
}

/// The client of chat completions.
pub(super) fn open_ai(
    settings: &Models,
    found: &Found,
    limits: Limits,
) -> Result<OpenAi, CliError> {
    let model = OpenAi::new(openai::Options {
        base_url: way(settings, found)?,
        key: found.secret().cloned(),
        proxy: proxy(),
        limits,
        seed: seed(),
        length: LengthField::default(),
    });
    model.map_err(unready)
}

pub(super) fn claude_code(settings: &Models, found: &Found) -> ClaudeCodeOptions {
    let home = settings::home().unwrap_or_else(|| "/".into());
    let mut options = ClaudeCodeOptions::new("claude", home, env::temp_dir());
    options.wall = settings.wall;
    options.idle = settings.idle;
    options.env.insert("PATH".into(), settings::task_path());
    for name in PASSED {
        if let Ok(value) = env::var(name) {
            options.env.insert(name.into(), value);
        }
    }
    if let Some(secret) = found.secret() {
        options
            .secrets
            .insert("ANTHROPIC_API_KEY".into(), secret.clone());
    }
    options
}

/// Where the provider is, by setting, variable or its own word; programs and scripts are nowhere.
///
/// # Errors
/// What is said is no address.
pub(super) fn address_of(settings: &Models) -> Result<Address, CliError> {
    let (variable, default) = match settings.model.value.provider {
        Provider::Openai => ("OPENAI_BASE_URL", openai::DEFAULT_BASE_URL),
        _ => ("ANTHROPIC_BASE_URL", DEFAULT_BASE_URL),
    };
    let said = settings.url.as_ref().map(|url| url.value.clone());
    let usual = || env::var(variable).ok().filter(|text| !text.is_empty());
    let text = said.or_else(usual).unwrap_or_else(|| default.to_owned());
    Address::new(&text).map_err(|error| {
        let message = "the provider's address is none";
        CliError::not_ready("model-url", message).because(error)
    })
}

/// The address that the key may go to: not one that was written for another provider, and not in the clear.
fn way(settings: &Models, found: &Found) -> Result<Address, CliError> {
    if let (Some(url), Some(other)) = (&settings.url, settings.url_is_of) {
        let message = format!(
            "model_url of {} is for {}, and {} is asked",
            url.origin,
            other.as_str(),
            settings.model.value
        );
        return Err(CliError::not_ready("model-url", message)
            .hint("name the address of this one with `--model-url`, or `--model-url auto`"));
    }
    let address = address_of(settings)?;
    if address.is_open() && found.secret().is_some() {
        let message = format!("the key would go to {} in the clear", address.host());
        return Err(CliError::not_ready("model-url", message)
            .hint("use https, an address of this machine, or `--model-key none`"));
    }
    Ok(address)
}

fn proxy() -> Option<Secret> {
    let of = |name: &str| env::var(name).ok().filter(|text| !text.is_empty());
    let text = of("HTTPS_PROXY").or_else(|| of("https_proxy"))?;
    // It may hold a password.
    Secret::new(text).ok()
}

fn unready(error: ModelError) -> CliError {
    let help = error.help.clone();
    let unready = CliError::not_ready("model-unready", error.message);
    match help {
        Some(help) => unready.hint(help),
        None => unready,
    }
}
