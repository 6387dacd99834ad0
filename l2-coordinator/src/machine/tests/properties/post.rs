//! What is under way between coordinator and workers: lost, repeated and reordered in wild times.

use protocol::message::{AttemptReply, ClaimReply, Denial};
use rand::Rng as _;

use super::fleet::{Fleet, Letter};
use super::job::{Doing, Job};
use crate::machine::{Effect, Input, RequestId};
use crate::testing::Seen;

impl Fleet {
    pub(super) fn react(&mut self, seen: Seen) {
        for (_, effect) in seen.effects {
            match effect {
                Effect::Publish { task, message } => {
                    self.stream_seq += 1;
                    let (lease, seq) = (message.lease, self.stream_seq);
                    self.queue.push(*message);
                    if self.calm || self.rng.random_bool(0.8) {
                        self.note("input stored");
                        self.feed(&Input::Stored { task, lease, seq });
                    }
                }
                Effect::Unpublish { .. } => self.note("unpublish"),
                Effect::ReplyClaim(id, reply) => self.on_claim(id, &reply),
                Effect::ReplyAttempt(id, reply) => self.on_attempt(id, reply),
                Effect::AckResult(id) => {
                    if let Some((worker, job)) = self.answered(id) {
                        let job = self.workers[worker].jobs.swap_remove(job);
                        self.acknowledge(&job);
                    }
                }
                Effect::ReplyHeartbeat(..) | Effect::Finished { .. } => {}
                Effect::ReplyReserve(..) | Effect::ReplySettle(_) => {}
                Effect::Cancel { .. } => {
                    for worker in &mut self.workers {
                        worker.jobs.iter_mut().for_each(Job::stop);
                    }
                }
            }
        }
    }

    /// The asker's job, unless the answer is lost, the asker is gone, or it has moved on.
    pub(super) fn answered(&mut self, id: RequestId) -> Option<(usize, usize)> {
        let asked = self.asked.remove(&id)?;
        let worker = &self.workers[asked.worker];
        // In process, an answer is never lost.
        let lost = !self.calm && !worker.is_local() && self.rng.random_bool(0.1);
        if lost || !worker.alive || worker.life != asked.life {
            return None;
        }
        let job = worker
            .jobs
            .iter()
            .position(|job| job.says_the_same(&asked.job))?;
        Some((asked.worker, job))
    }

    pub(super) fn on_claim(&mut self, id: RequestId, reply: &ClaimReply) {
        self.note(&match reply {
            ClaimReply::Granted { .. } => "reply granted".to_owned(),
            ClaimReply::Denied { why, .. } => format!("reply denied {why:?}"),
        });
        let Some((worker, at)) = self.answered(id) else {
            return;
        };
        match reply {
            ClaimReply::Granted {
                first_attempt,
                attempts_left,
                ..
            } => {
                let job = &mut self.workers[worker].jobs[at];
                job.attempt = *first_attempt;
                job.left = *attempts_left;
                job.doing = Doing::Running;
            }
            ClaimReply::Denied { why, .. } => {
                let job = self.workers[worker].jobs.swap_remove(at);
                if *why != Denial::Busy {
                    self.acknowledge(&job);
                }
            }
        }
    }

    pub(super) fn on_attempt(&mut self, id: RequestId, reply: AttemptReply) {
        self.note(match reply {
            AttemptReply::Continue => "reply continue",
            AttemptReply::Stop => "reply stop",
        });
        let Some((worker, at)) = self.answered(id) else {
            return;
        };
        let job = &mut self.workers[worker].jobs[at];
        match reply {
            AttemptReply::Continue if matches!(job.doing, Doing::Reporting) => {
                job.doing = Doing::Starting;
            }
            AttemptReply::Continue => {
                job.attempt += 1;
                job.left = job.left.saturating_sub(1);
                job.doing = Doing::Running;
            }
            AttemptReply::Stop => {
                let job = self.workers[worker].jobs.swap_remove(at);
                self.acknowledge(&job);
            }
        }
    }

    /// The message needs no further delivery.
    pub(super) fn acknowledge(&mut self, job: &Job) {
        self.queue
            .retain(|message| message.lease != job.token.lease);
    }

    /// Hands one letter over: any of them, perhaps twice, perhaps never.
    pub(super) fn deliver(&mut self) {
        if self.letters.is_empty() {
            return;
        }
        let at = if self.calm {
            0
        } else {
            self.rng.random_range(0..self.letters.len())
        };
        let is_result = matches!(self.letters[at].job.doing, Doing::Over(_));
        let is_local = self.workers[self.letters[at].worker].is_local();
        // In process nothing is repeated.
        let repeat = !self.calm && !is_local && self.rng.random_bool(0.15);
        let lose = !self.calm && !is_result && self.rng.random_bool(0.1);
        let letter = if repeat {
            self.letters[at].clone()
        } else {
            self.letters.remove(at)
        };
        if lose {
            return;
        }
        let id = self.env.request();
        let name = self.workers[letter.worker].name.clone();
        let life = format!("life{}", letter.life);
        let said = letter.job.says(id, &name, &life);
        let input = said.expect("letters say something");
        self.note(match input {
            Input::Claim(..) => "input claim",
            Input::Attempt(..) => "input attempt",
            _ => "input result",
        });
        self.asked.insert(id, letter);
        self.feed(&input);
    }

    pub(super) fn send(&mut self, worker: usize, job: Job) {
        let life = self.workers[worker].life;
        let is_said = |letter: &Letter| letter.worker == worker && letter.job.says_the_same(&job);
        // In process nobody grows impatient while a word is under way.
        if self.workers[worker].is_local() && self.letters.iter().any(is_said) {
            return;
        }
        self.letters.push(Letter { worker, life, job });
    }

    pub(super) fn say_again(&mut self) {
        if let Some((worker, job)) = self.pick_job() {
            let job = self.workers[worker].jobs[job].clone();
            if !matches!(job.doing, Doing::Running) {
                self.send(worker, job);
            }
        }
    }

    pub(super) fn say_all(&mut self) {
        for worker in 0..self.workers.len() {
            for job in self.workers[worker].jobs.clone() {
                if !matches!(job.doing, Doing::Running) {
                    self.send(worker, job);
                }
            }
        }
    }
}
