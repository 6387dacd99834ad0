//! The run's memory: `events.jsonl`, written before effects, synced before promises, read back
//! with one damaged end tolerated.
//!
//! It knows lines, the hash chain and the disk. It does not know what an event means: folding and
//! deciding belong to the machine, and when to sync belongs to the driver.

mod durable;
mod file;
mod memory;
mod reader;
mod seal_file;
mod storage;
mod syncer;
mod writer;

pub(crate) use durable::sync_dir;
pub use durable::write_durably;
pub use file::FileStorage;
pub use memory::{MemoryDisk, PowerCut};
pub use reader::{End, ReadError, Reader, Torn, TornCause};
pub use seal_file::{SealFileError, read_seal, write_seal};
pub use storage::{AppendError, Storage};
pub use syncer::{SYNC_WITHIN, SyncFailed, SyncMark, SyncMode, SyncWatch};
pub use writer::{WriteError, Writer};
