//! Workers: they die, are cut off, drain, and come back, until the weather is calm.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use l2_coordinator::Handle;
use l2_coordinator::journal::MemoryDisk;
use l3_worker::{Executor, Options, Worker};
use protocol::bus::{Bus, FaultBus, Faults, MemoryBus};
use protocol::subject::{AI_POOL, DEFAULT_POOL};
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::asking::Asker;
use super::cut_bus::{Cable, CutBus};
use super::log::{Log, Watched};
use super::plan;
use super::tally::Tally;

/// Between two lives of a worker, so that nothing of the old one is left.
const BETWEEN: Duration = Duration::from_millis(5);

/// The worker that asks models.
pub(super) const ASKER: &str = "local-ai-c";

/// How bad the bus is, and until when.
#[derive(Clone)]
pub(super) struct Weather {
    faults: Faults,
    calm: Arc<AtomicBool>,
    buses: Arc<Mutex<Vec<Arc<FaultBus>>>>,
}

impl Weather {
    pub(super) fn new(faults: Faults) -> Self {
        Self {
            faults,
            calm: Arc::default(),
            buses: Arc::default(),
        }
    }

    /// `inner` in this weather.
    pub(super) fn around(&self, inner: Arc<dyn Bus>, seed: u64) -> Arc<dyn Bus> {
        let faults = if self.is_calm() {
            Faults::none()
        } else {
            self.faults.clone()
        };
        let bus = Arc::new(FaultBus::new(inner, seed, faults));
        self.lock().push(Arc::clone(&bus));
        bus
    }

    pub(super) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::SeqCst)
    }

    pub(super) fn calm_down(&self) {
        self.calm.store(true, Ordering::SeqCst);
        self.lock().iter().for_each(|bus| bus.calm());
    }

    /// Adds up what happened on every bus; kinds that never did are listed as well.
    pub(super) fn count(&self, tally: &mut Tally) {
        for bus in self.lock().iter() {
            for (fault, count) in bus.counts() {
                tally.count(format!("bus: {fault:?}"), count);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<FaultBus>>> {
        self.buses.lock().expect("no critical section panics")
    }
}

/// Where workers live.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) seed: u64,
    pub(super) bus: Arc<MemoryBus>,
    pub(super) weather: Weather,
    pub(super) log: Log,
    pub(super) disk: Arc<MemoryDisk>,
    pub(super) tally: Arc<Mutex<Tally>>,
    /// Workers die, drain and are cut off while the weather is bad.
    pub(super) perilous: bool,
}

impl Site {
    pub(super) fn note(&self, name: &str) {
        self.tally
            .lock()
            .expect("no critical section panics")
            .count(name, 1);
    }

    fn worker(&self, name: &str, life: &str, slots: usize, bus: Arc<dyn Bus>) -> Worker {
        let script = Arc::new(plan::script(self.seed));
        self.worker_of(DEFAULT_POOL, script, (name, life), slots, bus)
    }

    fn worker_of(
        &self,
        pool: &str,
        inner: Arc<dyn Executor>,
        (name, life): (&str, &str),
        slots: usize,
        bus: Arc<dyn Bus>,
    ) -> Worker {
        let options = Options {
            worker: name.parse().expect("a token"),
            incarnation: life.parse().expect("a token"),
            pool: pool.to_owned(),
            slots,
            seed: self.seed,
        };
        let executor = Watched {
            inner,
            log: self.log.clone(),
            worker: format!("{name} {life}"),
            disk: Arc::clone(&self.disk),
        };
        let made = Worker::new(options, bus, Arc::new(executor));
        made.expect("descriptors for a few slots").0
    }

    /// One worker on another host, through all its lives.
    pub(super) async fn remote(self, name: String, slots: usize) {
        let mut rng = SmallRng::seed_from_u64(self.seed ^ u64::from(name.as_bytes()[1]));
        for life in 1_u32.. {
            let cable = Cable::default();
            let behind = self
                .weather
                .around(Arc::clone(&self.bus) as Arc<dyn Bus>, rng.random());
            let bus = Arc::new(CutBus {
                inner: behind,
                cable: cable.clone(),
            });
            let shutdown = CancellationToken::new();
            let worker = self.worker(&name, &format!("l{life}"), slots, bus);
            let run = worker.run(shutdown.clone());
            tokio::pin!(run);
            loop {
                let peace = Duration::from_millis(rng.random_range(200..12_000));
                tokio::select! {
                    biased;
                    ended = &mut run => {
                        ended.expect("a worker ends when it is told to");
                        break;
                    }
                    () = sleep(peace) => {}
                }
                if self.weather.is_calm() || !self.perilous {
                    // Nothing happens to it any more, unless it was told to drain before.
                    let ended = run.as_mut().await;
                    ended.expect("a worker ends when it is told to");
                    break;
                }
                match rng.random_range(0..10) {
                    0..4 => {
                        self.note("death: remote worker");
                        break;
                    }
                    4..6 => shutdown.cancel(),
                    _ => {
                        self.note("partition: remote worker");
                        cable.set_cut(true);
                        let cut = Duration::from_millis(rng.random_range(100..9_000));
                        tokio::select! {
                            biased;
                            _ended = &mut run => break,
                            () = sleep(cut) => cable.set_cut(false),
                        }
                    }
                }
            }
            // Leaving the scope drops the worker as it is.
            sleep(BETWEEN).await;
        }
    }

    /// The worker within a coordinator's process, through all its lives; its owner sees it end.
    pub(super) async fn local(self, name: String, first: String, slots: usize, handle: Handle) {
        let script = Arc::new(plan::script(self.seed));
        self.within(DEFAULT_POOL, script, (name, first), slots, handle)
            .await;
    }

    /// The same for the one that asks models.
    pub(super) async fn asker(self, asker: Asker, first: String, slots: usize, handle: Handle) {
        let name = (ASKER.to_owned(), first);
        self.within(AI_POOL, Arc::new(asker), name, slots, handle)
            .await;
    }

    async fn within(
        self,
        pool: &str,
        inner: Arc<dyn Executor>,
        (name, first): (String, String),
        slots: usize,
        handle: Handle,
    ) {
        let mut rng = SmallRng::seed_from_u64(self.seed ^ first.len() as u64);
        for life in 0_u32.. {
            let life = match life {
                0 => first.clone(),
                again => format!("{first}-{again}"),
            };
            let bus = self
                .weather
                .around(Arc::clone(&self.bus) as Arc<dyn Bus>, rng.random());
            {
                let worker = self.worker_of(pool, Arc::clone(&inner), (&name, &life), slots, bus);
                let run = worker.run(CancellationToken::new());
                tokio::pin!(run);
                let peace = Duration::from_millis(rng.random_range(2_000..40_000));
                let lives_on = async {
                    sleep(peace).await;
                    if self.weather.is_calm() || !self.perilous {
                        std::future::pending::<()>().await;
                    }
                };
                tokio::select! {
                    biased;
                    ended = &mut run => ended.expect("a worker ends when it is told to"),
                    () = lives_on => self.note(&format!("death: {name}")),
                }
            }
            sleep(BETWEEN).await;
            handle.worker_gone(
                name.parse().expect("a token"),
                life.parse().expect("a token"),
            );
        }
    }
}
