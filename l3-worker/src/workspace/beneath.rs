//! Files of a directory that others change meanwhile: everything goes through a descriptor of it, never
//! passes a link, and never leaves it, whatever takes the place of a directory on the way.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Non-blocking, so that a FIFO in the place of a file is refused instead of waited for.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);
const NEW: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// A directory, whatever its path leads to by now. Paths of its methods are relative to it.
#[derive(Debug)]
pub(super) struct Root(OwnedFd);

impl Root {
    /// The directory at `path`.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(rustix::fs::openat(
            CWD,
            path,
            DIRECTORY,
            Mode::empty(),
        )?))
    }

    /// What is there, without following it.
    pub(super) fn kind(&self, inner: &Path) -> io::Result<Option<FileType>> {
        let (around, name) = self.around(inner)?;
        match rustix::fs::statat(&around, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(FileType::from_raw_mode(found.st_mode))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn make_dir(&self, inner: &Path) -> io::Result<()> {
        let (around, name) = self.around(inner)?;
        Ok(rustix::fs::mkdirat(&around, name, Mode::from(0o777))?)
    }

    /// A regular file to be read.
    pub(super) fn read(&self, inner: &Path) -> io::Result<std::fs::File> {
        let (around, name) = self.around(inner)?;
        let opened = rustix::fs::openat(&around, name, READ, Mode::empty())?;
        let file = std::fs::File::from(opened);
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(io::Error::other("not a regular file")),
        }
    }

    /// Makes a file, in the place of nothing, and lets `fill` write it; what cannot be filled goes again.
    pub(super) fn create(
        &self,
        inner: &Path,
        fill: impl FnOnce(&mut std::fs::File) -> io::Result<()>,
    ) -> io::Result<()> {
        let (around, name) = self.around(inner)?;
        let made = rustix::fs::openat(&around, name, NEW, Mode::from(0o666))?;
        let filled = fill(&mut std::fs::File::from(made));
        if filled.is_err() {
            // Best effort: the first error is the one to tell.
            let _removed = rustix::fs::unlinkat(&around, name, AtFlags::empty());
        }
        filled
    }

    /// Removes a file, or an empty directory. What is not there is removed.
    pub(super) fn remove(&self, inner: &Path) -> io::Result<()> {
        let (around, name) = self.around(inner)?;
        let removed = match rustix::fs::statat(&around, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) if FileType::from_raw_mode(found.st_mode).is_dir() => {
                rustix::fs::unlinkat(&around, name, AtFlags::REMOVEDIR)
            }
            Ok(_) => rustix::fs::unlinkat(&around, name, AtFlags::empty()),
            Err(error) => Err(error),
        };
        match removed {
            Err(Errno::NOENT) => Ok(()),
            removed => Ok(removed?),
        }
    }

    /// The directory around what `inner` names, and its last name.
    fn around<'a>(&self, inner: &'a Path) -> io::Result<(OwnedFd, &'a OsStr)> {
        let name = inner.file_name().ok_or(Errno::INVAL)?;
        let around = inner.parent().unwrap_or(Path::new(""));
        let opened = open_beneath(self.0.as_fd(), around, DIRECTORY)?;
        Ok((opened, name))
    }
}

/// Opens what `inner` names beneath `root` without passing a link; empty is `root` itself.
pub(super) fn open_beneath(
    root: BorrowedFd<'_>,
    inner: &Path,
    flags: OFlags,
) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let inner = match inner.as_os_str().is_empty() {
        true => Path::new("."),
        false => inner,
    };
    rustix::fs::openat2(root, inner, flags, Mode::empty(), resolve)
}

/// Whether a link, or something else that is no directory, is in the way.
pub(super) fn is_in_the_way(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::LOOP | Errno::NOTDIR | Errno::XDEV))
}
