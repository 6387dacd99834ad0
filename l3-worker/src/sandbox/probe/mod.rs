//! Whether levels keep their promises on this machine, found out by trying.
//!
//! Canaries do what is to be impossible, inside each level, and once without any: one that fails
//! there, too, proves nothing and is not believed. Everything happens in a private temporary
//! directory and on this machine's loopback interface.

mod canary;
mod cause;
mod payload;
mod scene;
mod verdict;

pub use canary::{probe, probe_with};
pub(crate) use payload::payload;
pub use verdict::{Probe, State};
