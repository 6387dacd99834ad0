//! A reply out of its events. Pure: bytes, clocks and connections are elsewhere. Unknown events,
//! blocks and deltas are skipped, as the interface asks of its readers.

use std::collections::BTreeMap;

use protocol::budget::Usage;
use serde_json::Value;

use super::{error, usage};
use crate::model::wire::{Event, Reading, one_line};
use crate::model::{ErrorKind, ModelError, ModelReply, Progress, Stop, Used};

/// Longest text of a reply; the longest any model gives is 128,000 tokens.
const MAX_TEXT_BYTES: usize = 8 * 1024 * 1024;

/// Blocks that are open at the same time; one is usual.
const MAX_OPEN_BLOCKS: usize = 64;

/// Tool calls that are named; more say nothing more.
const MAX_TOOL_CALLS: usize = 16;

/// Longest word or id of the provider's that is kept.
const MAX_WORD: usize = 128;

/// Longest sentence of the provider's that is kept.
const MAX_SENTENCE: usize = 600;

/// What has come so far.
#[derive(Debug)]
pub(super) struct Assembly {
    asked: String,
    model: Option<String>,
    id: Option<String>,
    text: String,
    /// Blocks that are open, and whether they are text.
    open: BTreeMap<u64, bool>,
    tool_calls: Vec<String>,
    stop: Option<Stop>,
    usage: Usage,
    /// Whether the provider said what the reply came to; until then it counted only its beginning.
    is_counted: bool,
    is_whole: bool,
}

impl Assembly {
    /// Of a reply by this model.
    pub(super) fn new(asked: &str) -> Self {
        Self {
            asked: asked.to_owned(),
            model: None,
            id: None,
            text: String::new(),
            open: BTreeMap::new(),
            tool_calls: Vec::new(),
            stop: None,
            usage: Usage::default(),
            is_counted: false,
            is_whole: false,
        }
    }

    /// What is known of what it used.
    pub(super) fn used(&self) -> Vec<Used> {
        let model = self.priced_as();
        let used = self.has_begun().then_some(Used {
            model,
            usage: self.usage,
        });
        used.into_iter().collect()
    }

    /// The name that prices know: a dated name of the model that was asked is that model.
    fn priced_as(&self) -> String {
        let model = self.model.as_ref().unwrap_or(&self.asked);
        let rest = model.strip_prefix(&self.asked);
        let date = rest.and_then(|rest| rest.strip_prefix('-'));
        let is_date = |text: &str| text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
        if date.is_some_and(is_date) {
            self.asked.clone()
        } else {
            model.clone()
        }
    }

    fn start(&mut self, message: &Value) -> Progress {
        let word = |value: &Value| value.as_str().map(|word| one_line(word, MAX_WORD));
        let model = word(&message["model"]).filter(|model| !model.is_empty());
        self.model = Some(model.unwrap_or_else(|| self.asked.clone()));
        self.id = word(&message["id"]);
        usage::replace(&mut self.usage, &message["usage"]);
        Progress::Began {
            prompt: self.usage.prompt(),
        }
    }

    fn open_block(&mut self, data: &Value) -> Result<Option<Progress>, ModelError> {
        let block = &data["content_block"];
        let kind = block["type"].as_str().unwrap_or_default();
        if self.open.len() >= MAX_OPEN_BLOCKS {
            return Err(too_much("open blocks"));
        }
        self.open.insert(index(data), kind == "text");
        // None was offered; server-side ones were not asked for either.
        if ["tool_use", "server_tool_use"].contains(&kind) && self.tool_calls.len() < MAX_TOOL_CALLS
        {
            let name = block["name"].as_str().unwrap_or("unnamed");
            self.tool_calls.push(one_line(name, MAX_WORD));
        }
        match block["text"].as_str() {
            Some(text) if kind == "text" && !text.is_empty() => self.say(text),
            _ => Ok(None),
        }
    }

    fn add(&mut self, data: &Value) -> Result<Option<Progress>, ModelError> {
        let delta = &data["delta"];
        let is_text = self.open.get(&index(data)).copied().unwrap_or(false);
        match (delta["type"].as_str(), delta["text"].as_str()) {
            (Some("text_delta"), Some(text)) if is_text => self.say(text),
            // Thinking, its signatures, the input of tools, citations, what is yet to come.
            _ => Ok(None),
        }
    }

    fn say(&mut self, text: &str) -> Result<Option<Progress>, ModelError> {
        if self.text.len() + text.len() > MAX_TEXT_BYTES {
            return Err(too_much("text"));
        }
        self.text.push_str(text);
        let bytes = self.text.len() as u64;
        Ok(Some(Progress::Text { bytes }))
    }

    fn end(&mut self, data: &Value) {
        self.is_counted |= data["usage"]["output_tokens"].is_u64();
        usage::replace(&mut self.usage, &data["usage"]);
        if let Some(word) = data["delta"]["stop_reason"].as_str() {
            self.stop = Some(stop(word, &data["delta"]["stop_details"]));
        }
    }
}

impl Reading for Assembly {
    fn apply(&mut self, event: &Event) -> Result<Option<Progress>, ModelError> {
        // `event:` equals `data.type`; the data is what counts.
        if event.name == "ping" || event.data.is_empty() {
            return Ok(None);
        }
        let data: Value = serde_json::from_str(&event.data).map_err(|_| {
            let name = one_line(&event.name, MAX_WORD);
            let message = format!("the stream has an event `{name}` that is no JSON");
            ModelError::new(ErrorKind::Transient, message)
        })?;
        match data["type"].as_str().unwrap_or(&event.name) {
            "message_start" => Ok(Some(self.start(&data["message"]))),
            "content_block_start" => self.open_block(&data),
            "content_block_delta" => self.add(&data),
            "content_block_stop" => {
                self.open.remove(&index(&data));
                Ok(None)
            }
            "message_delta" => {
                self.end(&data);
                Ok(None)
            }
            "message_stop" => {
                self.is_whole = true;
                Ok(None)
            }
            "error" => Err(error::of_event(&data)),
            _ => Ok(None),
        }
    }

    fn is_error(&self, event: &Event) -> bool {
        event.name == "error"
    }

    fn is_whole(&self) -> bool {
        self.is_whole
    }

    fn has_begun(&self) -> bool {
        self.model.is_some()
    }

    fn cut(&self, error: ModelError, max_tokens: u32) -> ModelError {
        // A reply that broke off may have gone on unseen, as far as it was allowed to.
        let mut used = self.used();
        for used in used.iter_mut().filter(|_| !self.is_counted) {
            used.usage.output = used.usage.output.max(max_tokens.into());
        }
        ModelError {
            used: Some(used),
            is_bound: !self.is_counted,
            ..error
        }
    }

    fn finish(self, request_id: Option<String>) -> ModelReply {
        let stop = self.stop.clone().unwrap_or(Stop::Other {
            word: "none".to_owned(),
        });
        ModelReply {
            used: self.used(),
            text: self.text,
            stop,
            model: self.model.unwrap_or(self.asked),
            id: self.id,
            request_id,
            tool_calls: self.tool_calls,
            findings: Vec::new(),
        }
    }
}

fn index(data: &Value) -> u64 {
    data["index"].as_u64().unwrap_or(u64::MAX)
}

fn too_much(what: &str) -> ModelError {
    let message = format!("the reply has more {what} than a reply may have");
    ModelError::new(ErrorKind::Fatal, message)
}

/// Why it ended, in our words.
fn stop(word: &str, details: &Value) -> Stop {
    let sentence = |value: &Value, most| value.as_str().map(|text| one_line(text, most));
    match word {
        "end_turn" => Stop::End,
        "max_tokens" => Stop::MaxTokens,
        "model_context_window_exceeded" => Stop::ContextFull,
        "tool_use" => Stop::ToolUse,
        "pause_turn" => Stop::Paused,
        "refusal" => Stop::Refusal {
            category: sentence(&details["category"], MAX_WORD),
            explanation: sentence(&details["explanation"], MAX_SENTENCE),
        },
        // `stop_sequence` too: none is ever sent.
        word => Stop::Other {
            word: one_line(word, MAX_WORD),
        },
    }
}
