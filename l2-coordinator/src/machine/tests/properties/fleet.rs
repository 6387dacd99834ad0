//! Workers that take, run and report tasks, first wild, then calm until the run ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::event::Origin;
use protocol::message::TaskMessage;
use protocol::plan::Plan;
use protocol::state::Phase;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};

use super::job::{Doing, Job};
use crate::machine::{Config, Input, RequestId};
use crate::testing::{TestEnv, config, show_event};

pub(super) struct Worker {
    pub(super) name: String,
    pub(super) life: u32,
    pub(super) slots: u32,
    pub(super) alive: bool,
    pub(super) jobs: Vec<Job>,
}

impl Worker {
    pub(super) fn life(&self) -> String {
        format!("life{}", self.life)
    }

    pub(super) fn is_local(&self) -> bool {
        self.name == "local-c"
    }
}

/// What one life of a worker said: its job as it was then.
#[derive(Clone)]
pub(super) struct Letter {
    pub(super) worker: usize,
    pub(super) life: u32,
    pub(super) job: Job,
}

pub(super) struct Fleet {
    pub(super) env: TestEnv,
    pub(super) rng: SmallRng,
    pub(super) workers: Vec<Worker>,
    /// Published messages that nobody acknowledged; taken in any order, any number of times.
    pub(super) queue: Vec<TaskMessage>,
    /// Requests and results under way.
    pub(super) letters: Vec<Letter>,
    pub(super) asked: HashMap<RequestId, Letter>,
    pub(super) calm: bool,
    pub(super) resumes_left: u32,
    pub(super) stream_seq: u64,
}

/// Plays one run to its end.
pub(super) fn play(plan: Arc<Plan>, seed: u64) -> TestEnv {
    let mut rng = SmallRng::seed_from_u64(seed);
    let config = Config {
        fail_fast: rng.random_bool(0.15),
        crash_limit: rng.random_range(1..4),
        max_parallel: rng.random_bool(0.3).then(|| rng.random_range(1..6)),
        ..config()
    };
    let names = ["local-c", "w1", "w2", "w3"];
    let workers = names.map(|name| Worker {
        name: name.into(),
        life: 1,
        slots: rng.random_range(1..6),
        alive: true,
        jobs: Vec::new(),
    });
    let wild = plan.len() * rng.random_range(5..40) + 20;
    let cancel_at = rng.random_bool(0.25).then(|| rng.random_range(0..wild));
    let mut fleet = Fleet {
        env: TestEnv::new(config, plan),
        rng,
        workers: workers.into(),
        queue: Vec::new(),
        letters: Vec::new(),
        asked: HashMap::new(),
        calm: false,
        resumes_left: 2,
        stream_seq: 0,
    };
    fleet.say_hello();
    for step in 0..wild {
        if fleet.is_over() {
            break;
        }
        if cancel_at == Some(step) {
            fleet.feed(&Input::Cancel(Origin::Terminate));
        }
        fleet.wild_step();
    }
    fleet.calm_down();
    fleet.env
}

impl Fleet {
    pub(super) fn is_over(&self) -> bool {
        matches!(self.env.machine.run().phase(), Phase::Finished(_))
    }

    pub(super) fn note(&mut self, name: &str) {
        *self.env.fired.entry(name.to_owned()).or_default() += 1;
    }

    pub(super) fn wild_step(&mut self) {
        match self.rng.random_range(0..1000) {
            0..350 => self.deliver(),
            350..550 => self.take_message(),
            550..750 => self.work(),
            750..830 => self.say_again(),
            830..930 => {
                let most = if self.rng.random_bool(0.1) {
                    6_000
                } else {
                    700
                };
                let ms = self.rng.random_range(1..most);
                self.pass(Duration::from_millis(ms), 0.85);
            }
            930..950 => self.die(),
            950..970 => self.say_hello(),
            970..975 => self.drop_message(),
            975..977 => {
                self.feed(&Input::Pause("disk full".into()));
            }
            _ if self.resumes_left > 0 && self.rng.random_bool(0.08) => {
                self.resumes_left -= 1;
                self.resume();
            }
            _ => {}
        }
    }

    /// No more losses, and all goes well: now the run must end.
    pub(super) fn calm_down(&mut self) {
        self.calm = true;
        for _ in 0..self.env.plan.len() * 300 + 2_000 {
            if self.is_over() {
                return;
            }
            if *self.env.machine.run().phase() == Phase::Paused {
                self.resume();
            }
            for worker in self.workers.iter_mut().filter(|worker| !worker.alive) {
                // Nobody comes back from the dead as who they were.
                worker.life += 1;
                worker.alive = true;
            }
            self.say_hello();
            while !self.queue.is_empty() && self.take_any() {}
            for worker in 0..self.workers.len() {
                for job in 0..self.workers[worker].jobs.len() {
                    self.work_on(worker, job);
                }
            }
            self.say_all();
            while !self.letters.is_empty() {
                self.deliver();
            }
            self.heartbeats(1.0);
            let now = self.env.now.mono;
            let due = self.env.machine.next_deadline().unwrap_or(now);
            // Steps shorter than a lease, so that who heartbeats keeps what it holds.
            let step = due.saturating_sub(now).min(Duration::from_secs(3));
            self.pass(step, 1.0);
        }
        let tail = self.env.events.len().saturating_sub(40);
        let told = self.env.events[tail..].iter();
        let told: Vec<_> = told.map(|event| show_event(&event.kind)).collect();
        let jobs: Vec<_> = self.workers.iter().map(|w| (&w.name, &w.jobs)).collect();
        let tasks = self.env.machine.run().tasks().iter().enumerate();
        let open: Vec<_> = tasks
            .filter(|(_, task)| !task.state.is_terminal())
            .collect();
        panic!(
            "the run does not end: {open:?}, in flight {}, next {:?}, {} messages, {jobs:?}, {told:#?}",
            self.env.machine.in_flight(),
            self.env.machine.next_deadline(),
            self.queue.len()
        );
    }

    pub(super) fn feed(&mut self, input: &Input) {
        let seen = self.env.feed(input);
        self.react(seen);
    }

    pub(super) fn take_message(&mut self) {
        if !self.queue.is_empty() {
            self.take_any();
        }
    }

    /// Some worker with a free slot takes some message; it stays in the queue until acknowledged.
    pub(super) fn take_any(&mut self) -> bool {
        let free: Vec<_> = (0..self.workers.len())
            .filter(|at| {
                let worker = &self.workers[*at];
                worker.alive && worker.jobs.len() < worker.slots as usize
            })
            .collect();
        let fresh: Vec<_> = self
            .queue
            .iter()
            .filter(|message| {
                !self.calm
                    || !self
                        .workers
                        .iter()
                        .any(|w| w.jobs.iter().any(|j| j.token.lease == message.lease))
            })
            .map(|message| (message.task_id.to_string(), message.lease))
            .collect();
        if free.is_empty() || fresh.is_empty() {
            return false;
        }
        let worker = free[self.rng.random_range(0..free.len())];
        let (task, lease) = &fresh[self.rng.random_range(0..fresh.len())];
        let mut token = self.env.token(task);
        token.lease = *lease;
        let jobs = &mut self.workers[worker].jobs;
        if let Some(job) = jobs.iter().position(|job| job.token == token) {
            // Delivered again to its holder, which asks again.
            let mut job = jobs[job].clone();
            job.doing = Doing::Claiming;
            self.send(worker, job);
            return false;
        }
        let job = Job {
            token,
            attempt: 0,
            left: 0,
            doing: Doing::Claiming,
        };
        jobs.push(job.clone());
        self.send(worker, job);
        true
    }

    pub(super) fn pick_job(&mut self) -> Option<(usize, usize)> {
        let all: Vec<_> = self
            .workers
            .iter()
            .enumerate()
            .filter(|(_, worker)| worker.alive)
            .flat_map(|(at, worker)| (0..worker.jobs.len()).map(move |job| (at, job)))
            .collect();
        (!all.is_empty()).then(|| all[self.rng.random_range(0..all.len())])
    }

    pub(super) fn work(&mut self) {
        if let Some((worker, job)) = self.pick_job() {
            self.work_on(worker, job);
        }
    }

    pub(super) fn work_on(&mut self, worker: usize, job: usize) {
        let job = &mut self.workers[worker].jobs[job];
        if let Doing::Running = job.doing {
            job.finish(&mut self.rng, self.calm);
            let job = job.clone();
            self.send(worker, job);
        }
    }
}
