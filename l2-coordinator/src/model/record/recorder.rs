//! A model that writes down what it is asked and what it answers.

use std::collections::HashSet;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use fs_err::{File, OpenOptions};
use protocol::budget::CacheUse;
use protocol::digest::Digest;
use protocol::time::Timestamp;
use serde_json::Value;

use super::cassette::{Cassette, CassetteError};
use super::line::{Header, SCHEMA, lines};
use crate::model::{ErrorKind, Model, ModelError, ModelReply, ModelRequest, Progress};

/// Takes out of a text what must not be written.
pub type Redact = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// What to do about a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it alone and record nothing.
    Refuse,
    /// Go on with it: it is a recording of the same run.
    Append,
}

/// Where and how to record.
#[derive(Clone)]
pub struct RecorderOptions {
    /// The file.
    pub path: PathBuf,
    /// What is done if it is there.
    pub existing: Existing,
    /// Now, for people who find the file.
    pub recorded_at: Timestamp,
    /// Applied to every text that is written; matching goes by the request as it was asked.
    pub redact: Redact,
}

/// A model that records.
pub struct Recorder {
    model: Arc<dyn Model>,
    path: PathBuf,
    redact: Redact,
    file: Mutex<Tape>,
}

struct Tape {
    file: File,
    bytes: u64,
    texts: HashSet<Digest>,
}

impl Recorder {
    /// Begins or goes on with a recording of what `model` is asked. Replies of a model that is a fixture
    /// are recorded as a fixture.
    ///
    /// # Errors
    /// The file cannot be written, or what is there is in the way.
    pub fn start(model: Arc<dyn Model>, options: RecorderOptions) -> Result<Self, CassetteError> {
        let RecorderOptions {
            path,
            existing,
            recorded_at,
            redact,
        } = options;
        let header = Header {
            schema: SCHEMA.to_owned(),
            provider: model.provider().to_owned(),
            cache: model.cache(),
            recorded_at: Some(recorded_at),
            fixture: model.is_fixture(),
        };
        let tape = match existing {
            Existing::Append if is_begun(&path)? => Tape::go_on(&path, &header)?,
            _ => Tape::begin(&path, &header)?,
        };
        Ok(Self {
            model,
            path,
            redact,
            file: Mutex::new(tape),
        })
    }

    fn keep(
        &self,
        request: &ModelRequest,
        outcome: &Result<ModelReply, ModelError>,
    ) -> Result<(), String> {
        let digest = request.digest().map_err(|error| error.to_string())?;
        let mut tape = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = lines(digest, request, outcome, |known| tape.texts.contains(known));
        let mut bytes = Vec::new();
        let mut texts = Vec::new();
        for line in &lines {
            if let super::line::Line::Text { digest, .. } = line {
                texts.push(*digest);
            }
            let mut value = serde_json::to_value(line).map_err(|error| error.to_string())?;
            redacted(&mut value, &self.redact);
            serde_json::to_writer(&mut bytes, &value).map_err(|error| error.to_string())?;
            bytes.push(b'\n');
        }
        tape.append(&bytes).map_err(|error| error.to_string())?;
        tape.texts.extend(texts);
        Ok(())
    }
}

fn is_begun(path: &Path) -> Result<bool, CassetteError> {
    match fs_err::metadata(path) {
        Ok(found) => Ok(found.len() > 0),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn redacted(value: &mut Value, redact: &Redact) {
    match value {
        Value::String(text) => *text = redact(text),
        Value::Array(items) => items.iter_mut().for_each(|item| redacted(item, redact)),
        Value::Object(map) => map.values_mut().for_each(|item| redacted(item, redact)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Tape {
    fn begin(path: &Path, header: &Header) -> Result<Self, CassetteError> {
        if is_begun(path)? {
            let path = path.display();
            let text = format!("{path} is there already; remove it, or name another file");
            return Err(CassetteError::InTheWay(text));
        }
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut tape = Self {
            file,
            bytes: 0,
            texts: HashSet::new(),
        };
        let mut line = serde_json::to_vec(header).map_err(std::io::Error::other)?;
        line.push(b'\n');
        tape.append(&line)?;
        Ok(tape)
    }

    fn go_on(path: &Path, header: &Header) -> Result<Self, CassetteError> {
        let there = Cassette::open(path)?;
        if there.provider != header.provider || there.fixture != header.fixture {
            let path = path.display();
            let text = format!("{path} is a recording of something else; name another file");
            return Err(CassetteError::InTheWay(text));
        }
        let file = OpenOptions::new().write(true).open(path)?;
        // What a crash cut off is no line, and nothing may be written behind it.
        file.set_len(there.whole_bytes)?;
        Ok(Self {
            file,
            bytes: there.whole_bytes,
            texts: there.texts.into_keys().collect(),
        })
    }

    /// All of it, or nothing: what was written of it in part is cut off again.
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.seek(SeekFrom::Start(self.bytes))?;
        let written = self.file.write_all(bytes);
        if let Err(error) = written {
            self.file.set_len(self.bytes)?;
            return Err(error);
        }
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

#[async_trait]
impl Model for Recorder {
    fn provider(&self) -> &'static str {
        self.model.provider()
    }

    fn cache(&self) -> CacheUse {
        self.model.cache()
    }

    fn is_fixture(&self) -> bool {
        self.model.is_fixture()
    }

    async fn call(
        &self,
        request: &ModelRequest,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ModelReply, ModelError> {
        let outcome = self.model.call(request, progress).await;
        let is_worth_keeping = match &outcome {
            Ok(_) => true,
            Err(error) => error.kind != ErrorKind::Cancelled,
        };
        if is_worth_keeping && let Err(problem) = self.keep(request, &outcome) {
            // Whoever records wants the recording: a reply that is not in it would be missed later.
            let path = self.path.display();
            let message = format!("the recording {path} cannot be written: {problem}");
            let used = match outcome {
                Ok(reply) => Some(reply.used),
                Err(error) => error.used,
            };
            let error = ModelError::new(ErrorKind::Fatal, message);
            return Err(ModelError { used, ..error });
        }
        outcome
    }
}
