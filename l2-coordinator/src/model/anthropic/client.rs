//! The client: one call, streamed, tried again where that is safe.

use async_trait::async_trait;
use jiff::Timestamp;
use protocol::budget::CacheUse;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};

use super::assembly::Assembly;
use super::options::Options;
use super::{error, request};
use crate::model::wire::{
    Body, Deadline, Dice, MAX_ERROR_BYTES, MAX_EVENT_BYTES, Parser, Secret, client, one_line,
    repeat, send,
};
use crate::model::{ErrorKind, Model, ModelError, ModelReply, ModelRequest, Progress, Stop};

/// The version of the interface, which is also its rules.
const VERSION: &str = "2026-10-21";

/// Longest id of a request that is kept.
const MAX_ID: usize = 128;

/// Claude.
pub struct Anthropic {
    options: Options,
    http: reqwest::Client,
    dice: Dice,
}

/// What is told while a call goes on.
type Tell<'a> = &'a (dyn Fn(Progress) + Send + Sync);

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
        Ok(Self {
            dice: Dice::new(options.seed),
            http,
            options,
        })
    }

    /// The limits of a call that begins now.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline::start(&self.options.limits)
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

    fn secret(&self) -> &Secret {
        self.options.credential.secret()
    }

    /// Tries `once` as often as is safe; keeps the key out of what comes back.
    pub(super) async fn safely<T, F: Future<Output = Result<T, ModelError>>>(
        &self,
        deadline: &Deadline,
        tell: Tell<'_>,
        once: impl Fn() -> F,
    ) -> Result<T, ModelError> {
        // Each time, since a failed try is logged.
        let once = || async { once().await.map_err(|error| self.without_key(error)) };
        repeat(&self.options.limits, &self.dice, deadline, tell, once).await
    }

    /// An answer that is no error.
    pub(super) async fn accepted(
        &self,
        request: RequestBuilder,
        deadline: &Deadline,
    ) -> Result<Response, ModelError> {
        let response = send(request, deadline).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        self.note_limits(&headers);
        if status == StatusCode::OK {
            return Ok(response);
        }
        // An error whose body does not come is that error still.
        let body = Body::new(response, *deadline).cut(MAX_ERROR_BYTES).await;
        let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
        // Before anything is cut short: half a key is too much.
        let body = self.secret().scrub(body);
        let now = Timestamp::now();
        let error = error::of_answer(status.as_u16(), &headers, body.as_bytes(), now);
        Err(error)
    }

    async fn once(
        &self,
        asked: &ModelRequest,
        body: &[u8],
        deadline: &Deadline,
        tell: Tell<'_>,
    ) -> Result<ModelReply, ModelError> {
        let mut assembly = Assembly::new(&asked.model);
        let request = self.post("/v1/messages", body.to_vec());
        let request = request.header("accept", "text/event-stream");
        let response = self.accepted(request, deadline).await;
        let response = response.map_err(|error| match error.kind {
            // It may be at work on it still, and nobody will hear what it came to.
            ErrorKind::TimedOut => assembly.cut(error, asked.max_tokens),
            _ => error,
        })?;
        let request_id = request_id(response.headers());
        if !is_stream(response.headers()) {
            return Err(no_stream(&response, request_id));
        }
        let mut body = Body::new(response, *deadline);
        match self.read(&mut body, &mut assembly, tell).await {
            Ok(()) => Ok(assembly.finish(request_id)),
            Err(cut) => {
                // An error in the place of the reply is no reply that began. All else may be billed.
                let error = if cut.was_said && !assembly.has_begun() {
                    cut.error
                } else {
                    assembly.cut(cut.error, asked.max_tokens)
                };
                Err(ModelError {
                    request_id,
                    ..error
                })
            }
        }
    }

    /// Every event until the last.
    async fn read(
        &self,
        body: &mut Body,
        assembly: &mut Assembly,
        tell: Tell<'_>,
    ) -> Result<(), Cut> {
        let cut = |error| Cut {
            error,
            was_said: false,
        };
        let mut parser = Parser::new(MAX_EVENT_BYTES);
        while let Some(piece) = body.next().await.map_err(cut)? {
            let events = parser.push(&piece).map_err(|error| {
                cut(ModelError::new(
                    ErrorKind::Fatal,
                    format!("the stream makes no sense: {error}"),
                ))
            })?;
            for mut event in events {
                event.name = self.secret().scrub(event.name);
                event.data = self.secret().scrub(event.data);
                let was_said = event.name == "error";
                let told = assembly
                    .apply(&event)
                    .map_err(|error| Cut { error, was_said })?;
                if let Some(told) = told {
                    tell(told);
                }
                if assembly.is_whole() {
                    return Ok(());
                }
            }
        }
        let message = "the stream ended before the reply did";
        Err(cut(ModelError::new(ErrorKind::Transient, message)))
    }

    fn without_key(&self, mut error: ModelError) -> ModelError {
        let secret = self.secret();
        error.message = secret.scrub(error.message);
        error.help = error.help.map(|text| secret.scrub(text));
        error.code = error.code.map(|text| secret.scrub(text));
        error.request_id = error.request_id.map(|text| secret.scrub(text));
        error
    }

    /// How much of each limit is left, for those who look for why it is slow.
    fn note_limits(&self, headers: &HeaderMap) {
        let secret = self.secret();
        let text = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.map(|value| secret.scrub(one_line(value, MAX_ID)))
        };
        tracing::debug!(
            request_id = text("request-id"),
            requests = text("anthropic-ratelimit-requests-remaining"),
            tokens = text("anthropic-ratelimit-tokens-remaining"),
            input_tokens = text("anthropic-ratelimit-input-tokens-remaining"),
            output_tokens = text("anthropic-ratelimit-output-tokens-remaining"),
            reset = text("anthropic-ratelimit-requests-reset"),
            "an answer of the provider"
        );
    }

    /// No honest reply holds the key; one that echoes headers would carry it into files.
    fn reply_without_key(&self, mut reply: ModelReply) -> ModelReply {
        let secret = self.secret();
        reply.text = secret.scrub(reply.text);
        reply.model = secret.scrub(reply.model);
        reply.id = reply.id.map(|text| secret.scrub(text));
        reply.request_id = reply.request_id.map(|text| secret.scrub(text));
        for used in &mut reply.used {
            used.model = secret.scrub(std::mem::take(&mut used.model));
        }
        for name in &mut reply.tool_calls {
            *name = secret.scrub(std::mem::take(name));
        }
        match &mut reply.stop {
            Stop::Refusal {
                category,
                explanation,
            } => {
                for text in [category, explanation].into_iter().flatten() {
                    *text = secret.scrub(std::mem::take(text));
                }
            }
            Stop::Other { word } => *word = secret.scrub(std::mem::take(word)),
            _ => {}
        }
        reply
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
        let once = || self.once(request, &body, &deadline, progress);
        let reply = self.safely(&deadline, progress, once).await?;
        Ok(self.reply_without_key(reply))
    }
}

/// A stream that did not reach its end.
struct Cut {
    error: ModelError,
    /// Whether the provider said so itself.
    was_said: bool,
}

fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers
        .get("content-type")
        .and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().starts_with("text/event-stream"))
}

/// A page, where a stream should be: somebody else answers at that address.
fn no_stream(response: &Response, request_id: Option<String>) -> ModelError {
    let kind = response.headers().get("content-type");
    let kind = kind
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("no type");
    let kind = one_line(kind, MAX_ID);
    let message = format!("the answer is {kind}, not a stream of events");
    ModelError {
        status: Some(response.status().as_u16()),
        request_id,
        used: Some(Vec::new()),
        ..ModelError::new(ErrorKind::Fatal, message)
    }
    .help("check the base URL: something else answers there")
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("request-id")?.to_str().ok()?;
    Some(one_line(id, MAX_ID))
}
