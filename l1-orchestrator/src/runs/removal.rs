//! Takes run directories away: first out of sight by a rename, then for good, so that a crash leaves
//! either a run or something that the next removal finds by its name.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use l2_coordinator::{LockError, RunLock};
use protocol::ids::CoordinatorId;

use super::entry::RunEntry;
use super::filter::Seen;
use super::find::Runs;
use super::status::{Status, status};

/// Before the name of a run directory that is being removed.
const REMOVING: &str = ".removing-";
/// Bytes of a block as `stat` counts them, whatever the file system's own are.
const BLOCK: u64 = 512;
/// Entries of one directory tree that are counted; a tree of more is shown as at least that.
const MAX_COUNTED: usize = 10_000_000;

/// Why a run was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemovalError {
    /// Somebody drives it by now.
    #[error("a process drives it by now")]
    Driven,
    /// It is not as it was when it was chosen.
    #[error("it changed while this command ran")]
    Changed,
    /// Processes of it are left.
    #[error("processes that it started cannot be ended")]
    Processes,
    /// The file system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Removes a run that was chosen by its look. What an interrupted one left running ends first.
///
/// # Errors
/// It is driven, has changed, or cannot be removed; then it is whole, or gone from the list of runs
/// and found by [`leftovers`].
pub fn remove(run: &Seen, coordinator: &CoordinatorId) -> Result<(), RemovalError> {
    let dir = &run.entry.dir;
    // Held until it is gone: nobody resumes what is being removed.
    let _lock = RunLock::acquire(dir, coordinator).map_err(|error| match error {
        LockError::Held { .. } => RemovalError::Driven,
        LockError::Io(error) => RemovalError::Io(error),
    })?;
    let is_same = match (status(dir), run.status) {
        // The lock is ours now.
        (Status::Running { .. }, Status::Interrupted | Status::Paused | Status::NeverBegan) => true,
        (found, chosen) => found == chosen,
    };
    if !is_same {
        return Err(RemovalError::Changed);
    }
    if !run.status.is_over()
        && let Some(record) = &run.record
        && l3_worker::sweep(record.run_id)?.left > 0
    {
        return Err(RemovalError::Processes);
    }
    let aside = aside(dir).ok_or(RemovalError::Changed)?;
    fs_err::rename(dir, &aside)?;
    Ok(l3_worker::remove_tree(&aside)?)
}

fn aside(dir: &Path) -> Option<PathBuf> {
    let name = dir.file_name()?.to_str()?;
    Some(dir.with_file_name(format!("{REMOVING}{name}")))
}

/// What earlier removals did not finish.
///
/// # Errors
/// The directory cannot be listed.
pub fn leftovers(runs: &Runs) -> io::Result<Vec<PathBuf>> {
    let listing = match fs_err::read_dir(runs.dir()) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for item in listing {
        let item = item?;
        let name = item.file_name();
        let named = name.to_str().and_then(|name| name.strip_prefix(REMOVING));
        // Ours only if the rest is the name of a run.
        let is_run = named.is_some_and(|name| RunEntry::of(name.into(), false).is_some());
        if is_run && item.file_type()?.is_dir() {
            found.push(item.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Finishes an earlier removal.
///
/// # Errors
/// The file system refuses.
pub fn finish(leftover: &Path) -> io::Result<()> {
    l3_worker::remove_tree(leftover)
}

/// Bytes on the disk that a tree takes, as far as it can be read; links are not followed.
#[must_use]
pub fn disk_bytes(tree: &Path) -> u64 {
    let mut open = vec![tree.to_owned()];
    let mut bytes = 0_u64;
    let mut counted = 0;
    while let Some(path) = open.pop() {
        counted += 1;
        let Ok(found) = fs_err::symlink_metadata(&path) else {
            continue;
        };
        bytes = bytes.saturating_add(found.blocks().saturating_mul(BLOCK));
        if found.is_dir()
            && counted < MAX_COUNTED
            && let Ok(listing) = fs_err::read_dir(&path)
        {
            open.extend(listing.flatten().map(|item| item.path()));
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trees_with_the_name_of_a_removed_run_are_leftovers() {
        let root = tempfile::tempdir().unwrap();
        let made = |name: &str| fs_err::create_dir(root.path().join(name)).unwrap();
        made(".removing-20261120T0751Z-a-4be1c07a");
        made(".removing-notes");
        made("20261120T0751Z-a-4be1c07b");
        let file = root.path().join(".removing-20261120T0751Z-a-4be1c07c");
        fs_err::write(&file, "x").unwrap();
        let link = root.path().join(".removing-20261120T0751Z-a-4be1c07d");
        std::os::unix::fs::symlink(root.path(), link).unwrap();
        let found = leftovers(&Runs::new(root.path().into(), true)).unwrap();
        let expected = root.path().join(".removing-20261120T0751Z-a-4be1c07a");
        assert_eq!(found, [expected]);
        let none = Runs::new(root.path().join("none"), true);
        assert!(leftovers(&none).unwrap().is_empty());
    }

    #[test]
    fn sizes_are_of_the_tree_alone() {
        let root = tempfile::tempdir().unwrap();
        let tree = root.path().join("tree");
        fs_err::create_dir(&tree).unwrap();
        let empty = disk_bytes(&tree);
        fs_err::write(root.path().join("big"), vec![1; 1 << 20]).unwrap();
        std::os::unix::fs::symlink("../big", tree.join("link")).unwrap();
        assert!(disk_bytes(&tree) < empty + (1 << 16));
        fs_err::write(tree.join("own"), vec![1; 1 << 20]).unwrap();
        assert!(disk_bytes(&tree) >= 1 << 20);
        assert_eq!(disk_bytes(&root.path().join("none")), 0);
    }
}
