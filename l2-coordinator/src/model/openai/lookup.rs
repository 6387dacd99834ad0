//! What a server knows of its models: proves address and key at once.

use serde_json::Value;

use super::client::OpenAi;
use crate::model::wire::{Body, one_line};
use crate::model::{ErrorKind, ModelError};

/// Longest name of a model.
const MAX_NAME: usize = 128;

/// Most bytes of the list; a gateway lists some hundred models.
const MAX_LIST_BYTES: usize = 1024 * 1024;

/// Most models of it.
const MAX_MODELS: usize = 10_000;

impl OpenAi {
    /// Names of the models it has, as it lists them.
    ///
    /// # Errors
    /// It cannot be asked, or answers something else.
    pub async fn models(&self) -> Result<Vec<String>, ModelError> {
        let deadline = self.exchange.deadline();
        let once = || async {
            let response = self.exchange.accepted(self.get("/models"), &deadline);
            let body = Body::new(response.await?, deadline);
            let body = body.cut(MAX_LIST_BYTES).await?;
            let list: Value = serde_json::from_slice(&body).map_err(|_| nonsense("no JSON"))?;
            let models = list["data"].as_array();
            let models = models.ok_or_else(|| nonsense("no list of models"))?;
            let names = models.iter().filter_map(|model| model["id"].as_str());
            let names = names.map(|name| one_line(name, MAX_NAME));
            Ok(names.take(MAX_MODELS).collect())
        };
        self.exchange.safely(&deadline, &|_| {}, once).await
    }
}

fn nonsense(what: &str) -> ModelError {
    let message = format!("the provider's answer is {what}");
    ModelError::new(ErrorKind::Fatal, message)
        .help("check the base URL: something else answers there")
}
