//! What every bus has to do, as test functions over a [`Fixture`]. The memory bus, the fault wrapper
//! and a real server pass the same cases.
//!
//! `bus_contract!` lists every case by name and turns each into a test of its own:
//!
//! ```text
//! protocol::bus_contract!(MyFixture::fresh().await; #[tokio::test]);
//! ```

pub mod acks;
pub mod bounds;
pub mod core;
pub mod dedup;
mod fixture;
mod list;
pub mod load;
pub mod queue;
pub mod setup;
mod work;

pub use fixture::Fixture;
