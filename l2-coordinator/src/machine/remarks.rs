//! What the policy has to say about an attempt that is over: findings from what the sandbox denied.
//!
//! Remarks change nothing: no outcome, no retry. What was denied is in `attempt.finished` as well;
//! findings bring it before people, up to a bound for the whole run.

use protocol::event::{AttemptEnd, EventKind};
use protocol::ids::{LeaseToken, TaskId};
use protocol::policy::{DeniedAction, Finding, FindingSeverity, ObservedWrite, Seen};

use super::effect::Decision;
use super::value::Machine;

/// Findings of one run while it runs; a task repeated a hundred thousand times says the same.
const MAX_FINDINGS: u64 = 1_000;

/// Of these, what is only good to know leaves this many to what was denied.
const KEPT_FOR_DENIALS: usize = 500;

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
        let decision = denied.fold(decision, |decision, denied| {
            decision.event(EventKind::FindingRaised(remark(&token.task, denied)))
        });
        let room = self.remarks_left().saturating_sub(end.denied.len());
        let tools = end.agent_denied.iter().take(room);
        let decision = tools.fold(decision, |decision, tool| {
            decision.event(EventKind::FindingRaised(tool.finding(Some(&token.task))))
        });
        let room = room.saturating_sub(end.agent_denied.len());
        let said = end.model.iter().flat_map(|model| &model.findings);
        let said = said.take(room);
        let decision = said.fold(decision, |decision, said| {
            decision.event(EventKind::FindingRaised(Finding {
                task: Some(token.task.clone()),
                ..said.clone()
            }))
        });
        // A failed attempt did not come to everything, and items of a fan-out would all say the same:
        // reports sum them up.
        if end.failure.is_some() || token.task.as_str().contains('[') {
            return decision;
        }
        let unused = end.writes.iter().filter(|one| one.seen == Seen::Unchanged);
        let room = self
            .remarks_left()
            .saturating_sub(end.denied.len() + end.agent_denied.len() + KEPT_FOR_DENIALS);
        unused.take(room).fold(decision, |decision, unused| {
            decision.event(EventKind::FindingRaised(unwritten(&token.task, unused)))
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

fn unwritten(task: &TaskId, unused: &ObservedWrite) -> Finding {
    let path = &unused.path;
    Finding {
        code: "unused-grant".into(),
        severity: FindingSeverity::Info,
        message: format!("its `effects.write` opens {path}, and nothing there changed"),
        task: Some(task.clone()),
        suggested_fix: Some(
            "take it out of the task's `effects.write` if it is never written".into(),
        ),
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
