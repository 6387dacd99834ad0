//! What the events say about one attempt: how long, how it ended, what confined it.

use std::time::Duration;

use protocol::event::{AttemptEnd, LeaseEnd};
use protocol::ids::TaskId;
use protocol::outcome::Failure;
use protocol::policy::{DeniedAction, ObservedWrite, SandboxLevel};
use protocol::time::Timestamp;

use super::enforced::Guarantees;

/// How an attempt stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptEnding {
    /// It still runs, or nobody lived to say how it ended.
    Open,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed {
        /// Why.
        failure: Box<Failure>,
        /// The end of its output.
        tail: Option<Box<str>>,
    },
    /// Its lease ended first.
    Lost(LeaseEnd),
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Number, from 1.
    pub number: u32,
    /// When it started.
    pub started: Timestamp,
    /// When it was known to be over.
    pub finished: Option<Timestamp>,
    /// How.
    pub ending: AttemptEnding,
    /// Exit code.
    pub exit: Option<i32>,
    /// Signal.
    pub signal: Option<i32>,
    /// Elapsed time by the worker's clock.
    pub wall: Duration,
    /// Processor time.
    pub cpu: Duration,
    /// Largest resident set.
    pub peak_rss_bytes: u64,
    /// Bytes kept of stdout and stderr.
    pub log_bytes: [u64; 2],
    /// Output beyond the bound was dropped.
    pub truncated: bool,
    /// Confinement that was in force, once it is over.
    pub level: Option<SandboxLevel>,
    /// Guarantees that it went without.
    pub degraded: Guarantees,
    /// What the sandbox denied it.
    pub denied: Option<Box<[DeniedAction]>>,
    /// What was seen of the paths that its task declares to write.
    pub writes: Option<Box<[ObservedWrite]>>,
    /// Largest memory of all its processes, where it was measured.
    pub peak_memory_bytes: Option<u64>,
    /// Most bytes on disk, where they were looked at.
    pub peak_disk_bytes: Option<u64>,
}

impl Attempt {
    /// A new attempt.
    #[must_use]
    pub fn started(number: u32, at: Timestamp) -> Self {
        Self {
            number,
            started: at,
            finished: None,
            ending: AttemptEnding::Open,
            exit: None,
            signal: None,
            wall: Duration::ZERO,
            cpu: Duration::ZERO,
            peak_rss_bytes: 0,
            log_bytes: [0; 2],
            truncated: false,
            level: None,
            degraded: Guarantees::default(),
            denied: None,
            writes: None,
            peak_memory_bytes: None,
            peak_disk_bytes: None,
        }
    }

    pub(super) fn finish(&mut self, at: Timestamp, end: &AttemptEnd) {
        self.finished = Some(at);
        self.exit = end.exit;
        self.signal = end.signal;
        self.wall = Duration::from_micros(end.wall_us);
        self.cpu = Duration::from_micros(end.cpu_us);
        self.peak_rss_bytes = end.peak_rss_bytes;
        self.peak_memory_bytes = end.peak_memory_bytes;
        self.peak_disk_bytes = end.peak_disk_bytes;
        // Of a model nothing was confined, whatever holds for programs of the run.
        self.level = end.model.is_none().then_some(end.level);
        self.degraded = Guarantees::of(&end.degraded);
        self.denied = (!end.denied.is_empty()).then(|| end.denied.clone().into());
        self.writes = (!end.writes.is_empty()).then(|| end.writes.clone().into());
        let kept = |log: &Option<protocol::event::LogRef>| log.as_ref().map_or(0, |log| log.bytes);
        self.log_bytes = [kept(&end.out), kept(&end.err)];
        self.truncated = [&end.out, &end.err]
            .into_iter()
            .flatten()
            .any(|log| log.truncated);
        self.ending = match &end.failure {
            None => AttemptEnding::Succeeded,
            Some(failure) => AttemptEnding::Failed {
                failure: Box::new(failure.clone()),
                tail: end.tail.as_deref().map(Into::into),
            },
        };
    }

    /// `exit 3`, `signal 9`, or the failure's class.
    #[must_use]
    pub fn how(&self) -> String {
        match (&self.ending, self.exit, self.signal) {
            (AttemptEnding::Open, ..) => "open".into(),
            (AttemptEnding::Lost(LeaseEnd::WorkerLost), ..) => "worker lost".into(),
            (AttemptEnding::Lost(LeaseEnd::CoordinatorRestarted), ..) => "interrupted".into(),
            (AttemptEnding::Lost(LeaseEnd::HandedBack), ..) => "handed back".into(),
            (AttemptEnding::Succeeded, ..) => "ok".into(),
            (AttemptEnding::Failed { failure, .. }, exit, signal) => {
                let class = failure.class;
                match (class, exit, signal) {
                    (protocol::outcome::FailureClass::ToolFailed, Some(exit), _) => {
                        format!("exit {exit}")
                    }
                    (protocol::outcome::FailureClass::ToolFailed, None, Some(signal)) => {
                        format!("signal {signal}")
                    }
                    _ => class.to_string(),
                }
            }
        }
    }

    /// The stream most likely to say what went wrong: stderr if anything was written to it.
    #[must_use]
    pub fn telling_log(&self, task: &TaskId) -> Option<String> {
        match self.log_bytes {
            [_, err] if err > 0 => Some(protocol::run_dir::stderr_log(task, self.number)),
            [out, _] if out > 0 => Some(protocol::run_dir::stdout_log(task, self.number)),
            _ => None,
        }
    }
}
