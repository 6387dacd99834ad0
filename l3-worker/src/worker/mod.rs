//! A worker: offers slots, pulls tasks, claims them, executes attempts, reports.
//!
//! Written once over `Bus` and [`crate::Executor`]: the same loops run real processes on threads of
//! their own and scripted attempts on simulated time.

mod holds;
mod keeper;
mod link;
mod options;
mod readable;
mod service;
mod slot;

pub use options::{FENCE_AFTER, HEARTBEAT_EVERY, Options};
pub use service::{Handle, Worker};
