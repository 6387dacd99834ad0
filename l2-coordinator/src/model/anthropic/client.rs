//! The client: one call, streamed.

use async_trait::async_trait;
use protocol::budget::CacheUse;
use reqwest::header::HeaderValue;
use reqwest::{RequestBuilder, Response};

use super::assembly::Assembly;
use super::options::Options;
use super::{error, request};
use crate::model::wire::{Deadline, Dialect, Exchange, Secret, Tell, client};
use crate::model::{Model, ModelError, ModelReply, ModelRequest, Progress};

/// The version of the interface, which is also its rules.
const VERSION: &str = "2026-10-21";

/// What all its answers have.
static DIALECT: Dialect = Dialect {
    error: error::of_answer,
    request_id: "request-id",
    limits: &[
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-input-tokens-remaining",
        "anthropic-ratelimit-output-tokens-remaining",
        "anthropic-ratelimit-requests-reset",
    ],
};

/// Claude.
pub struct Anthropic {
    options: Options,
    http: reqwest::Client,
    exchange: Exchange,
}

impl Anthropic {
    /// One that connects when it is first called.
    ///
    /// # Errors
    /// No connection could ever be made: no certificates to trust, or a proxy that is none.
    pub fn new(options: Options) -> Result<Self, ModelError> {
        if options.base_url.is_open() {
            let host = options.base_url.host();
            tracing::warn!(host, "the key travels without TLS");
        }
        let proxy = options.proxy.as_ref().map(Secret::expose);
        let http = client(&options.base_url, &options.limits, proxy)?;
        let secret = options.credential.secret().clone();
        let limits = options.limits.clone();
        Ok(Self {
            exchange: Exchange::new(&DIALECT, Some(secret), limits, options.seed),
            http,
            options,
        })
    }

    /// The limits of a call that begins now.
    pub(super) fn deadline(&self) -> Deadline {
        self.exchange.deadline()
    }

    /// A request with the headers that all have.
    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.with_headers(self.http.get(self.options.base_url.at(path)))
    }

    /// The same with a body.
    pub(super) fn post(&self, path: &str, body: Vec<u8>) -> RequestBuilder {
        let request = self.http.post(self.options.base_url.at(path));
        self.with_headers(request)
            .header("content-type", "application/json")
            .body(body)
    }

    fn with_headers(&self, request: RequestBuilder) -> RequestBuilder {
        let (name, value) = self.options.credential.header();
        let mut value = HeaderValue::from_str(&value).expect("a secret is visible ASCII");
        // Whoever prints headers, prints this one as `Sensitive`.
        value.set_sensitive(true);
        request
            .header(name, value)
            .header("anthropic-version", VERSION)
    }

    /// Tries `once` as often as is safe; keeps the key out of what comes back.
    pub(super) async fn safely<T, F: Future<Output = Result<T, ModelError>>>(
        &self,
        deadline: &Deadline,
        tell: Tell<'_>,
        once: impl Fn() -> F,
    ) -> Result<T, ModelError> {
        self.exchange.safely(deadline, tell, once).await
    }

    /// An answer that is no error.
    pub(super) async fn accepted(
        &self,
        request: RequestBuilder,
        deadline: &Deadline,
    ) -> Result<Response, ModelError> {
        self.exchange.accepted(request, deadline).await
    }
}

#[async_trait]
impl Model for Anthropic {
    fn provider(&self) -> &'static str {
        "anthropic"
    }

    fn cache(&self) -> CacheUse {
        CacheUse::FiveMinutes
    }

    async fn call(
        &self,
        request: &ModelRequest,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ModelReply, ModelError> {
        let (body, deadline) = (request::for_reply(request)?, self.deadline());
        let once = || async {
            let post = self.post("/v1/messages", body.clone());
            let assembly = Assembly::new(&request.model);
            let most = request.max_tokens;
            let streamed = self
                .exchange
                .streamed(post, assembly, most, &deadline, progress);
            streamed.await
        };
        self.safely(&deadline, progress, once).await
    }
}
