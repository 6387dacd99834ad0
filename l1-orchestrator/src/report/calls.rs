//! What the run asked of models, call by call. Not what was said: that is in `calls/`.

use protocol::budget::{Ledger, Reserved, Settled, Spend};
use protocol::event::{Event, EventKind, PlanRejected, PlanRequested};
use protocol::time::Timestamp;

/// Calls, requests and rejections that are kept; sums count all of them.
pub const MAX_CALLS: usize = 1_000;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What was set aside.
    pub reserved: Reserved,
    /// When.
    pub began: Timestamp,
    /// What it used and when that was known; a call in flight has none.
    pub ended: Option<(Timestamp, Settled)>,
}

/// All calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Sums, and what is in flight.
    pub ledger: Ledger,
    /// The first [`MAX_CALLS`], in order.
    pub list: Vec<Call>,
    /// What was asked for plans, the first [`MAX_CALLS`].
    pub requested: Vec<PlanRequested>,
    /// What was no plan, the first [`MAX_CALLS`].
    pub rejected: Vec<PlanRejected>,
}

impl Calls {
    /// Takes the next event in; one that does not fit the others changes nothing.
    pub fn apply(&mut self, event: &Event) {
        match &event.kind {
            EventKind::BudgetReserved(reserved) => {
                let fits = self.ledger.reserve(reserved).is_ok();
                let kept = (fits && self.list.len() < MAX_CALLS).then(|| Call {
                    reserved: (**reserved).clone(),
                    began: event.ts,
                    ended: None,
                });
                self.list.extend(kept);
            }
            EventKind::BudgetSettled(settled) => {
                let fits = self.ledger.settle(settled).is_ok();
                let of = |call: &Call| call.reserved.call;
                let known = self.list.binary_search_by_key(&settled.call, of);
                if let Some(at) = known.ok().filter(|_| fits) {
                    self.list[at].ended = Some((event.ts, (**settled).clone()));
                }
            }
            EventKind::PlanRequested(requested) if self.requested.len() < MAX_CALLS => {
                self.requested.push((**requested).clone());
            }
            EventKind::PlanRejected(rejected) if self.rejected.len() < MAX_CALLS => {
                self.rejected.push((**rejected).clone());
            }
            _ => {}
        }
    }

    /// Whether no model was asked.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ledger.next_call().0 == 1
    }

    /// What all calls came to: those in flight count with all that is set aside for them.
    #[must_use]
    pub fn spend(&self) -> Spend {
        self.ledger.settled().plus(self.ledger.set_aside())
    }

    /// How many replies were written by hand, among the calls that are kept.
    #[must_use]
    pub fn fixtures(&self) -> usize {
        let ended = self.list.iter().filter_map(|call| call.ended.as_ref());
        ended.filter(|(_, settled)| settled.fixture).count()
    }
}

#[cfg(test)]
mod tests {
    use protocol::budget::{CallId, Money, Purpose};
    use protocol::digest::Digest;

    use super::*;
    use crate::report::tests::Story;
    use crate::report::{Redactor, json, markdown};

    #[test]
    fn reports_sum_up_calls_and_name_fixtures() {
        let reserved = |call| Reserved {
            call: CallId(call),
            task: None,
            purpose: Purpose::Plan,
            round: 0,
            provider: "scripted".into(),
            model: "m".into(),
            request: Digest::of(b"request"),
            prompt: 10,
            output: 20,
            usd: Some(Money::from_nanos(1_500_000_000)),
        };
        let mut settled = reserved(1).in_full(None);
        settled.fixture = true;
        let story = Story::begun(0)
            .then(EventKind::BudgetReserved(Box::new(reserved(1))))
            .then(EventKind::BudgetSettled(Box::new(settled)))
            .then(EventKind::BudgetReserved(Box::new(reserved(2))));
        let summary = story.summary();
        let page = markdown::render(&summary, None, None, Redactor::default());
        let told = "1 call · 30 tokens · $1.50 (1 estimated) · 1 call under way, at most 30 tokens · from \
                    a fixture.\n";
        assert!(page.contains(told), "{page}");
        let mut bytes = Vec::new();
        json::write(&summary, None, &mut bytes).unwrap();
        let report: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let expected = serde_json::json!({
            "calls": 2, "tokens": 60, "usd": "3.00", "unpriced": 0, "estimated": 1, "fixtures": 1,
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(report["models"][name], *value, "{name}");
        }
        assert_eq!(report["models"]["list"][0]["settled"]["fixture"], true);
        assert!(report["models"]["list"][1].get("settled").is_none());
        let quiet = Story::begun(0).summary();
        let page = markdown::render(&quiet, None, None, Redactor::default());
        assert!(!page.contains("Model calls"));
    }
}
