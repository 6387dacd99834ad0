//! One sentence and the events it rests on.

use protocol::plan::Plan;
use protocol::time::Timestamp;

use super::beginning::beginning;
use super::ending::ending;
use super::facts::{Gather, Point};
use super::story::story;
use crate::report::{Planned, Redactor, RunSummary};

/// One sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When what it tells was so.
    pub at: Option<Timestamp>,
    /// The sentence, without its end.
    pub text: String,
    /// Numbers of the events it rests on.
    pub events: Vec<u64>,
}

impl Line {
    /// A sentence about one event.
    #[must_use]
    pub fn at(point: Point, text: impl Into<String>) -> Self {
        Self {
            at: Some(point.at),
            text: text.into(),
            events: vec![point.seq],
        }
    }

    /// A sentence about what is not there yet.
    #[must_use]
    pub fn open(text: impl Into<String>) -> Self {
        Self {
            at: None,
            text: text.into(),
            events: Vec::new(),
        }
    }

    /// The same, resting on more events.
    #[must_use]
    pub fn also(mut self, events: impl IntoIterator<Item = u64>) -> Self {
        self.events.extend(events);
        self.events.sort_unstable();
        self.events.dedup();
        self
    }
}

/// What the sentences are made from.
pub(super) struct View<'a> {
    pub(super) facts: &'a Gather,
    pub(super) summary: &'a RunSummary,
    pub(super) planned: Option<Planned<'a>>,
    pub(super) is_driven: bool,
    pub(super) redact: Redactor,
}

/// Why the task went the way it went, in order. Whether a process drives the run is in no event.
#[must_use]
pub fn explain(
    facts: &Gather,
    summary: &RunSummary,
    plan: Option<&Plan>,
    is_driven: bool,
    redact: Redactor,
) -> Vec<Line> {
    let view = View {
        facts,
        summary,
        planned: plan.and_then(|plan| Planned::find(plan, facts.task())),
        is_driven,
        redact,
    };
    let mut lines = beginning(&view);
    lines.extend(story(&view));
    lines.extend(ending(&view));
    lines
}
