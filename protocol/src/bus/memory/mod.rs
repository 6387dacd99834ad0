//! The memory bus: a bus, not a channel. Work queues with acknowledgements, redelivery and bounds
//! (`stream`, `store`, `queue`, `dedup`, `pull`, `waiting`), and core messaging (`subscribers`).

mod bus;
mod clock;
mod dedup;
mod pull;
mod queue;
mod store;
mod stream;
mod subscribers;
mod waiting;

pub use bus::MemoryBus;
