//! Subjects, typed: each one knows its tokens and fixes the body that travels under it. Subject
//! strings are built and parsed here only.

use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ids::{CoordinatorId, LeaseId, RunId, WorkerId, is_token};
use crate::message::{
    AttemptReply, AttemptReport, Cancel, ClaimReply, ClaimRequest, Heartbeat, HeartbeatReply,
    TaskMessage, TaskResult, WorkerHello,
};

/// Prefix of every subject; the number is the version of this tree.
const ROOT: &str = "orc.v1";

/// A subject and the body published under it.
pub trait Subject {
    /// What is published.
    type Body: Serialize + DeserializeOwned;
    /// The full subject.
    fn subject(&self) -> String;
}

/// A subject whose messages are answered.
pub trait RequestSubject: Subject {
    /// The answer.
    type Reply: Serialize + DeserializeOwned;
}

/// Order of pulling within a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Priority {
    /// Pulled last.
    #[default]
    Normal,
    /// Pulled before normal.
    High,
    /// Pulled first.
    Urgent,
}

impl Priority {
    /// The token: 0, 5 or 9.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Normal => "0",
            Self::High => "5",
            Self::Urgent => "9",
        }
    }

    fn parse(token: &str) -> Option<Self> {
        [Self::Normal, Self::High, Self::Urgent]
            .into_iter()
            .find(|p| p.token() == token)
    }
}

/// The pool of workers that need no special capability.
pub const DEFAULT_POOL: &str = "cpu";

/// The pool of tasks that ask a model. Only a coordinator pulls it, its own tasks: keys and replies stay
/// in its process.
pub const AI_POOL: &str = "ai";

/// `orc.v1.task.<pool>.<prio>.<coord>.<run>.<task>.<epoch>-<lease>`: one task, ready to run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaskSubject {
    /// Named capability set, a token.
    pub pool: String,
    /// Order of pulling.
    pub priority: Priority,
    /// Who decides about it.
    pub coordinator: CoordinatorId,
    /// The run.
    pub run: RunId,
    /// The task's wire form.
    pub task: String,
    /// This delivery.
    pub lease: LeaseId,
}

impl Subject for TaskSubject {
    type Body = TaskMessage;

    fn subject(&self) -> String {
        let Self {
            pool,
            priority,
            coordinator,
            run,
            task,
            lease,
        } = self;
        let priority = priority.token();
        format!("{ROOT}.task.{pool}.{priority}.{coordinator}.{run}.{task}.{lease}")
    }
}

impl TaskSubject {
    /// Everything the tasks stream stores.
    pub const ALL: &'static str = "orc.v1.task.>";

    /// What one pool's workers pull at one priority.
    #[must_use]
    pub fn pool_filter(pool: &str, priority: Priority) -> String {
        format!("{ROOT}.task.{pool}.{}.>", priority.token())
    }

    /// The message id that makes a repeated publish harmless.
    #[must_use]
    pub fn message_id(&self) -> String {
        format!("t:{}:{}:{}", self.run, self.task, self.lease)
    }
}

/// `orc.v1.res.<coord>.<worker>.<run>.<task>`: a worker's last word under one lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResultSubject {
    /// For whom.
    pub coordinator: CoordinatorId,
    /// From whom.
    pub worker: WorkerId,
    /// The run.
    pub run: RunId,
    /// The task's wire form.
    pub task: String,
}

impl Subject for ResultSubject {
    type Body = TaskResult;

    fn subject(&self) -> String {
        let Self {
            coordinator,
            worker,
            run,
            task,
        } = self;
        format!("{ROOT}.res.{coordinator}.{worker}.{run}.{task}")
    }
}

impl ResultSubject {
    /// Everything the results stream stores.
    pub const ALL: &'static str = "orc.v1.res.>";

    /// What one coordinator pulls.
    #[must_use]
    pub fn filter(coordinator: &CoordinatorId) -> String {
        format!("{ROOT}.res.{coordinator}.>")
    }

    /// The message id that makes a repeated publish harmless.
    #[must_use]
    pub fn message_id(&self, lease: LeaseId) -> String {
        format!("r:{}:{}:{lease}", self.run, self.task)
    }
}

macro_rules! worker_subject {
    ($(#[$doc:meta])* $name:ident, $path:literal, $body:ty => $reply:ty) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name {
            /// Who answers.
            pub coordinator: CoordinatorId,
            /// Who asks.
            pub worker: WorkerId,
        }

        impl Subject for $name {
            type Body = $body;

            fn subject(&self) -> String {
                format!(concat!("{}.", $path, ".{}.{}"), ROOT, self.coordinator, self.worker)
            }
        }

        impl RequestSubject for $name {
            type Reply = $reply;
        }

        impl $name {
            /// What one coordinator answers.
            #[must_use]
            pub fn filter(coordinator: &CoordinatorId) -> String {
                format!(concat!("{}.", $path, ".{}.*"), ROOT, coordinator)
            }
        }

        impl FromStr for $name {
            type Err = InvalidSubject;

            fn from_str(text: &str) -> Result<Self, InvalidSubject> {
                let rest = text.strip_prefix(concat!("orc.v1.", $path, "."));
                let parsed = rest.and_then(|rest| rest.split_once('.')).and_then(|(coord, worker)| {
                    Some(Self { coordinator: coord.parse().ok()?, worker: worker.parse().ok()? })
                });
                parsed.ok_or_else(|| InvalidSubject::new(text))
            }
        }
    };
}

worker_subject!(
    /// `orc.v1.ctl.claim.<coord>.<worker>`: may I start this?
    ClaimSubject, "ctl.claim", ClaimRequest => ClaimReply
);
worker_subject!(
    /// `orc.v1.ctl.attempt.<coord>.<worker>`: between two attempts under one lease.
    AttemptSubject, "ctl.attempt", AttemptReport => AttemptReply
);
worker_subject!(
    /// `orc.v1.hb.<coord>.<worker>`: I live and hold these.
    HeartbeatSubject, "hb", Heartbeat => HeartbeatReply
);

/// `orc.v1.hb.all.<worker>`: a worker offers its slots to every coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HelloSubject {
    /// Who offers.
    pub worker: WorkerId,
}

impl Subject for HelloSubject {
    type Body = WorkerHello;

    fn subject(&self) -> String {
        format!("{ROOT}.hb.all.{}", self.worker)
    }
}

impl HelloSubject {
    /// What every coordinator listens to.
    pub const ALL: &'static str = "orc.v1.hb.all.*";
}

/// `orc.v1.ctl.cancel.<coord>.<run>`: stop attempts of a run, or of the task the body names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CancelSubject {
    /// Who says so.
    pub coordinator: CoordinatorId,
    /// The run.
    pub run: RunId,
}

impl Subject for CancelSubject {
    type Body = Cancel;

    fn subject(&self) -> String {
        format!("{ROOT}.ctl.cancel.{}.{}", self.coordinator, self.run)
    }
}

impl CancelSubject {
    /// What every worker listens to.
    pub const ALL: &'static str = "orc.v1.ctl.cancel.>";
}

/// A text that is not the subject it was taken for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not such a subject")]
pub struct InvalidSubject(String);

impl InvalidSubject {
    fn new(text: &str) -> Self {
        Self(text.chars().take(200).collect())
    }
}

impl FromStr for TaskSubject {
    type Err = InvalidSubject;

    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        let parse = || {
            let rest = text.strip_prefix("orc.v1.task.")?;
            let mut tokens = rest.split('.');
            let mut next = || tokens.next();
            let found = Self {
                pool: token(next()?)?,
                priority: Priority::parse(next()?)?,
                coordinator: next()?.parse().ok()?,
                run: next()?.parse().ok()?,
                task: token(next()?)?,
                lease: next()?.parse().ok()?,
            };
            next().is_none().then_some(found)
        };
        parse().ok_or_else(|| InvalidSubject::new(text))
    }
}

impl FromStr for ResultSubject {
    type Err = InvalidSubject;

    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        let parse = || {
            let rest = text.strip_prefix("orc.v1.res.")?;
            let mut tokens = rest.split('.');
            let mut next = || tokens.next();
            let found = Self {
                coordinator: next()?.parse().ok()?,
                worker: next()?.parse().ok()?,
                run: next()?.parse().ok()?,
                task: token(next()?)?,
            };
            next().is_none().then_some(found)
        };
        parse().ok_or_else(|| InvalidSubject::new(text))
    }
}

fn token(text: &str) -> Option<String> {
    is_token(text).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RUN: &str = "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a";

    proptest! {
        #[test]
        fn task_subjects_round_trip(
            pool in "[a-z0-9_-]{1,64}", coord in "[a-z0-9_-]{1,64}", task in "[a-z0-9_-]{1,64}",
            epoch in 0u32..99, lease in 0u32..9_999_999,
        ) {
            let subject = TaskSubject {
                pool,
                priority: Priority::High,
                coordinator: coord.parse().unwrap(),
                run: RUN.parse().unwrap(),
                task,
                lease: LeaseId { epoch, lease },
            };
            prop_assert_eq!(subject.subject().parse::<TaskSubject>().unwrap(), subject);
        }

        #[test]
        fn worker_subjects_round_trip(coord in "[a-z0-9_-]{1,64}", worker in "[a-z0-9_-]{1,64}") {
            let claim = ClaimSubject { coordinator: coord.parse().unwrap(), worker: worker.parse().unwrap() };
            prop_assert_eq!(claim.subject().parse::<ClaimSubject>().unwrap(), claim);
            let result = ResultSubject {
                coordinator: coord.parse().unwrap(),
                worker: worker.parse().unwrap(),
                run: RUN.parse().unwrap(),
                task: "a-b-3".into(),
            };
            prop_assert_eq!(result.subject().parse::<ResultSubject>().unwrap(), result);
        }

        #[test]
        fn any_text_is_refused_quietly(text in ".{0,100}") {
            prop_assert!(text.parse::<TaskSubject>().is_err());
            prop_assert!(text.parse::<ResultSubject>().is_err());
            prop_assert!(text.parse::<HeartbeatSubject>().is_err());
        }
    }
}
