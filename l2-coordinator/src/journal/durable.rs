//! Small files that are there whole or not at all, whatever dies meanwhile.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use fs_err::File;

/// Replaces the file at `path` by `bytes` and waits until it is on stable storage, its directory
/// entry included. A reader sees the old content or the new; a crash may leave `<path>.tmp`.
/// For one writer at a time.
///
/// # Errors
/// The disk fails or is full; the old content is still there.
pub fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = beside(path);
    let mut file = File::create(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| fs_err::rename(&temporary, path)) {
        // Best effort: the first error is the one to tell.
        let _removed = fs_err::remove_file(&temporary);
        return Err(error);
    }
    path.parent().map_or(Ok(()), sync_dir)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
