//! Replies that a person wrote into a file: fixtures of scenarios, evals and tests. Not recordings;
//! nobody ever said what is in them, and reports name the provider for what it is.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use protocol::budget::{Usage, Used};
use protocol::digest::Digest;
use serde::Deserialize;
use serde_json::Value;

use super::error::{ErrorKind, ModelError};
use super::reply::{ModelReply, Stop};
use super::request::ModelRequest;
use super::seam::{Model, Progress};

/// Largest script: as much as the largest request.
pub const MAX_SCRIPT_BYTES: u64 = 16 * 1024 * 1024;
/// Most entries of a script; a run makes fewer calls.
pub const MAX_SCRIPT_ENTRIES: usize = 10_000;

/// Answers from a script: JSON lines, each one reply or one error. The first unused entry whose
/// `when` fits answers; failing that, the first unused entry without `when`. Entries are used once,
/// unless they say `repeat`.
#[derive(Debug)]
pub struct Scripted {
    entries: Mutex<Vec<Slot>>,
}

#[derive(Debug)]
struct Slot {
    entry: Entry,
    used: bool,
}

/// A script that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The file is not there, or not readable.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// Larger or longer than a script may be.
    #[error("a script has at most {MAX_SCRIPT_ENTRIES} entries and {MAX_SCRIPT_BYTES} bytes")]
    TooLarge,
    /// A line is no entry.
    #[error("line {line}: {why}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Which requests it answers; any unless given.
    when: Option<When>,
    #[serde(default)]
    repeat: bool,
    /// The reply's text, as text or as the JSON it is to hold.
    text: Option<String>,
    json: Option<Value>,
    stop: Option<Stop>,
    #[serde(default)]
    usage: Usage,
    model: Option<String>,
    #[serde(default)]
    tool_calls: Vec<String>,
    error: Option<Failure>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum When {
    /// The system text or a message holds this.
    Contains(String),
    /// The request's digest.
    Digest(Digest),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    kind: Kind,
    message: String,
    status: Option<u16>,
    /// Whether the provider had begun to answer: then it may be billed, and is not repeated.
    #[serde(default)]
    began: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Transient,
    Fatal,
    Refused,
    TimedOut,
}

impl Scripted {
    /// From a file.
    ///
    /// # Errors
    /// It cannot be read, or a line is no entry.
    pub fn read(path: &Path) -> Result<Self, ScriptError> {
        if fs_err::metadata(path)?.len() > MAX_SCRIPT_BYTES {
            return Err(ScriptError::TooLarge);
        }
        Self::parse(&fs_err::read(path)?)
    }

    /// From the bytes of such a file. Empty lines are passed over.
    ///
    /// # Errors
    /// A line is no entry.
    pub fn parse(script: &[u8]) -> Result<Self, ScriptError> {
        if u64::try_from(script.len()).unwrap_or(u64::MAX) > MAX_SCRIPT_BYTES {
            return Err(ScriptError::TooLarge);
        }
        let mut entries = Vec::new();
        for (index, line) in script.split(|&byte| byte == b'\n').enumerate() {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let refuse = |why: String| ScriptError::Line {
                line: index + 1,
                why,
            };
            let entry: Entry =
                serde_json::from_slice(line).map_err(|error| refuse(error.to_string()))?;
            entry.check().map_err(|why| refuse(why.to_owned()))?;
            entries.push(Slot { entry, used: false });
            if entries.len() > MAX_SCRIPT_ENTRIES {
                return Err(ScriptError::TooLarge);
            }
        }
        Ok(Self {
            entries: Mutex::new(entries),
        })
    }

    /// Entries that answered nothing yet: what a test did not reach.
    #[must_use]
    pub fn left(&self) -> usize {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().filter(|slot| !slot.used).count()
    }

    fn take(&self, request: &ModelRequest) -> Option<Entry> {
        // Short, and never held across a wait.
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |slot: &Slot| !slot.used || slot.entry.repeat;
        let fits = |slot: &Slot| slot.entry.when.as_ref().map(|when| when.fits(request));
        let at = entries
            .iter()
            .position(|slot| open(slot) && fits(slot) == Some(true))
            .or_else(|| {
                entries
                    .iter()
                    .position(|slot| open(slot) && fits(slot).is_none())
            })?;
        entries[at].used = true;
        Some(entries[at].entry.clone())
    }
}

impl Entry {
    fn check(&self) -> Result<(), &'static str> {
        let answers = [
            self.text.is_some(),
            self.json.is_some(),
            self.error.is_some(),
        ];
        match answers.iter().filter(|given| **given).count() {
            1 => Ok(()),
            _ => Err("an entry has exactly one of `text`, `json` and `error`"),
        }
    }

    fn answer(self, request: &ModelRequest) -> Result<ModelReply, ModelError> {
        let model = self.model.unwrap_or_else(|| request.model.clone());
        let used = vec![Used {
            model: model.clone(),
            usage: self.usage,
        }];
        if let Some(failure) = self.error {
            let mut error = ModelError::new(failure.kind.into(), failure.message);
            error.status = failure.status;
            error.used = failure.began.then_some(used);
            return Err(error);
        }
        let text = self
            .text
            .or_else(|| self.json.map(|json| json.to_string()))
            .unwrap_or_default();
        Ok(ModelReply {
            text,
            stop: self.stop.unwrap_or(Stop::End),
            used,
            model,
            id: None,
            request_id: None,
            tool_calls: self.tool_calls,
            findings: Vec::new(),
        })
    }
}

impl When {
    fn fits(&self, request: &ModelRequest) -> bool {
        match self {
            Self::Contains(part) => {
                request.system.contains(part)
                    || request.messages.iter().any(|turn| turn.text.contains(part))
            }
            Self::Digest(digest) => request.digest().ok().as_ref() == Some(digest),
        }
    }
}

impl From<Kind> for ErrorKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Transient => Self::Transient,
            Kind::Fatal => Self::Fatal,
            Kind::Refused => Self::Refused,
            Kind::TimedOut => Self::TimedOut,
        }
    }
}

#[async_trait]
impl Model for Scripted {
    fn provider(&self) -> &'static str {
        "scripted"
    }

    fn is_fixture(&self) -> bool {
        true
    }

    async fn call(
        &self,
        request: &ModelRequest,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ModelReply, ModelError> {
        let Some(entry) = self.take(request) else {
            let message = "the script has no reply left for this request";
            return Err(ModelError::new(ErrorKind::Miss, message)
                .help("add a line for it, or one with `repeat`"));
        };
        progress(Progress::Began {
            prompt: entry.usage.prompt(),
        });
        entry.answer(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Role, Turn};

    fn request(text: &str) -> ModelRequest {
        ModelRequest {
            model: "m".into(),
            system: "be brief".into(),
            messages: vec![Turn {
                role: Role::User,
                text: text.into(),
            }],
            schema: None,
            max_tokens: 100,
            effort: None,
        }
    }

    async fn ask(model: &Scripted, text: &str) -> Result<ModelReply, ModelError> {
        model.call(&request(text), &|_| {}).await
    }

    #[tokio::test]
    async fn what_fits_answers_first_then_the_next_in_line() {
        let digest = request("by digest").digest().unwrap();
        let script = format!(
            r#"
{{"text":"one"}}
{{"when":{{"contains":"weather"}},"json":{{"sky":"blue"}},"usage":{{"input":3,"output":4}}}}
{{"when":{{"digest":"{digest}"}},"text":"exact","model":"other"}}
{{"text":"two","stop":{{"reason":"max_tokens"}},"tool_calls":["Bash"]}}
"#
        );
        let model = Scripted::parse(script.as_bytes()).unwrap();
        assert_eq!((model.provider(), model.is_fixture()), ("scripted", true));
        let sky = ask(&model, "the weather?").await.unwrap();
        assert_eq!((&*sky.text, sky.usage().total()), (r#"{"sky":"blue"}"#, 7));
        let exact = ask(&model, "by digest").await.unwrap();
        assert_eq!((&*exact.text, &*exact.model), ("exact", "other"));
        assert_eq!(ask(&model, "the weather?").await.unwrap().text, "one");
        let two = ask(&model, "x").await.unwrap();
        assert_eq!(
            (two.stop, two.tool_calls),
            (Stop::MaxTokens, vec!["Bash".into()])
        );
        assert_eq!(model.left(), 0);
        let over = ask(&model, "x").await.unwrap_err();
        assert_eq!((over.kind, over.may_repeat()), (ErrorKind::Miss, false));
    }

    #[tokio::test]
    async fn an_entry_that_repeats_answers_forever_and_errors_are_entries() {
        let model = Scripted::parse(
            br#"{"error":{"kind":"transient","message":"busy","status":529}}
{"error":{"kind":"transient","message":"cut","began":true},"usage":{"output":5}}
{"text":"again","repeat":true}"#,
        )
        .unwrap();
        let busy = ask(&model, "x").await.unwrap_err();
        assert_eq!((busy.status, busy.may_repeat()), (Some(529), true));
        let cut = ask(&model, "x").await.unwrap_err();
        assert!(!cut.may_repeat());
        assert_eq!(cut.used.unwrap()[0].usage.output, 5);
        for _ in 0..3 {
            assert_eq!(ask(&model, "x").await.unwrap().text, "again");
        }
    }

    #[test]
    fn lines_that_are_no_entries_are_named() {
        for (script, said) in [
            ("{\"text\":\"a\"}\n{", "line 2: "),
            ("{}", "line 1: an entry has exactly one of"),
            (r#"{"text":"a","json":1}"#, "exactly one of"),
            (r#"{"text":"a","whne":{}}"#, "unknown field `whne`"),
            (r#"{"text":"a","when":{"digest":"x"}}"#, "not a SHA-256"),
        ] {
            let error = Scripted::parse(script.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(said), "{script}: {error}");
        }
        let long = "{\"text\":\"\"}\n".repeat(MAX_SCRIPT_ENTRIES + 1);
        let error = Scripted::parse(long.as_bytes()).unwrap_err();
        assert!(matches!(error, ScriptError::TooLarge), "{error}");
    }
}
