//! Reads a journal, one event at a time and in bounded memory, up to the first bad line.
//!
//! A bad end is tolerated only while nothing that was promised follows the damage. What the events
//! mean is the caller's business; so is cutting the bad end off (see [`Writer::resume`]).
//!
//! [`Writer::resume`]: super::Writer::resume

use std::io::{self, BufRead as _, Read as _};

use protocol::event::{Chain, Event, EventKind, JOURNAL_VERSION, LineError, MAX_LINE_BYTES};
use serde::Deserialize;

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("journal cannot be read")]
    Io(#[from] io::Error),
    /// It holds nothing, so the run never began.
    #[error("journal is empty: the run never began")]
    Empty,
    /// It does not begin with a whole `run.started`, so the run never began.
    #[error("journal does not begin with `run.started`: the run never began")]
    NoStart,
    /// A newer orchestra wrote it.
    #[error("journal has version {found}; this orchestra reads up to {JOURNAL_VERSION}")]
    Newer {
        /// Version in `run.started`.
        found: u64,
    },
    /// The line's hash is right but its content is unknown here: a newer orchestra wrote it.
    #[error("event {seq} is intact but not understood; a newer orchestra may have written it")]
    Foreign {
        /// Where it stands.
        seq: u64,
        /// What is not understood.
        #[source]
        source: LineError,
    },
    /// Something that was promised stands behind the damage: not the trace of a crash.
    #[error(
        "journal is damaged after event {last_seq}, at byte {offset}, and `{promised}` \
         (event {promised_seq}) follows the damage"
    )]
    Damaged {
        /// Where the damage begins, bytes.
        offset: u64,
        /// Last event before it.
        last_seq: u64,
        /// Name of a promised event behind it.
        promised: &'static str,
        /// Its number.
        promised_seq: u64,
    },
}

/// What is wrong with the first bad line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TornCause {
    /// It has no end.
    #[error("line without end")]
    Unterminated,
    /// It is longer than any event.
    #[error("line too long")]
    TooLong,
    /// Its hash does not follow.
    #[error("hash chain broken")]
    Hash,
}

/// A damaged end of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Where the first bad line begins, bytes.
    pub offset: u64,
    /// Bytes from there on.
    pub bytes: u64,
    /// What is wrong with that line.
    pub cause: TornCause,
}

/// How a journal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// After the last good event.
    pub chain: Chain,
    /// Length of all good lines, bytes.
    pub good_bytes: u64,
    /// The last good line lacks only its newline; nothing of it is lost.
    pub unterminated: bool,
    /// The damaged end, if there is one.
    pub torn: Option<Torn>,
}

/// A journal being read.
pub struct Reader<R> {
    source: io::BufReader<R>,
    line: Vec<u8>,
    chain: Chain,
    good_bytes: u64,
    unterminated: bool,
    bad: Option<TornCause>,
    at_end: bool,
}

#[derive(Deserialize)]
struct Opening {
    r#type: String,
    version: u64,
}

#[derive(Deserialize)]
struct Numbered {
    seq: u64,
}

impl<R: io::Read> Reader<R> {
    /// From the start of a journal.
    pub fn new(source: R) -> Self {
        Self {
            source: io::BufReader::with_capacity(READ_BYTES, source),
            line: Vec::new(),
            chain: Chain::start(),
            good_bytes: 0,
            unterminated: false,
            bad: None,
            at_end: false,
        }
    }

    /// The next good event; `None` at the end and at the first bad line.
    ///
    /// # Errors
    /// The journal cannot be read, does not begin as one, or is of a newer version.
    pub fn next_event(&mut self) -> Result<Option<Event>, ReadError> {
        if self.at_end || self.bad.is_some() {
            return Ok(None);
        }
        let terminated = self.next_line()?;
        if self.line.is_empty() && !terminated {
            self.at_end = true;
            return Ok(None);
        }
        if self.chain.seq == 0 {
            refuse_newer(&self.line)?;
        }
        match self.chain.read(&self.line) {
            Ok(event) => {
                if event.seq == 1 && !matches!(event.kind, EventKind::RunStarted(_)) {
                    return Err(ReadError::NoStart);
                }
                self.good_bytes += self.line.len() as u64 + u64::from(terminated);
                self.unterminated = !terminated;
                self.at_end = !terminated;
                Ok(Some(event))
            }
            // The hash is checked before the content is looked at.
            Err(source @ (LineError::Json(_) | LineError::Seq { .. })) => Err(ReadError::Foreign {
                seq: self.chain.seq + 1,
                source,
            }),
            Err(LineError::TooLong(_)) => Ok(self.stop_at(TornCause::TooLong)),
            Err(LineError::Hash) if terminated => Ok(self.stop_at(TornCause::Hash)),
            Err(LineError::Hash) => Ok(self.stop_at(TornCause::Unterminated)),
        }
    }

    /// Reads to the end and says how the journal ends.
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event); the journal is empty; a promised event follows damage.
    pub fn finish(mut self) -> Result<End, ReadError> {
        while self.next_event()?.is_some() {}
        let torn = match self.bad {
            None => None,
            Some(cause) => Some(self.scan_damage(cause)?),
        };
        if self.chain.seq == 0 {
            return Err(if torn.is_some() {
                ReadError::NoStart
            } else {
                ReadError::Empty
            });
        }
        Ok(End {
            chain: self.chain,
            good_bytes: self.good_bytes,
            unterminated: self.unterminated,
            torn,
        })
    }

    fn stop_at(&mut self, cause: TornCause) -> Option<Event> {
        self.bad = Some(cause);
        None
    }

    /// Measures the damaged end, of which the first line was just read, and looks for promises in
    /// it. A line without end was cut while it was written, so it cannot be one.
    fn scan_damage(&mut self, cause: TornCause) -> Result<Torn, ReadError> {
        let mut terminated = cause == TornCause::Hash;
        let mut bytes = 0;
        while terminated || !self.line.is_empty() {
            bytes += self.line.len() as u64 + u64::from(terminated);
            if let Some((promised_seq, promised)) =
                promise(&self.line).filter(|(seq, _)| terminated && *seq > self.chain.seq)
            {
                let (offset, last_seq) = (self.good_bytes, self.chain.seq);
                return Err(ReadError::Damaged {
                    offset,
                    last_seq,
                    promised,
                    promised_seq,
                });
            }
            terminated = self.next_line()?;
        }
        Ok(Torn {
            offset: self.good_bytes,
            bytes,
            cause,
        })
    }

    /// Reads one line without its newline into `self.line`; whether it had one. Too long a line
    /// comes in pieces without end.
    fn next_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        let most = MAX_LINE_BYTES as u64 + 1;
        (&mut self.source)
            .take(most)
            .read_until(b'\n', &mut self.line)?;
        let terminated = self.line.last() == Some(&b'\n');
        if terminated {
            self.line.pop();
        }
        Ok(terminated)
    }
}

fn refuse_newer(first: &[u8]) -> Result<(), ReadError> {
    if first.len() > MAX_LINE_BYTES {
        return Ok(());
    }
    match serde_json::from_slice::<Opening>(first) {
        Ok(opening)
            if opening.r#type == "run.started" && opening.version > u64::from(JOURNAL_VERSION) =>
        {
            Err(ReadError::Newer {
                found: opening.version,
            })
        }
        _ => Ok(()),
    }
}

/// The promised event a line still holds, by number and name.
fn promise(line: &[u8]) -> Option<(u64, &'static str)> {
    if line.len() > MAX_LINE_BYTES {
        return None;
    }
    let kind: EventKind = serde_json::from_slice(line).ok()?;
    let Numbered { seq } = serde_json::from_slice(line).ok()?;
    kind.is_promise().then(|| (seq, kind.name()))
}
