//! A model that is only made once something is asked: a run whose replies are all on record goes on
//! without a key and without a program.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use l2_coordinator::model::{ErrorKind, Model, ModelError, ModelReply, ModelRequest, Progress};
use protocol::budget::CacheUse;

use crate::cli::error::CliError;
use crate::settings::Provider;

type Make = Box<dyn Fn() -> Result<Arc<dyn Model>, CliError> + Send + Sync>;

/// What makes the model, and what is known of it before.
pub(super) struct Later {
    provider: Provider,
    make: Make,
    made: OnceLock<Arc<dyn Model>>,
}

impl Later {
    /// A model of this provider.
    pub(super) fn new(
        provider: Provider,
        make: impl Fn() -> Result<Arc<dyn Model>, CliError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            provider,
            make: Box::new(make),
            made: OnceLock::new(),
        }
    }

    fn model(&self) -> Result<Arc<dyn Model>, CliError> {
        if let Some(made) = self.made.get() {
            return Ok(Arc::clone(made));
        }
        let made = (self.make)()?;
        Ok(Arc::clone(self.made.get_or_init(|| made)))
    }
}

#[async_trait]
impl Model for Later {
    fn provider(&self) -> &'static str {
        self.provider.as_str()
    }

    fn cache(&self) -> CacheUse {
        match self.provider {
            Provider::Anthropic => CacheUse::FiveMinutes,
            Provider::ClaudeCode => CacheUse::Hour,
            Provider::Openai | Provider::Scripted => CacheUse::None,
        }
    }

    fn is_fixture(&self) -> bool {
        self.provider == Provider::Scripted
    }

    async fn call(
        &self,
        request: &ModelRequest,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ModelReply, ModelError> {
        let model = self.model().map_err(|error| {
            let unmade = ModelError::new(ErrorKind::Fatal, error.message);
            match error.hints.into_iter().next() {
                Some(hint) => unmade.help(hint),
                None => unmade,
            }
        })?;
        model.call(request, progress).await
    }
}
