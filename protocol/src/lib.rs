//! The ground of orchestra: what its layers say to each other, never who says it.
//!
//! Values only: ids, digests, what a person writes, the checked plan, policy, messages, events and
//! the fold that turns events into state. The one seam with behavior is [`bus`] (feature `bus`).
//! Nothing here reads a clock, a home directory or an environment variable.

pub mod artifact;
pub mod budget;
#[cfg(feature = "bus")]
pub mod bus;
pub mod diagnostic;
pub mod digest;
pub mod event;
pub mod expr;
pub mod ids;
pub mod message;
pub mod nearest;
pub mod outcome;
pub mod plan;
pub mod policy;
#[cfg(feature = "author")]
pub mod quantity;
#[cfg(feature = "bus")]
pub mod queue;
pub mod run_dir;
#[cfg(feature = "author")]
pub mod scenario;
#[cfg(feature = "author")]
pub mod schema;
#[cfg(feature = "seal")]
pub mod seal;
pub mod source;
pub mod state;
pub mod subject;
pub mod time;
pub mod trace;
#[cfg(feature = "seal")]
pub mod warrant;
