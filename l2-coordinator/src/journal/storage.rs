//! The seam beneath the journal: an append-only file that can be cut back and synced.
//!
//! Two implementations: [`FileStorage`](super::FileStorage) on disk and
//! [`MemoryDisk`](super::MemoryDisk), which remembers what was synced and can lose the rest.

use std::io;

/// A failed append. The first `written` bytes may be in the file; the caller cuts them off.
#[derive(Debug, thiserror::Error)]
#[error("appended only {written} of {wanted} bytes")]
pub struct AppendError {
    /// Bytes that were taken before the failure.
    pub written: usize,
    /// Bytes that should have been appended.
    pub wanted: usize,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// Where a journal's bytes live.
///
/// One writer appends and cuts; any thread may sync at the same time.
pub trait Storage: Send + Sync {
    /// Current length in bytes, synced or not.
    ///
    /// # Errors
    /// The file cannot be examined.
    fn len(&self) -> io::Result<u64>;

    /// Whether nothing was ever written.
    ///
    /// # Errors
    /// The file cannot be examined.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// The content from its start, as it is now.
    ///
    /// # Errors
    /// The file cannot be opened.
    fn reader(&self) -> io::Result<Box<dyn io::Read + Send>>;

    /// Adds bytes at the end, with one system call where the system takes them whole.
    ///
    /// # Errors
    /// Some or all bytes were not taken; nothing is cut back here.
    fn append(&self, bytes: &[u8]) -> Result<(), AppendError>;

    /// Waits until everything appended before the call is on stable storage.
    ///
    /// # Errors
    /// The system could not write; what is on disk is unknown from then on. `NotFound` when the
    /// journal is no longer where its readers look for it.
    fn sync(&self) -> io::Result<()>;

    /// Drops everything from `len` on.
    ///
    /// # Errors
    /// The file cannot be cut; its end is then unknown.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Copies everything from `from` on into a new file, synced, and returns that file's name.
    /// Never overwrites an earlier one.
    ///
    /// # Errors
    /// The copy cannot be made; the journal is untouched.
    fn set_aside(&self, from: u64) -> io::Result<String>;

    /// Occupies some space, so that a full disk leaves room for a last word. Does nothing when it
    /// is already held.
    ///
    /// # Errors
    /// The space is not there.
    fn hold_reserve(&self) -> io::Result<()>;

    /// Gives the occupied space back. Does nothing when none is held.
    ///
    /// # Errors
    /// The space cannot be given back.
    fn drop_reserve(&self) -> io::Result<()>;
}
