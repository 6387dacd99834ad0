//! Requests and replies as files of the run directory, each named by the digest of its bytes. A file
//! is whole and on disk, its directory included, before anybody hears of its name.

use std::io::{self, Read as _, Write as _};
use std::path::Path;

use fs_err::{File, OpenOptions};
use protocol::budget::CallId;
use protocol::digest::Digest;
use protocol::run_dir;
use serde::{Deserialize, Serialize};

use crate::model::{MAX_REQUEST_BYTES, ModelReply, ModelRequest};

const SCHEMA: &str = "orchestra.call/v1";
/// Bytes of a file: a request at its largest, twice for what JSON escapes, and its reply.
const MAX_BYTES: u64 = 3 * MAX_REQUEST_BYTES as u64;
/// Ends the name of a file that is not whole yet.
const UNFINISHED: &str = ".tmp";

#[derive(Serialize)]
struct Written<'a> {
    schema: &'static str,
    request: &'a ModelRequest,
    reply: &'a ModelReply,
}

#[derive(Deserialize)]
struct Kept {
    schema: String,
    request: ModelRequest,
    reply: ModelReply,
}

/// Keeps a request and its reply; returns the name.
pub(super) fn keep(
    run: &Path,
    call: CallId,
    request: &ModelRequest,
    reply: &ModelReply,
) -> io::Result<Digest> {
    let written = Written {
        schema: SCHEMA,
        request,
        reply,
    };
    let mut bytes = serde_json::to_vec_pretty(&written)?;
    bytes.push(b'\n');
    let digest = Digest::of(&bytes);
    let dir = run.join(run_dir::CALLS);
    match fs_err::create_dir(&dir) {
        Ok(()) => File::open(run)?.sync_all()?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    // Equal calls are one file in the end; until then each has its own.
    let unfinished = dir.join(format!("{call}{UNFINISHED}"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&unfinished)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs_err::rename(&unfinished, run.join(run_dir::call_file(digest)))?;
    File::open(&dir)?.sync_all()?;
    Ok(digest)
}

/// The reply of a file that an earlier life kept. `None` if it is not there, is not what it was, or
/// answers another request.
pub(super) fn recall(
    run: &Path,
    name: Digest,
    request: &ModelRequest,
) -> io::Result<Option<ModelReply>> {
    let file = match File::open(run.join(run_dir::call_file(name))) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    if Digest::of(&bytes) != name {
        return Ok(None);
    }
    let kept: Option<Kept> = serde_json::from_slice(&bytes).ok();
    let kept = kept.filter(|kept| kept.schema == SCHEMA && kept.request == *request);
    Ok(kept.map(|kept| kept.reply))
}

/// Removes what a life of the run that was cut off left unfinished.
///
/// # Errors
/// The directory of calls cannot be read, or a file of it not removed.
pub fn sweep(run: &Path) -> io::Result<()> {
    let entries = match fs_err::read_dir(run.join(run_dir::CALLS)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.ends_with(UNFINISHED)) {
            fs_err::remove_file(path)?;
        }
    }
    Ok(())
}
