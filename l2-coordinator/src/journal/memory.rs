//! A disk in memory that knows what was synced: it can lose the rest in a power cut, fill up, and
//! refuse to sync. For tests and simulation.

use std::io::{self, Cursor};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::Rng as _;
use rand::rngs::SmallRng;

use super::storage::{AppendError, Storage};

/// What a power cut can spoil at once.
const BLOCK: usize = 4096;

/// The reserve's share of the capacity, bytes.
const RESERVE_BYTES: u64 = 64 * 1024;

/// What happens to bytes beyond the synced mark when the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerCut {
    /// Everything from a random place on is gone.
    Cut,
    /// Some blocks hold zeros; the length stays.
    Zero,
    /// Some blocks hold what belongs elsewhere, and the end is gone.
    Reorder,
}

#[derive(Debug, Default)]
struct State {
    content: Vec<u8>,
    synced: usize,
    torn: Vec<Vec<u8>>,
    reserve: bool,
    capacity: Option<u64>,
    fails_to_sync: bool,
    fails_to_cut: bool,
    appends: u64,
    syncs: u64,
}

/// A journal in memory.
#[derive(Debug, Default)]
pub struct MemoryDisk {
    state: Mutex<State>,
}

impl MemoryDisk {
    /// Empty and without bounds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Holding `content`, all of it synced.
    #[must_use]
    pub fn with(content: Vec<u8>) -> Self {
        let synced = content.len();
        Self {
            state: Mutex::new(State {
                content,
                synced,
                ..State::default()
            }),
        }
    }

    /// Room for this many bytes, reserve included; what does not fit is taken in part.
    pub fn set_capacity(&self, bytes: u64) {
        self.state().capacity = Some(bytes);
    }

    /// From now on every sync fails.
    pub fn fail_to_sync(&self) {
        self.state().fails_to_sync = true;
    }

    /// From now on nothing can be cut off.
    pub fn fail_to_cut(&self) {
        self.state().fails_to_cut = true;
    }

    /// Everything written, synced or not.
    #[must_use]
    pub fn content(&self) -> Vec<u8> {
        self.state().content.clone()
    }

    /// How many bytes from the start are certain.
    #[must_use]
    pub fn synced_len(&self) -> usize {
        self.state().synced
    }

    /// The damaged ends that were set aside, oldest first.
    #[must_use]
    pub fn torn(&self) -> Vec<Vec<u8>> {
        self.state().torn.clone()
    }

    /// How often something was appended, and how often synced.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        let state = self.state();
        (state.appends, state.syncs)
    }

    /// Takes the power away: bytes beyond the synced mark suffer, and what is left is all there is.
    pub fn cut_power(&self, cut: PowerCut, rng: &mut SmallRng) {
        let mut guard = self.state();
        let state = &mut *guard;
        let (synced, len) = (state.synced, state.content.len());
        match cut {
            PowerCut::Cut => state.content.truncate(rng.random_range(synced..=len)),
            PowerCut::Zero => {
                for start in (0..len).step_by(BLOCK) {
                    let unsynced = start.max(synced)..(start + BLOCK).min(len);
                    if start + BLOCK > synced && rng.random_bool(0.3) {
                        state.content[unsynced].fill(0);
                    }
                }
            }
            PowerCut::Reorder => {
                let first = synced.div_ceil(BLOCK);
                let whole = len / BLOCK;
                for here in first..whole {
                    if rng.random_bool(0.3) {
                        let there = rng.random_range(first..whole);
                        swap_blocks(&mut state.content, here, there);
                    }
                }
                state.content.truncate(rng.random_range(synced..=len));
            }
        }
        state.synced = state.content.len();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn swap_blocks(content: &mut [u8], a: usize, b: usize) {
    for i in 0..BLOCK {
        content.swap(a * BLOCK + i, b * BLOCK + i);
    }
}

impl State {
    fn room(&self) -> usize {
        let held = if self.reserve { RESERVE_BYTES } else { 0 };
        let torn: usize = self.torn.iter().map(Vec::len).sum();
        let used = (self.content.len() + torn) as u64 + held;
        let room = self
            .capacity
            .map_or(u64::MAX, |capacity| capacity.saturating_sub(used));
        usize::try_from(room).unwrap_or(usize::MAX)
    }
}

impl Storage for MemoryDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().content.len() as u64)
    }

    fn reader(&self) -> io::Result<Box<dyn io::Read + Send>> {
        Ok(Box::new(Cursor::new(self.content())))
    }

    fn append(&self, bytes: &[u8]) -> Result<(), AppendError> {
        let mut state = self.state();
        let written = bytes.len().min(state.room());
        state.content.extend_from_slice(&bytes[..written]);
        state.appends += 1;
        if written == bytes.len() {
            return Ok(());
        }
        let source = io::ErrorKind::StorageFull.into();
        Err(AppendError {
            written,
            wanted: bytes.len(),
            source,
        })
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        if state.fails_to_sync {
            return Err(io::Error::other("the disk does not answer"));
        }
        state.synced = state.content.len();
        state.syncs += 1;
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        if state.fails_to_cut {
            return Err(io::Error::other("the disk does not answer"));
        }
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        state.content.truncate(len);
        state.synced = state.synced.min(len);
        Ok(())
    }

    fn set_aside(&self, from: u64) -> io::Result<String> {
        let mut state = self.state();
        let from = usize::try_from(from)
            .unwrap_or(usize::MAX)
            .min(state.content.len());
        let end = state.content[from..].to_vec();
        if end.len() > state.room() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.torn.push(end);
        Ok(format!(
            "{}.{}",
            protocol::run_dir::TORN_PREFIX,
            state.torn.len()
        ))
    }

    fn hold_reserve(&self) -> io::Result<()> {
        let mut state = self.state();
        if !state.reserve && (state.room() as u64) < RESERVE_BYTES {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.reserve = true;
        Ok(())
    }

    fn drop_reserve(&self) -> io::Result<()> {
        self.state().reserve = false;
        Ok(())
    }
}
