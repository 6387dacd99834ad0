//! When written becomes certain: one thread that syncs the journal, so that dispatch never waits
//! for the disk, or the same by hand for tests on virtual time.
//!
//! One sync covers everything written before it began. A failed sync is final: the system may have
//! dropped what it could not write, so nothing is promised after it.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::storage::Storage;

/// The longest a written byte stays unsynced while the run goes on.
pub const SYNC_WITHIN: Duration = Duration::from_millis(20);

/// Who syncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncMode {
    /// A thread of its own; a request returns at once.
    Thread,
    /// The caller, within the request. Deterministic; whoever drives also watches
    /// [`Writer::deadline`](super::Writer::deadline).
    Inline,
}

/// How far the journal is certain.
#[derive(Clone, Debug, Default)]
pub struct SyncMark {
    /// Events up to this one are on stable storage.
    pub seq: u64,
    /// Set once and for good when the disk failed; `seq` stays true.
    pub failed: Option<Arc<io::Error>>,
}

/// The journal cannot become more certain than it is.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SyncFailed {
    /// The disk failed.
    #[error("journal cannot be synced")]
    Disk(#[source] Arc<io::Error>),
    /// The writer is gone.
    #[error("journal was closed before it was synced")]
    Closed,
}

/// A cheap view of the synced mark, for whoever must not speak before it.
#[derive(Clone, Debug)]
pub struct SyncWatch(watch::Receiver<SyncMark>);

impl SyncWatch {
    /// The mark as it is now.
    #[must_use]
    pub fn mark(&self) -> SyncMark {
        self.0.borrow().clone()
    }

    /// Waits until event `seq` is on stable storage. Asks nobody to hurry. Cancel safe.
    ///
    /// # Errors
    /// It will never be.
    pub async fn reached(&mut self, seq: u64) -> Result<(), SyncFailed> {
        let mark = self
            .0
            .wait_for(|mark| mark.seq >= seq || mark.failed.is_some())
            .await;
        let mark = mark.map_err(|_| SyncFailed::Closed)?;
        match &mark.failed {
            Some(error) if mark.seq < seq => Err(SyncFailed::Disk(Arc::clone(error))),
            _ => Ok(()),
        }
    }

    /// Waits until the mark moves or the disk fails. Cancel safe.
    ///
    /// # Errors
    /// The writer is gone.
    pub async fn changed(&mut self) -> Result<SyncMark, SyncFailed> {
        self.0.changed().await.map_err(|_| SyncFailed::Closed)?;
        Ok(self.0.borrow_and_update().clone())
    }
}

/// What the writer and the thread share.
struct Shared {
    storage: Arc<dyn Storage>,
    mark: watch::Sender<SyncMark>,
    wanted: Mutex<Wanted>,
    /// Wakes the thread.
    wake: Condvar,
    /// Held while syncing: the system reports a failure once, so two must not share one call's fate.
    syncing: Mutex<()>,
}

#[derive(Default)]
struct Wanted {
    written: u64,
    /// When the oldest unsynced byte was written.
    dirty_since: Option<Instant>,
    /// Do not wait for more company.
    now: bool,
    stop: bool,
}

/// Syncs a storage and publishes how far it got. Stops its thread when dropped, without a last sync.
pub(super) struct Syncer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    /// Everything in `storage` now is event `written` or older, and not certain yet.
    pub(super) fn start(
        storage: Arc<dyn Storage>,
        written: u64,
        mode: SyncMode,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            storage,
            mark: watch::Sender::new(SyncMark::default()),
            wanted: Mutex::new(Wanted {
                written,
                ..Wanted::default()
            }),
            wake: Condvar::new(),
            syncing: Mutex::new(()),
        });
        let thread = match mode {
            SyncMode::Inline => None,
            SyncMode::Thread => {
                let shared = Arc::clone(&shared);
                let builder = thread::Builder::new().name("journal-sync".to_owned());
                Some(builder.spawn(move || shared.serve())?)
            }
        };
        Ok(Self { shared, thread })
    }

    /// Events up to `seq` were written.
    pub(super) fn written(&self, seq: u64) {
        let mut wanted = lock(&self.shared.wanted);
        wanted.written = seq;
        if wanted.dirty_since.is_none() {
            wanted.dirty_since = Some(Instant::now());
            self.shared.wake.notify_one();
        }
    }

    /// Asks for a sync of everything written; with a thread, returns at once.
    pub(super) fn request(&self) {
        if self.thread.is_none() {
            // The outcome is in the mark, as with a thread.
            let _outcome = self.shared.sync();
            return;
        }
        let mut wanted = lock(&self.shared.wanted);
        if wanted.dirty_since.is_some() && !wanted.now {
            wanted.now = true;
            self.shared.wake.notify_one();
        }
    }

    /// Syncs everything written and waits for it.
    pub(super) fn sync_now(&self) -> Result<u64, SyncFailed> {
        self.shared.sync()
    }

    pub(super) fn watch(&self) -> SyncWatch {
        SyncWatch(self.shared.mark.subscribe())
    }

    pub(super) fn mark(&self) -> SyncMark {
        self.shared.mark.borrow().clone()
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        lock(&self.shared.wanted).stop = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported already; here it only means that it is over.
            let _ended = thread.join();
        }
    }
}

impl Shared {
    /// The thread: waits for something worth a sync, syncs, and again.
    fn serve(&self) {
        while self.wait_until_due() {
            if self.sync().is_err() {
                return;
            }
        }
    }

    /// Whether a sync is due; false when it is time to stop.
    fn wait_until_due(&self) -> bool {
        let mut wanted = lock(&self.wanted);
        loop {
            if wanted.stop {
                return false;
            }
            wanted = match wanted.dirty_since {
                None => self
                    .wake
                    .wait(wanted)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(since) => {
                    let left = SYNC_WITHIN.saturating_sub(since.elapsed());
                    if wanted.now || left.is_zero() {
                        return true;
                    }
                    let woken = self.wake.wait_timeout(wanted, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn sync(&self) -> Result<u64, SyncFailed> {
        let _one_at_a_time = lock(&self.syncing);
        if let Some(error) = &self.mark.borrow().failed {
            return Err(SyncFailed::Disk(Arc::clone(error)));
        }
        let written = {
            let mut wanted = lock(&self.wanted);
            wanted.dirty_since = None;
            wanted.now = false;
            wanted.written
        };
        if self.mark.borrow().seq >= written {
            return Ok(written);
        }
        match self.storage.sync() {
            Ok(()) => {
                self.mark.send_modify(|mark| mark.seq = written);
                Ok(written)
            }
            Err(error) => {
                let error = Arc::new(error);
                self.mark
                    .send_modify(|mark| mark.failed = Some(Arc::clone(&error)));
                Err(SyncFailed::Disk(error))
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
