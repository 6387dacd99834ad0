//! Decides what happens next in a run, and remembers it: the machine, the journal, the driver.

pub mod journal;
mod run_lock;
mod user_key;

pub use run_lock::{Asked, Holder, LockError, RunLock, read_holder, terminate_holder};
pub use user_key::{KeyError, load_key, load_or_create_key};
