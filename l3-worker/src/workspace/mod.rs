//! Where attempts work: fresh directories, staged inputs, removal that cannot be refused.

mod remove;
mod scratch;
mod stage;

pub(crate) use remove::remove_tree;
pub use scratch::clear;
pub(crate) use scratch::{Paths, Scratch};
pub(crate) use stage::{StageError, relative, stage};
