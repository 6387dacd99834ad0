//! `-v`: what tasks write, line by line, each with its task's name before it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use l3_worker::{OutputChunk, OutputObserver, StreamName};
use protocol::event::{Event, EventKind};
use protocol::ids::TaskId;
use protocol::time::Timestamp;

use crate::report::{Reporter, RunSummary};
use crate::ui::{Ui, sanitize};

/// A line without end is shown in pieces of this size.
const MAX_LINE: usize = 4096;

type Partial = HashMap<(TaskId, bool), Vec<u8>>;

/// Prints task output to stderr.
#[derive(Clone)]
pub struct LiveOutput {
    ui: Arc<Ui>,
    partial: Arc<Mutex<Partial>>,
}

impl LiveOutput {
    /// To this printer.
    #[must_use]
    pub fn new(ui: Arc<Ui>) -> Self {
        Self {
            ui,
            partial: Arc::default(),
        }
    }

    /// The worker's side.
    #[must_use]
    pub fn observer(&self) -> OutputObserver {
        let live = self.clone();
        Arc::new(move |chunk| live.take(chunk))
    }

    fn take(&self, chunk: &OutputChunk<'_>) {
        let key = (chunk.task.clone(), chunk.stream == StreamName::Err);
        let mut lines = Vec::new();
        let mut partial = self.partial.lock().unwrap_or_else(PoisonError::into_inner);
        let line = partial.entry(key).or_default();
        for byte in chunk.bytes {
            if *byte == b'\n' || line.len() >= MAX_LINE {
                lines.push(shown(chunk.task, line));
                line.clear();
            }
            if *byte != b'\n' {
                line.push(*byte);
            }
        }
        drop(partial);
        // Here a slot may wait for a slow terminal; the coordinator, which needs the lock, does not.
        for line in lines {
            self.ui.note_patiently(&line);
        }
    }
}

fn shown(task: &TaskId, line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    format!("{task} | {}", sanitize(&text))
}

impl Reporter for LiveOutput {
    fn on_event(&mut self, event: &Event, _: &RunSummary) {
        let EventKind::AttemptFinished { task, .. } = &event.kind else {
            return;
        };
        for is_err in [false, true] {
            let mut partial = self.partial.lock().unwrap_or_else(PoisonError::into_inner);
            let rest = partial.remove(&(task.clone(), is_err)).unwrap_or_default();
            drop(partial);
            if !rest.is_empty() {
                self.ui.note(&shown(task, &rest));
            }
        }
    }

    fn on_tick(&mut self, _: Timestamp, _: &RunSummary) {}

    fn finish(&mut self, _: &RunSummary) {}
}
