//! Whether a run directory is still what the run left: the journal's chain, its seal, and every
//! file that the journal names by digest.
//!
//! It reads and never repairs. It opens only what it finds inside the directory, never a path that
//! a file there names, and follows no links.

mod calls;
mod check;
mod files;
mod findings;
mod ledger;
mod manifest;
mod tree;

#[cfg(test)]
mod tests;

pub use check::{Options, Rendered, verify};
pub use files::policy_digest;
pub use findings::{Code, MAX_PROBLEMS, Problem, Verification};
pub use tree::hash;
