//! Flags about models: who is asked, how, and where replies are kept.

use std::path::PathBuf;

use clap::Args;

use crate::settings::parse_model_setting;

/// Which model plans, and how it is reached.
#[derive(Args, Debug)]
pub struct Modelling {
    /// Who plans goals and answers prompts, as PROVIDER/MODEL [default: anthropic/claude-opus-5-5]
    #[arg(long, value_name = "MODEL", env = "ORCHESTRA_MODEL", hide_env = true)]
    #[arg(help_heading = "Models", value_parser = |text: &str| parse_model_setting("model", text))]
    pub model: Option<String>,
    /// Who answers prompts of tier `fast` [default: auto]
    #[arg(
        long,
        value_name = "MODEL",
        env = "ORCHESTRA_MODEL_FAST",
        hide_env = true
    )]
    #[arg(help_heading = "Models", value_parser = |text: &str| parse_model_setting("model_fast", text))]
    pub model_fast: Option<String>,
    /// Where the provider is reached [default: auto]
    #[arg(long, value_name = "URL", env = "ORCHESTRA_MODEL_URL", hide_env = true)]
    #[arg(help_heading = "Models", hide_short_help = true, value_parser = |text: &str| parse_model_setting("model_url", text))]
    pub model_url: Option<String>,
    /// Where the provider's key is: env:NAME, file:PATH or none [default: auto]
    #[arg(
        long,
        value_name = "SOURCE",
        env = "ORCHESTRA_MODEL_KEY",
        hide_env = true
    )]
    #[arg(help_heading = "Models", hide_short_help = true, value_parser = |text: &str| parse_model_setting("model_key", text))]
    pub model_key: Option<String>,
    /// How hard it thinks: low, medium, high, xhigh or max [default: auto]
    #[arg(
        long,
        value_name = "EFFORT",
        env = "ORCHESTRA_MODEL_EFFORT",
        hide_env = true
    )]
    #[arg(help_heading = "Models", hide_short_help = true, value_parser = |text: &str| parse_model_setting("model_effort", text))]
    pub model_effort: Option<String>,
    /// Most tokens of one reply [default: 16000]
    #[arg(
        long,
        value_name = "N",
        env = "ORCHESTRA_MODEL_MAX_TOKENS",
        hide_env = true
    )]
    #[arg(help_heading = "Models", hide_short_help = true, value_parser = |text: &str| parse_model_setting("model_max_tokens", text))]
    pub model_max_tokens: Option<String>,
    /// Longest wait for one reply [default: 15m]
    #[arg(
        long,
        value_name = "TIME",
        env = "ORCHESTRA_MODEL_TIMEOUT",
        hide_env = true
    )]
    #[arg(help_heading = "Models", hide_short_help = true, value_parser = |text: &str| parse_model_setting("model_timeout", text))]
    pub model_timeout: Option<String>,
    /// Longest silence within a call [default: 2m]
    #[arg(
        long,
        value_name = "TIME",
        env = "ORCHESTRA_MODEL_IDLE_TIMEOUT",
        hide_env = true
    )]
    #[arg(help_heading = "Models", hide_short_help = true, value_parser = |text: &str| parse_model_setting("model_idle_timeout", text))]
    pub model_idle_timeout: Option<String>,
    /// A file of prices that go before those that ship [default: auto]
    #[arg(
        long,
        value_name = "FILE",
        env = "ORCHESTRA_MODEL_PRICES",
        hide_env = true
    )]
    #[arg(help_heading = "Models", hide_short_help = true, value_parser = |text: &str| parse_model_setting("model_prices", text))]
    pub model_prices: Option<String>,
}

/// Where replies of models are written to, or come from.
#[derive(Args, Debug)]
pub struct Recording {
    /// Write every model call to FILE, for --replay
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "replay",
        help_heading = "Models"
    )]
    #[arg(env = "ORCHESTRA_RECORD", hide_env = true)]
    pub record: Option<PathBuf>,
    /// Answer model calls from FILE and from nowhere else
    #[arg(long, value_name = "FILE", env = "ORCHESTRA_REPLAY", hide_env = true)]
    #[arg(help_heading = "Models")]
    pub replay: Option<PathBuf>,
}
