//! What every provider over HTTP shares: secrets, addresses, bounded bodies, server-sent events,
//! waiting and trying again. Not what the bytes mean; that is each provider's own.

mod address;
mod backoff;
mod body;
mod limits;
mod secret;
mod sse;
mod text;
mod transport;
mod wait;

pub use address::{Address, AddressError};
pub(crate) use backoff::{Dice, repeat};
pub(crate) use body::{Body, Deadline};
pub use limits::Limits;
pub(crate) use limits::{MAX_ERROR_BYTES, MAX_EVENT_BYTES};
pub use secret::{Secret, SecretError};
pub(crate) use sse::{Event, Parser};
pub(crate) use text::one_line;
pub(crate) use transport::{client, send};
pub(crate) use wait::asked_wait;
