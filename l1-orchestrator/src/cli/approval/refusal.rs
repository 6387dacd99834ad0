//! A plan that does not run, with every reason and with what would let it.

use std::path::Path;

use protocol::digest::Digest;
use protocol::policy::Verdict;

use super::decide::Differs;
use crate::cli::args::Approve;
use crate::cli::error::{CliError, Kind};
use crate::report::words;

/// Nobody approved a plan that somebody has to approve. `command` would.
pub(super) fn unapproved(verdict: &Verdict, pack: &str, command: &str) -> CliError {
    let message = match verdict.refused {
        true => format!(
            "the plan asks for more than the policy {pack} grants, and nobody approved that: {}",
            words::count(verdict.refusals().count(), "reason")
        ),
        false => format!("the policy {pack} wants somebody to approve this plan"),
    };
    CliError::new(Kind::Refused, "plan-not-approved", message)
        .against(
            verdict.approval.clone(),
            verdict.refusals().cloned().collect(),
        )
        .hint(format!(
            "`{command}` approves exactly this plan under exactly this policy"
        ))
}

/// Something in the plan is refused whoever approves it.
pub(super) fn refused(verdict: &Verdict, pack: &str) -> CliError {
    let count = words::count(verdict.refusals().count(), "reason");
    let message = format!("the policy {pack} refuses the plan: {count}");
    CliError::new(Kind::Refused, "plan-refused", message)
        .against(Vec::new(), verdict.refusals().cloned().collect())
        .hint("change the plan, or choose another policy with `--policy PACK|FILE`")
}

/// The approved digest is of something else.
pub(in crate::cli) fn other(
    differs: Differs,
    plan: Digest,
    policy: Digest,
    approve: &Approve,
) -> CliError {
    let (what, digest, approved) = match differs {
        Differs::Plan => ("plan", plan, approve.plan.as_str()),
        Differs::Policy => (
            "policy",
            policy,
            approve.policy.as_deref().unwrap_or_default(),
        ),
    };
    let message = format!("the {what}'s digest is {digest}, not the approved {approved}");
    CliError::new(Kind::Refused, "plan-not-approved", message)
        .hint("look at it with `--plan-only`, and approve what you see")
}

/// A person said no. What they changed before that is still in the file.
pub(super) fn declined(edited: Option<&Path>) -> CliError {
    let message = "you did not approve the plan; nothing was run";
    keeping(
        CliError::new(Kind::Refused, "plan-declined", message),
        edited,
    )
}

/// A person left the question open; `command` asks again. A plan that a model made has its run directory
/// already, where it is kept: `is_kept`.
pub(super) fn parked(command: &str, is_kept: bool, edited: Option<&Path>) -> CliError {
    let made = match is_kept {
        true => "the plan is kept in the run directory",
        false => "no run directory was made",
    };
    let message = format!("Ctrl-C: the plan waits for your approval; nothing was run, and {made}");
    let error = CliError::new(Kind::Parked, "plan-waits", message);
    keeping(error, edited).hint(format!("`{command}` asks again"))
}

fn keeping(error: CliError, edited: Option<&Path>) -> CliError {
    match edited {
        None => error,
        Some(path) => error.hint(format!("what you edited stays in {}", path.display())),
    }
}
