//! Why a person is to approve a plan. Not who may: that is for whoever asks.

use super::effective::Policy;
use super::pattern::matches;
use super::rule::ApproveWhen;

/// Every reason why a plan waits. `tasks` are its tasks that warn, and all that a pattern can meet, each
/// with whether it warns.
pub(super) fn waits(
    policy: &Policy,
    is_planned: bool,
    warns: bool,
    tasks: &[(String, bool)],
) -> Vec<String> {
    let mut reasons = Vec::new();
    match policy.approvals.plans {
        ApproveWhen::Always => {
            reasons.push(format!("{} has every plan approved", policy.pack));
        }
        ApproveWhen::OnWarning if warns => {
            reasons.push(format!("{} has plans with warnings approved", policy.pack));
        }
        ApproveWhen::OnWarning | ApproveWhen::Never => {}
    }
    match policy.approvals.planned {
        ApproveWhen::Always if is_planned => {
            reasons.push(format!(
                "{} has every plan of a model approved",
                policy.pack
            ));
        }
        ApproveWhen::OnWarning if is_planned && warns => {
            let pack = &policy.pack;
            reasons.push(format!(
                "{pack} has plans of a model with warnings approved"
            ));
        }
        ApproveWhen::Always | ApproveWhen::OnWarning | ApproveWhen::Never => {}
    }
    for rule in &policy.approvals.tasks {
        let meets = |(id, warns): &&(String, bool)| {
            let due = match rule.approve {
                ApproveWhen::Always => true,
                ApproveWhen::OnWarning => *warns,
                ApproveWhen::Never => false,
            };
            due && matches(&rule.pattern, id)
        };
        if let Some((id, _)) = tasks.iter().find(meets) {
            reasons.push(format!("`{id}` is a task like `{}`", rule.pattern));
        }
    }
    reasons
}
