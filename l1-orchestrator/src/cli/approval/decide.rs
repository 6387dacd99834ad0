//! Whether a plan may run: by what the policy says of it and by what the caller said. Pure.

use protocol::digest::Digest;
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

/// What is not as it was approved, if anything.
#[must_use]
pub fn differs(approve: &Approve, plan: Digest, policy: Digest) -> Option<Differs> {
    if !plan.to_string().starts_with(&approve.plan) {
        return Some(Differs::Plan);
    }
    let begins = |digest: &String| policy.to_string().starts_with(digest);
    let fits = approve.policy.as_ref().is_none_or(begins);
    (!fits).then_some(Differs::Policy)
}

/// Decides. Approvals are about exactly this plan under exactly this policy.
#[must_use]
pub fn decide(plan: &Plan, policy: &Policy, verdict: &Verdict, wish: Wish<'_>) -> Decision {
    if let Some(approve) = wish.approve
        && let Some(differs) = differs(approve, plan.digest(), policy.digest())
    {
        return Decision::Other(differs);
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

#[cfg(test)]
mod tests {
    use protocol::policy::Pack;

    use super::*;

    fn plan() -> Plan {
        let text = r#"{"name":"p","tasks":[{"id":"a","run":"x"}]}"#;
        Plan::from_json(text.as_bytes()).unwrap()
    }

    fn decided(verdict: &Verdict, wish: Wish<'_>) -> Decision {
        decide(&plan(), &Policy::of_pack(&Pack::default()), verdict, wish)
    }

    const NOTHING: Wish<'_> = Wish {
        approve: None,
        yes: false,
        is_saved: false,
        can_ask: false,
    };

    fn approved(by: Origin, grants: bool) -> Decision {
        Decision::Approved { by, grants }
    }

    #[test]
    fn who_approves_what() {
        let plan = plan();
        let digest = Approve {
            plan: plan.digest().to_string(),
            policy: None,
        };
        let named = Wish {
            approve: Some(&digest),
            ..NOTHING
        };
        let yes = Wish {
            yes: true,
            ..NOTHING
        };
        let saved = Wish {
            is_saved: true,
            ..NOTHING
        };
        let there = Wish {
            can_ask: true,
            ..NOTHING
        };
        let inside = Verdict::default();
        let asks = Verdict {
            approval: vec!["because".into()],
            ..Verdict::default()
        };
        let beyond = Verdict {
            refused: true,
            grantable: true,
            ..Verdict::default()
        };
        let never = Verdict {
            refused: true,
            ..Verdict::default()
        };
        let yes_there = Wish { yes: true, ..there };
        for (verdict, wish, expected) in [
            (&inside, NOTHING, approved(Origin::Default, false)),
            (&inside, there, approved(Origin::Default, false)),
            (&inside, yes, approved(Origin::Yes, false)),
            (&inside, saved, approved(Origin::Digest, false)),
            (&inside, named, approved(Origin::Digest, false)),
            (&asks, NOTHING, Decision::Unapproved),
            (&asks, there, Decision::Ask),
            (&asks, yes, approved(Origin::Yes, false)),
            (&asks, named, approved(Origin::Digest, false)),
            (&beyond, NOTHING, Decision::Unapproved),
            (&beyond, yes, Decision::Unapproved),
            (&beyond, saved, Decision::Unapproved),
            (&beyond, yes_there, Decision::Ask),
            (&beyond, named, approved(Origin::Digest, true)),
            (&never, named, Decision::Refused),
            (&never, yes_there, Decision::Refused),
        ] {
            assert_eq!(decided(verdict, wish), expected, "{verdict:?} {wish:?}");
        }
    }

    #[test]
    fn a_digest_is_of_this_plan_and_this_policy() {
        let (plan, policy) = (plan(), Policy::of_pack(&Pack::default()));
        let ours = (plan.digest().to_string(), policy.digest().to_string());
        let other = "0".repeat(16);
        for (plan, policy, expected) in [
            (&ours.0, Some(&ours.1), approved(Origin::Digest, false)),
            (&other, Some(&ours.1), Decision::Other(Differs::Plan)),
            (&ours.0, Some(&other), Decision::Other(Differs::Policy)),
        ] {
            let approve = Approve {
                plan: plan.clone(),
                policy: policy.cloned(),
            };
            let wish = Wish {
                approve: Some(&approve),
                ..NOTHING
            };
            assert_eq!(decided(&Verdict::default(), wish), expected);
        }
    }
}
