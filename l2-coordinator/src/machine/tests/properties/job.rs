//! One worker's hold on one task, and what it says next.

use std::mem;

use protocol::event::AttemptEnd;
use protocol::ids::LeaseToken;
use protocol::message::{AttemptReport, ClaimRequest, MESSAGE_VERSION, TaskOutcome, TaskResult};
use protocol::outcome::FailureClass;
use rand::Rng as _;
use rand::rngs::SmallRng;
use serde_json::Map;

use crate::machine::{Input, RequestId};
use crate::testing::{crashed, ended, failed};

/// Where it is between two words of the coordinator.
#[derive(Clone, Debug)]
pub(super) enum Doing {
    Claiming,
    Running,
    /// Waits for the word that the end of an attempt is journaled.
    Reporting,
    /// Waits for the word to start the next.
    Starting,
    /// Said its last word, and says it until it is acknowledged.
    Over(TaskOutcome),
}

#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) token: LeaseToken,
    pub(super) attempt: u32,
    pub(super) left: u32,
    pub(super) doing: Doing,
}

impl Job {
    /// What it says, to be said again until answered; `None` while an attempt runs.
    pub(super) fn says(&self, id: RequestId, worker: &str, life: &str) -> Option<Input> {
        let worker_id = worker.parse().expect("a token");
        let incarnation = life.parse().expect("a token");
        let token = self.token.clone();
        match &self.doing {
            Doing::Running => None,
            Doing::Claiming => Some(Input::Claim(
                id,
                ClaimRequest {
                    version: MESSAGE_VERSION,
                    token,
                    worker: worker_id,
                    incarnation,
                    delivered: 1,
                },
            )),
            Doing::Reporting => Some(Input::Attempt(
                id,
                AttemptReport::Ended {
                    token,
                    worker: worker_id,
                    attempt: self.attempt,
                    end: Box::new(crashed()),
                    delay_ms: 10,
                },
            )),
            Doing::Starting => Some(Input::Attempt(
                id,
                AttemptReport::Starting {
                    token,
                    worker: worker_id,
                    attempt: self.attempt + 1,
                },
            )),
            Doing::Over(outcome) => Some(Input::Result(
                id,
                Box::new(TaskResult {
                    version: MESSAGE_VERSION,
                    token,
                    worker: worker_id,
                    incarnation,
                    outcome: outcome.clone(),
                }),
            )),
        }
    }

    /// Whether an answer to `other` is one to this.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        self.token == other.token
            && self.attempt == other.attempt
            && mem::discriminant(&self.doing) == mem::discriminant(&other.doing)
    }

    /// The attempt ends: well in calm times, anyhow in others.
    pub(super) fn finish(&mut self, rng: &mut SmallRng, calm: bool) {
        let dice = if calm { 0 } else { rng.random_range(0..100) };
        self.doing = match dice {
            0..60 => Doing::Over(done(self.attempt)),
            60..80 if self.left > 0 => Doing::Reporting,
            80..90 if self.left > 0 => Doing::Over(TaskOutcome::Yield {
                attempt: self.attempt,
                end: Box::new(crashed()),
                retry_after_ms: rng.random_range(0..9_000),
            }),
            // Not what an honest worker does: more attempts than granted, another attempt's result.
            90..92 => Doing::Reporting,
            92..94 => Doing::Over(done(self.attempt + 1)),
            94..96 => Doing::Over(TaskOutcome::HandedBack),
            96..97 => Doing::Over(self.failed_with(failed(FailureClass::Cancelled))),
            _ => Doing::Over(self.failed_with(crashed())),
        };
    }

    /// Stopped because the coordinator said so.
    pub(super) fn stop(&mut self) {
        if let Doing::Running = self.doing {
            self.doing = Doing::Over(self.failed_with(failed(FailureClass::Cancelled)));
        }
    }

    fn failed_with(&self, end: AttemptEnd) -> TaskOutcome {
        TaskOutcome::Failed {
            attempt: self.attempt,
            end: Box::new(end),
        }
    }
}

fn done(attempt: u32) -> TaskOutcome {
    TaskOutcome::Done {
        attempt,
        end: Box::new(ended()),
        outputs: Map::new(),
        artifacts: Vec::new(),
    }
}
