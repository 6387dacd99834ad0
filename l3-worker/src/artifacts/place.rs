//! All files of an attempt at once: from a temporary name to their own.

use std::io;
use std::path::Path;

use crate::workspace::remove_tree;

/// Syncs the gathered directories, then gives them their name, durably.
pub(super) fn put(gathered: &Path, place: &Path, parent: &Path) -> io::Result<()> {
    // Nothing gathered: every declared directory was empty.
    fs_err::create_dir_all(gathered)?;
    let mut queue = vec![gathered.to_owned()];
    while let Some(dir) = queue.pop() {
        fs_err::File::open(&dir)?.sync_all()?;
        for entry in fs_err::read_dir(&dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                queue.push(entry.path());
            }
        }
    }
    remove_tree(place)?;
    fs_err::rename(gathered, place)?;
    fs_err::File::open(parent)?.sync_all()
}
