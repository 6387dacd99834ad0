//! The one seam between the layers: subjects, work queues, requests and broadcasts.
//!
//! Semantics are those measured on JetStream, weak spots included (acks are not fenced, the
//! dedup window may be forgotten): code that is right here is right on a real server.

mod api;
#[cfg(any(test, feature = "testing"))]
pub mod contract;
#[cfg(any(test, feature = "testing"))]
mod faults;
mod memory;
mod pattern;
#[cfg(test)]
mod tests;

pub use api::{
    Acker, Bus, BusError, ConsumerSpec, Delivery, Headers, Incoming, Message, PubAck,
    PublishOptions, Replier, StreamSpec, Subscription,
};
#[cfg(any(test, feature = "testing"))]
pub use faults::{Fault, FaultBus, Faults};
pub use memory::MemoryBus;
pub use pattern::{Pattern, is_subject};
