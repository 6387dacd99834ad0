//! The time that a run took so far, from the times of its events and the clock of this process.

use std::time::Duration;

use protocol::time::Timestamp;

use super::config::Now;

/// How long somebody drove the run: hours between a stop and a resume are nobody's work.
#[derive(Debug, Default)]
pub(super) struct Lived {
    /// In all lives before this one.
    before: Duration,
    /// When this one began, and when it was last heard of.
    began: Timestamp,
    last: Timestamp,
    /// At this instant of the monotonic clock it had lasted so long.
    at: Duration,
    by_then: Duration,
}

impl Lived {
    pub(super) fn begin(&mut self, now: Now, ts: Timestamp) {
        self.before += self.last.since(self.began);
        (self.began, self.last) = (ts, ts);
        (self.at, self.by_then) = (now.mono, now.wall.since(ts));
    }

    /// The journal goes on at this time.
    pub(super) const fn heard(&mut self, ts: Timestamp) {
        self.last = ts;
    }

    pub(super) fn so_far(&self, now: Now) -> Duration {
        self.before + self.by_then + now.mono.saturating_sub(self.at)
    }

    /// When it will have been this long, on the monotonic clock.
    pub(super) fn ends(&self, most: Duration) -> Duration {
        self.at + most.saturating_sub(self.before + self.by_then)
    }
}
