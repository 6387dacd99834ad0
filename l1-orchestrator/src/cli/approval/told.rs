//! What a policy says of a plan, for machines.

use serde_json::{Value, json};

use crate::cli::judged::Judged;

/// Part of every object about a plan.
pub fn told(judged: &Judged) -> Value {
    let verdict = &judged.verdict;
    json!({
        "pack": judged.policy.pack,
        "digest": judged.policy.digest(),
        "level": judged.policy.sandbox.level,
        "findings": verdict.findings,
        "refused": verdict.refused,
        "grantable": verdict.grantable,
        "needs_approval": verdict.refused || !verdict.approval.is_empty(),
        "reasons": verdict.approval,
    })
}
