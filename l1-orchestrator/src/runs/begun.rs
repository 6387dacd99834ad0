//! Whether a run ever began. Its opening events come with one write; a full disk or a crash at that
//! moment leaves a directory in which nothing was started and nothing is to be continued.

use std::io;
use std::path::Path;

use l2_coordinator::journal::{ReadError, Reader};
use l2_coordinator::read_holder;
use protocol::event::{EventKind, SkipCause};
use protocol::run_dir;

use super::open_regular;
use super::record::RunRecord;
use crate::cli::error::CliError;

/// Whether the journal of the run in `dir` ends before a plan was approved, as a crash leaves it.
/// A journal that is damaged in another way did begin.
#[must_use]
pub fn never_began(dir: &Path) -> bool {
    let file = match open_regular(&dir.join(run_dir::EVENTS)) {
        Ok(file) => file,
        // Without a journal only the rest of the directory tells.
        Err(error) => {
            let is_run = dir.join(run_dir::RUN_JSON).is_file();
            return error.kind() == io::ErrorKind::NotFound && is_run && is_untouched(dir);
        }
    };
    let mut reader = Reader::new(file);
    loop {
        match reader.next_event() {
            Ok(Some(event)) => match event.kind {
                EventKind::RunStarted(_)
                | EventKind::PlanProposed { .. }
                | EventKind::FindingRaised(_)
                | EventKind::TaskReused { .. }
                | EventKind::TaskExpanded { .. }
                | EventKind::TaskSkipped {
                    cause: SkipCause::NotSelected | SkipCause::If,
                    ..
                } => {}
                _ => return false,
            },
            Ok(None) => break,
            Err(_) => return false,
        }
    }
    let is_cut = matches!(
        reader.finish(),
        Ok(_) | Err(ReadError::Empty | ReadError::NoStart)
    );
    // Logs, artifacts or a seal are of a run that began, whatever became of its journal.
    is_cut && is_untouched(dir)
}

/// Whether the directory holds nothing that only a run that began leaves.
#[must_use]
pub fn is_untouched(dir: &Path) -> bool {
    let is_empty = |name: &str| {
        fs_err::read_dir(dir.join(name)).map_or_else(
            |error| error.kind() == io::ErrorKind::NotFound,
            |mut entries| entries.next().is_none(),
        )
    };
    let is_absent = |name: &str| fs_err::symlink_metadata(dir.join(name)).is_err();
    let mut closing = run_dir::REPORTS.into_iter().chain([run_dir::SEAL]);
    // A retry has artifacts before it begins.
    let is_retry = || RunRecord::read(dir).is_ok_and(|record| record.retry_of.is_some());
    let has_no_results = is_empty(run_dir::ARTIFACTS) || is_retry();
    is_empty(run_dir::LOGS) && has_no_results && closing.all(is_absent)
}

/// Nothing can be done with a run that never began, except to run it again.
#[must_use]
pub fn not_begun(dir: &Path) -> CliError {
    const CODE: &str = "run-not-begun";
    let other = |pid: u32| pid != std::process::id();
    if let Ok(Some(holder)) = read_holder(dir)
        && other(holder.pid)
    {
        let message = format!("process {} is only beginning this run", holder.pid);
        return CliError::not_ready(CODE, message).hint("ask again in a moment");
    }
    let again = RunRecord::read(dir).map_or_else(
        |_| "run its scenario again".into(),
        |record| {
            let path = super::entry::quoted(Path::new(&record.scenario_path));
            format!("run it again: `orchestra run {path}`")
        },
    );
    CliError::not_ready(CODE, "the run never began: nothing of it was started").hint(again)
}
