//! The program's output, line by line: what it said so far. Lines of kinds that are not known, and
//! lines that are none, are passed over; how much is kept is bounded, whatever comes.

use protocol::policy::one_line;
use serde_json::Value;

use super::usage::count;
use crate::model::Progress;

/// Longest line that is looked at: a whole reply twice over, as text and as what it was parsed to.
const MAX_LINE_BYTES: usize = 4 * 1024 * 1024;
/// Most output of one call. Partial messages repeat some hundred bytes around every few letters.
const MAX_OUTPUT_BYTES: u64 = 512 * 1024 * 1024;
/// Most different tools that are named.
const MAX_TOOLS: usize = 32;
/// Most characters of a name or an id.
const MAX_NAME: usize = 120;
/// The tool that the program itself brings to keep a reply to its schema.
const SCHEMA_TOOL: &str = "StructuredOutput";

/// The output so far.
#[derive(Debug, Default)]
pub(super) struct Reader {
    line: Vec<u8>,
    /// The rest of a line that is too long is on its way.
    is_skipping: bool,
    bytes: u64,
    text_bytes: u64,
    has_partials: bool,
    said: Said,
}

/// What counts of it.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The last result; its last word counts.
    pub result: Option<Value>,
    /// Whether the model began to answer.
    pub began: bool,
    /// The model, as it calls itself.
    pub model: Option<String>,
    /// The provider's id of the last message.
    pub id: Option<String>,
    /// The provider's id of the last request.
    pub request_id: Option<String>,
    /// The last word for what went wrong with a message.
    pub error: Option<String>,
    /// Tools that were on offer or called, though none were given.
    pub tools: Vec<String>,
    /// Lines too long to be looked at.
    pub long_lines: u32,
}

/// More output than a call may have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flooded;

impl Reader {
    /// Takes the next bytes, wherever they are cut.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), Flooded> {
        self.bytes += bytes.len() as u64;
        if self.bytes > MAX_OUTPUT_BYTES {
            return Err(Flooded);
        }
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.keep(&bytes[..end]);
            bytes = &bytes[end + 1..];
            self.end_line(progress);
        }
        self.keep(bytes);
        Ok(())
    }

    /// Nothing more will come: the last line may lack its end.
    pub(super) fn finish(mut self, progress: &(dyn Fn(Progress) + Send + Sync)) -> Said {
        self.end_line(progress);
        self.said
    }

    /// Whether a result came.
    pub(super) const fn has_result(&self) -> bool {
        self.said.result.is_some()
    }

    fn keep(&mut self, part: &[u8]) {
        if self.is_skipping || self.line.len() + part.len() > MAX_LINE_BYTES {
            self.is_skipping = true;
            self.line = Vec::new();
        } else {
            self.line.extend_from_slice(part);
        }
    }

    fn end_line(&mut self, progress: &(dyn Fn(Progress) + Send + Sync)) {
        if std::mem::take(&mut self.is_skipping) {
            self.said.long_lines = self.said.long_lines.saturating_add(1);
            return;
        }
        let line = std::mem::take(&mut self.line);
        if let Ok(line) = serde_json::from_slice::<Value>(&line) {
            self.take(line, progress);
        }
    }

    fn take(&mut self, line: Value, progress: &(dyn Fn(Progress) + Send + Sync)) {
        match (word(&line, "type"), word(&line, "subtype")) {
            ("result", _) => self.said.result = Some(line),
            ("system", "init") => {
                self.said.model = name(&line["model"]).or(self.said.model.take());
                let tools = line["tools"].as_array().into_iter().flatten();
                tools.for_each(|tool| self.said.tool(tool));
            }
            ("system", "api_retry") => progress(Progress::Waiting {
                next: u32::try_from(count(&line["attempt"]))
                    .map_or(u32::MAX, |attempt| attempt.saturating_add(1).max(2)),
                delay_ms: count(&line["retry_delay_ms"]),
            }),
            ("assistant", _) => self.assistant(&line, progress),
            ("stream_event", _) => self.partial(&line["event"], progress),
            _ => {}
        }
    }

    fn assistant(&mut self, line: &Value, progress: &(dyn Fn(Progress) + Send + Sync)) {
        let message = &line["message"];
        let said = &mut self.said;
        said.error = name(&line["error"]);
        said.request_id = name(&line["request_id"]).or(said.request_id.take());
        let model = name(&message["model"]).filter(|model| !model.starts_with('<'));
        // What the program says in the model's place is no answer.
        if said.error.is_some() || model.is_none() {
            return;
        }
        said.model = model;
        said.id = name(&message["id"]).or(said.id.take());
        let blocks = || message["content"].as_array().into_iter().flatten();
        let calls = blocks().filter(|block| word(block, "type").ends_with("tool_use"));
        calls.for_each(|call| said.tool(&call["name"]));
        self.begin(&message["usage"], progress);
        if !self.has_partials {
            let text = blocks().filter_map(|block| block["text"].as_str());
            self.grow(text.map(str::len).sum(), progress);
        }
    }

    fn partial(&mut self, event: &Value, progress: &(dyn Fn(Progress) + Send + Sync)) {
        self.has_partials = true;
        match word(event, "type") {
            "message_start" => self.begin(&event["message"]["usage"], progress),
            "content_block_delta" => {
                let text = event["delta"]["text"].as_str().unwrap_or_default();
                self.grow(text.len(), progress);
            }
            _ => {}
        }
    }

    fn begin(&mut self, usage: &Value, progress: &(dyn Fn(Progress) + Send + Sync)) {
        if !std::mem::replace(&mut self.said.began, true) {
            let classes = [
                "input_tokens",
                "cache_creation_input_tokens",
                "cache_read_input_tokens",
            ];
            let counts = classes.map(|class| count(&usage[class]));
            let prompt = counts.into_iter().fold(0, u64::saturating_add);
            progress(Progress::Began { prompt });
        }
    }

    fn grow(&mut self, bytes: usize, progress: &(dyn Fn(Progress) + Send + Sync)) {
        if bytes > 0 {
            self.text_bytes += bytes as u64;
            progress(Progress::Text {
                bytes: self.text_bytes,
            });
        }
    }
}

impl Said {
    fn tool(&mut self, tool: &Value) {
        let name = name(tool).unwrap_or_else(|| "a tool without a name".to_owned());
        let is_new = !self.tools.contains(&name) && name != SCHEMA_TOOL;
        if is_new && self.tools.len() < MAX_TOOLS {
            self.tools.push(name);
        }
    }
}

fn word<'a>(object: &'a Value, key: &str) -> &'a str {
    object[key].as_str().unwrap_or_default()
}

fn name(value: &Value) -> Option<String> {
    value.as_str().map(|text| one_line(text, MAX_NAME))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    const LINES: &str = concat!(
        r#"{"type":"system","subtype":"init","model":"m","tools":["StructuredOutput","Bash"]}"#,
        "\n",
        r#"{"type":"system","subtype":"api_retry","attempt":1,"retry_delay_ms":500,"error_status":529}"#,
        "\n\n{not json\n",
        r#"{"type":"assistant","message":{"model":"<synthetic>","content":[{"type":"text","text":"no"}]}}"#,
        "\n",
        r#"{"type":"assistant","request_id":"req_1","message":{"id":"msg_1","model":"m2","usage":{"input_tokens":3,"cache_read_input_tokens":4},"content":[{"type":"text","text":"four"},{"type":"tool_use","name":"Read"}]}}"#,
        "\n",
        r#"{"type":"news","of":"later"}"#,
        "\n",
        r#"{"type":"result","result":"first"}"#,
        "\n",
        r#"{"type":"result","result":"last"}"#,
    );

    fn read(chunks: impl IntoIterator<Item = impl AsRef<[u8]>>) -> (Said, Vec<Progress>) {
        let told = Mutex::new(Vec::new());
        let progress = |one| told.lock().unwrap().push(one);
        let mut reader = Reader::default();
        for chunk in chunks {
            reader.push(chunk.as_ref(), &progress).unwrap();
        }
        let said = reader.finish(&progress);
        (said, told.into_inner().unwrap())
    }

    #[test]
    fn what_counts_is_picked_out() {
        let (said, told) = read([LINES]);
        assert_eq!(said.result.unwrap()["result"], "last");
        assert_eq!(said.tools, ["Bash", "Read"]);
        assert_eq!(said.model.as_deref(), Some("m2"));
        assert_eq!(said.id.as_deref(), Some("msg_1"));
        assert_eq!(said.request_id.as_deref(), Some("req_1"));
        assert_eq!(
            told,
            [
                Progress::Waiting {
                    next: 2,
                    delay_ms: 500
                },
                Progress::Began { prompt: 7 },
                Progress::Text { bytes: 4 },
            ]
        );
    }

    #[test]
    fn partial_messages_are_progress_and_count_once() {
        let (said, told) = read([concat!(
            r#"{"type":"stream_event","event":{"type":"message_start","message":{"usage":{"input_tokens":9}}}}"#,
            "\n",
            r#"{"type":"stream_event","event":{"type":"content_block_delta","delta":{"type":"text_delta","text":"ab"}}}"#,
            "\n",
            r#"{"type":"assistant","message":{"model":"m","content":[{"type":"text","text":"ab"}]}}"#,
        )]);
        assert!(said.began && said.result.is_none());
        assert_eq!(
            told,
            [Progress::Began { prompt: 9 }, Progress::Text { bytes: 2 }]
        );
    }

    #[test]
    fn a_line_too_long_is_passed_over_and_the_next_one_read() {
        let long = vec![b'x'; MAX_LINE_BYTES / 2 + 1];
        let (said, _) = read([&long[..], &long, &long, b"\n{\"type\":\"result\"}\n"]);
        assert_eq!((said.long_lines, said.result.is_some()), (1, true));
    }

    #[test]
    fn a_flood_ends() {
        let mut reader = Reader::default();
        let chunk = vec![b'\n'; 1024];
        reader.bytes = MAX_OUTPUT_BYTES - 1024;
        assert_eq!(reader.push(&chunk, &|_| {}), Ok(()));
        assert_eq!(reader.push(b"x", &|_| {}), Err(Flooded));
    }

    fn mangled() -> impl Strategy<Value = Vec<u8>> {
        let edit = (any::<prop::sample::Index>(), any::<u8>());
        prop::collection::vec(edit, 0..20).prop_map(|edits| {
            let mut bytes = LINES.as_bytes().to_vec();
            for (at, byte) in edits {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        })
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            read([bytes]);
        }

        #[test]
        fn what_was_mangled_is_read_alike_however_it_is_cut(
            bytes in mangled(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
            cuts.sort_unstable();
            cuts.push(bytes.len());
            let mut start = 0;
            let chunks: Vec<&[u8]> = cuts
                .into_iter()
                .map(|cut| &bytes[std::mem::replace(&mut start, cut)..cut])
                .collect();
            let (cut, told_cut) = read(chunks);
            let (whole, told) = read([&bytes]);
            prop_assert_eq!(format!("{cut:?}"), format!("{whole:?}"));
            prop_assert_eq!(told_cut, told);
        }
    }
}
