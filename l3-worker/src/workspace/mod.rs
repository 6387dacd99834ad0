//! Where attempts work: fresh directories, staged inputs, removal that cannot be refused.

mod beneath;
mod leftovers;
mod peek;
mod project;
mod remove;
mod scratch;
mod source;
mod stage;
mod usage;

pub use leftovers::clear_leftovers;
pub(crate) use peek::peek;
pub use peek::{Peeked, Room};
pub(crate) use project::Guests;
pub use remove::remove_tree;
pub(crate) use scratch::{Paths, Scratch};
pub(crate) use stage::{StageError, relative, stage};
pub(crate) use usage::{Gauge, Usage};
