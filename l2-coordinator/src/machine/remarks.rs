//! What the policy has to say about an attempt that is over: findings from what the sandbox denied.
//!
//! Remarks change nothing: no outcome, no retry. What was denied is in `attempt.finished` as well;
//! findings bring it before people, up to a bound for the whole run.

use protocol::event::{AttemptEnd, EventKind};
use protocol::ids::{LeaseToken, TaskId};
use protocol::policy::{DeniedAction, Finding, FindingSeverity};

use super::effect::Decision;
use super::value::Machine;

/// Findings of one run while it runs; a task repeated a hundred thousand times says the same.
const MAX_FINDINGS: u64 = 1_000;

impl Machine {
    /// The attempt's end, and what there is to say about it.
    pub(super) fn ended(
        &self,
        decision: Decision,
        token: &LeaseToken,
        attempt: u32,
        end: &AttemptEnd,
    ) -> Decision {
        let decision = decision.event(EventKind::AttemptFinished {
            task: token.task.clone(),
            lease: token.lease,
            attempt,
            end: Box::new(end.clone()),
        });
        let denied = end.denied.iter().take(self.remarks_left());
        denied.fold(decision, |decision, denied| {
            decision.event(EventKind::FindingRaised(remark(&token.task, denied)))
        })
    }

    /// A finding about what does not start, while there is room for one.
    pub(super) fn remark(&self, decision: Decision, finding: &Finding) -> Decision {
        match self.remarks_left() {
            0 => decision,
            _ => decision.event(EventKind::FindingRaised(finding.clone())),
        }
    }

    fn remarks_left(&self) -> usize {
        let room = MAX_FINDINGS.saturating_sub(self.run.findings());
        usize::try_from(room).unwrap_or(usize::MAX)
    }
}

fn remark(task: &TaskId, denied: &DeniedAction) -> Finding {
    let DeniedAction {
        action,
        target,
        times,
    } = denied;
    let to = if target.is_empty() { "" } else { " " };
    let often = match times {
        1 => String::new(),
        times => format!(" ({times} times)"),
    };
    Finding {
        code: "denied-attempt".into(),
        severity: FindingSeverity::Warning,
        message: format!("tried {action}{to}{target}{often}; the sandbox denied it"),
        task: Some(task.clone()),
        suggested_fix: Some(
            "if the task needs it, run it under a policy that grants it; else look at the task"
                .into(),
        ),
    }
}
