//! One line of the journal and the hash chain over all of them.

use serde::Deserialize;

use super::kind::EventKind;
use crate::digest::{Digest, Hasher};
use crate::time::Timestamp;

/// Longest line a reader accepts. Outputs are ≤ 64 KiB a task and artifacts a bounded list.
pub const MAX_LINE_BYTES: usize = 8 * 1024 * 1024;

/// A fact in a run's journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Position, from 1, without gaps.
    pub seq: u64,
    /// When it was decided; for people, never for deadlines.
    pub ts: Timestamp,
    /// What happened.
    pub kind: EventKind,
}

/// Why a line is not an event.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Longer than [`MAX_LINE_BYTES`].
    #[error("line of {0} bytes is too long")]
    TooLong(usize),
    /// Not JSON of the expected shape.
    #[error("not an event")]
    Json(#[source] serde_json::Error),
    /// The hash does not follow from the line and the one before.
    #[error("hash chain broken")]
    Hash,
    /// The sequence number does not follow.
    #[error("sequence {found} where {expected} was expected")]
    Seq {
        /// What the line says.
        found: u64,
        /// What follows.
        expected: u64,
    },
}

/// The chain over a journal's lines: `hash` = SHA-256(previous hash, this line without it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Sequence of the last event, 0 before the first.
    pub seq: u64,
    /// Hash of the last event; a fixed value before the first.
    pub hash: Digest,
}

const HASH_KEY: &[u8] = b",\"hash\":\"";
/// `,"hash":"` + 64 digits + `"}`.
const HASH_TAIL: usize = HASH_KEY.len() + 64 + 2;

#[derive(Deserialize)]
struct Head {
    seq: u64,
    ts: Timestamp,
}

impl Chain {
    /// Before the first event.
    #[must_use]
    pub fn start() -> Self {
        Self {
            seq: 0,
            hash: Digest::of(b"journal/v1"),
        }
    }

    /// Appends the next event's line, newline included, to `out` and moves on; returns the event.
    pub fn append(&mut self, ts: Timestamp, kind: EventKind, out: &mut Vec<u8>) -> Event {
        use std::io::Write as _;
        let seq = self.seq + 1;
        let start = out.len();
        write!(out, "{{\"seq\":{seq},\"ts\":\"{ts}\",").expect("writing into memory");
        let body = out.len();
        serde_json::to_writer(&mut *out, &kind).expect("events serialize");
        // The kind is an object of its own: drop its opening brace, and the closing one until the end.
        out.remove(body);
        out.pop();
        let hash = self.hash_of(&out[start..]);
        out.extend_from_slice(HASH_KEY);
        out.extend_from_slice(&hash.hex());
        out.extend_from_slice(b"\"}\n");
        *self = Self { seq, hash };
        Event { seq, ts, kind }
    }

    /// Reads one line, without its newline, checks that it follows, and moves on.
    ///
    /// # Errors
    /// The line is damaged or does not follow; the chain is unchanged then.
    pub fn read(&mut self, line: &[u8]) -> Result<Event, LineError> {
        if line.len() > MAX_LINE_BYTES {
            return Err(LineError::TooLong(line.len()));
        }
        let split = line.len().checked_sub(HASH_TAIL).ok_or(LineError::Hash)?;
        let (body, tail) = line.split_at(split);
        let hash = self.hash_of(body);
        let tail_fits = tail.starts_with(HASH_KEY)
            && tail[HASH_KEY.len()..HASH_TAIL - 2] == hash.hex()
            && tail.ends_with(b"\"}");
        if !tail_fits {
            return Err(LineError::Hash);
        }
        let head: Head = serde_json::from_slice(line).map_err(LineError::Json)?;
        if head.seq != self.seq + 1 {
            return Err(LineError::Seq {
                found: head.seq,
                expected: self.seq + 1,
            });
        }
        let kind: EventKind = serde_json::from_slice(line).map_err(LineError::Json)?;
        *self = Self {
            seq: head.seq,
            hash,
        };
        Ok(Event {
            seq: head.seq,
            ts: head.ts,
            kind,
        })
    }

    fn hash_of(&self, body: &[u8]) -> Digest {
        let mut hasher = Hasher::new();
        hasher.update(self.hash.as_bytes());
        hasher.update(body);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(n: u32) -> Vec<u8> {
        let mut chain = Chain::start();
        let mut out = Vec::new();
        for attempt in 1..=n {
            let kind = EventKind::AttemptRetrying {
                task: "a".parse().unwrap(),
                attempt,
                delay_ms: 5,
                in_place: true,
            };
            chain.append(Timestamp::from_micros(i64::from(attempt)), kind, &mut out);
        }
        out
    }

    fn read_all(bytes: &[u8]) -> Result<Vec<Event>, LineError> {
        let mut chain = Chain::start();
        bytes
            .split_inclusive(|b| *b == b'\n')
            .map(|line| chain.read(line.strip_suffix(b"\n").ok_or(LineError::Hash)?))
            .collect()
    }

    #[test]
    fn a_line_is_compact_json_with_its_hash_last() {
        let text = String::from_utf8(lines(1)).unwrap();
        let expected = "{\"seq\":1,\"ts\":\"1970-01-01T00:00:00.000001Z\",\"type\":\"attempt.retrying\",\
                        \"task\":\"a\",\"attempt\":1,\"delay_ms\":5,\"in_place\":true,\"hash\":\"";
        assert!(text.starts_with(expected), "{text}");
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    }

    #[test]
    fn what_is_appended_reads_back() {
        let events = read_all(&lines(3)).unwrap();
        assert_eq!(events.iter().map(|e| e.seq).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(events[0].kind.name(), "attempt.retrying");
    }

    #[test]
    fn removed_and_swapped_lines_are_found() {
        let bytes = lines(3);
        let all: Vec<_> = bytes.split_inclusive(|b| *b == b'\n').collect();
        assert!(read_all(&[all[0], all[2]].concat()).is_err());
        assert!(read_all(&[all[1], all[0], all[2]].concat()).is_err());
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_found(at in 0usize..10_000, with in any::<u8>()) {
            let mut bytes = lines(3);
            let at = at % bytes.len();
            prop_assume!(bytes[at] != with);
            bytes[at] = with;
            prop_assert!(read_all(&bytes).is_err());
        }

        #[test]
        fn garbage_is_refused_quietly(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Chain::start().read(&bytes).is_err());
        }
    }
}
