//! The journal's vocabulary: one line per event, small payloads, past tense, dotted names.
//!
//! The same events feed recovery, reports, progress and machines that read `-o jsonl`. Adding a
//! field: give it a default, so that older journals still read. Renaming needs a new version.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::artifact::Artifact;
use crate::digest::{Digest, Hasher};
use crate::ids::{CoordinatorId, LeaseId, RunId, ScenarioName, TaskId, WorkerId};
use crate::outcome::{Failure, RunOutcome};
use crate::policy::SandboxLevel;
use crate::time::Timestamp;

/// Version of the journal's vocabulary, in `run.started`.
pub const JOURNAL_VERSION: u32 = 1;

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

/// Output of one stream of one attempt, as kept in `logs/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct LogRef {
    /// Bytes kept.
    pub bytes: u64,
    /// SHA-256 of the bytes kept.
    pub sha256: Digest,
    /// More was written than kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// How one attempt ended. Without `failure` it succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct AttemptEnd {
    /// Confinement that was in force.
    pub level: SandboxLevel,
    /// Guarantees that were wanted and not given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<String>,
    /// Exit code of the program, when it exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Signal that ended the program, when one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Elapsed time from staging to proven death, microseconds, by the worker's monotonic clock.
    pub wall_us: u64,
    /// Processor time of the program and the children it waited for, user and system, microseconds.
    pub cpu_us: u64,
    /// Largest resident set of any one process among them, bytes.
    pub peak_rss_bytes: u64,
    /// Kept standard output; absent when nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<LogRef>,
    /// Kept standard error; absent when nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub err: Option<LogRef>,
    /// On failure: the end of the output, redacted and escaped, ≤ 20 lines and ≤ 4 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<String>,
}

/// Why a task was passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SkipCause {
    /// Its own `if` was false, or a needed task was skipped by its `if`.
    If,
    /// A needed task failed or was skipped by a failure.
    Failure,
}

/// Why a lease ended without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LeaseEnd {
    /// The worker stopped answering, or its owner saw it die. Counts towards `crash_limit`.
    WorkerLost,
    /// The coordinator restarted; its in-process workers went with it. Never counts.
    CoordinatorRestarted,
    /// The worker is shutting down and gave the task back unbegun or between attempts.
    HandedBack,
}

/// Who asked for something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The default pack, for plans made only of written tasks inside it.
    Default,
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// `orchestra cancel` on a run that nobody held.
    Cancel,
    /// `--fail-fast`, after the first failure.
    FailFast,
}

/// What happened. Every event about a task carries `task`, its shown id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(tag = "type")]
pub enum EventKind {
    /// The run exists. Always the first event.
    #[serde(rename = "run.started")]
    RunStarted(Box<RunStarted>),
    /// A plan was made.
    #[serde(rename = "plan.proposed")]
    PlanProposed {
        /// Its digest.
        plan: Digest,
        /// Its number of tasks.
        tasks: u64,
    },
    /// The plan may run under the policy.
    #[serde(rename = "plan.approved")]
    PlanApproved {
        /// Digest of the plan.
        plan: Digest,
        /// SHA-256 of `plan.json` as bytes.
        plan_file: Digest,
        /// Digest of the effective policy.
        policy: Digest,
        /// SHA-256 of `policy.json` as bytes; journals of earlier builds do without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        policy_file: Option<Digest>,
        /// SHA-256 of `scenario.yaml` as bytes.
        scenario_file: Digest,
        /// Who approved.
        by: Origin,
    },
    /// A worker was granted the task.
    #[serde(rename = "task.leased")]
    TaskLeased {
        /// The task.
        task: TaskId,
        /// The lease.
        lease: LeaseId,
        /// The worker.
        worker: WorkerId,
    },
    /// An attempt may start; written before its process does.
    #[serde(rename = "attempt.started")]
    AttemptStarted {
        /// The task.
        task: TaskId,
        /// Under which lease.
        lease: LeaseId,
        /// Number, from 1, through all leases.
        attempt: u32,
    },
    /// An attempt ended.
    #[serde(rename = "attempt.finished")]
    AttemptFinished {
        /// The task.
        task: TaskId,
        /// Under which lease.
        lease: LeaseId,
        /// Number.
        attempt: u32,
        /// How.
        end: Box<AttemptEnd>,
    },
    /// Another attempt follows.
    #[serde(rename = "attempt.retrying")]
    AttemptRetrying {
        /// The task.
        task: TaskId,
        /// Number of the attempt to come.
        attempt: u32,
        /// Delay chosen, milliseconds.
        delay_ms: u64,
        /// The worker waits in place under its lease; otherwise it handed the task back.
        in_place: bool,
    },
    /// A lease ended without a result.
    #[serde(rename = "lease.lost")]
    LeaseLost {
        /// The task.
        task: TaskId,
        /// The lease.
        lease: LeaseId,
        /// Why.
        cause: LeaseEnd,
    },
    /// A result came whose token is not current; recorded and ignored.
    #[serde(rename = "result.late")]
    ResultLate {
        /// The task.
        task: TaskId,
        /// The stale lease.
        lease: LeaseId,
        /// Who sent it.
        worker: WorkerId,
    },
    /// The task succeeded; its artifacts are on disk.
    #[serde(rename = "task.done")]
    TaskDone {
        /// The task.
        task: TaskId,
        /// Attempt that succeeded.
        attempt: u32,
        /// Small results, ≤ 64 KiB.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        outputs: Map<String, Value>,
        /// Sealed files.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        artifacts: Vec<Artifact>,
    },
    /// The task failed for good.
    #[serde(rename = "task.failed")]
    TaskFailed {
        /// The task.
        task: TaskId,
        /// Attempts made.
        attempts: u32,
        /// Why.
        failure: Failure,
        /// `continue_on_error`: dependents run all the same.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        tolerated: bool,
    },
    /// The task will not run.
    #[serde(rename = "task.skipped")]
    TaskSkipped {
        /// The task.
        task: TaskId,
        /// Why.
        cause: SkipCause,
        /// The needed task that decided it, if one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<TaskId>,
    },
    /// The task was open when the run was cancelled.
    #[serde(rename = "task.cancelled")]
    TaskCancelled {
        /// The task.
        task: TaskId,
    },
    /// A done task is open again, because what it produced is no longer what it sealed.
    #[serde(rename = "task.reopened")]
    TaskReopened {
        /// The task.
        task: TaskId,
        /// The file that does not match.
        path: String,
    },
    /// No new attempt starts; running ones are stopped.
    #[serde(rename = "run.cancelling")]
    RunCancelling {
        /// Who asked.
        by: Origin,
    },
    /// Dispatching stopped; a later `resume` goes on.
    #[serde(rename = "run.paused")]
    RunPaused {
        /// Why, one line.
        cause: String,
    },
    /// A coordinator took the run up again.
    #[serde(rename = "run.resumed")]
    RunResumed {
        /// Raised by one; fences everything older.
        epoch: u32,
        /// Who.
        coordinator: CoordinatorId,
        /// Its slots.
        slots: u32,
    },
    /// The journal had a damaged end, which was kept aside.
    #[serde(rename = "journal.recovered")]
    JournalRecovered {
        /// Bytes moved to `file`.
        torn_bytes: u64,
        /// Name of the file in the run directory.
        file: String,
    },
    /// The run is over. Always the last event of a finished run.
    #[serde(rename = "run.finished")]
    RunFinished {
        /// How.
        outcome: RunOutcome,
        /// The process's exit code by this outcome.
        exit_code: u8,
    },
}

/// What is known when a run begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct RunStarted {
    /// [`JOURNAL_VERSION`] of the writer.
    pub version: u32,
    /// The run.
    pub run_id: RunId,
    /// Name of the scenario.
    pub scenario: ScenarioName,
    /// SHA-256 of `run.json` as bytes; journals of earlier builds do without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_file: Option<Digest>,
    /// SHA-256 of `scenario.yaml` as bytes.
    pub scenario_file: Digest,
    /// Effective policy, `pack@version`.
    pub policy: String,
    /// Digest of the effective policy.
    pub policy_digest: Digest,
    /// The coordinator; it begins with epoch 1.
    pub coordinator: CoordinatorId,
    /// Slots of its own worker.
    pub slots: u32,
    /// Confinement of every attempt.
    pub level: SandboxLevel,
    /// W3C trace id, 32 hex digits.
    pub trace_id: String,
    /// Version of orchestra.
    pub orchestra: String,
}

impl EventKind {
    /// The dotted name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RunStarted(_) => "run.started",
            Self::PlanProposed { .. } => "plan.proposed",
            Self::PlanApproved { .. } => "plan.approved",
            Self::TaskLeased { .. } => "task.leased",
            Self::AttemptStarted { .. } => "attempt.started",
            Self::AttemptFinished { .. } => "attempt.finished",
            Self::AttemptRetrying { .. } => "attempt.retrying",
            Self::LeaseLost { .. } => "lease.lost",
            Self::ResultLate { .. } => "result.late",
            Self::TaskDone { .. } => "task.done",
            Self::TaskFailed { .. } => "task.failed",
            Self::TaskSkipped { .. } => "task.skipped",
            Self::TaskCancelled { .. } => "task.cancelled",
            Self::TaskReopened { .. } => "task.reopened",
            Self::RunCancelling { .. } => "run.cancelling",
            Self::RunPaused { .. } => "run.paused",
            Self::RunResumed { .. } => "run.resumed",
            Self::JournalRecovered { .. } => "journal.recovered",
            Self::RunFinished { .. } => "run.finished",
        }
    }

    /// The task it is about.
    #[must_use]
    pub const fn task(&self) -> Option<&TaskId> {
        match self {
            Self::TaskLeased { task, .. }
            | Self::AttemptStarted { task, .. }
            | Self::AttemptFinished { task, .. }
            | Self::AttemptRetrying { task, .. }
            | Self::LeaseLost { task, .. }
            | Self::ResultLate { task, .. }
            | Self::TaskDone { task, .. }
            | Self::TaskFailed { task, .. }
            | Self::TaskSkipped { task, .. }
            | Self::TaskCancelled { task }
            | Self::TaskReopened { task, .. } => Some(task),
            Self::RunStarted(_)
            | Self::PlanProposed { .. }
            | Self::PlanApproved { .. }
            | Self::RunCancelling { .. }
            | Self::RunPaused { .. }
            | Self::RunResumed { .. }
            | Self::JournalRecovered { .. }
            | Self::RunFinished { .. } => None,
        }
    }

    /// Whether it is on the promise list: synced to disk before its effects.
    #[must_use]
    pub const fn is_promise(&self) -> bool {
        matches!(
            self,
            Self::RunStarted(_)
                | Self::PlanApproved { .. }
                | Self::TaskDone { .. }
                | Self::TaskFailed { .. }
                | Self::TaskReopened { .. }
                | Self::RunResumed { .. }
                | Self::JournalRecovered { .. }
                | Self::RunFinished { .. }
        )
    }
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
