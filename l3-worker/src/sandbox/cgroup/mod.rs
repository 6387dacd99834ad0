//! Control groups: the only real limits of memory and processes, where they are ours to make.
//!
//! One group a slot process, made once; attempts inherit it. Version 2 where its controllers are
//! delegated, version 1 otherwise, each controller on its own. Not a requirement: what is missing is
//! said, and a policy decides.

mod group;
mod host;
#[cfg(test)]
mod tests;

pub use group::{Group, Usage};
pub use host::{Host, WhyNot};
