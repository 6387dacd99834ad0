//! Bounded output capture: what a log keeps, what a filter hides, what a report quotes.

mod filter;
mod stream;
mod tail;

pub use filter::{ByteFilter, Identity};
pub(crate) use stream::{Captured, Stream};
pub(crate) use tail::escape;
