//! Rules for tasks: limits, retries. Decided by pure code here, enforced elsewhere.

mod limits;
mod retry;

pub use limits::{Constraints, SandboxLevel, Timeout};
pub use retry::{Backoff, RetryPolicy};
