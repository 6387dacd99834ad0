//! From what is on disk back to a machine: the fold of the journal, and a check of sealed files.

use std::io;
use std::path::Path;

use protocol::artifact::SealedFile;
use protocol::digest::HashingWriter;
use protocol::ids::TaskId;
use protocol::state::{RunState, TaskState};

use crate::coordinator::CoordinatorError;
use crate::journal::{End, Reader, Storage};
use crate::machine::{Machine, Now};

/// Applies every good event and says how the journal ends.
pub(crate) fn fold(
    storage: &dyn Storage,
    machine: &mut Machine,
    now: Now,
) -> Result<End, CoordinatorError> {
    let source = storage.reader().map_err(crate::journal::ReadError::Io)?;
    let mut reader = Reader::new(source);
    while let Some(event) = reader.next_event()? {
        machine.apply(now, &event)?;
    }
    Ok(reader.finish()?)
}

/// Done tasks with a sealed file that is missing or not what was sealed, each with the first such
/// file. Asked only while something may still read them.
pub(crate) fn corrupt(run_dir: &Path, run: &RunState) -> io::Result<Vec<(TaskId, String)>> {
    let mut found = Vec::new();
    if run.counts().open() == 0 {
        return Ok(found);
    }
    for (index, task) in run.plan().tasks() {
        let record = run.task(index);
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
                found.push((task.id().clone(), file.path.clone()));
                break;
            }
        }
    }
    Ok(found)
}

fn is_intact(run_dir: &Path, sealed: &SealedFile) -> io::Result<bool> {
    let path = run_dir.join(&sealed.path);
    let mut file = match fs_err::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if file.metadata()?.len() != sealed.bytes {
        return Ok(false);
    }
    let mut hashing = HashingWriter::new(io::sink());
    io::copy(&mut file, &mut hashing)?;
    let (_, digest, bytes) = hashing.finish();
    Ok(digest == sealed.sha256 && bytes == sealed.bytes)
}
