//! What a standing looks like: shape, word and color say the same, so that any one of them will do.

use crate::report::task::{Standing, TaskSummary};

/// How a task of a picture is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Look {
    /// Failed; of a group, the first of these decides.
    Failed,
    /// Failed, and that was tolerated.
    Tolerated,
    /// Open when the run was cancelled.
    Cancelled,
    /// Running.
    Running,
    /// Between two attempts, or not started.
    Waiting,
    /// Passed over.
    Skipped,
    /// Succeeded.
    Done,
    /// Of no run.
    Plain,
}

impl Look {
    /// Every look, worst first.
    pub const ALL: [Self; 8] = [
        Self::Failed,
        Self::Tolerated,
        Self::Cancelled,
        Self::Running,
        Self::Waiting,
        Self::Skipped,
        Self::Done,
        Self::Plain,
    ];

    /// Of a task of a run; one that no event names waits.
    #[must_use]
    pub fn of(task: Option<&TaskSummary>) -> Self {
        let children = task.and_then(|task| task.expansion.as_ref());
        let begun = children.is_some_and(|own| own.children.told() > 0);
        match task.map(|task| &task.standing) {
            Some(Standing::Waiting) if begun => Self::Running,
            None | Some(Standing::Waiting) => Self::Waiting,
            Some(Standing::Running) => Self::Running,
            Some(Standing::Done) => Self::Done,
            Some(Standing::Failed {
                tolerated: true, ..
            }) => Self::Tolerated,
            Some(Standing::Failed { .. }) => Self::Failed,
            Some(Standing::Skipped { .. }) => Self::Skipped,
            Some(Standing::Cancelled) => Self::Cancelled,
        }
    }

    /// The word of reports and of the console.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Failed => "FAIL",
            Self::Tolerated => "FAIL, tolerated",
            Self::Cancelled => "CANCEL",
            Self::Running => "RUN",
            Self::Waiting => "WAIT",
            Self::Skipped => "SKIP",
            Self::Done => "PASS",
            Self::Plain => "",
        }
    }

    /// The name of its class in mermaid and in style sheets.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Tolerated => "tolerated",
            Self::Cancelled => "cancelled",
            Self::Running => "running",
            Self::Waiting => "pending",
            Self::Skipped => "skipped",
            Self::Done => "done",
            Self::Plain => "plain",
        }
    }

    /// Fill and stroke on a light ground; text on it is `#111`, at a contrast of 12 or more.
    pub(super) const fn colors(self) -> (&'static str, &'static str) {
        match self {
            Self::Failed => ("#ffd9d6", "#b71c1c"),
            Self::Tolerated => ("#ffe7c2", "#a15c00"),
            Self::Cancelled | Self::Skipped => ("#eeeeee", "#777777"),
            Self::Running => ("#d9e8ff", "#1d5fbf"),
            Self::Waiting | Self::Plain => ("#ffffff", "#666666"),
            Self::Done => ("#d6f5d6", "#2e7d32"),
        }
    }
}
