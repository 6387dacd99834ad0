//! The events themselves, one a line, flushed at each: the same words as the journal, without its
//! hashes. The last line of a finished run is `run.finished`.

use std::sync::Arc;

use protocol::event::Event;
use protocol::time::Timestamp;

use super::observer::Reporter;
use super::summary::RunSummary;
use crate::ui::{Gone, Ui};

/// One event as one line, with its line break.
#[must_use]
pub fn line(event: &Event) -> String {
    let kind = serde_json::to_string(&event.kind).expect("events serialize");
    // The kind is an object of its own: its opening brace gives way to ours.
    let fields = kind.trim_start_matches('{');
    let (seq, ts) = (event.seq, event.ts);
    format!("{{\"schema\":\"orchestra.event/v1\",\"seq\":{seq},\"ts\":\"{ts}\",{fields}\n")
}

/// Prints events to stdout.
pub struct Jsonl {
    ui: Arc<Ui>,
    gone: bool,
}

impl Jsonl {
    /// To this stdout.
    #[must_use]
    pub const fn new(ui: Arc<Ui>) -> Self {
        Self { ui, gone: false }
    }
}

impl Reporter for Jsonl {
    fn on_event(&mut self, event: &Event, _: &RunSummary) {
        // A reader that went away does not end the run.
        if !self.gone {
            self.gone = self.ui.data(&line(event)) == Err(Gone);
        }
    }

    fn on_tick(&mut self, _: Timestamp, _: &RunSummary) {}

    fn finish(&mut self, _: &RunSummary) {}
}
