//! Rules for tasks: what they may do, use and repeat. Decided by pure code here, enforced elsewhere.

mod admission;
mod agent;
mod approval;
mod arguments;
mod ask;
mod bound;
#[cfg(feature = "author")]
mod builtin;
mod check;
mod codes;
mod constrain;
mod effective;
mod examples;
mod finding;
mod grant;
mod judge;
mod level;
mod limit_origins;
mod limits;
mod location;
mod merge;
mod observed;
mod origin;
mod pack;
mod pattern;
mod place;
mod prompt_markers;
mod questions;
mod request;
mod retry;
mod rule;
mod sandbox;
mod secret_places;
mod shell_text;
mod staging;
mod subset;
mod tighten;
mod variables;
mod verdict;
mod wrappers;

#[cfg(test)]
#[cfg(feature = "author")]
mod tests;

#[cfg(feature = "author")]
pub use crate::scenario::{
    ParsedPack, ParsedTightening, pack_schema, parse_pack, parse_tightening,
};
pub use admission::{Admission, ProgramRuling, Ruling, is_privileged_program};
pub use agent::{DeniedTool, MAX_RESULT_BYTES, denials, denied_tools};
pub use ask::TaskAsk;
pub(crate) use bound::BUDGETS as BUDGET_BOUNDS;
#[cfg(feature = "author")]
pub(crate) use bound::{LIMITS as LIMIT_BOUNDS, Unit};
#[cfg(feature = "author")]
pub use builtin::{BUILTIN_PACKS, builtin_pack};
pub use codes::{FINDING_CODES, FindingCode, FindingKind, finding_code};
pub use constrain::Dispatch;
pub use effective::{
    EnvironmentRule, PathRule, Policy, PolicyError, PolicySchema, SandboxRule, SecretRule,
};
pub use examples::ExampleResult;
pub use finding::{Finding, FindingSeverity, one_line};
pub use grant::{Grant, Granted};
pub use limit_origins::LimitOrigins;
pub use limits::{Constraints, Limits, LimitsRequest, Timeout};
pub use observed::{ObservedWrite, Seen};
pub use origin::PolicyLine;
pub use pack::{LimitTerms, Pack, Terms, Tightening};
pub use place::{PolicyPath, Site};
pub use prompt_markers::{context_finding, prompt_findings};
pub use request::{Effects, PolicyRequest, SecretSource, Secrets};
pub use retry::{Backoff, RetryPolicy};
pub use rule::{
    Approvals, ApproveWhen, ArgumentRule, Budgets, Mode, ProgramRule, RuleExamples,
    SecretSourceKind, TaskApproval, Toolchain,
};
pub use sandbox::{Confine, DeniedAction, Guarantee, Network, SandboxLevel, UnixSockets};
#[cfg(feature = "author")]
pub(crate) use secret_places::credentials_in;
pub use variables::{CODE_VARIABLES, runs_other_code};
pub use verdict::{Verdict, WorstCase};
