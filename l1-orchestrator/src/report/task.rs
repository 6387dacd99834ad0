//! What the events say about one task: its attempts, how it ended, what it left.

use std::borrow::Cow;
use std::time::Duration;

use protocol::artifact::Artifact;
use protocol::event::{LeaseEnd, SkipCause};
use protocol::ids::{RunId, TaskId, WorkerId};
use protocol::outcome::Failure;
use protocol::time::Timestamp;

use super::attempt::{Attempt, AttemptEnding};
use super::expansion::Expansion;
use super::tally::Slot;

/// Where a task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not started, or between attempts.
    Waiting,
    /// An attempt runs.
    Running,
    /// Succeeded.
    Done,
    /// Failed for good.
    Failed {
        /// Why.
        failure: Box<Failure>,
        /// Dependents ran all the same.
        tolerated: bool,
    },
    /// Passed over.
    Skipped {
        /// Why.
        cause: SkipCause,
        /// The needed task that decided it.
        because: Option<TaskId>,
    },
    /// Open when the run was cancelled.
    Cancelled,
}

impl Standing {
    /// The word people see; color only repeats it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Waiting => "WAIT",
            Self::Running => "RUN",
            Self::Done => "PASS",
            Self::Failed { .. } => "FAIL",
            Self::Skipped { .. } => "SKIP",
            Self::Cancelled => "CANCEL",
        }
    }

    /// The word machines see, as in expressions.
    #[must_use]
    pub const fn status(&self) -> &'static str {
        match self {
            Self::Waiting => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// Failures first, then what they caused, then what is open, then what went well.
    #[must_use]
    pub const fn rank(&self) -> u8 {
        match self {
            Self::Failed {
                tolerated: false, ..
            } => 0,
            Self::Failed { .. } => 1,
            Self::Cancelled => 2,
            Self::Running => 3,
            Self::Waiting => 4,
            Self::Skipped { .. } => 5,
            Self::Done => 6,
        }
    }
}

/// An attempt that is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its number.
    pub attempt: u32,
    /// Not before this.
    pub at: Timestamp,
}

/// One task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskSummary {
    /// Its id.
    pub id: TaskId,
    /// Where it stands.
    pub standing: Standing,
    /// Its attempts, in order.
    pub attempts: Vec<Attempt>,
    /// When it was first leased.
    pub leased: Option<Timestamp>,
    /// Who holds or held it last.
    pub worker: Option<WorkerId>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// The next attempt, while a retry waits for its delay.
    pub due: Option<Due>,
    /// Of the time between its first start and its end, how long nobody drove the run.
    pub undriven: Duration,
    /// Sealed files.
    pub artifacts: Vec<Artifact>,
    /// Leases that ended with their worker's death.
    pub crashes: u32,
    /// What its fan-out item is called.
    pub label: Option<Box<str>>,
    /// Its children, once it has expanded.
    pub expansion: Option<Box<Expansion>>,
    /// The run that its result was carried over from.
    pub reused: Option<RunId>,
    /// How often a done task was opened again.
    pub reopened: u32,
    /// Position of the task whose failure, in the end, made this one be skipped.
    pub(super) root: Option<u32>,
    /// Position of the task that it is a child of.
    pub(super) parent: Option<u32>,
    /// Where the run counts it.
    pub(super) counted: Option<Slot>,
    /// Where its parent counts it.
    pub(super) counted_as_child: Option<Slot>,
}

impl TaskSummary {
    pub(super) const fn new(id: TaskId) -> Self {
        Self {
            id,
            standing: Standing::Waiting,
            attempts: Vec::new(),
            leased: None,
            worker: None,
            ended: None,
            due: None,
            undriven: Duration::ZERO,
            artifacts: Vec::new(),
            crashes: 0,
            reopened: 0,
            label: None,
            expansion: None,
            reused: None,
            root: None,
            parent: None,
            counted: None,
            counted_as_child: None,
        }
    }

    pub(super) fn attempt_mut(&mut self, number: u32) -> Option<&mut Attempt> {
        self.attempts
            .iter_mut()
            .rev()
            .find(|attempt| attempt.number == number)
    }

    /// Whether it failed for good.
    #[must_use]
    pub const fn is_failed(&self) -> bool {
        matches!(self.standing, Standing::Failed { .. })
    }

    /// Whether the failure is its own, and not only that of its children.
    #[must_use]
    pub fn fails_itself(&self) -> bool {
        self.is_failed() && self.failed_children() == 0
    }

    /// Children that made it fail. What it tolerates itself is none of its dependents' business, and its
    /// children fail as tolerated with it.
    #[must_use]
    pub fn failed_children(&self) -> usize {
        let children = self.expansion.as_ref().map(|own| own.children);
        let children = children.unwrap_or_default();
        match self.standing {
            Standing::Failed {
                tolerated: true, ..
            } => children.failed + children.tolerated,
            _ => children.failed,
        }
    }

    /// Children that are known, once it has expanded: it is a roll-up of them then, and no task of its
    /// own.
    #[must_use]
    pub fn child_count(&self) -> Option<u64> {
        let expansion = self.expansion.as_ref().filter(|own| own.is_complete)?;
        Some(expansion.items)
    }

    /// Its id, and what its item is called: `summarize[0] api`.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        match &self.label {
            Some(label) => Cow::Owned(format!("{} {label}", self.id)),
            None => Cow::Borrowed(self.id.as_str()),
        }
    }

    /// The word of its standing; of what expanded, as long as it is open, that of its children.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (&self.standing, &self.expansion) {
            (Standing::Waiting, Some(own)) if own.children.told() > 0 => Standing::Running.word(),
            (standing, _) => standing.word(),
        }
    }

    /// From the start of its first attempt to its end, without the time in which nobody drove the run:
    /// unknown if nobody did in all of it.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        let elapsed = self.ended?.since(self.begun()?);
        let driven = elapsed.saturating_sub(self.undriven);
        (self.undriven.is_zero() || driven >= Duration::from_millis(1)).then_some(driven)
    }

    /// The start of its first attempt; of what expanded, the moment it did.
    #[must_use]
    pub fn begun(&self) -> Option<Timestamp> {
        let expanded = self.expansion.as_ref().map(|own| own.at);
        let first = self.attempts.first().map(|attempt| attempt.started);
        first.or(expanded)
    }

    /// The last attempt.
    #[must_use]
    pub fn last_attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Attempts that followed a failed one.
    #[must_use]
    pub fn retries(&self) -> usize {
        let followed = self.attempts.len().saturating_sub(1);
        let failed = |attempt: &&Attempt| matches!(attempt.ending, AttemptEnding::Failed { .. });
        self.attempts[..followed].iter().filter(failed).count()
    }

    /// Attempts that ended with their lease for this reason; they use up no retry.
    #[must_use]
    pub fn lost(&self, cause: LeaseEnd) -> usize {
        let lost = AttemptEnding::Lost(cause);
        let lost = |attempt: &&Attempt| attempt.ending == lost;
        self.attempts.iter().filter(lost).count()
    }

    /// Begun, and between two attempts.
    #[must_use]
    pub const fn is_between_attempts(&self) -> bool {
        matches!(self.standing, Standing::Waiting) && !self.attempts.is_empty()
    }
}
