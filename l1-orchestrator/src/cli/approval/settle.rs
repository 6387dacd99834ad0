//! From a checked plan to an approved one: decides, asks where somebody has to be asked, and remembers.

use protocol::event::Origin;

use super::decide::{Decision, Wish, decide};
use super::dialog::{Dialog, Ready};
use super::refusal;
use super::said::Approving;
use crate::cli::asked::Asked;
use crate::cli::confirm::can_ask;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::policy::{Approvals, Approved};

/// A plan that may run.
pub struct Settled {
    /// The plan, and the policy that it runs under, grants included.
    pub ready: Ready,
    /// Who approved it.
    pub by: Origin,
}

/// Settles whether a plan may run. `again` reads the scenario anew, after an edit.
///
/// # Errors
/// It may not.
pub fn settle(
    context: &Context,
    said: &Approving<'_>,
    ready: Ready,
    slots: u32,
    again: &dyn Fn(&Asked) -> Result<Ready, CliError>,
) -> Result<Settled, CliError> {
    let wish = wish(said, &ready.asked);
    if let Some(error) = denied(context, said, &ready, wish) {
        return Err(error);
    }
    let Ready { asked, judged } = &ready;
    match decide(&asked.plan, &judged.policy, &judged.verdict, wish) {
        Decision::Approved { by, grants } => Ok(approved(context, ready, by, grants)),
        _ => {
            let dialog = Dialog {
                context,
                slots,
                command: said.again(asked),
                is_kept: said.is_kept(),
                again,
            };
            let ready = dialog.decide(ready)?;
            let grants = ready.judged.verdict.refused;
            Ok(approved(context, ready, Origin::Person, grants))
        }
    }
}

/// Tells what an approval that was given grants, for what only looks ahead. The policy stays the one that
/// was approved.
pub fn foresee(said: &Approving<'_>, ready: &mut Ready) {
    let wish = wish(said, &ready.asked);
    let Ready { asked, judged } = ready;
    let decided = decide(&asked.plan, &judged.policy, &judged.verdict, wish);
    if matches!(decided, Decision::Approved { grants: true, .. }) {
        let verdict = std::mem::take(&mut judged.verdict);
        judged.verdict = verdict.granted(&asked.plan.digest().short());
    }
}

/// Why the plan would not run if nobody were asked: told by what only looks ahead.
pub fn reason_against(context: &Context, said: &Approving<'_>, ready: &Ready) -> Option<CliError> {
    let refused = ready.judged.verdict.refused;
    // That somebody is to be asked is no reason: looking ahead is how they find out.
    let wish = Wish {
        can_ask: !refused,
        ..wish(said, &ready.asked)
    };
    denied(context, said, ready, wish)
}

fn wish<'a>(said: &Approving<'a>, asked: &Asked) -> Wish<'a> {
    Wish {
        approve: said.approve,
        yes: said.yes,
        is_saved: asked.is_saved(),
        can_ask: !said.no_input && can_ask(),
    }
}

/// The error, if the plan is not to run.
fn denied(
    context: &Context,
    said: &Approving<'_>,
    ready: &Ready,
    wish: Wish<'_>,
) -> Option<CliError> {
    let Ready { asked, judged } = ready;
    let (policy, verdict) = (&judged.policy, &judged.verdict);
    match decide(&asked.plan, policy, verdict, wish) {
        Decision::Approved { .. } | Decision::Ask => None,
        Decision::Unapproved => {
            let command = command(context, said, ready);
            Some(refusal::unapproved(verdict, &policy.pack, &command))
        }
        Decision::Refused => Some(refusal::refused(verdict, &policy.pack)),
        Decision::Other(differs) => {
            let approve = said.approve?;
            let (plan, policy) = (asked.plan.digest(), policy.digest());
            Some(refusal::other(differs, plan, policy, approve))
        }
    }
}

/// The command line that approves exactly this.
pub fn command(context: &Context, said: &Approving<'_>, ready: &Ready) -> String {
    let Ready { asked, judged } = ready;
    let again = said.again(asked);
    let digests = context
        .redact
        .approval(&asked.plan.digest(), &judged.policy.digest());
    format!("{again} --approve {digests}")
}

fn approved(context: &Context, mut ready: Ready, by: Origin, grants: bool) -> Settled {
    let Ready { asked, judged } = &mut ready;
    if by != Origin::Default {
        let (plan, policy) = (&asked.plan, &judged.policy);
        let pack = &policy.pack;
        let approved = Approved::new(&asked.path, plan, policy.digest(), pack, by.clone());
        if let Err(error) = Approvals::of_user().add(&approved) {
            // Only what a later page compares with is lost.
            context
                .ui
                .note(&format!("note: the approval is not remembered: {error}"));
        }
    }
    if grants {
        let digest = asked.plan.digest().short();
        judged.grant(crate::report::words::origin(&by), &digest);
    }
    Settled { ready, by }
}
