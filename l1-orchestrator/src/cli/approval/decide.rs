//! Whether a plan may run: by what the policy says of it and by what the caller said. Pure.

use protocol::event::Origin;
use protocol::plan::Plan;
use protocol::policy::{Policy, Verdict};

use crate::cli::args::Approve;

/// What the caller said about approving.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// `--approve`.
    pub approve: Option<&'a Approve>,
    /// `--yes`.
    pub yes: bool,
    /// The plan was saved, and is named by that.
    pub is_saved: bool,
    /// Somebody is there to be asked.
    pub can_ask: bool,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It runs, approved by this. What exceeds the policy is granted if `grants`.
    Approved {
        /// By whom.
        by: Origin,
        /// What exceeds the policy is granted.
        grants: bool,
    },
    /// A person has to say.
    Ask,
    /// It does not run: nobody approved it.
    Unapproved,
    /// It does not run: the digest that was approved is another one.
    Other(Differs),
    /// It does not run, whoever approves it.
    Refused,
}

/// What is not as `--approve` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Differs {
    /// The plan.
    Plan,
    /// The policy.
    Policy,
}

/// Decides. Approvals are about exactly this plan under exactly this policy.
#[must_use]
pub fn decide(plan: &Plan, policy: &Policy, verdict: &Verdict, wish: Wish<'_>) -> Decision {
    if let Some(approve) = wish.approve {
        if !plan.digest().to_string().starts_with(&approve.plan) {
            return Decision::Other(Differs::Plan);
        }
        let begins = |digest: &String| policy.digest().to_string().starts_with(digest);
        if !approve.policy.as_ref().is_none_or(begins) {
            return Decision::Other(Differs::Policy);
        }
    }
    if verdict.refused && !verdict.grantable {
        return Decision::Refused;
    }
    let approved = |by, grants| Decision::Approved { by, grants };
    // What exceeds the policy takes somebody who saw it: `--yes` and a saved plan do not say so.
    let inside = !verdict.refused;
    let needs_person = verdict.refused || !verdict.approval.is_empty();
    match wish {
        Wish {
            approve: Some(_), ..
        } => approved(Origin::Digest, verdict.refused),
        Wish { is_saved: true, .. } if inside => approved(Origin::Digest, false),
        Wish { yes: true, .. } if inside => approved(Origin::Yes, false),
        _ if !needs_person => approved(Origin::Default, false),
        Wish { can_ask: true, .. } => Decision::Ask,
        _ => Decision::Unapproved,
    }
}
