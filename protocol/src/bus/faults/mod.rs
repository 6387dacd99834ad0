//! A bus that misbehaves on purpose, seeded, around any other bus: what simulations run on.

mod acker;
mod bus;
mod chaos;
mod kind;

pub use bus::FaultBus;
pub use kind::{Fault, Faults};
