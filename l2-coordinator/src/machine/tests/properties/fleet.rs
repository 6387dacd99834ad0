//! Workers and a post that loses, repeats and reorders, first wild, then calm until the run ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::event::Origin;
use protocol::message::{AttemptReply, ClaimReply, Denial, TaskMessage};
use protocol::plan::Plan;
use protocol::state::{Phase, TaskState};
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};

use super::job::{Doing, Job};
use crate::machine::{Config, Effect, Input, RequestId};
use crate::testing::{Seen, TestEnv, config, show_event};

struct Worker {
    name: String,
    life: u32,
    slots: u32,
    alive: bool,
    jobs: Vec<Job>,
}

impl Worker {
    fn life(&self) -> String {
        format!("life{}", self.life)
    }

    fn is_local(&self) -> bool {
        self.name == "local-c"
    }
}

/// What one life of a worker said: its job as it was then.
#[derive(Clone)]
struct Letter {
    worker: usize,
    life: u32,
    job: Job,
}

struct Fleet {
    env: TestEnv,
    rng: SmallRng,
    workers: Vec<Worker>,
    /// Published messages that nobody acknowledged; taken in any order, any number of times.
    queue: Vec<TaskMessage>,
    /// Requests and results under way.
    letters: Vec<Letter>,
    asked: HashMap<RequestId, Letter>,
    calm: bool,
    resumes_left: u32,
    stream_seq: u64,
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
    fn is_over(&self) -> bool {
        matches!(self.env.machine.run().phase(), Phase::Finished(_))
    }

    fn note(&mut self, name: &str) {
        *self.env.fired.entry(name.to_owned()).or_default() += 1;
    }

    fn wild_step(&mut self) {
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
    fn calm_down(&mut self) {
        self.calm = true;
        for _ in 0..self.env.plan.len() * 30 + 500 {
            if self.is_over() {
                return;
            }
            if *self.env.machine.run().phase() == Phase::Paused {
                self.resume();
            }
            for worker in &mut self.workers {
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

    fn feed(&mut self, input: &Input) {
        let seen = self.env.feed(input);
        self.react(seen);
    }

    fn react(&mut self, seen: Seen) {
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
                Effect::Cancel { .. } => {
                    for worker in &mut self.workers {
                        worker.jobs.iter_mut().for_each(Job::stop);
                    }
                }
            }
        }
    }

    /// The asker's job, unless the answer is lost, the asker is gone, or it has moved on.
    fn answered(&mut self, id: RequestId) -> Option<(usize, usize)> {
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

    fn on_claim(&mut self, id: RequestId, reply: &ClaimReply) {
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

    fn on_attempt(&mut self, id: RequestId, reply: AttemptReply) {
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
    fn acknowledge(&mut self, job: &Job) {
        self.queue
            .retain(|message| message.lease != job.token.lease);
    }

    /// Hands one letter over: any of them, perhaps twice, perhaps never.
    fn deliver(&mut self) {
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

    fn take_message(&mut self) {
        if !self.queue.is_empty() {
            self.take_any();
        }
    }

    /// Some worker with a free slot takes some message; it stays in the queue until acknowledged.
    fn take_any(&mut self) -> bool {
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

    fn send(&mut self, worker: usize, job: Job) {
        let life = self.workers[worker].life;
        let is_said = |letter: &Letter| letter.worker == worker && letter.job.says_the_same(&job);
        // In process nobody grows impatient while a word is under way.
        if self.workers[worker].is_local() && self.letters.iter().any(is_said) {
            return;
        }
        self.letters.push(Letter { worker, life, job });
    }

    fn pick_job(&mut self) -> Option<(usize, usize)> {
        let all: Vec<_> = self
            .workers
            .iter()
            .enumerate()
            .filter(|(_, worker)| worker.alive)
            .flat_map(|(at, worker)| (0..worker.jobs.len()).map(move |job| (at, job)))
            .collect();
        (!all.is_empty()).then(|| all[self.rng.random_range(0..all.len())])
    }

    fn work(&mut self) {
        if let Some((worker, job)) = self.pick_job() {
            self.work_on(worker, job);
        }
    }

    fn work_on(&mut self, worker: usize, job: usize) {
        let job = &mut self.workers[worker].jobs[job];
        if let Doing::Running = job.doing {
            job.finish(&mut self.rng, self.calm);
            let job = job.clone();
            self.send(worker, job);
        }
    }

    fn say_again(&mut self) {
        if let Some((worker, job)) = self.pick_job() {
            let job = self.workers[worker].jobs[job].clone();
            if !matches!(job.doing, Doing::Running) {
                self.send(worker, job);
            }
        }
    }

    fn say_all(&mut self) {
        for worker in 0..self.workers.len() {
            for job in self.workers[worker].jobs.clone() {
                if !matches!(job.doing, Doing::Running) {
                    self.send(worker, job);
                }
            }
        }
    }

    fn pass(&mut self, time: Duration, heard: f64) {
        let seen = self.env.pass(time);
        self.react(seen);
        self.heartbeats(heard);
    }

    fn heartbeats(&mut self, heard: f64) {
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

    fn say_hello(&mut self) {
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
    fn die(&mut self) {
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
    fn drop_message(&mut self) {
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
    fn resume(&mut self) {
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

    fn corrupt_something(&mut self) {
        let run = self.env.machine.run();
        let done: Vec<_> = run
            .plan()
            .tasks()
            .filter(|(index, _)| run.task(*index).state == TaskState::Done)
            .map(|(_, task)| task.id().clone())
            .collect();
        if let Some(task) = done.first() {
            let input = Input::Corrupt {
                task: task.clone(),
                path: "artifacts/x".into(),
            };
            self.note("input corrupt");
            self.feed(&input);
        }
    }
}
