//! What a crash leaves in a run directory: workspaces, and artifacts that no event names.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use protocol::ids::TaskId;
use protocol::run_dir;

use super::project::{slot_of, take_away_leftovers};
use super::remove::remove_tree;

/// Removes all workspaces with what was lent to projects from them, and everything in `artifacts/` that belongs to none of the tasks in
/// `done`: half gathered, or sealed by an attempt whose success was never journaled. Call it while
/// no process of the run lives.
///
/// # Errors
/// The kernel refuses.
pub fn clear_leftovers(run_dir: &Path, done: &BTreeSet<TaskId>) -> io::Result<()> {
    let work = run_dir.join(run_dir::WORK);
    for entry in fs_err::read_dir(&work).into_iter().flatten().flatten() {
        if let Some(slot) = slot_of(&entry.path()) {
            take_away_leftovers(&slot);
        }
    }
    remove_tree(&work)?;
    let kept: BTreeSet<String> = done.iter().map(TaskId::wire).collect();
    let artifacts = match fs_err::read_dir(run_dir.join(run_dir::ARTIFACTS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        artifacts => artifacts?,
    };
    for entry in artifacts {
        let entry = entry?;
        if !entry
            .file_name()
            .to_str()
            .is_some_and(|name| kept.contains(name))
        {
            remove_tree(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_artifacts_of_done_tasks_stay() {
        let dir = tempfile::tempdir().unwrap();
        clear_leftovers(dir.path(), &BTreeSet::new()).unwrap();
        for inner in [
            "work/slot0.1/home",
            "artifacts/a-0/x",
            "artifacts/b",
            "artifacts/.a-0.2.part",
        ] {
            fs_err::create_dir_all(dir.path().join(inner)).unwrap();
        }
        let done = BTreeSet::from(["a[0]".parse().unwrap()]);
        clear_leftovers(dir.path(), &done).unwrap();
        let names = |inner: &str| -> Vec<_> {
            let entries = fs_err::read_dir(dir.path().join(inner)).unwrap().flatten();
            entries.map(|entry| entry.file_name()).collect()
        };
        assert_eq!(
            (names(""), names("artifacts")),
            (vec!["artifacts".into()], vec!["a-0".into()])
        );
    }
}
