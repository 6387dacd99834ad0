//! What is read of one run in order to compare it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use protocol::event::EventKind;
use protocol::plan::Plan;
use protocol::run_dir;
use serde_json::{Map, Value};

use crate::cli::error::CliError;
use crate::report::RunSummary;
use crate::runs::{RunEntry, RunRecord, Stored, open_regular};

/// Longest scenario that is compared as text, bytes.
const MAX_SCENARIO: u64 = 1024 * 1024;

/// One of two runs.
pub struct Side {
    /// Its scenario's name.
    pub scenario: String,
    /// The fold of its journal.
    pub summary: RunSummary,
    /// Its plan, when `plan.json` is what was approved.
    pub plan: Option<Arc<Plan>>,
    /// Its `run.json`.
    pub record: Option<RunRecord>,
    /// Outputs of its tasks that are done.
    pub outputs: BTreeMap<String, Map<String, Value>>,
    /// Its scenario as written, when that is short enough and text.
    pub text: Option<String>,
}

impl Side {
    /// Reads a run.
    ///
    /// # Errors
    /// Its journal cannot be used, or it never began.
    pub fn load(entry: &RunEntry) -> Result<Self, CliError> {
        let mut outputs = BTreeMap::new();
        let stored = Stored::load_with(&entry.dir, |event| match &event.kind {
            EventKind::TaskDone {
                task, outputs: own, ..
            }
            | EventKind::TaskReused {
                task, outputs: own, ..
            } => {
                outputs.insert(task.to_string(), own.clone());
            }
            EventKind::TaskReopened { task, .. } => {
                outputs.remove(task.as_str());
            }
            _ => {}
        })?;
        outputs.retain(|_, own| !own.is_empty());
        Ok(Self {
            scenario: entry.scenario.clone(),
            summary: stored.summary,
            plan: stored.plan,
            record: entry.record(),
            outputs,
            text: scenario_text(&entry.dir),
        })
    }
}

fn scenario_text(dir: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    let file = open_regular(&dir.join(run_dir::SCENARIO)).ok()?;
    file.take(MAX_SCENARIO + 1).read_to_end(&mut bytes).ok()?;
    let is_short = bytes.len() as u64 <= MAX_SCENARIO;
    is_short.then(|| String::from_utf8(bytes).ok()).flatten()
}
