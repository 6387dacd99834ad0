//! Reading a cassette: strict, bounded, and with the line where something is wrong. A last line that
//! was cut by a crash is left out; anything else that is not as it should be refuses the whole file.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use fs_err::File;
use protocol::budget::CacheUse;
use protocol::digest::Digest;

use super::line::{Call, Header, KeptRequest, Line, SCHEMA};
use crate::model::{Effort, ModelError, ModelReply};

/// Bytes of a cassette: thousands of calls with long replies.
const MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes of one line: a request at its largest, and its reply.
const MAX_LINE_BYTES: usize = 32 * 1024 * 1024;
/// Calls in a cassette.
const MAX_CALLS: usize = 100_000;
/// The providers there are; a replay answers under the name of the one that was recorded.
const PROVIDERS: [&str; 4] = ["anthropic", "openai", "claude-code", "scripted"];

/// Why a file is no cassette.
#[derive(Debug, thiserror::Error)]
pub enum CassetteError {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Longer than any recording.
    #[error("a recording has at most {MAX_BYTES} bytes")]
    TooBig,
    /// One line is not what may stand there.
    #[error("line {line}: {problem}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What.
        problem: String,
    },
    /// There is a file already that would be overwritten, or is of another provider.
    #[error("{0}")]
    InTheWay(String),
}

/// Recorded calls.
#[derive(Debug)]
pub struct Cassette {
    pub(super) provider: &'static str,
    pub(super) cache: CacheUse,
    pub(super) fixture: bool,
    /// In the order of the file.
    pub(super) calls: Vec<Kept>,
    pub(super) texts: HashMap<Digest, String>,
    /// Bytes up to the end of the last whole line.
    pub(super) whole_bytes: u64,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) digest: Digest,
    pub(super) request: KeptRequest,
    pub(super) outcome: Result<ModelReply, ModelError>,
}

impl Cassette {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// It cannot be read, is too big, or a line of it is wrong.
    pub fn open(path: &Path) -> Result<Self, CassetteError> {
        let mut bytes = Vec::new();
        let file = File::open(path)?;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        Self::parse(&bytes)
    }

    /// Reads a cassette's bytes.
    ///
    /// # Errors
    /// There are too many, or a line is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, CassetteError> {
        if bytes.len() as u64 > MAX_BYTES {
            return Err(CassetteError::TooBig);
        }
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').enumerate();
        let (_, first) = lines.next().unwrap_or((0, b""));
        let mut cassette = Self::begun(header(first)?, first.len());
        for (at, bytes) in lines {
            let is_whole = bytes.ends_with(b"\n");
            match line(at + 1, bytes).and_then(|line| cassette.take(at + 1, line)) {
                Ok(()) => cassette.whole_bytes += bytes.len() as u64,
                // A crash cut it off: it was never promised to anybody.
                Err(_) if !is_whole => break,
                Err(error) => return Err(error),
            }
        }
        Ok(cassette)
    }

    /// Whether the replies were written by hand: no model gave them.
    #[must_use]
    pub const fn is_fixture(&self) -> bool {
        self.fixture
    }

    /// With what its calls were asked, in order: model, most tokens, effort. Whoever replays it and chose
    /// nothing else asks the same.
    pub fn asked_with(&self) -> impl Iterator<Item = (&str, u32, Option<Effort>)> {
        self.calls.iter().map(|call| {
            let KeptRequest {
                model,
                max_tokens,
                effort,
                ..
            } = &call.request;
            (model.as_str(), *max_tokens, *effort)
        })
    }

    /// Who answered, by the name of a provider.
    #[must_use]
    pub const fn provider(&self) -> &'static str {
        self.provider
    }

    /// Calls in it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    fn begun((header, provider): (Header, &'static str), bytes: usize) -> Self {
        Self {
            provider,
            cache: header.cache,
            fixture: header.fixture,
            calls: Vec::new(),
            texts: HashMap::new(),
            whole_bytes: bytes as u64,
        }
    }

    fn take(&mut self, at: usize, line: Line) -> Result<(), CassetteError> {
        match line {
            Line::Text { digest, text } => {
                self.texts.insert(digest, text);
            }
            Line::Call(call) => {
                let kept = self.kept(*call).map_err(|problem| wrong(at, problem))?;
                self.calls.push(kept);
            }
        }
        Ok(())
    }

    fn kept(&self, call: Call) -> Result<Kept, &'static str> {
        if self.calls.len() >= MAX_CALLS {
            return Err("more calls than a recording may have");
        }
        let request = KeptRequest::read(&call, &self.texts);
        let request = request.ok_or("a text of the call is neither there nor in a line before")?;
        let outcome = match (call.reply, call.error) {
            (Some(reply), None) => Ok(reply),
            (None, Some(error)) => Err(error.into()),
            _ => return Err("a call has either a `reply` or an `error`"),
        };
        Ok(Kept {
            digest: call.request,
            request,
            outcome,
        })
    }
}

fn header(first: &[u8]) -> Result<(Header, &'static str), CassetteError> {
    let about = "the first line of a recording says what it is";
    let header: Header = parsed(1, first).map_err(|error| {
        wrong(
            1,
            format!("{about}: `{{\"schema\":\"{SCHEMA}\",…}}` ({error})"),
        )
    })?;
    if header.schema != SCHEMA {
        let found: String = header.schema.chars().take(60).collect();
        let found = found.escape_debug();
        return Err(wrong(1, format!("`schema` is `{found}`, not `{SCHEMA}`")));
    }
    let known = PROVIDERS.into_iter().find(|name| *name == header.provider);
    match known {
        Some(provider) => Ok((header, provider)),
        None => {
            let known = PROVIDERS.join("`, `");
            Err(wrong(1, format!("`provider` is none of `{known}`")))
        }
    }
}

fn line(at: usize, bytes: &[u8]) -> Result<Line, CassetteError> {
    parsed(at, bytes).map_err(|problem| wrong(at, problem))
}

fn parsed<T: serde::de::DeserializeOwned>(at: usize, bytes: &[u8]) -> Result<T, String> {
    if bytes.len() > MAX_LINE_BYTES {
        return Err(format!("line {at} has more than {MAX_LINE_BYTES} bytes"));
    }
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

fn wrong(line: usize, problem: impl Into<String>) -> CassetteError {
    let problem = problem.into();
    CassetteError::Line { line, problem }
}
