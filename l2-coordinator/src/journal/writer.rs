//! Appends events: a batch with one write, whole or not at all, hashed and numbered on the way.
//!
//! Written survives the death of the process; only synced survives the power. The driver performs
//! effects after `append`, and those that rest on a promise after the synced mark has passed it.

use std::io;
use std::sync::Arc;

use protocol::event::{Chain, Event, EventKind, MAX_LINE_BYTES};
use protocol::time::Timestamp;
use tokio::time::Instant;

use super::reader::End;
use super::storage::{AppendError, Storage};
use super::syncer::{SYNC_WITHIN, SyncFailed, SyncMark, SyncMode, SyncWatch, Syncer};

/// Kept capacity of the line buffer; a rare huge batch gives the rest back.
const BUFFER_BYTES: usize = 256 * 1024;

/// Why nothing was appended. The journal ends with its last whole batch, and none of the new
/// batch's effects may happen.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The disk did not take the batch; what it took was cut off again.
    #[error("journal cannot be written")]
    Append(#[source] AppendError),
    /// The disk did not take the batch, and what it took cannot be cut off. Nothing more can be
    /// written; the next recovery sets the rest aside.
    #[error("journal cannot be written, and its unfinished end cannot be cut off")]
    Stuck(#[source] io::Error),
    /// The event is longer than any reader accepts.
    #[error("`{event}` of {bytes} bytes is too long for the journal")]
    TooLong {
        /// Its name.
        event: &'static str,
        /// Length of its line.
        bytes: usize,
    },
    /// A sync failed.
    #[error(transparent)]
    Sync(#[from] SyncFailed),
    /// A new journal was to be made where there is one.
    #[error("there is a journal of {0} bytes already")]
    NotEmpty(u64),
    /// The journal cannot be opened, repaired, or given its reserve.
    #[error("journal cannot be prepared")]
    Prepare(#[source] io::Error),
}

/// The one writer of a journal. Dropping it is a crash: nothing more is synced.
pub struct Writer {
    storage: Arc<dyn Storage>,
    syncer: Syncer,
    mode: SyncMode,
    chain: Chain,
    /// Length of all whole batches.
    len: u64,
    buffer: Vec<u8>,
    dirty_since: Option<Instant>,
    stuck: bool,
}

impl Writer {
    /// For a new run, on an empty storage. Takes the reserve.
    ///
    /// # Errors
    /// The storage is not empty or has no room.
    pub fn create(storage: Arc<dyn Storage>, mode: SyncMode) -> Result<Self, WriteError> {
        let len = storage.len().map_err(WriteError::Prepare)?;
        if len > 0 {
            return Err(WriteError::NotEmpty(len));
        }
        Self::open(storage, Chain::start(), 0, mode)
    }

    /// For a run that goes on, with the journal's end as a [`Reader`](super::Reader) found it.
    ///
    /// Sets a damaged end aside, syncs all that is good (after a crash it may only be written) and
    /// appends a synced `journal.recovered`, which it returns to be applied. The caller holds the
    /// run's lock, and did so while reading.
    ///
    /// # Errors
    /// The disk fails or is full. What was good stays good.
    pub fn resume(
        storage: Arc<dyn Storage>,
        end: &End,
        ts: Timestamp,
        mode: SyncMode,
    ) -> Result<(Self, Option<Event>), WriteError> {
        let mut len = end.good_bytes;
        let mut set_aside = None;
        if let Some(torn) = end.torn {
            let file = storage
                .set_aside(torn.offset)
                .map_err(WriteError::Prepare)?;
            storage.truncate(torn.offset).map_err(WriteError::Prepare)?;
            set_aside = Some(EventKind::JournalRecovered {
                torn_bytes: torn.bytes,
                file,
            });
        }
        if end.unterminated {
            storage.append(b"\n").map_err(WriteError::Append)?;
            len += 1;
        }
        let mut writer = Self::open(storage, end.chain, len, mode)?;
        let recovered = match set_aside {
            Some(kind) => writer.append(ts, vec![kind])?.pop(),
            None => None,
        };
        writer.sync_now()?;
        Ok((writer, recovered))
    }

    fn open(
        storage: Arc<dyn Storage>,
        chain: Chain,
        len: u64,
        mode: SyncMode,
    ) -> Result<Self, WriteError> {
        storage.hold_reserve().map_err(WriteError::Prepare)?;
        let syncer = Syncer::start(Arc::clone(&storage), chain.seq, mode);
        let syncer = syncer.map_err(WriteError::Prepare)?;
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Ok(Self {
            storage,
            syncer,
            mode,
            chain,
            len,
            buffer,
            dirty_since: None,
            stuck: false,
        })
    }

    /// Appends a batch with one write and returns its events, numbered. Either all of them are
    /// written or none is.
    ///
    /// # Errors
    /// None is; see [`WriteError`].
    pub fn append(
        &mut self,
        ts: Timestamp,
        kinds: Vec<EventKind>,
    ) -> Result<Vec<Event>, WriteError> {
        if self.stuck {
            let cause = io::Error::other("an earlier write failed");
            return Err(WriteError::Stuck(cause));
        }
        if let Some(error) = self.syncer.mark().failed {
            return Err(SyncFailed::Disk(error).into());
        }
        if kinds.is_empty() {
            return Ok(Vec::new());
        }
        let mut chain = self.chain;
        let mut events = Vec::with_capacity(kinds.len());
        self.buffer.clear();
        for kind in kinds {
            let start = self.buffer.len();
            let event = chain.append(ts, kind, &mut self.buffer);
            // Without the newline, as a reader counts.
            let bytes = self.buffer.len() - start - 1;
            if bytes > MAX_LINE_BYTES {
                return Err(WriteError::TooLong {
                    event: event.kind.name(),
                    bytes,
                });
            }
            events.push(event);
        }
        if let Err(error) = self.storage.append(&self.buffer) {
            return Err(self.cut_back(error));
        }
        self.len += self.buffer.len() as u64;
        self.chain = chain;
        self.buffer.shrink_to(BUFFER_BYTES);
        self.dirty_since.get_or_insert_with(Instant::now);
        self.syncer.written(chain.seq);
        Ok(events)
    }

    /// Asks for a sync of all that is written. With a thread it returns at once; watch
    /// [`watch`](Self::watch) for the outcome. Without, it is done when this returns.
    pub fn request_sync(&mut self) {
        self.dirty_since = None;
        self.syncer.request();
    }

    /// Syncs all that is written and waits for it; blocks the calling thread.
    ///
    /// # Errors
    /// The disk fails; nothing can be promised any more.
    pub fn sync_now(&mut self) -> Result<(), WriteError> {
        self.dirty_since = None;
        self.syncer.sync_now()?;
        Ok(())
    }

    /// Gives the reserve back, to make room for a last word on a full disk.
    ///
    /// # Errors
    /// The disk fails.
    pub fn use_reserve(&mut self) -> Result<(), WriteError> {
        self.storage.drop_reserve().map_err(WriteError::Prepare)
    }

    /// Closes the journal of a finished or paused run: syncs it and gives the reserve back.
    ///
    /// # Errors
    /// The disk fails; the journal may end before its last event.
    pub fn close(mut self) -> Result<Chain, WriteError> {
        self.sync_now()?;
        self.use_reserve()?;
        Ok(self.chain)
    }

    /// Last event written, and its hash.
    #[must_use]
    pub fn chain(&self) -> Chain {
        self.chain
    }

    /// Number of the last event written.
    #[must_use]
    pub fn written_seq(&self) -> u64 {
        self.chain.seq
    }

    /// Number of the last event on stable storage.
    #[must_use]
    pub fn synced_seq(&self) -> u64 {
        self.syncer.mark().seq
    }

    /// The synced mark and whether the disk failed.
    #[must_use]
    pub fn mark(&self) -> SyncMark {
        self.syncer.mark()
    }

    /// A view of the synced mark that can be waited on.
    #[must_use]
    pub fn watch(&self) -> SyncWatch {
        self.syncer.watch()
    }

    /// Whether something is written and not synced yet.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.synced_seq() < self.chain.seq
    }

    /// Without a thread: when [`request_sync`](Self::request_sync) is due for what is written,
    /// [`SYNC_WITHIN`] after its first byte. With a thread always `None`: it keeps the time itself.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.mode {
            SyncMode::Thread => None,
            SyncMode::Inline => self.dirty_since.map(|since| since + SYNC_WITHIN),
        }
    }

    /// After a short write: back to the last whole batch.
    fn cut_back(&mut self, error: AppendError) -> WriteError {
        if error.written == 0 {
            return WriteError::Append(error);
        }
        match self.storage.truncate(self.len) {
            Ok(()) => WriteError::Append(error),
            Err(cause) => {
                self.stuck = true;
                WriteError::Stuck(cause)
            }
        }
    }
}
