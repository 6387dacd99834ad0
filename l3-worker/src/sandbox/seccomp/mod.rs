//! What an attempt may not ask of the kernel: from fences to one filter program.
//!
//! Deliberately a list of what is denied, not of what is allowed: tools of every kind run here, and
//! the file system, the network and other processes are kept away by namespaces and Landlock. The
//! filter takes away what goes around those, or what only an attacker or a debugger needs.

mod calls;
mod compile;
mod fences;
mod rule;
#[cfg(test)]
mod tests;

pub use calls::denied_name;
pub use compile::program;
pub(crate) use compile::{Own, program_of_slot};
pub use fences::Fences;
