//! A stored run, folded: journal to summary, and the plan if it is the one that was approved.

use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use l2_coordinator::journal::{End, ReadError, Reader};
use protocol::budget::Budget;
use protocol::event::{Chain, Event};
use protocol::plan::Plan;
use protocol::policy::Policy;
use protocol::run_dir;

use super::{never_began, not_begun, open_regular};
use crate::cli::error::{CliError, Kind};
use crate::report::RunSummary;

/// Longest plan that is read, bytes; what the plan's own limits allow.
const MAX_PLAN_BYTES: u64 = 128 * 1024 * 1024;

/// What a run directory says about its run.
pub struct Stored {
    /// The fold of its journal.
    pub summary: RunSummary,
    /// Its plan, when `plan.json` is what the journal approved.
    pub plan: Option<Arc<Plan>>,
    /// Bytes of a damaged end that was not read.
    pub torn_bytes: u64,
    /// After the last good event.
    pub end: Chain,
}

impl Stored {
    /// Reads the run in `dir`, up to its first damaged line.
    ///
    /// # Errors
    /// The journal cannot be read or is not one, or the run never began.
    pub fn load(dir: &Path) -> Result<Self, CliError> {
        Self::load_with(dir, |_| {})
    }

    /// The same, for somebody who also wants to see each event.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with(dir: &Path, mut each: impl FnMut(&Event)) -> Result<Self, CliError> {
        let mut summary = RunSummary::default();
        let end = each_event(dir, |event| {
            summary.apply(event);
            each(event);
            Ok(())
        })?;
        if summary.approval.is_none() && never_began(dir) {
            return Err(not_begun(dir));
        }
        let plan = load_plan(dir).filter(|plan| {
            summary
                .approval
                .as_ref()
                .is_none_or(|approval| approval.plan == plan.digest())
        });
        add_budget(dir, &mut summary);
        let torn_bytes = end.torn.map_or(0, |torn| torn.bytes);
        Ok(Self {
            summary,
            plan,
            torn_bytes,
            end: end.chain,
        })
    }
}

/// Adds what calls of models may come to, where any was made: the run's policy says it.
pub fn add_budget(dir: &Path, summary: &mut RunSummary) {
    let calls = &summary.calls;
    if calls.list.is_empty() && calls.requested.is_empty() {
        return;
    }
    let read = || {
        let file = open_regular(&dir.join(run_dir::POLICY)).ok()?;
        let mut bytes = Vec::new();
        let most = Policy::MAX_BYTES as u64 + 1;
        file.take(most).read_to_end(&mut bytes).ok()?;
        Policy::from_json(&bytes).ok()
    };
    summary.budget = read().map(|policy| Budget::from(policy.budgets));
}

/// Calls `each` for every good event, in order; says how the journal ends.
///
/// # Errors
/// The journal cannot be read, or `each` fails.
pub fn each_event(
    dir: &Path,
    mut each: impl FnMut(&Event) -> Result<(), CliError>,
) -> Result<End, CliError> {
    let path = dir.join(run_dir::EVENTS);
    let file = open_regular(&path).map_err(|error| unreadable(dir, error.into()))?;
    let mut reader = Reader::new(file);
    while let Some(event) = reader
        .next_event()
        .map_err(|error| unreadable(dir, error))?
    {
        each(&event)?;
    }
    reader.finish().map_err(|error| unreadable(dir, error))
}

/// The plan of a run directory, if it is whole.
#[must_use]
pub fn load_plan(dir: &Path) -> Option<Arc<Plan>> {
    let path = dir.join(run_dir::PLAN);
    let file = open_regular(&path).ok()?;
    if file.metadata().ok()?.len() > MAX_PLAN_BYTES {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MAX_PLAN_BYTES).read_to_end(&mut bytes).ok()?;
    Plan::from_json(&bytes).ok().map(Arc::new)
}

pub(super) fn unreadable(dir: &Path, error: ReadError) -> CliError {
    let may_be_new = match &error {
        ReadError::Empty | ReadError::NoStart => true,
        ReadError::Io(error) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    };
    if may_be_new && never_began(dir) {
        return not_begun(dir);
    }
    let kind = match &error {
        ReadError::Damaged { .. } | ReadError::NoStart | ReadError::Empty => Kind::VerifyFailed,
        ReadError::Io(_) | ReadError::Newer { .. } => Kind::NotReady,
        ReadError::Foreign { .. } => Kind::NotReady,
    };
    let code = if kind == Kind::VerifyFailed {
        "journal-damaged"
    } else {
        "journal-unreadable"
    };
    let message = format!("the journal of {} cannot be used", dir.display());
    let failed = CliError::new(kind, code, message).because(error);
    if kind == Kind::VerifyFailed {
        let dir = super::quoted(dir);
        let failed = failed.hint(format!("`orchestra verify {dir}` says what is damaged"));
        return failed.hint("what its tasks wrote is in the directory `logs` beside the journal");
    }
    failed
}
