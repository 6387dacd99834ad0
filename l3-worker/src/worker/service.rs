//! Options in, a running worker out: its slots, their keeper, and a cheap handle.

use std::io;
use std::sync::Arc;

use protocol::bus::{Bus, BusError};
use protocol::subject::CancelSubject;
use tokio::runtime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::holds::Holds;
use super::keeper::Keeper;
use super::link::Link;
use super::options::Options;
use super::slot::SlotLoop;
use crate::executor::Executor;
use crate::stop::StopLevel;

/// Orders to cancel that wait for the keeper: one a run, and a person presses Ctrl-C twice.
const CANCELS: usize = 1024;

/// A worker that is not running yet.
pub struct Worker {
    link: Arc<Link>,
    holds: Arc<Holds>,
    executor: Arc<dyn Executor>,
}

/// Reaches into a running worker.
#[derive(Clone)]
pub struct Handle {
    holds: Arc<Holds>,
}

impl Handle {
    /// Stops every attempt this worker runs; they are reported as cancelled.
    pub fn stop_all(&self, level: StopLevel) {
        self.holds.stop_all(level);
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handle")
    }
}

impl Worker {
    /// A worker over a bus and an executor; nothing happens until [`Self::run`].
    ///
    /// # Errors
    /// The process is out of descriptors.
    pub fn new(
        options: Options,
        bus: Arc<dyn Bus>,
        executor: Arc<dyn Executor>,
    ) -> io::Result<(Self, Handle)> {
        let holds = Arc::new(Holds::new(options.slots)?);
        let handle = Handle {
            holds: Arc::clone(&holds),
        };
        let link = Arc::new(Link::new(bus, options));
        Ok((
            Self {
                link,
                holds,
                executor,
            },
            handle,
        ))
    }

    /// Serves until `shutdown`, then drains: pulls nothing more, and returns when running attempts
    /// have ended and said so. Streams and consumers may appear later than the worker.
    ///
    /// Dropping the future kills what runs, and reports nothing. A slot that breaks ends the worker.
    ///
    /// # Errors
    /// The bus takes no subscription.
    ///
    /// # Panics
    /// Outside of a tokio runtime with timers.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), BusError> {
        let draining = shutdown.child_token();
        let cancels = self
            .link
            .bus()
            .subscribe(CancelSubject::ALL, CANCELS)
            .await?;
        let keeper = Keeper {
            link: Arc::clone(&self.link),
            holds: Arc::clone(&self.holds),
            level: self.executor.level(),
            cancels,
            draining: draining.clone(),
        };
        let mut keepers = JoinSet::new();
        keepers.spawn(keeper.run());
        // From here on, being dropped means: no new work, kill the old.
        let _dropped = OnDrop {
            holds: Arc::clone(&self.holds),
            draining: draining.clone(),
        };
        let slots = (0..self.link.options().slots).map(|number| {
            let (link, holds) = (Arc::clone(&self.link), Arc::clone(&self.holds));
            SlotLoop::new(
                number,
                link,
                holds,
                Arc::clone(&self.executor),
                draining.clone(),
            )
        });
        let mut running = JoinSet::new();
        for slot in slots {
            if self.executor.blocks() {
                let number = slot.number;
                let Some(ended) = on_thread(slot) else {
                    tracing::error!(number, "no thread for a slot");
                    continue;
                };
                // An error means that the thread panicked.
                running.spawn(async move { ended.await.is_ok() });
            } else {
                running.spawn(async move {
                    slot.run().await;
                    true
                });
            }
        }
        while let Some(ended) = running.join_next().await {
            if !ended.is_ok_and(|whole| whole) {
                // What it held would be held for ever: the worker's end is something its owner sees.
                tracing::error!("a slot broke; the worker ends");
                draining.cancel();
                self.holds.stop_all(StopLevel::Kill);
            }
        }
        Ok(())
    }
}

/// A thread for a slot that blocks in `poll`; the receiver resolves when it is over.
fn on_thread(slot: SlotLoop) -> Option<tokio::sync::oneshot::Receiver<()>> {
    let runtime = runtime::Handle::current();
    let (over, ended) = tokio::sync::oneshot::channel();
    let name = format!("slot-{}", slot.number);
    let spawned = std::thread::Builder::new().name(name).spawn(move || {
        runtime.block_on(slot.run());
        // Nobody listens when the worker was dropped.
        let _told = over.send(());
    });
    spawned.is_ok().then_some(ended)
}

struct OnDrop {
    holds: Arc<Holds>,
    draining: CancellationToken,
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.draining.cancel();
        self.holds.stop_all(StopLevel::Kill);
    }
}
