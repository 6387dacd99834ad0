//! What events about calls of models change: the ledger, never a task.

use super::illegal::IllegalEvent;
use super::run::{Phase, RunState};
use crate::event::{Event, EventKind};

/// Whether the event tells of a call, or of what it was made for.
pub(super) const fn is_about_calls(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::PlanRequested(_)
            | EventKind::PlanRejected(_)
            | EventKind::BudgetReserved(_)
            | EventKind::BudgetSettled(_)
    )
}

impl RunState {
    pub(super) fn apply_call(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        let may_ask = matches!(
            self.phase(),
            Phase::Planning | Phase::Running | Phase::Paused
        );
        // A call that is in flight ends, whatever became of the run.
        let may_end = may_ask || *self.phase() == Phase::Cancelling;
        let seq = event.seq;
        let illegal = |source| IllegalEvent::Call { seq, source };
        match &event.kind {
            EventKind::BudgetReserved(reserved) if may_ask => {
                self.ledger.reserve(reserved).map_err(illegal)
            }
            EventKind::BudgetSettled(settled) if may_end => {
                self.ledger.settle(settled).map_err(illegal)
            }
            EventKind::PlanRequested(_) if may_ask => Ok(()),
            EventKind::PlanRejected(_) if may_end => Ok(()),
            _ => Err(self.illegal(event)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::budget::{CallId, LedgerError, Money, Purpose, Reserved};
    use crate::digest::Digest;
    use crate::event::{Chain, Example, Origin, PlanRejected, PlanRequested, RunStarted};
    use crate::plan::{DraftPlan, Limits};
    use crate::policy::SandboxLevel;
    use crate::time::Timestamp;

    fn run() -> RunState {
        let text = r#"{"name": "p", "tasks": [{"id": "t", "run": "true"}]}"#;
        let draft = DraftPlan::from_json(text.as_bytes()).unwrap();
        RunState::new(Arc::new(draft.check(&Limits::default()).unwrap()))
    }

    fn started() -> EventKind {
        let digest = Digest::of(b"");
        EventKind::RunStarted(Box::new(RunStarted {
            version: 1,
            run_id: "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a".parse().unwrap(),
            scenario: "p".parse().unwrap(),
            run_file: None,
            scenario_file: digest,
            policy: "default@0".into(),
            policy_digest: digest,
            coordinator: "c".parse().unwrap(),
            slots: 1,
            level: SandboxLevel::None,
            trace_id: "0".repeat(32),
            orchestra: "0".into(),
            retry_of: None,
            unplanned: None,
        }))
    }

    fn approved(run: &RunState) -> EventKind {
        let digest = Digest::of(b"");
        EventKind::PlanApproved {
            plan: run.plan().digest(),
            plan_file: digest,
            policy: digest,
            policy_file: None,
            scenario_file: digest,
            by: Origin::Default,
            signed: None,
        }
    }

    fn reserved(call: u64) -> Reserved {
        Reserved {
            call: CallId(call),
            task: Some("t".parse().unwrap()),
            purpose: Purpose::Prompt,
            round: 0,
            provider: "anthropic".into(),
            model: "m".into(),
            request: Digest::of(b"request"),
            prompt: 30,
            output: 70,
            usd: Some(Money::from_nanos(5)),
        }
    }

    fn reserve(call: u64) -> EventKind {
        EventKind::BudgetReserved(Box::new(reserved(call)))
    }

    fn settle(call: u64) -> EventKind {
        EventKind::BudgetSettled(Box::new(reserved(call).in_full(None)))
    }

    fn apply(run: &mut RunState, kind: EventKind) -> Result<(), IllegalEvent> {
        let seq = run.last_seq() + 1;
        let ts = Timestamp::from_micros(0);
        run.apply(&Event { seq, ts, kind })
    }

    #[test]
    fn calls_count_before_and_after_the_approval_and_change_no_task() {
        let mut run = run();
        assert!(apply(&mut run, reserve(1)).is_err(), "before it began");
        apply(&mut run, started()).unwrap();
        apply(&mut run, reserve(1)).unwrap();
        let approved = approved(&run);
        apply(&mut run, approved).unwrap();
        let tasks = run.tasks().to_vec();
        apply(&mut run, reserve(2)).unwrap();
        assert_eq!(run.ledger().set_aside().tokens(), 200);
        assert_eq!(run.ledger().set_aside().calls, 2);
        apply(&mut run, settle(1)).unwrap();
        assert_eq!(run.ledger().settled().usd, Money::from_nanos(5));
        assert_eq!(run.ledger().settled().estimated, 1);
        assert_eq!(run.ledger().set_aside().tokens(), 100);
        assert_eq!(run.ledger().next_call(), CallId(3));
        assert_eq!(run.tasks(), tasks);
    }

    #[test]
    fn a_cancelled_run_settles_but_asks_no_more() {
        let mut run = run();
        let by = Origin::Interrupt;
        for kind in [started(), reserve(1), EventKind::RunCancelling { by }] {
            apply(&mut run, kind).unwrap();
        }
        assert!(apply(&mut run, reserve(2)).is_err());
        apply(&mut run, settle(1)).unwrap();
    }

    #[test]
    fn calls_count_up_and_settle_once() {
        let mut run = run();
        for kind in [started(), reserve(3)] {
            apply(&mut run, kind).unwrap();
        }
        let wrong = |run: &mut RunState, kind| match apply(run, kind) {
            Err(IllegalEvent::Call { source, .. }) => source,
            other => panic!("{other:?}"),
        };
        let (call, last) = (CallId(3), CallId(3));
        let again = LedgerError::OutOfTurn { call, last };
        assert_eq!(wrong(&mut run, reserve(3)), again);
        let unknown = LedgerError::NotInFlight(CallId(2));
        assert_eq!(wrong(&mut run, settle(2)), unknown);
        apply(&mut run, settle(3)).unwrap();
        assert_eq!(wrong(&mut run, settle(3)), LedgerError::NotInFlight(call));
    }

    #[test]
    fn events_about_calls_read_back_as_they_were_written() {
        let requested = PlanRequested {
            task: None,
            goal: PlanRequested::told_goal(&"é".repeat(4000)),
            prompt: "plan@1".into(),
            prompt_digest: Digest::of(b"prompt"),
            examples: vec![Example {
                name: "fan-out".into(),
                digest: Digest::of(b"example"),
            }],
            model: "m".into(),
        };
        assert!(requested.goal.len() <= 4096 && requested.goal.ends_with('…'));
        let rejected = PlanRejected::by_rule(1, "two-objects", "two\nobjects");
        assert_eq!(rejected.problems, ["two\\nobjects"]);
        let kinds = [
            EventKind::PlanRequested(Box::new(requested)),
            EventKind::PlanRejected(Box::new(rejected)),
            reserve(1),
            settle(1),
        ];
        let (mut writer, mut reader) = (Chain::start(), Chain::start());
        for kind in kinds {
            let mut line = Vec::new();
            let written = writer.append(Timestamp::from_micros(1), kind, &mut line);
            let line = line.strip_suffix(b"\n").unwrap();
            assert_eq!(reader.read(line).unwrap(), written);
        }
        assert!(reserve(1).is_promise() && settle(1).is_promise());
        assert_eq!(reserve(1).name(), "budget.reserved");
    }
}
