//! What befalls a fleet: time, deaths, forgetting, and coordinators that follow each other.

use std::time::Duration;

use protocol::plan::TaskIndex;
use protocol::state::TaskState;
use rand::Rng as _;

use super::fleet::Fleet;
use super::job::Doing;
use crate::machine::{Effect, Input};

impl Fleet {
    pub(super) fn pass(&mut self, time: Duration, heard: f64) {
        let seen = self.env.pass(time);
        self.react(seen);
        self.heartbeats(heard);
    }

    pub(super) fn heartbeats(&mut self, heard: f64) {
        for at in 0..self.workers.len() {
            let worker = &self.workers[at];
            if !worker.alive || !self.rng.random_bool(heard) {
                continue;
            }
            let granted = worker
                .jobs
                .iter()
                .filter(|job| !matches!(job.doing, Doing::Claiming));
            let tokens: Vec<_> = granted.map(|job| job.token.clone()).collect();
            let (name, life) = (worker.name.clone(), worker.life());
            let seen = self.env.heartbeat(&name, &life, &tokens);
            self.note("input heartbeat");
            let Some((_, Effect::ReplyHeartbeat(_, reply))) = seen.effects.first() else {
                panic!("a heartbeat is answered first: {:?}", seen.lines())
            };
            for token in &reply.stale {
                self.note("reply stale");
                // Some do not listen: their results come late.
                if self.calm || self.rng.random_bool(0.5) {
                    self.workers[at].jobs.retain(|job| job.token != *token);
                }
            }
            for token in &reply.cancelled {
                self.note("reply cancelled");
                let mut jobs = self.workers[at].jobs.iter_mut();
                if let Some(job) = jobs.find(|job| job.token == *token) {
                    job.stop();
                }
            }
            self.react(seen);
        }
    }

    pub(super) fn say_hello(&mut self) {
        for at in 0..self.workers.len() {
            let worker = &self.workers[at];
            if worker.alive {
                let (name, life, slots) = (worker.name.clone(), worker.life(), worker.slots);
                let seen = self.env.hello(&name, &life, slots);
                self.react(seen);
            }
        }
    }

    /// A worker dies with all it holds, and begins a new life sooner or later.
    pub(super) fn die(&mut self) {
        let at = self.rng.random_range(0..self.workers.len());
        let worker = &mut self.workers[at];
        if worker.alive {
            worker.alive = false;
            worker.jobs.clear();
            if worker.is_local() {
                let gone = Input::WorkerGone(
                    worker.name.parse().expect("a token"),
                    worker.life().parse().expect("a token"),
                );
                self.note("input worker gone");
                self.feed(&gone);
            }
        } else {
            worker.life += 1;
            worker.alive = true;
        }
    }

    /// The broker forgets a message, unless it is held in process, where no broker is.
    pub(super) fn drop_message(&mut self) {
        if !self.queue.is_empty() {
            let at = self.rng.random_range(0..self.queue.len());
            let lease = self.queue[at].lease;
            let mut held = self.env.machine.leases.held.values();
            if !held.any(|held| held.lease == lease && held.deadline.is_none()) {
                self.queue.swap_remove(at);
            }
        }
    }

    /// The coordinator dies, its own worker with it; another goes on from some cut of the journal
    /// after its last `run.resumed`, which is synced before anything else happens.
    pub(super) fn resume(&mut self) {
        let resumed = |event: &protocol::event::Event| event.kind.name() == "run.resumed";
        let first = self
            .env
            .events
            .iter()
            .rposition(resumed)
            .map_or(3, |at| at + 1);
        let kept = if self.calm {
            self.env.events.len()
        } else {
            let near = self.env.events.len().saturating_sub(8).max(first);
            let from = if self.rng.random_bool(0.5) {
                near
            } else {
                first
            };
            self.rng.random_range(from..=self.env.events.len())
        };
        let was_published = std::mem::take(&mut self.env.published);
        let (env, seen) = self.env.resumed(kept);
        self.env = env;
        // Messages of the old coordinator are still about.
        for (task, message) in was_published {
            self.env.published.entry(task).or_insert(message);
        }
        self.asked.clear();
        let local = &mut self.workers[0];
        local.jobs.clear();
        local.life += 1;
        let rng = &mut self.rng;
        self.letters
            .retain(|letter| matches!(letter.job.doing, Doing::Over(_)) || rng.random_bool(0.5));
        self.react(seen);
        if !self.calm && self.rng.random_bool(0.5) {
            self.corrupt_something();
        }
    }

    pub(super) fn corrupt_something(&mut self) {
        let run = self.env.machine.run();
        let all = (0..run.tasks().len()).map(TaskIndex::new);
        let done: Vec<_> = all
            .filter(|index| run.task(*index).state == TaskState::Done)
            .filter(|index| run.expansion(*index).is_none())
            .map(|index| run.id(index))
            .collect();
        if !done.is_empty() {
            let task = &done[self.rng.random_range(0..done.len())];
            let input = Input::Corrupt {
                task: task.clone(),
                path: "artifacts/x".into(),
            };
            self.note("input corrupt");
            self.feed(&input);
        }
    }
}
