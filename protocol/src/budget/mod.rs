//! Money and tokens: what a model call used, and exact amounts of dollars. What they may add up to is
//! the policy's business; what a token costs is data of the coordinator.

mod money;
mod usage;

pub use money::{Money, MoneyError};
pub use usage::Usage;
