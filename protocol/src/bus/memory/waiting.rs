//! Who waits for one consumer's messages, and which of them keeps the time.
//!
//! New messages wake waiters one at a time (`Notify`). Messages that come back by themselves need a
//! clock: of all waiters exactly one, the keeper, also sleeps towards the first due redelivery, so
//! that neither a background task nor a herd of timers is needed. A keeper that leaves hands over.

use tokio::time::Instant;

#[derive(Default)]
pub(super) struct Waiting {
    count: usize,
    /// No waiter stays longer than this; redeliveries due later need no keeper.
    latest: Option<Instant>,
    keeper: Option<Keeper>,
    last_ticket: u64,
}

struct Keeper {
    ticket: u64,
    wakes_at: Instant,
}

impl Waiting {
    /// A puller begins to wait, until `until` at most.
    pub fn enter(&mut self, until: Instant) -> u64 {
        self.count += 1;
        self.latest = self.latest.max(Some(until));
        self.last_ticket += 1;
        self.last_ticket
    }

    /// It stopped waiting, for whatever reason.
    pub fn leave(&mut self, ticket: u64) {
        self.count -= 1;
        if self.count == 0 {
            self.latest = None;
        }
        self.retire(ticket);
    }

    /// When this waiter has to look again; makes it the keeper where one is needed.
    pub fn arm(&mut self, ticket: u64, until: Instant, first_due: Option<Instant>) -> Instant {
        self.retire(ticket);
        match first_due {
            Some(due) if self.lacks_keeper(first_due) => {
                self.keeper = Some(Keeper {
                    ticket,
                    wakes_at: due,
                });
                until.min(due)
            }
            _ => until,
        }
    }

    /// Whether someone waits who would miss a redelivery at `first_due`.
    pub fn lacks_keeper(&self, first_due: Option<Instant>) -> bool {
        let (Some(due), Some(latest)) = (first_due, self.latest) else {
            return false;
        };
        due < latest
            && self
                .keeper
                .as_ref()
                .is_none_or(|keeper| due < keeper.wakes_at)
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn retire(&mut self, ticket: u64) {
        if self
            .keeper
            .as_ref()
            .is_some_and(|keeper| keeper.ticket == ticket)
        {
            self.keeper = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Instant, Waiting};

    #[test]
    fn one_keeper_at_a_time_and_only_for_what_comes_soon() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let mut waiting = Waiting::default();
        let (a, b) = (waiting.enter(at(10)), waiting.enter(at(20)));
        assert_eq!(
            waiting.arm(a, at(10), Some(at(30))),
            at(10),
            "due after everyone left"
        );
        assert_eq!(waiting.arm(a, at(10), Some(at(5))), at(5));
        assert_eq!(
            waiting.arm(b, at(20), Some(at(5))),
            at(20),
            "a keeps the time"
        );
        assert!(
            waiting.lacks_keeper(Some(at(3))),
            "an earlier one needs a new look"
        );
        waiting.leave(a);
        assert!(waiting.lacks_keeper(Some(at(5))), "b has to take over");
        assert_eq!(waiting.arm(b, at(20), Some(at(5))), at(5));
        waiting.leave(b);
        assert!(waiting.is_empty() && !waiting.lacks_keeper(Some(at(5))));
    }
}
