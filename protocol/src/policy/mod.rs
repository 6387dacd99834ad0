//! Rules for tasks: what they may do, use and repeat. Decided by pure code here, enforced elsewhere.

mod ask;
mod effective;
mod finding;
mod grant;
mod limits;
mod origin;
mod place;
mod request;
mod retry;
mod rule;
mod sandbox;
mod verdict;

pub use ask::TaskAsk;
pub use effective::{
    EnvironmentRule, PathRule, Policy, PolicyError, PolicySchema, SandboxRule, SecretRule,
};
pub use finding::{Finding, FindingSeverity};
pub use grant::{Grant, Granted};
pub use limits::{Constraints, Limits, LimitsRequest, Timeout};
pub use origin::PolicyLine;
pub use place::{PolicyPath, Site};
pub use request::{Effects, PolicyRequest, SecretSource, Secrets};
pub use retry::{Backoff, RetryPolicy};
pub use rule::{
    Approvals, ApproveWhen, ArgumentRule, Budgets, Mode, ProgramRule, RuleExamples,
    SecretSourceKind, TaskApproval, Toolchain,
};
pub use sandbox::{Confine, DeniedAction, Guarantee, Network, SandboxLevel, UnixSockets};
pub use verdict::{Verdict, WorstCase};
