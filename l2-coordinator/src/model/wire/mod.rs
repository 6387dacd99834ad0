//! What every provider over HTTP shares: secrets, addresses, bounded bodies, server-sent events,
//! waiting and trying again. Not what the bytes mean; that is each provider's own.

mod address;
mod backoff;
mod body;
mod exchange;
mod limits;
mod secret;
mod sse;
mod status;
mod transport;
mod wait;

pub use address::{Address, AddressError};
pub(crate) use body::{Body, Deadline};
pub(crate) use exchange::{Dialect, Exchange, Reading, Tell};
pub use limits::Limits;
pub(crate) use limits::MAX_ERROR_BYTES;
pub(crate) use protocol::policy::one_line;
pub use secret::{Secret, SecretError};
pub(crate) use sse::Event;
#[cfg(test)]
pub(crate) use sse::Parser;
pub(crate) use status::by_status;
pub(crate) use transport::client;
pub(crate) use wait::asked_wait;
