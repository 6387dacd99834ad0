//! One seed: a plan, a fleet, and coordinators that follow each other until the run has ended.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use l2_coordinator::journal::{MemoryDisk, PowerCut, ReadError, Storage as _, SyncMode};
use l2_coordinator::model::Recall;
use l2_coordinator::{Config, Coordinator, CoordinatorError, Embedded, Handle, Options};
use protocol::budget::Budget;
use protocol::bus::{Bus, Fault, Faults, MemoryBus};
use protocol::event::Origin;
use protocol::outcome::RunOutcome;
use protocol::plan::Plan;
use protocol::policy::Dispatch;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::asking::{self, Asker, Oracle};
use super::fleet::{ASKER, Site, Weather};
use super::laws;
use super::log::{Log, Watcher};
use super::mortal::{Death, Moment, Mortal, MortalBus};
use super::plan;
use super::setup::{WallClock, chain, opening, tail};
use super::tally::Tally;

/// A run that has not ended by then, on virtual time, never will.
const PATIENCE: Duration = Duration::from_secs(4 * 3600);

/// What a seed left.
pub(super) struct Played {
    pub(super) journal: Vec<u8>,
    pub(super) tally: Tally,
}

/// Plays one seed and checks every law.
pub(super) fn play(seed: u64) -> Result<Played, String> {
    run(|| World::roll(seed))
}

/// The same with remote workers only, of whom nobody dies: one word in fifty is lost.
pub(super) fn play_lossy(seed: u64) -> Result<Played, String> {
    run(|| {
        let mut world = World::roll(seed);
        let mut faults = Faults::none();
        for lost in [
            Fault::ReplyLost,
            Fault::RequestLost,
            Fault::AckLost,
            Fault::BroadcastLost,
        ] {
            faults = faults.with(lost, 0.02);
        }
        world.site.weather = Weather::new(faults);
        world.site.perilous = false;
        world.deaths_left = 0;
        world.local = None;
        if world.remote.is_empty() {
            world.remote.push(2);
        }
        world
    })
}

/// A run most of whose tasks ask a model, within a budget or without one.
pub(super) fn play_asking(seed: u64) -> Result<Played, String> {
    let calls = tempfile::tempdir().map_err(|error| error.to_string())?;
    let dir = calls.path().to_owned();
    run(move || {
        let mut world = World::roll(seed);
        let mut rng = SmallRng::seed_from_u64(seed ^ 0xA51);
        world.plan = plan::roll_asking(&mut rng);
        world.config.budget = Budget {
            tokens: rng.random_bool(0.6).then(|| rng.random_range(200..6_000)),
            calls: rng.random_bool(0.2).then(|| rng.random_range(1..30)),
            wall_ms: rng
                .random_bool(0.1)
                .then(|| rng.random_range(1_000..60_000)),
            usd: None,
        };
        world.models = Some(Models {
            slots: rng.random_range(1..=8),
            dir,
            oracle: Arc::new(Oracle {
                seed,
                log: world.site.log.clone(),
                lies: rng.random_bool(0.3),
            }),
        });
        world
    })
}

fn run(world: impl FnOnce() -> World) -> Result<Played, String> {
    let played = catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(|error| error.to_string())?;
        runtime.block_on(async {
            let world = world();
            let disk = Arc::clone(&world.disk);
            match timeout(PATIENCE, world.live()).await {
                Ok(played) => played,
                Err(_) => Err(format!("the run does not end: {}", tail(&disk))),
            }
        })
    }));
    played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(text.unwrap_or_else(|| "panicked".into()))
    })
}

/// What models need beside a coordinator.
struct Models {
    slots: usize,
    /// The run's directory.
    dir: PathBuf,
    oracle: Arc<Oracle>,
}

struct World {
    rng: SmallRng,
    site: Site,
    plan: Arc<Plan>,
    disk: Arc<MemoryDisk>,
    /// Nothing was written yet.
    is_new: bool,
    started: Instant,
    /// Slots of the worker within the coordinator, if there is one.
    local: Option<usize>,
    models: Option<Models>,
    remote: Vec<usize>,
    deaths_left: u32,
    /// Unsynced blocks were zeroed or reordered at least once.
    is_scrambled: bool,
    calm_after: Duration,
    cancel_at: Option<Instant>,
    config: Config,
}

/// How one life of a coordinator ended.
enum End {
    Finished(RunOutcome),
    /// Blocks that were not synced came out of order, a promise behind a hole: nobody can tell that
    /// from damage, so the journal is refused. A person decides.
    Refused,
    /// The one before died before anything was certain.
    NeverBegan,
    Died,
}

impl World {
    fn roll(seed: u64) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let plan = plan::roll(&mut rng);
        let probability = [0.0, 0.01, 0.03, 0.08, 0.2][rng.random_range(0..5)];
        let faults = Faults::all(probability).delays_up_to(Duration::from_millis(1_500));
        let count = rng.random_range(0..=3);
        let remote: Vec<_> = (0..count).map(|_| rng.random_range(1..=3)).collect();
        let wants_local = remote.is_empty() || rng.random_bool(0.3);
        let started = Instant::now();
        let disk = Arc::new(MemoryDisk::new());
        let config = Config {
            coordinator: "c".parse().expect("a token"),
            run: "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a"
                .parse()
                .expect("a run id"),
            trace_id: "0af7651916cd43dd8448eb211c80319c".into(),
            max_parallel: rng.random_bool(0.2).then(|| rng.random_range(1..4)),
            slots: 1,
            fail_fast: rng.random_bool(0.1),
            policy: std::sync::Arc::new(Dispatch::unconfined()),
            embedded: None,
            crash_limit: rng.random_range(2..6),
            project: None,
            budget: Budget::default(),
            models: None,
        };
        Self {
            site: Site {
                seed,
                bus: Arc::new(MemoryBus::new()),
                weather: Weather::new(faults),
                log: Log::default(),
                disk: Arc::clone(&disk),
                tally: Arc::default(),
                perilous: true,
            },
            plan,
            disk,
            is_new: true,
            started,
            local: wants_local.then(|| rng.random_range(1..=4)),
            models: None,
            remote,
            deaths_left: rng.random_range(0..4),
            is_scrambled: false,
            calm_after: Duration::from_millis(rng.random_range(2_000..40_000)),
            cancel_at: rng
                .random_bool(0.12)
                .then(|| started + Duration::from_millis(rng.random_range(0..9_000))),
            config,
            rng,
        }
    }

    async fn live(mut self) -> Result<Played, String> {
        let mut others = JoinSet::new();
        for (at, slots) in self.remote.iter().enumerate() {
            others.spawn(self.site.clone().remote(format!("w{at}"), *slots));
        }
        let (weather, calm_after) = (self.site.weather.clone(), self.calm_after);
        others.spawn(async move {
            sleep(calm_after).await;
            weather.calm_down();
        });
        let mut life = 0;
        let finished = loop {
            life += 1;
            match self.one_life(life).await? {
                End::Finished(finished) => break finished,
                End::Refused => return self.refused(),
                End::NeverBegan => {}
                End::Died => self.after_death().await,
            }
        };
        others.shutdown().await;
        self.finished_stays_finished(finished).await?;
        let journal = self.disk.content();
        let events = laws::read(&journal)?;
        let mut tally = self.site.tally.lock().expect("no thread panics").clone();
        laws::check(
            &self.plan,
            &journal,
            &events,
            &self.site.log.lock(),
            &mut tally,
        )?;
        if self.models.is_some() {
            let seen = self.site.log.lock();
            asking::check(self.config.budget, &events, &seen, &mut tally)?;
        }
        self.site.weather.count(&mut tally);
        Ok(Played { journal, tally })
    }

    /// What was shown must be readable all the same.
    fn refused(&self) -> Result<Played, String> {
        self.site.note("end: refused as damaged");
        let journal = self.disk.content();
        laws::shown_still_holds(&laws::read_good(&journal)?, &self.site.log.lock())?;
        let tally = self.site.tally.lock().expect("no thread panics").clone();
        Ok(Played { journal, tally })
    }

    async fn one_life(&mut self, life: u32) -> Result<End, String> {
        let mortal = Arc::new(Mortal::new(Arc::clone(&self.disk)));
        let dies = self.deaths_left > 0;
        let (death, kill_at) = self.roll_death(dies);
        let options = self.options(life, &mortal);
        mortal.doom(death);
        let begun = if self.is_new {
            self.is_new = false;
            tokio::select! {
                biased;
                () = mortal.died() => None,
                begun = Coordinator::start(options, opening(&self.config, &self.plan)) => Some(begun),
            }
        } else {
            tokio::select! {
                biased;
                () = mortal.died() => None,
                begun = Coordinator::resume(options) => Some(begun),
            }
        };
        let (coordinator, handle) = match begun {
            _ if mortal.is_dead() => {
                self.note_death(death);
                return Ok(End::Died);
            }
            Some(Ok(begun)) => begun,
            Some(Err(CoordinatorError::Read(ReadError::Damaged { .. }))) if self.is_scrambled => {
                return Ok(End::Refused);
            }
            Some(Err(
                CoordinatorError::Read(ReadError::Empty | ReadError::NoStart)
                | CoordinatorError::NotApproved,
            )) if self.site.log.lock().shown.is_empty() => {
                self.site.note("end: never began, begun again");
                self.disk.truncate(0).map_err(|error| error.to_string())?;
                self.is_new = true;
                return Ok(End::NeverBegan);
            }
            // It died between its last word and the exit.
            Some(Err(CoordinatorError::AlreadyFinished(outcome))) => {
                return Ok(End::Finished(outcome));
            }
            Some(Err(error)) => {
                return Err(format!("life {life} does not begin: {}", chain(&error)));
            }
            None => unreachable!("only a death leaves it undecided"),
        };
        let mut own = JoinSet::new();
        self.spawn_own(&mut own, life, &handle, coordinator.recall());
        let ended = tokio::select! {
            biased;
            () = mortal.died() => None,
            () = sleep_until(kill_at), if dies => {
                mortal.kill();
                None
            }
            ended = coordinator.run() => Some(ended),
        };
        own.shutdown().await;
        match ended {
            Some(Ok(finished)) => Ok(End::Finished(finished.outcome)),
            Some(Err(error)) if !mortal.is_dead() => {
                Err(format!("life {life} failed: {}", chain(&error)))
            }
            _ => {
                self.note_death(death);
                Ok(End::Died)
            }
        }
    }

    /// The workers within, and whoever cancels the run.
    fn spawn_own(&mut self, own: &mut JoinSet<()>, life: u32, handle: &Handle, recall: Recall) {
        if let Some(Models { slots, dir, oracle }) = &self.models {
            let asker = Asker::new(dir.clone(), Arc::clone(oracle), handle.calls(), recall);
            let site = self.site.clone();
            own.spawn(site.asker(asker, format!("l{life}"), *slots, handle.clone()));
        }
        if let Some(slots) = self.local {
            let local = self.site.clone();
            own.spawn(local.local("local-c".into(), format!("l{life}"), slots, handle.clone()));
        }
        if let Some(at) = self.cancel_at {
            let handle = handle.clone();
            own.spawn(async move {
                sleep_until(at).await;
                handle.cancel(Origin::Terminate);
                sleep(Duration::from_secs(1)).await;
                handle.cancel(Origin::Terminate);
            });
        }
    }

    /// Half of the deaths come at a moment of writing, half at any time.
    fn roll_death(&mut self, dies: bool) -> (Option<Death>, Instant) {
        let kill_at = Instant::now() + Duration::from_millis(self.rng.random_range(1..9_000));
        if !dies || self.rng.random_bool(0.3) {
            return (None, kill_at);
        }
        let moment = match self.rng.random_range(0..5) {
            0 => Moment::BeforeWrite,
            1 => Moment::MidWrite(self.rng.random_range(1..100)),
            2 => Moment::AfterWrite,
            3 => Moment::BeforeSync,
            _ => Moment::AfterSync,
        };
        let countdown = self.rng.random_range(0..25);
        let later = kill_at + Duration::from_secs(60);
        (Some(Death { moment, countdown }), later)
    }

    fn note_death(&mut self, death: Option<Death>) {
        self.deaths_left -= 1;
        self.site.note(match death.map(|death| death.moment) {
            None => "death: some time",
            Some(Moment::BeforeWrite) => "death: before a write",
            Some(Moment::MidWrite(_)) => "death: in the middle of a write",
            Some(Moment::AfterWrite) => "death: after a write",
            Some(Moment::BeforeSync) => "death: before a sync",
            Some(Moment::AfterSync) => "death: after a sync",
        });
    }

    /// The process is gone; perhaps the power too.
    async fn after_death(&mut self) {
        if self.rng.random_bool(0.6) {
            let (cut, name) = match self.rng.random_range(0..3) {
                0 => (PowerCut::Cut, "cut: end lost"),
                1 => (PowerCut::Zero, "cut: blocks zeroed"),
                _ => (PowerCut::Reorder, "cut: blocks reordered"),
            };
            self.site.note(name);
            self.disk.cut_power(cut, &mut self.rng);
            self.is_scrambled |= cut != PowerCut::Cut;
        }
        if self.rng.random_bool(0.3) {
            self.site.note("restart: bus forgets ids");
            self.site.bus.restart();
        }
        sleep(Duration::from_millis(self.rng.random_range(5..8_000))).await;
    }

    /// A resume of a finished run starts nothing and says how it had ended.
    async fn finished_stays_finished(&mut self, finished: RunOutcome) -> Result<(), String> {
        let before = self.disk.content();
        let mortal = Arc::new(Mortal::new(Arc::clone(&self.disk)));
        match Coordinator::resume(self.options(0, &mortal)).await {
            Err(CoordinatorError::AlreadyFinished(outcome)) if outcome == finished => {}
            Err(error) => return Err(format!("resume of a finished run: {}", chain(&error))),
            Ok(_) => return Err("a finished run was resumed".into()),
        }
        if before == self.disk.content() {
            Ok(())
        } else {
            Err("resume of a finished run wrote".into())
        }
    }

    fn options(&mut self, life: u32, mortal: &Arc<Mortal>) -> Options {
        let embedded = self.local.map(|_| Embedded {
            worker: "local-c".parse().expect("a token"),
            incarnation: format!("l{life}").parse().expect("a token"),
        });
        let models = self.models.as_ref().map(|_| Embedded {
            worker: ASKER.parse().expect("a token"),
            incarnation: format!("l{life}").parse().expect("a token"),
        });
        let within = Arc::new(MortalBus {
            inner: Arc::clone(&self.site.bus) as Arc<dyn Bus>,
            life: Arc::clone(mortal),
        });
        Options {
            config: Config {
                embedded,
                models,
                ..self.config.clone()
            },
            plan: Arc::clone(&self.plan),
            bus: self.site.weather.around(within, self.rng.random()),
            clock: Arc::new(WallClock(self.started)),
            storage: Arc::clone(mortal) as _,
            sync: SyncMode::Inline,
            run_dir: None,
            observers: vec![Box::new(Watcher(self.site.log.clone()))],
        }
    }
}
