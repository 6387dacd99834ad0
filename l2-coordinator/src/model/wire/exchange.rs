//! Calls to one provider: sent, tried again where that is safe, and read to their end. What the bytes
//! mean is said by a [`Dialect`] and a [`Reading`]; that nothing shows the key is said here, once.

use jiff::Timestamp;
use protocol::policy::one_line;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, Response, StatusCode};

use super::backoff::{Dice, repeat};
use super::body::{Body, Deadline};
use super::limits::{Limits, MAX_ERROR_BYTES, MAX_EVENT_BYTES};
use super::secret::Secret;
use super::sse::{Event, Parser};
use super::transport::send;
use crate::model::{ErrorKind, ModelError, ModelReply, Progress, Stop};

/// Longest id or header that is kept.
const MAX_ID: usize = 128;

/// What is told while a call goes on.
pub(crate) type Tell<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// How a provider says what all providers say.
pub(crate) struct Dialect {
    /// An answer that is an error: status, headers, body, and the time it came.
    pub(crate) error: fn(u16, &HeaderMap, &[u8], Timestamp) -> ModelError,
    /// The header with the id of a request.
    pub(crate) request_id: &'static str,
    /// Headers that say how much of a limit is left.
    pub(crate) limits: &'static [&'static str],
}

/// A reply that comes to be out of events.
pub(crate) trait Reading: Send {
    /// Takes the next event; what it tells those who wait.
    ///
    /// # Errors
    /// It is an error, or makes no sense, or the reply grows beyond its bounds.
    fn apply(&mut self, event: &Event) -> Result<Option<Progress>, ModelError>;
    /// Whether an event is the provider's own word that there will be no reply.
    fn is_error(&self, event: &Event) -> bool;
    /// Whether the last event has come.
    fn is_whole(&self) -> bool;
    /// Whether the provider began to answer: from then on it may bill.
    fn has_begun(&self) -> bool;
    /// An error that ended it, with the most it can have used, as far as that is known.
    fn cut(&self, error: ModelError, max_tokens: u32) -> ModelError;
    /// The reply.
    fn finish(self, request_id: Option<String>) -> ModelReply;
}

/// What all calls to one provider share.
pub(crate) struct Exchange {
    dialect: &'static Dialect,
    secret: Option<Secret>,
    limits: Limits,
    dice: Dice,
}

impl Exchange {
    /// With a provider who speaks this dialect, and a key that is to stay between us.
    pub(crate) fn new(
        dialect: &'static Dialect,
        secret: Option<Secret>,
        limits: Limits,
        seed: u64,
    ) -> Self {
        Self {
            dialect,
            secret,
            limits,
            dice: Dice::new(seed),
        }
    }

    /// The limits of a call that begins now.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::start(&self.limits)
    }

    /// Tries `once` as often as is safe; keeps the key out of what comes back.
    pub(crate) async fn safely<T, F: Future<Output = Result<T, ModelError>>>(
        &self,
        deadline: &Deadline,
        tell: Tell<'_>,
        once: impl Fn() -> F,
    ) -> Result<T, ModelError> {
        // Each time, since a failed try is logged.
        let once = || async { once().await.map_err(|error| self.without_key(error)) };
        repeat(&self.limits, &self.dice, deadline, tell, once).await
    }

    /// An answer that is no error.
    pub(crate) async fn accepted(
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
        let body = self.scrub(body);
        let now = Timestamp::now();
        let error = (self.dialect.error)(status.as_u16(), &headers, body.as_bytes(), now);
        Err(error)
    }

    /// A reply that is streamed, sent and read once.
    pub(crate) async fn streamed<R: Reading>(
        &self,
        request: RequestBuilder,
        mut reading: R,
        max_tokens: u32,
        deadline: &Deadline,
        tell: Tell<'_>,
    ) -> Result<ModelReply, ModelError> {
        let request = request.header("accept", "text/event-stream");
        let response = self.accepted(request, deadline).await;
        let response = response.map_err(|error| match error.kind {
            // It may be at work on it still, and nobody will hear what it came to.
            ErrorKind::TimedOut => reading.cut(error, max_tokens),
            _ => error,
        })?;
        let request_id = self.request_id(response.headers());
        if !is_stream(response.headers()) {
            return Err(no_stream(&response, request_id));
        }
        let mut body = Body::new(response, *deadline);
        match self.read(&mut body, &mut reading, tell).await {
            Ok(()) => Ok(self.reply_without_key(reading.finish(request_id))),
            Err(cut) => {
                // An error in the place of the reply is no reply that began. All else may be billed.
                let error = if cut.was_said && !reading.has_begun() {
                    cut.error
                } else {
                    reading.cut(cut.error, max_tokens)
                };
                Err(ModelError {
                    request_id,
                    ..error
                })
            }
        }
    }

    /// Every event until the last.
    async fn read<R: Reading>(
        &self,
        body: &mut Body,
        reading: &mut R,
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
                event.name = self.scrub(event.name);
                event.data = self.scrub(event.data);
                let told = match reading.apply(&event) {
                    Ok(told) => told,
                    Err(error) => {
                        let was_said = reading.is_error(&event);
                        return Err(Cut { error, was_said });
                    }
                };
                if let Some(told) = told {
                    tell(told);
                }
                if reading.is_whole() {
                    return Ok(());
                }
            }
        }
        let message = "the stream ended before the reply did";
        Err(cut(ModelError::new(ErrorKind::Transient, message)))
    }

    fn scrub(&self, text: String) -> String {
        match &self.secret {
            Some(secret) => secret.scrub(text),
            None => text,
        }
    }

    fn without_key(&self, mut error: ModelError) -> ModelError {
        error.message = self.scrub(error.message);
        error.help = error.help.map(|text| self.scrub(text));
        error.code = error.code.map(|text| self.scrub(text));
        error.request_id = error.request_id.map(|text| self.scrub(text));
        error
    }

    /// No honest reply holds the key; one that echoes headers would carry it into files.
    fn reply_without_key(&self, mut reply: ModelReply) -> ModelReply {
        reply.text = self.scrub(reply.text);
        reply.model = self.scrub(reply.model);
        reply.id = reply.id.map(|text| self.scrub(text));
        reply.request_id = reply.request_id.map(|text| self.scrub(text));
        for used in &mut reply.used {
            used.model = self.scrub(std::mem::take(&mut used.model));
        }
        for name in &mut reply.tool_calls {
            *name = self.scrub(std::mem::take(name));
        }
        match &mut reply.stop {
            Stop::Refusal {
                category,
                explanation,
            } => {
                for text in [category, explanation].into_iter().flatten() {
                    *text = self.scrub(std::mem::take(text));
                }
            }
            Stop::Other { word } => *word = self.scrub(std::mem::take(word)),
            _ => {}
        }
        reply
    }

    /// How much of each limit is left, for those who look for why it is slow.
    fn note_limits(&self, headers: &HeaderMap) {
        let left = self.dialect.limits.iter().filter_map(|name| {
            let value = self.scrub(headers.get(*name)?.to_str().ok()?.to_owned());
            Some(format!("{name}: {}", one_line(&value, MAX_ID)))
        });
        let left = left.collect::<Vec<_>>().join(", ");
        let request_id = self.request_id(headers);
        tracing::debug!(request_id, left, "an answer of the provider");
    }

    fn request_id(&self, headers: &HeaderMap) -> Option<String> {
        let id = headers.get(self.dialect.request_id)?.to_str().ok()?;
        // Before it is cut short.
        Some(one_line(&self.scrub(id.to_owned()), MAX_ID))
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
