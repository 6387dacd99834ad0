//! One call: starts the program, hears it out within its time, and leaves nothing of it behind.

use std::process::ExitStatus;
use std::time::Duration;

use async_trait::async_trait;
use protocol::budget::CacheUse;
use protocol::policy::one_line;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin};
use tokio::time::Instant;

use super::command::{command, prompt};
use super::options::ClaudeCodeOptions;
use super::place::Place;
use super::reader::{Reader, Said};
use super::result::{Ended, reply};
use super::tree::Tree;
use crate::model::{ErrorKind, Model, ModelError, ModelReply, ModelRequest, Progress};

/// How long the program may stay after its result, or after it closed its output: it is known to hang.
const GRACE: Duration = Duration::from_secs(2);
/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// Bytes of its complaints that are remembered; a last line longer than that is not told.
const MAX_COMPLAINT: usize = 4096;
/// Most characters of them that are told.
const MAX_TOLD: usize = 300;

/// `claude -p`, one process a call.
#[derive(Clone, Debug)]
pub struct ClaudeCode {
    options: ClaudeCodeOptions,
}

impl ClaudeCode {
    /// Started like this.
    #[must_use]
    pub const fn new(options: ClaudeCodeOptions) -> Self {
        Self { options }
    }

    /// Starts the program. What is returned ends with it, in this order.
    fn start(&self, request: &ModelRequest) -> Result<(Tree, Child, Place), ModelError> {
        let unready = |error: std::io::Error| {
            let message = format!("no directory for a call can be made: {error}");
            ModelError::new(ErrorKind::Fatal, message)
        };
        let place = Place::make(&self.options.scratch, &request.system).map_err(unready)?;
        let mut command = command(&self.options, &place, request)?;
        let child = command.spawn().map_err(|error| {
            let program = self.options.program.display();
            let message = format!("`{program}` cannot be started: {error}");
            ModelError::new(ErrorKind::Fatal, message)
                .help("install Claude Code, or say where its program is")
        })?;
        Ok((Tree::of(child.id(), place.name()), child, place))
    }

    async fn hear(
        &self,
        child: &mut Child,
        request: &ModelRequest,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> (Said, Ended) {
        let mut reader = Reader::default();
        let mut complaint = Vec::new();
        let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
        let feed = feed(child.stdin.take(), prompt(request));
        tokio::pin!(feed);
        let mut is_fed = false;
        let mut status: Option<ExitStatus> = None;
        let begun = Instant::now();
        let (mut heard, mut over) = (begun, None);
        let (mut out_bytes, mut err_bytes) = (vec![0; CHUNK], vec![0; CHUNK]);
        let ended = loop {
            if let (Some(status), None) = (status, &out) {
                let stderr = self.told(&complaint);
                break Ended::Alone { status, stderr };
            }
            // Once it has said all, it may stay for the grace; until then, its own two limits hold.
            if over.is_none() && (reader.has_result() || status.is_some() || out.is_none()) {
                over = Some(Instant::now());
            }
            let limits = [
                (begun + self.options.wall, Ended::Wall),
                (heard + self.options.idle, Ended::Idle),
            ];
            let grace = over.map(|over| (over + GRACE, Ended::Lingered));
            let (until, limit) = limits
                .into_iter()
                .chain(grace)
                .min_by_key(|(until, _)| *until)
                .expect("there are two");
            tokio::select! {
                // Output first: a result that is there counts, whatever else is.
                biased;
                read = read(&mut out, &mut out_bytes), if out.is_some() => match read {
                    0 => out = None,
                    read => {
                        heard = Instant::now();
                        if reader.push(&out_bytes[..read], progress).is_err() {
                            break Ended::Flood;
                        }
                    }
                },
                read = read(&mut err, &mut err_bytes), if err.is_some() => match read {
                    0 => err = None,
                    // Complaining is no progress: `heard` stays.
                    read => remember(&mut complaint, &err_bytes[..read]),
                },
                () = &mut feed, if !is_fed => is_fed = true,
                exit = child.wait(), if status.is_none() => match exit {
                    Ok(exit) => status = Some(exit),
                    Err(_) => break limit,
                },
                () = tokio::time::sleep_until(until) => break limit,
            }
        };
        // It ended with its output in somebody else's hands, who is about to be killed.
        let ended = match (ended, status) {
            (Ended::Lingered, Some(status)) => Ended::Alone {
                status,
                stderr: self.told(&complaint),
            },
            (ended, _) => ended,
        };
        (reader.finish(progress), ended)
    }

    /// The end of its complaints, fit to be shown.
    fn told(&self, complaint: &[u8]) -> String {
        // Of a line whose beginning is lost, a part of a secret could be left that is not found.
        let whole = match complaint.len() < MAX_COMPLAINT {
            true => complaint,
            false => complaint
                .iter()
                .position(|&byte| byte == b'\n')
                .map_or(&[][..], |end| &complaint[end..]),
        };
        let text = self
            .options
            .scrub(String::from_utf8_lossy(whole).into_owned());
        let mut lines = text.lines().rev().map(|line| one_line(line, MAX_TOLD));
        lines.find(|line| !line.is_empty()).unwrap_or_default()
    }

    /// No honest answer holds a secret; one that does would carry it into files.
    fn without_secrets(
        &self,
        answer: Result<ModelReply, ModelError>,
    ) -> Result<ModelReply, ModelError> {
        match answer {
            Ok(mut reply) => {
                reply.text = self.options.scrub(reply.text);
                Ok(reply)
            }
            Err(mut error) => {
                error.message = self.options.scrub(error.message);
                error.code = error.code.map(|code| self.options.scrub(code));
                Err(error)
            }
        }
    }
}

#[async_trait]
impl Model for ClaudeCode {
    fn provider(&self) -> &'static str {
        "claude-code"
    }

    fn cache(&self) -> CacheUse {
        // It caches as it likes, up to an hour.
        CacheUse::Hour
    }

    async fn call(
        &self,
        request: &ModelRequest,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ModelReply, ModelError> {
        // Locals are dropped last to first: the tree ends first, then the child is reaped, then the
        // directory goes. A call that is dropped at any wait below ends in the same order.
        let (tree, child, place) = self.start(request)?;
        let _place = place;
        let mut child = child;
        let tree = tree;
        let (said, ended) = self.hear(&mut child, request, progress).await;
        // Looking for processes takes milliseconds, which a driver should not wait.
        if let Err(error) = tokio::task::spawn_blocking(move || drop(tree)).await {
            tracing::warn!(%error, "processes of a model call were not looked for");
        }
        let _reaped = tokio::time::timeout(GRACE, child.wait()).await;
        self.without_secrets(reply(said, request, &ended))
    }
}

/// Writes the prompt, and closes the input. A program that does not want it says why by itself.
async fn feed(stdin: Option<ChildStdin>, prompt: String) {
    if let Some(mut stdin) = stdin {
        let _written = stdin.write_all(prompt.as_bytes()).await;
    }
}

/// How much there was; 0 at the end, also by an error.
async fn read<R: tokio::io::AsyncRead + Unpin>(from: &mut Option<R>, into: &mut [u8]) -> usize {
    match from {
        Some(from) => from.read(into).await.unwrap_or_default(),
        None => 0,
    }
}

fn remember(complaint: &mut Vec<u8>, more: &[u8]) {
    let more = &more[more.len().saturating_sub(MAX_COMPLAINT)..];
    let room = MAX_COMPLAINT - more.len();
    complaint.drain(..complaint.len().saturating_sub(room));
    complaint.extend_from_slice(more);
}
