//! A reply out of its chunks. Pure: bytes, clocks and connections are elsewhere. What this build does
//! not know in a chunk is skipped: every server adds its own.

use protocol::budget::Usage;
use serde_json::Value;

use super::{error, usage};
use crate::model::wire::{Event, Reading, one_line};
use crate::model::{ErrorKind, ModelError, ModelReply, Progress, Stop, Used};

/// Longest text of a reply; the longest any model gives is some 100,000 tokens.
const MAX_TEXT_BYTES: usize = 8 * 1024 * 1024;

/// Tool calls that are named; more say nothing more.
const MAX_TOOL_CALLS: usize = 16;

/// Longest word or id of the provider's that is kept.
const MAX_WORD: usize = 128;

/// Longest sentence of the provider's that is kept.
const MAX_SENTENCE: usize = 600;

/// The event after the last one.
const DONE: &str = "[DONE]";

/// What has come so far.
#[derive(Debug)]
pub(super) struct Assembly {
    asked: String,
    has_begun: bool,
    model: Option<String>,
    id: Option<String>,
    text: String,
    refusal: String,
    tool_calls: Vec<String>,
    finish: Option<String>,
    usage: Option<Usage>,
    is_whole: bool,
}

impl Assembly {
    /// Of a reply by this model.
    pub(super) fn new(asked: &str) -> Self {
        Self {
            asked: asked.to_owned(),
            has_begun: false,
            model: None,
            id: None,
            text: String::new(),
            refusal: String::new(),
            tool_calls: Vec::new(),
            finish: None,
            usage: None,
            is_whole: false,
        }
    }

    /// The name that prices know: a dated name of the model that was asked is that model.
    fn priced_as(&self) -> String {
        let model = self.model.as_ref().unwrap_or(&self.asked);
        let rest = model.strip_prefix(&self.asked);
        let date = rest.and_then(|rest| rest.strip_prefix('-'));
        let is_date = |text: &str| {
            let digits = |at: usize| at != 4 && at != 7;
            text.len() == 10
                && text.bytes().enumerate().all(|(at, byte)| match digits(at) {
                    true => byte.is_ascii_digit(),
                    false => byte == b'-',
                })
        };
        match date.is_some_and(is_date) {
            true => self.asked.clone(),
            false => model.clone(),
        }
    }

    /// What it used, once that was told.
    fn used(&self) -> Vec<Used> {
        let used = self.usage.map(|usage| Used {
            model: self.priced_as(),
            usage,
        });
        used.into_iter().collect()
    }

    fn begin(&mut self, chunk: &Value) -> Option<Progress> {
        let word = |value: &Value| {
            let word = value.as_str().filter(|word| !word.is_empty());
            word.map(|word| one_line(word, MAX_WORD))
        };
        self.model = self.model.take().or_else(|| word(&chunk["model"]));
        self.id = self.id.take().or_else(|| word(&chunk["id"]));
        // The prompt's tokens are told at the end only.
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        is_first.then_some(Progress::Began { prompt: 0 })
    }

    fn add(&mut self, choice: &Value) -> Result<Option<Progress>, ModelError> {
        if let Some(word) = choice["finish_reason"].as_str() {
            self.finish = Some(one_line(word, MAX_WORD));
        }
        let delta = &choice["delta"];
        if let Some(text) = delta["refusal"].as_str() {
            // Shown up to a sentence; what is beyond it is not needed to know that it is one.
            if self.refusal.len() < MAX_SENTENCE * 4 {
                self.refusal.push_str(text);
            }
        }
        let calls = delta["tool_calls"].as_array().into_iter().flatten();
        let calls = calls
            .map(|call| &call["function"])
            .chain([&delta["function_call"]])
            .filter_map(|function| function["name"].as_str())
            .filter(|name| !name.is_empty());
        for name in calls {
            if self.tool_calls.len() < MAX_TOOL_CALLS {
                self.tool_calls.push(one_line(name, MAX_WORD));
            }
        }
        match delta["content"].as_str() {
            Some(text) if !text.is_empty() => self.say(text).map(Some),
            _ => Ok(None),
        }
    }

    fn say(&mut self, text: &str) -> Result<Progress, ModelError> {
        if self.text.len() + text.len() > MAX_TEXT_BYTES {
            let message = "the reply has more text than a reply may have";
            return Err(ModelError::new(ErrorKind::Fatal, message));
        }
        self.text.push_str(text);
        Ok(Progress::Text {
            bytes: self.text.len() as u64,
        })
    }

    fn stop(&self) -> Stop {
        if !self.refusal.is_empty() {
            return Stop::Refusal {
                category: None,
                explanation: Some(one_line(&self.refusal, MAX_SENTENCE)),
            };
        }
        match self.finish.as_deref() {
            // Some servers end with `stop` whatever it was they ended with.
            Some("stop") if !self.tool_calls.is_empty() && self.text.is_empty() => Stop::ToolUse,
            Some("stop") => Stop::End,
            Some("length") => Stop::MaxTokens,
            Some("tool_calls" | "function_call") => Stop::ToolUse,
            Some(word @ "content_filter") => Stop::Refusal {
                category: Some(word.to_owned()),
                explanation: None,
            },
            word => Stop::Other {
                word: word.unwrap_or("none").to_owned(),
            },
        }
    }
}

impl Reading for Assembly {
    fn apply(&mut self, event: &Event) -> Result<Option<Progress>, ModelError> {
        let data = event.data.trim();
        if data.is_empty() {
            return Ok(None);
        }
        if data == DONE {
            self.is_whole = true;
            return Ok(None);
        }
        let chunk: Value = serde_json::from_str(data).map_err(|_| {
            let message = "the stream has an event that is no JSON";
            ModelError::new(ErrorKind::Transient, message)
        })?;
        if !chunk["error"].is_null() {
            return Err(error::of_event(&chunk));
        }
        // Cumulative where it comes more than once.
        self.usage = usage::read(&chunk["usage"]).or(self.usage);
        let began = self.begin(&chunk);
        let choices = chunk["choices"].as_array().into_iter().flatten();
        // One was asked for.
        let mut ours = choices.filter(|choice| choice["index"].as_u64().unwrap_or(0) == 0);
        let told = match ours.next() {
            Some(choice) => self.add(choice)?,
            None => None,
        };
        Ok(began.or(told))
    }

    fn is_error(&self, event: &Event) -> bool {
        let data: Option<Value> = serde_json::from_str(&event.data).ok();
        data.is_some_and(|data| !data["error"].is_null())
    }

    fn is_whole(&self) -> bool {
        self.is_whole
    }

    fn has_begun(&self) -> bool {
        self.has_begun
    }

    fn cut(&self, error: ModelError, _max_tokens: u32) -> ModelError {
        // Told at the end only: until then nothing is known, not even of the prompt.
        ModelError {
            used: Some(self.used()),
            ..error
        }
    }

    fn finish(self, request_id: Option<String>) -> ModelReply {
        ModelReply {
            stop: self.stop(),
            used: self.used(),
            text: self.text,
            model: self.model.unwrap_or(self.asked),
            id: self.id,
            request_id,
            tool_calls: self.tool_calls,
            findings: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHUNKS: &[&str] = &[
        r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"ab"},"finish_reason":null}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"function":{"name":"t"}}],"refusal":"no"}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2}}}"#,
        r#"{"error":{"code":500,"message":"x"}}"#,
        DONE,
    ];

    fn event(data: String) -> Event {
        Event {
            name: String::new(),
            data,
        }
    }

    proptest! {
        #[test]
        fn any_chunks_are_read_or_refused(
            events in prop::collection::vec(
                (0..CHUNKS.len(), any::<prop::sample::Index>(), any::<char>(), any::<bool>()), 0..12),
        ) {
            let mut assembly = Assembly::new("m");
            for (chunk, at, other, is_mangled) in events {
                let mut data: Vec<char> = CHUNKS[chunk].chars().collect();
                if is_mangled {
                    let at = at.index(data.len());
                    data[at] = other;
                }
                let event = event(data.into_iter().collect());
                let _is_error = assembly.is_error(&event);
                if assembly.apply(&event).is_err() {
                    break;
                }
            }
            let reply = assembly.finish(None);
            prop_assert!(reply.text.len() <= MAX_TEXT_BYTES);
        }
    }

    #[test]
    fn a_text_without_end_is_refused() {
        let mut assembly = Assembly::new("m");
        let chunk = serde_json::json!({"choices": [{"delta": {"content": "x".repeat(1 << 20)}}]});
        let chunk = chunk.to_string();
        let refused = (0..9).find_map(|_| assembly.apply(&event(chunk.clone())).err());
        assert_eq!(refused.map(|error| error.kind), Some(ErrorKind::Fatal));
    }
}
