//! Files beneath a run directory: found without following links, and hashed.

use std::io::{self, Read as _};
use std::path::Path;

use fs_err::File;
use protocol::digest::{Digest, Hasher};

const CHUNK_BYTES: usize = 64 * 1024;

/// One thing in a directory that is not a directory.
pub(super) struct Entry {
    /// Path beneath the run directory, `/`-separated; odd names are shown lossily.
    pub(super) path: String,
    /// A regular file; anything else is neither opened nor followed.
    pub(super) regular: bool,
}

/// Calls `visit` for everything beneath `dir/name` that is not a directory, in no order. A missing
/// directory is an empty one.
pub(super) fn walk(
    dir: &Path,
    name: &str,
    visit: &mut dyn FnMut(Entry) -> io::Result<()>,
) -> io::Result<()> {
    if !fs_err::symlink_metadata(dir.join(name)).is_ok_and(|found| found.is_dir()) {
        return match fs_err::symlink_metadata(dir.join(name)) {
            Ok(_) => visit(Entry {
                path: name.to_owned(),
                regular: false,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
    }
    // A list of directories to come, not recursion: depth is the file system's business.
    let mut pending = vec![(dir.join(name), name.to_owned())];
    while let Some((directory, shown)) = pending.pop() {
        for entry in fs_err::read_dir(&directory)? {
            let entry = entry?;
            let path = format!("{shown}/{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                pending.push((entry.path(), path));
            } else {
                visit(Entry {
                    path,
                    regular: kind.is_file(),
                })?;
            }
        }
    }
    Ok(())
}

/// Size and SHA-256 of the regular file `path` beneath `dir`; `None` when there is none.
///
/// # Errors
/// It cannot be read.
pub fn hash(dir: &Path, path: &str) -> io::Result<Option<(u64, Digest)>> {
    let full = dir.join(path);
    match fs_err::symlink_metadata(&full) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut file = File::open(full)?;
    let mut hasher = Hasher::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut bytes = 0;
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(Some((bytes, hasher.finish()))),
            n => {
                hasher.update(&chunk[..n]);
                bytes += n as u64;
            }
        }
    }
}
