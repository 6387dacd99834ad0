//! Bounded output capture: what a log keeps, what a filter hides, what a report quotes.

mod automaton;
mod covers;
mod filter;
mod forms;
mod lane;
mod redact;
#[cfg(test)]
mod redact_tests;
mod stream;
mod tail;

pub use filter::{ByteFilter, Identity};
pub use forms::MIN_SECRET_BYTES;
pub use redact::{Detector, Patterns, Redactor};
pub(crate) use stream::{Captured, Stream};
pub(crate) use tail::escape;
