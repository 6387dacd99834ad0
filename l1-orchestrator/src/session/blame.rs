//! Whose fault it is that a run stopped, and what to do about it.

use std::error::Error;
use std::io;

use l2_coordinator::CoordinatorError;
use l2_coordinator::journal::{ReadError, SyncFailed, WriteError};

use crate::cli::error::{CliError, Kind};

/// The code of a run whose journal was taken away while it was driven.
pub(super) const JOURNAL_GONE: &str = "journal-gone";

/// A new run whose first events never came to be.
pub(super) fn blame_start(error: CoordinatorError) -> CliError {
    let hint = match root(&error) {
        io::ErrorKind::StorageFull => {
            "make room, or name another place with `--runs-dir`, and run it again"
        }
        _ => "run it again",
    };
    let message = "the run never began: nothing of it was started";
    CliError::not_ready("run-not-begun", message)
        .because(error)
        .hint(hint)
}

/// A run that was interrupted.
pub fn blame(error: CoordinatorError) -> CliError {
    if let CoordinatorError::Journal(WriteError::Sync(SyncFailed::Disk(cause))) = &error
        && cause.kind() == io::ErrorKind::NotFound
    {
        let message = "the journal is gone, and with it the record of what was done";
        return CliError::not_ready(JOURNAL_GONE, message)
            .because(error)
            .hint("leave the run directory alone while the run is driven, and run it again");
    }
    let (kind, code, message) = match &error {
        CoordinatorError::Journal(_) => (
            Kind::NotReady,
            "journal-unwritable",
            "the run stopped and can be resumed",
        ),
        CoordinatorError::Read(ReadError::Damaged { .. } | ReadError::NoStart) => (
            Kind::VerifyFailed,
            "journal-damaged",
            "the journal is damaged and was not touched",
        ),
        CoordinatorError::Read(_) => (
            Kind::NotReady,
            "journal-unreadable",
            "the journal cannot be used",
        ),
        CoordinatorError::Fold(_) => (
            Kind::VerifyFailed,
            "journal-unfit",
            "the journal does not follow from its plan",
        ),
        CoordinatorError::Artifacts(_) => (
            Kind::NotReady,
            "artifacts-unreadable",
            "artifacts of finished tasks cannot be read",
        ),
        CoordinatorError::NotApproved => (
            Kind::NotReady,
            "run-not-begun",
            "the run never began: nothing of it was started",
        ),
        CoordinatorError::Paused => (Kind::NotReady, "run-paused", "the run is paused"),
        CoordinatorError::AlreadyFinished(_) => {
            (Kind::NotReady, "run-over", "the run ended meanwhile")
        }
        CoordinatorError::Bus(_) | CoordinatorError::Digest(_) | CoordinatorError::Internal(_) => (
            Kind::Internal,
            "internal",
            "the run stopped by a fault of orchestra; it can be resumed",
        ),
    };
    let is_full = root(&error) == io::ErrorKind::StorageFull;
    CliError::new(kind, code, message)
        .because(error)
        .maybe_hint(is_full.then(|| "make room, then resume it".into()))
}

/// The kind of the innermost system error.
fn root(error: &CoordinatorError) -> io::ErrorKind {
    // A chain that is longer than this is a loop.
    const MAX_CAUSES: usize = 16;
    let mut kind = io::ErrorKind::Other;
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    for _ in 0..MAX_CAUSES {
        let Some(error) = next else { break };
        if let Some(system) = error.downcast_ref::<io::Error>() {
            kind = system.kind();
        } else if let Some(system) = error.downcast_ref::<std::sync::Arc<io::Error>>() {
            kind = system.kind();
        }
        next = error.source();
    }
    kind
}
