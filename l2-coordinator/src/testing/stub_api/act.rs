//! What the stub does with a request, in words of no provider.

use std::time::Duration;

use protocol::budget::Usage;

/// What one request gets.
#[derive(Clone, Debug)]
pub enum Act {
    /// A reply.
    Say(Said),
    /// An error.
    Fail(Failure),
    /// Another answer than the interface has: status, content type, body.
    Page(u16, &'static str, Vec<u8>),
    /// These bytes, whatever they are, and the end of the connection.
    Bytes(Vec<u8>),
    /// Nothing, for as long as the other side waits.
    Silence,
}

/// A reply and the way it travels.
#[derive(Clone, Debug)]
pub struct Said {
    pub(super) pieces: Vec<String>,
    pub(super) thinking: Option<String>,
    pub(super) tool_calls: Vec<String>,
    pub(super) stop: String,
    pub(super) refusal: Option<(Option<String>, Option<String>)>,
    pub(super) usage: Option<Usage>,
    pub(super) times: u64,
    pub(super) model: Option<String>,
    pub(super) inserted: Vec<(usize, String)>,
    pub(super) end: End,
    pub(super) split: usize,
    pub(super) pause: Duration,
}

/// How a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With its last event.
    Whole,
    /// The connection ends after so many events.
    CutAfter(usize),
    /// Nothing comes after so many events, and the connection stays.
    HangAfter(usize),
}

impl Said {
    /// A text, in one piece.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::pieces([text.into()])
    }

    /// A text, in these pieces.
    pub fn pieces(pieces: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            pieces: pieces.into_iter().map(Into::into).collect(),
            thinking: None,
            tool_calls: Vec::new(),
            stop: "end_turn".to_owned(),
            refusal: None,
            usage: None,
            times: 1,
            model: None,
            inserted: Vec::new(),
            end: End::Whole,
            split: usize::MAX,
            pause: Duration::ZERO,
        }
    }

    /// Ends for this reason, in Claude's word.
    #[must_use]
    pub fn stop(mut self, word: &str) -> Self {
        word.clone_into(&mut self.stop);
        self
    }

    /// Declines.
    #[must_use]
    pub fn refusal(mut self, category: Option<&str>, explanation: Option<&str>) -> Self {
        self.refusal = Some((category.map(str::to_owned), explanation.map(str::to_owned)));
        self.stop("refusal")
    }

    /// Thinks first.
    #[must_use]
    pub fn thinking(mut self, text: &str) -> Self {
        self.thinking = Some(text.to_owned());
        self
    }

    /// Wants to call this tool.
    #[must_use]
    pub fn tool_call(mut self, name: &str) -> Self {
        self.tool_calls.push(name.to_owned());
        self.stop("tool_use")
    }

    /// Used this; else an estimate by length.
    #[must_use]
    pub fn usage(mut self, usage: Usage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// Reports so many times of what it used.
    #[must_use]
    pub fn usage_times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// Says that another model answered.
    #[must_use]
    pub fn model(mut self, model: &str) -> Self {
        self.model = Some(model.to_owned());
        self
    }

    /// Puts this text before the event of that number, from 0; `\n\n` ends it.
    #[must_use]
    pub fn insert(mut self, before: usize, raw: impl Into<String>) -> Self {
        self.inserted.push((before, raw.into()));
        self
    }

    /// The connection ends after so many events.
    #[must_use]
    pub fn cut_after(mut self, events: usize) -> Self {
        self.end = End::CutAfter(events);
        self
    }

    /// Silence after so many events, on an open connection.
    #[must_use]
    pub fn hang_after(mut self, events: usize) -> Self {
        self.end = End::HangAfter(events);
        self
    }

    /// In chunks of so many bytes.
    #[must_use]
    pub fn split(mut self, bytes: usize) -> Self {
        self.split = bytes.max(1);
        self
    }

    /// Waits so long before every chunk.
    #[must_use]
    pub fn slowly(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// What it reports to have used, for a prompt of so many bytes.
    pub(super) fn used(&self, prompt_bytes: usize) -> Usage {
        let bytes: usize = self.pieces.iter().map(String::len).sum();
        let usage = self.usage.unwrap_or(Usage {
            input: prompt_bytes as u64 / 4 + 1,
            output: bytes as u64 / 4 + 1,
            ..Usage::default()
        });
        let times = |tokens: u64| tokens.saturating_mul(self.times);
        Usage {
            input: times(usage.input),
            cache_write_5m: times(usage.cache_write_5m),
            cache_write_1h: times(usage.cache_write_1h),
            cache_read: times(usage.cache_read),
            output: times(usage.output),
            thinking: times(usage.thinking),
        }
    }
}

impl From<Said> for Act {
    fn from(said: Said) -> Self {
        Self::Say(said)
    }
}

impl From<Failure> for Act {
    fn from(failure: Failure) -> Self {
        Self::Fail(failure)
    }
}

/// An error, as the provider words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub(super) status: u16,
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) code: Option<String>,
    pub(super) headers: Vec<(String, String)>,
}

impl Failure {
    /// Of this status, with the provider's word for it (empty: a body that is no JSON).
    #[must_use]
    pub fn new(status: u16, kind: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind: kind.to_owned(),
            message: message.into(),
            code: None,
            headers: Vec::new(),
        }
    }

    /// A request that breaks a rule.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// With the finer word.
    #[must_use]
    pub fn code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Too many requests for now; wait so long.
    #[must_use]
    pub fn rate_limit(retry_after: &str) -> Self {
        let failure = Self::new(429, "rate_limit_error", "slow down");
        failure
            .code("ramp_limit_exceeded")
            .header("retry-after", retry_after)
    }

    /// A limit of spending: `enforced_spend_limit_reached` or `contract_spend_limit_reached`.
    #[must_use]
    pub fn spend_limit(code: &str) -> Self {
        Self::new(429, "rate_limit_error", "no more this month").code(code)
    }

    /// Everybody asks.
    #[must_use]
    pub fn overloaded() -> Self {
        Self::new(529, "overloaded_error", "Overloaded")
    }
}
