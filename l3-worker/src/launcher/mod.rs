//! One small process per worker that starts every attempt and leaves none behind.
//!
//! Worker → launcher → one slot process per slot → attempts. Each arrow is a socket that doubles as
//! a lifeline, and each process on the way is a child subreaper: whichever of them dies, the next
//! one up ends what it was running. Not a supervisor per attempt: that would double the spawns.

mod conn;
mod control;
mod descriptors;
mod entry;
mod frame;
mod outcome;
mod request;
mod serve;
mod setup;
mod slot;
mod tree;
mod watch;
mod wire;

pub use control::Launcher;
pub(crate) use descriptors::make_room;
pub(crate) use entry::PROBE_WORD;
pub use entry::{WORD, entry};
pub use outcome::{Exit, Unavailable};
pub use request::Spawn;
pub use slot::{Report, SlotProcess};

pub(crate) use tree::{Left, Member, Processes, descendants, reap};
