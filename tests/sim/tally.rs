//! How often each fault, death and event happened, over all seeds.

use std::collections::BTreeMap;
use std::fmt;

/// Counts by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(BTreeMap<String, u64>);

/// What a whole suite must have met beside every fault of the bus. A kind that never happens tests
/// nothing.
const EXPECTED: &[&str] = &[
    "cut: blocks reordered",
    "cut: blocks zeroed",
    "cut: end lost",
    "death: after a sync",
    "death: after a write",
    "death: before a sync",
    "death: before a write",
    "death: in the middle of a write",
    "death: local-c",
    "death: remote worker",
    "death: some time",
    "end: never began, begun again",
    "end: refused as damaged",
    "event: attempt.retrying",
    "event: journal.recovered",
    "event: lease.lost CoordinatorRestarted",
    "event: lease.lost HandedBack",
    "event: lease.lost WorkerLost",
    "event: result.late",
    "event: run.cancelling",
    "event: run.resumed",
    "event: task.cancelled",
    "event: task.done",
    "event: task.expanded",
    "event: task.failed",
    "event: task.skipped",
    "partition: remote worker",
    "restart: bus forgets ids",
];

/// Faults that cannot happen: nobody in the core waits for the answer to an ack, because a message
/// whose ack was lost comes back and is denied.
const UNUSED: &[&str] = &["bus: AckUnanswered"];

impl Tally {
    pub(super) fn count(&mut self, name: impl Into<String>, times: u64) {
        *self.0.entry(name.into()).or_default() += times;
    }

    pub(super) fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            self.count(name.clone(), *count);
        }
    }

    /// Fails when something that should happen never did. Faults of the bus are counted even at zero.
    pub(super) fn check(&self) {
        let happened = |name: &str| self.0.get(name).is_some_and(|count| *count > 0);
        let expected = EXPECTED.iter().filter(|name| !happened(name));
        let mut missing: Vec<_> = expected.map(|name| (*name).to_owned()).collect();
        let zero = self.0.iter().filter(|(_, count)| **count == 0);
        let zero = zero.map(|(name, _)| name.clone());
        missing.extend(zero.filter(|name| !UNUSED.contains(&name.as_str())));
        let used = UNUSED.iter().filter(|name| happened(name));
        missing.extend(used.map(|name| format!("{name}, but it happens now")));
        assert!(missing.is_empty(), "never happened: {missing:?}\n{self}");
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in &self.0 {
            writeln!(f, "{count:>9}  {name}")?;
        }
        Ok(())
    }
}
