//! From what is on disk back to a machine: the fold of the journal, and a check of sealed files.

use std::io;
use std::path::Path;

use protocol::artifact::SealedFile;
use protocol::digest::HashingWriter;
use protocol::ids::TaskId;
use protocol::plan::TaskIndex;
use protocol::state::{Role, RunState, TaskState};

use crate::coordinator::CoordinatorError;
use crate::journal::{End, Reader, Storage};
use crate::machine::{Machine, Now};
use crate::model::Recall;

/// Applies every good event, collects replies that nothing came of, and says how the journal ends.
pub(crate) fn fold(
    storage: &dyn Storage,
    machine: &mut Machine,
    recall: &Recall,
    now: Now,
) -> Result<End, CoordinatorError> {
    let source = storage.reader().map_err(crate::journal::ReadError::Io)?;
    let mut reader = Reader::new(source);
    while let Some(event) = reader.next_event()? {
        recall.apply(&event.kind);
        machine.apply(now, &event)?;
    }
    Ok(reader.finish()?)
}

/// Done tasks with a sealed file that is missing or not what was sealed, each with the first such
/// file. Asked only while something may still read them.
pub(crate) fn corrupt(run_dir: &Path, run: &RunState) -> io::Result<Vec<(TaskId, String)>> {
    let mut found = Vec::new();
    if run.is_over() {
        return Ok(found);
    }
    for (at, record) in run.tasks().iter().enumerate() {
        let index = TaskIndex::new(at);
        // What a nested scenario hands on is a task's of its own.
        if !matches!(run.role(index), Role::Work) {
            continue;
        }
        let Some(results) = record.results.as_deref() else {
            continue;
        };
        if record.state != TaskState::Done {
            continue;
        }
        let files = results
            .artifacts
            .iter()
            .flat_map(|artifact| &artifact.files);
        for file in files {
            if !is_intact(run_dir, file)? {
                found.push((run.id(index), file.path.clone()));
                break;
            }
        }
    }
    Ok(found)
}

fn is_intact(run_dir: &Path, sealed: &SealedFile) -> io::Result<bool> {
    let path = run_dir.join(&sealed.path);
    // Looked at before it is opened: opening a FIFO in its place would wait for ever.
    match fs_err::symlink_metadata(&path) {
        Ok(found) if found.is_file() && found.len() == sealed.bytes => {}
        Ok(_) => return Ok(false),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(false);
        }
        Err(error) => return Err(error),
    }
    let mut file = fs_err::File::open(&path)?;
    let mut hashing = HashingWriter::new(io::sink());
    io::copy(&mut file, &mut hashing)?;
    let (_, digest, bytes) = hashing.finish();
    Ok(digest == sealed.sha256 && bytes == sealed.bytes)
}

#[cfg(test)]
mod tests {
    use protocol::digest::Digest;

    use super::*;

    #[test]
    fn only_a_regular_file_with_the_sealed_bytes_is_intact() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        let sealed = SealedFile {
            path: "a/b".into(),
            sha256: Digest::of(b"sealed"),
            bytes: 6,
        };
        let intact = || is_intact(dir.path(), &sealed).unwrap();
        assert!(!intact(), "missing");
        fs_err::write(at("a"), "a file where a directory was").unwrap();
        assert!(!intact(), "beneath a file");
        fs_err::remove_file(at("a")).unwrap();
        fs_err::create_dir(at("a")).unwrap();
        fs_err::write(at("a/b"), "sealed").unwrap();
        assert!(intact());
        fs_err::write(at("a/b"), "change").unwrap();
        assert!(!intact(), "changed");
        fs_err::write(at("copy"), "sealed").unwrap();
        fs_err::remove_file(at("a/b")).unwrap();
        std::os::unix::fs::symlink(at("copy"), at("a/b")).unwrap();
        assert!(!intact(), "a link");
        fs_err::remove_file(at("a/b")).unwrap();
        let (path, mode) = (at("a/b"), rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR);
        rustix::fs::mkfifoat(rustix::fs::CWD, path, mode).unwrap();
        assert!(!intact(), "a FIFO");
    }
}
