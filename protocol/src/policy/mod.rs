//! Rules for tasks: what they may do, use and repeat. Decided by pure code here, enforced elsewhere.

mod finding;
mod limits;
mod request;
mod retry;
mod sandbox;

pub use finding::{Finding, FindingSeverity};
pub use limits::{Constraints, Limits, LimitsRequest, Timeout};
pub use request::{Effects, PolicyRequest, SecretSource, Secrets};
pub use retry::{Backoff, RetryPolicy};
pub use sandbox::{Confine, DeniedAction, Guarantee, Network, SandboxLevel, UnixSockets};
