//! What the run asked of models, call by call. Not what was said: that is in `calls/`.

use protocol::budget::{Ledger, Reserved, Settled};
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
}
