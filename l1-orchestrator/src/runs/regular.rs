//! Opens files of run directories, which may come from anywhere: a pipe or a device in the place of
//! a file is refused instead of waited for.

use std::io;
use std::path::Path;

use fs_err::os::unix::fs::OpenOptionsExt as _;
use fs_err::{File, OpenOptions};
use rustix::fs::OFlags;

/// Opens a regular file for reading.
///
/// # Errors
/// There is none, it is something else, or it cannot be opened.
pub fn open_regular(path: &Path) -> io::Result<File> {
    // Without it the opening of a pipe that nobody writes would not return.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let flags = i32::try_from(flags).expect("flags of open fit its argument");
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    let message = format!("{} is no regular file", path.display());
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}
