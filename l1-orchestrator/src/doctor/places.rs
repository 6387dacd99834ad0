//! What the doctor looks at, as the settings have it.

use std::path::{Path, PathBuf};

use crate::cli::error::CliError;

/// Folders and numbers of this invocation.
#[derive(Debug)]
pub struct Places {
    /// Where runs are kept.
    pub runs: PathBuf,
    /// The user's state: key and trust.
    pub state: Option<PathBuf>,
    /// The user's key.
    pub key: Option<PathBuf>,
    /// The settings that were read, or why not.
    pub settings: Result<Vec<PathBuf>, CliError>,
    /// Attempts at once, unless a scenario says otherwise.
    pub slots: u64,
}

/// The folder itself, or the nearest one above it that is there: where it would be made.
pub(super) fn nearest_existing(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = absolute
        .ancestors()
        .find(|folder| folder.symlink_metadata().is_ok());
    found.unwrap_or(Path::new("/")).to_owned()
}
