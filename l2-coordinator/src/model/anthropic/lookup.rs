//! What can be asked without a reply, and without cost: how many tokens a prompt has, and what is known
//! of a model.

use serde_json::Value;

use super::client::Anthropic;
use super::request;
use crate::model::wire::{Body, MAX_ERROR_BYTES, one_line};
use crate::model::{ErrorKind, ModelError, ModelRequest};

/// Longest name of a model.
const MAX_NAME: usize = 128;

/// What the provider knows of a model. Prices it does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// Its name.
    pub id: String,
    /// Its name for people.
    pub display_name: Option<String>,
    /// `active`, `deprecated`, `retired`, or a word to come.
    pub lifecycle: Option<String>,
    /// Most tokens of a prompt.
    pub max_input_tokens: Option<u64>,
    /// Most tokens of a reply.
    pub max_tokens: Option<u64>,
    /// Whether replies can be held to a schema.
    pub structured_outputs: Option<bool>,
    /// Whether it takes an effort.
    pub effort: Option<bool>,
}

impl Anthropic {
    /// The prompt's tokens, as the provider counts them.
    ///
    /// # Errors
    /// There is no count.
    pub async fn count_tokens(&self, request: &ModelRequest) -> Result<u64, ModelError> {
        let body = request::for_count(request)?;
        let ask = || self.post("/v1/messages/count_tokens", body.clone());
        let counted = self.look_up(ask).await?;
        let tokens = counted["input_tokens"].as_u64();
        tokens.ok_or_else(|| nonsense("a count without a number"))
    }

    /// What is known of the model of this name: proves address, key and name at once.
    ///
    /// # Errors
    /// It is not known, or cannot be asked.
    pub async fn model_info(&self, model: &str) -> Result<ModelInfo, ModelError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:@".contains(&byte);
        let is_name = !model.is_empty() && model.len() <= MAX_NAME && model.bytes().all(is_plain);
        // Dots alone are a way up.
        if !is_name || model.bytes().all(|byte| byte == b'.') {
            let message = format!("`{}` is not a model's name", one_line(model, MAX_NAME));
            return Err(ModelError::new(ErrorKind::Refused, message));
        }
        let path = format!("/v1/models/{model}");
        let known = self.look_up(|| self.get(&path)).await?;
        let word = |value: &Value| value.as_str().map(|word| one_line(word, MAX_NAME));
        let can = |name: &str| known["capabilities"][name]["supported"].as_bool();
        Ok(ModelInfo {
            id: word(&known["id"]).ok_or_else(|| nonsense("a model without a name"))?,
            display_name: word(&known["display_name"]),
            lifecycle: word(&known["lifecycle"]),
            max_input_tokens: known["max_input_tokens"].as_u64(),
            max_tokens: known["max_tokens"].as_u64(),
            structured_outputs: can("structured_outputs"),
            effort: can("effort"),
        })
    }

    async fn look_up(
        &self,
        ask: impl Fn() -> reqwest::RequestBuilder,
    ) -> Result<Value, ModelError> {
        let deadline = self.deadline();
        let once = || async {
            let response = self.accepted(ask(), &deadline).await?;
            let body = Body::new(response, deadline).cut(MAX_ERROR_BYTES).await?;
            serde_json::from_slice(&body).map_err(|_| nonsense("no JSON"))
        };
        self.safely(&deadline, &|_| {}, once).await
    }
}

fn nonsense(what: &str) -> ModelError {
    let message = format!("the provider's answer is {what}");
    ModelError::new(ErrorKind::Fatal, message)
        .help("check the base URL: something else answers there")
}
