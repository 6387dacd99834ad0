//! Hands every synced event to the fold once and then to each reporter. Reporters hold no channels,
//! decide nothing, and cannot fail the run.

use protocol::event::Event;
use protocol::time::Timestamp;

use super::summary::RunSummary;

/// Shows a run while it happens.
pub trait Reporter: Send {
    /// An event, and the summary with it folded in.
    fn on_event(&mut self, event: &Event, summary: &RunSummary);
    /// About once a second.
    fn on_tick(&mut self, now: Timestamp, summary: &RunSummary);
    /// No event follows in this process.
    fn finish(&mut self, summary: &RunSummary);
}

/// The fold and its reporters.
#[derive(Default)]
pub struct Observers {
    summary: RunSummary,
    reporters: Vec<Box<dyn Reporter>>,
}

impl Observers {
    /// Around a summary of what happened before, if anything did.
    #[must_use]
    pub fn new(summary: RunSummary, reporters: Vec<Box<dyn Reporter>>) -> Self {
        Self { summary, reporters }
    }

    /// Takes one event in.
    pub fn on_event(&mut self, event: &Event) {
        self.summary.apply(event);
        for reporter in &mut self.reporters {
            reporter.on_event(event, &self.summary);
        }
    }

    /// Time passes.
    pub fn on_tick(&mut self, now: Timestamp) {
        for reporter in &mut self.reporters {
            reporter.on_tick(now, &self.summary);
        }
    }

    /// What the events say so far.
    #[must_use]
    pub const fn summary(&self) -> &RunSummary {
        &self.summary
    }

    /// The fold and its reporters apart, for a caller that has something to do before the reporters
    /// end.
    #[must_use]
    pub fn split(self) -> (RunSummary, Vec<Box<dyn Reporter>>) {
        (self.summary, self.reporters)
    }

    /// Ends every reporter and gives the summary back.
    #[must_use]
    pub fn finish(mut self) -> RunSummary {
        for reporter in &mut self.reporters {
            reporter.finish(&self.summary);
        }
        self.summary
    }
}
