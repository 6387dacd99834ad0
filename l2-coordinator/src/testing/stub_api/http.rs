//! As much of HTTP/1.1 as the stub needs: one request in, one answer out, chunk by chunk.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;

/// Largest body that is read: the provider's own limit.
pub(super) const MAX_BODY: usize = 32 * 1024 * 1024;

/// Largest line of a head.
const MAX_LINE: u64 = 64 * 1024;

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// `POST`.
    pub method: String,
    /// `/v1/messages`.
    pub path: String,
    /// By name in lower case; of headers given twice, both, with a comma.
    pub headers: BTreeMap<String, String>,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// The body as JSON, null if it is none.
    pub json: Value,
}

impl Recorded {
    /// Text of the last message, whoever it is for.
    #[must_use]
    pub fn last_text(&self) -> String {
        let messages = self.json["messages"].as_array();
        let last = messages.and_then(|messages| messages.last());
        last.map(|message| text_of(&message["content"]))
            .unwrap_or_default()
    }

    /// Text of the system prompt.
    #[must_use]
    pub fn system_text(&self) -> String {
        if !self.json["system"].is_null() {
            return text_of(&self.json["system"]);
        }
        let messages = self.json["messages"].as_array();
        let system = messages.into_iter().flatten().filter(|message| {
            ["system", "developer"].contains(&message["role"].as_str().unwrap_or_default())
        });
        system.map(|message| text_of(&message["content"])).collect()
    }
}

/// A text, or the texts of blocks.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => blocks
            .iter()
            .filter_map(|block| block["text"].as_str())
            .collect(),
        _ => String::new(),
    }
}

/// A connection.
pub(super) struct Wire(BufStream<TcpStream>);

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(BufStream::new(stream))
    }

    /// The next request; none when the other side is done.
    pub(super) async fn read(&mut self) -> io::Result<Option<Recorded>> {
        let first = self.line().await?;
        let mut words = first.split(' ');
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Ok(None);
        };
        let mut headers = BTreeMap::<String, String>::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            let all = headers.entry(name.to_ascii_lowercase()).or_default();
            if !all.is_empty() {
                all.push_str(", ");
            }
            all.push_str(value.trim());
        }
        let length = headers.get("content-length");
        let length: usize = length.and_then(|text| text.parse().ok()).unwrap_or(0);
        // One more than allowed is enough to see that it is too much.
        let mut body = vec![0; length.min(MAX_BODY + 1)];
        self.0.read_exact(&mut body).await?;
        Ok(Some(Recorded {
            method: method.to_owned(),
            path: path.to_owned(),
            headers,
            json: serde_json::from_slice(&body).unwrap_or(Value::Null),
            body,
        }))
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        (&mut self.0)
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .await?;
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    /// A whole answer.
    pub(super) async fn respond(
        &mut self,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
    ) -> io::Result<()> {
        let length = ("content-length".to_owned(), body.len().to_string());
        let head = head(status, headers.iter().chain([&length]));
        self.0.write_all(head.as_bytes()).await?;
        self.0.write_all(body).await?;
        self.0.flush().await
    }

    /// The head of an answer whose body comes in chunks.
    pub(super) async fn begin(&mut self, headers: &[(String, String)]) -> io::Result<()> {
        let chunked = ("transfer-encoding".to_owned(), "chunked".to_owned());
        let head = head(200, headers.iter().chain([&chunked]));
        self.0.write_all(head.as_bytes()).await?;
        self.0.flush().await
    }

    /// More of the body, in chunks of at most so many bytes, with a pause before each.
    pub(super) async fn send(
        &mut self,
        bytes: &[u8],
        split: usize,
        pause: Duration,
    ) -> io::Result<()> {
        for chunk in bytes.chunks(split) {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            let size = format!("{:x}\r\n", chunk.len());
            self.0.write_all(size.as_bytes()).await?;
            self.0.write_all(chunk).await?;
            self.0.write_all(b"\r\n").await?;
            self.0.flush().await?;
        }
        Ok(())
    }

    /// The end of a body in chunks.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        self.0.write_all(b"0\r\n\r\n").await?;
        self.0.flush().await
    }

    /// These bytes as they are.
    pub(super) async fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }

    /// Waits until the other side goes.
    pub(super) async fn wait_for_end(&mut self) {
        let mut rest = [0; 64];
        while matches!(self.0.read(&mut rest).await, Ok(1..)) {}
    }
}

fn head<'a>(status: u16, headers: impl Iterator<Item = &'a (String, String)>) -> String {
    let headers: String = headers
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!("HTTP/1.1 {status} Stub\r\n{headers}\r\n")
}
