//! The client: one call, streamed.

use async_trait::async_trait;
use reqwest::RequestBuilder;
use reqwest::header::HeaderValue;

use super::assembly::Assembly;
use super::options::Options;
use super::schema::Strict;
use super::{error, request};
use crate::model::wire::{Dialect, Exchange, Secret, client};
use crate::model::{Model, ModelError, ModelReply, ModelRequest, Progress};

/// What all its answers have.
static DIALECT: Dialect = Dialect {
    error: error::of_answer,
    request_id: "x-request-id",
    limits: &[
        "x-ratelimit-remaining-requests",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-requests",
        "x-ratelimit-reset-tokens",
    ],
};

/// A server with chat completions.
pub struct OpenAi {
    pub(super) options: Options,
    pub(super) exchange: Exchange,
    http: reqwest::Client,
}

impl OpenAi {
    /// One that connects when it is first called.
    ///
    /// # Errors
    /// No connection could ever be made: no certificates to trust, or a proxy that is none.
    pub fn new(options: Options) -> Result<Self, ModelError> {
        if options.key.is_some() && options.base_url.is_open() {
            let host = options.base_url.host();
            tracing::warn!(host, "the key travels without TLS");
        }
        let proxy = options.proxy.as_ref().map(Secret::expose);
        let http = client(&options.base_url, &options.limits, proxy)?;
        let limits = options.limits.clone();
        Ok(Self {
            exchange: Exchange::new(&DIALECT, options.key.clone(), limits, options.seed),
            http,
            options,
        })
    }

    /// A request with the headers that all have.
    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.with_key(self.http.get(self.options.base_url.at(path)))
    }

    fn post(&self, path: &str, body: Vec<u8>) -> RequestBuilder {
        let request = self.http.post(self.options.base_url.at(path));
        self.with_key(request)
            .header("content-type", "application/json")
            .body(body)
    }

    fn with_key(&self, request: RequestBuilder) -> RequestBuilder {
        let Some(key) = &self.options.key else {
            return request;
        };
        let value = HeaderValue::from_str(&format!("Bearer {}", key.expose()));
        let mut value = value.expect("a secret is visible ASCII");
        // Whoever prints headers, prints this one as `Sensitive`.
        value.set_sensitive(true);
        request.header("authorization", value)
    }
}

#[async_trait]
impl Model for OpenAi {
    fn provider(&self) -> &'static str {
        "openai"
    }

    async fn call(
        &self,
        request: &ModelRequest,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ModelReply, ModelError> {
        let strict = request.schema.as_ref().map(Strict::of);
        let body = request::body(request, strict.as_ref(), self.options.length)?;
        let deadline = self.exchange.deadline();
        let once = || async {
            let post = self.post("/chat/completions", body.clone());
            let assembly = Assembly::new(&request.model);
            let most = request.max_tokens;
            let streamed = self
                .exchange
                .streamed(post, assembly, most, &deadline, progress);
            streamed.await
        };
        let mut reply = self.exchange.safely(&deadline, progress, once).await?;
        if let Some(strict) = strict {
            reply.text = strict.without_stand_ins(reply.text);
        }
        Ok(reply)
    }
}
