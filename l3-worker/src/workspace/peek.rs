//! Reads declared files into memory, each up to a bound, for an attempt that has no workspace. They are
//! opened as staging opens them, and sealed ones are verified to their last byte, however little of them
//! is kept.

use std::ffi::OsStr;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use protocol::digest::Hasher;
use protocol::message::FileSource;
use protocol::policy::Constraints;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::beneath::open_beneath;
use super::source;
use super::stage::{StageError, relative, rest_of};

const CHUNK_BYTES: usize = 128 * 1024;
/// Entries of a local directory looked at: a bound against `/`, far above what anybody reads.
const MAX_LOCAL_ENTRIES: usize = 10_000;

/// The beginning of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peeked {
    /// Its path beneath the directory that was named; empty where it was named itself.
    pub name: String,
    /// Its beginning.
    pub bytes: Vec<u8>,
    /// How long it is.
    pub total: u64,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Bytes of one file.
    pub each: usize,
    /// Bytes of all.
    pub all: usize,
}

impl Room {
    fn next(&self) -> usize {
        self.each.min(self.all)
    }

    fn keep(&mut self, name: String, bytes: Vec<u8>, total: u64) -> Peeked {
        self.all = self.all.saturating_sub(bytes.len());
        Peeked { name, bytes, total }
    }
}

/// The files of a source, in the order of their names, those of the host as `constraints` let a task read
/// them. Sealed paths are relative to `run_dir`. What is kept is taken from `room`.
pub(crate) fn peek(
    source: &FileSource,
    label: &str,
    run_dir: &Path,
    constraints: &Constraints,
    room: &mut Room,
) -> Result<Vec<Peeked>, StageError> {
    match source {
        FileSource::Artifact {
            files,
            directory,
            strip,
        } => {
            let mut peeked = Vec::with_capacity(files.len());
            for sealed in files {
                let name = match directory {
                    true => rest_of(sealed, strip)?.display().to_string(),
                    false => String::new(),
                };
                let path = relative(&sealed.path);
                let path = path.ok_or_else(|| StageError::Outside(sealed.path.clone()))?;
                let path = run_dir.join(path);
                let opened = rustix::fs::openat(CWD, &path, source::READ, Mode::empty());
                let (bytes, total, found) = opened
                    .map_err(io::Error::from)
                    .and_then(|opened| read_all(opened, room.next()))
                    .map_err(|source| missing(label, source))?;
                if found != sealed.sha256 {
                    return Err(StageError::Corrupt {
                        path: path.display().to_string(),
                        sealed: sealed.sha256,
                        found,
                    });
                }
                peeked.push(room.keep(name, bytes, total));
            }
            Ok(peeked)
        }
        FileSource::Local { path } => local(Path::new(path), label, constraints, room),
    }
}

fn missing(label: &str, source: io::Error) -> StageError {
    StageError::Missing {
        to: label.to_owned(),
        source,
    }
}

/// All of a file is hashed, its beginning is kept.
fn read_all(opened: OwnedFd, most: usize) -> io::Result<(Vec<u8>, u64, protocol::digest::Digest)> {
    let mut file = regular(opened)?;
    let (mut kept, mut total, mut hasher) = (Vec::new(), 0, Hasher::new());
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok((kept, total, hasher.finish()));
        }
        hasher.update(&chunk[..read]);
        let room = most.saturating_sub(kept.len());
        kept.extend_from_slice(&chunk[..read.min(room)]);
        total += read as u64;
    }
}

/// Only the beginning is read.
fn read_some(opened: OwnedFd, most: usize) -> io::Result<(Vec<u8>, u64)> {
    let file = regular(opened)?;
    let size = file.metadata()?.len();
    let mut kept = Vec::new();
    file.take(most as u64).read_to_end(&mut kept)?;
    // Files of the kernel say that they are empty.
    let total = size.max(kept.len() as u64);
    Ok((kept, total))
}

fn regular(opened: OwnedFd) -> io::Result<std::fs::File> {
    let file = std::fs::File::from(opened);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("not a regular file")),
    }
}

/// A file, or a directory with the regular files beneath it that are not links.
fn local(
    path: &Path,
    label: &str,
    constraints: &Constraints,
    room: &mut Room,
) -> Result<Vec<Peeked>, StageError> {
    let top = source::open(path, Path::new(label), constraints)?;
    let errno = |error: Errno| missing(label, error.into());
    let stat = rustix::fs::fstat(&top).map_err(errno)?;
    if !FileType::from_raw_mode(stat.st_mode).is_dir() {
        let (bytes, total) =
            read_some(top, room.next()).map_err(|source| missing(label, source))?;
        return Ok(vec![room.keep(String::new(), bytes, total)]);
    }
    let mut found = files_beneath(&top, path).map_err(|error| match error {
        Beneath::Errno(error) => errno(error),
        Beneath::TooMany(at) => StageError::TooMany(at),
    })?;
    found.sort();
    let mut peeked = Vec::with_capacity(found.len());
    for inner in found {
        let opened = open_beneath(top.as_fd(), &inner, source::READ).map_err(errno)?;
        let (bytes, total) =
            read_some(opened, room.next()).map_err(|source| missing(label, source))?;
        peeked.push(room.keep(inner.display().to_string(), bytes, total));
    }
    Ok(peeked)
}

enum Beneath {
    Errno(Errno),
    TooMany(String),
}

impl From<Errno> for Beneath {
    fn from(error: Errno) -> Self {
        Self::Errno(error)
    }
}

fn files_beneath(top: &OwnedFd, named: &Path) -> Result<Vec<PathBuf>, Beneath> {
    let (mut found, mut queue) = (Vec::new(), vec![PathBuf::new()]);
    let mut count = 0;
    while let Some(at) = queue.pop() {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = open_beneath(top.as_fd(), &at, flags)?;
        for entry in Dir::read_from(&dir)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            count += 1;
            if count > MAX_LOCAL_ENTRIES {
                return Err(Beneath::TooMany(named.join(&at).display().to_string()));
            }
            let kind = match entry.file_type() {
                FileType::Unknown => {
                    let stat = rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
                    FileType::from_raw_mode(stat.st_mode)
                }
                kind => kind,
            };
            let inner = at.join(name);
            if kind.is_dir() {
                queue.push(inner);
            } else if kind.is_file() {
                found.push(inner);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use protocol::artifact::SealedFile;
    use protocol::digest::Digest;

    use super::*;

    fn room(each: usize) -> Room {
        Room { each, all: 1000 }
    }

    fn sealed(path: &str, bytes: &[u8]) -> SealedFile {
        SealedFile {
            path: path.into(),
            bytes: bytes.len() as u64,
            sha256: Digest::of(bytes),
        }
    }

    fn names(peeked: &[Peeked]) -> Vec<(&str, &[u8], u64)> {
        let all = peeked.iter();
        all.map(|one| (&*one.name, &*one.bytes, one.total))
            .collect()
    }

    #[test]
    fn sealed_files_are_verified_to_the_end() {
        let dir = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(dir.path().join("artifacts/a/out")).unwrap();
        let at = dir.path().join("artifacts/a/out/x");
        fs_err::write(&at, "0123456789").unwrap();
        let source = FileSource::Artifact {
            files: vec![sealed("artifacts/a/out/x", b"0123456789")],
            directory: true,
            strip: "artifacts/a/out".into(),
        };
        let look =
            |room: &mut Room| peek(&source, "x", dir.path(), &Constraints::unconfined(), room);
        let peeked = look(&mut room(4)).unwrap();
        assert_eq!(names(&peeked), [("x", &b"0123"[..], 10)]);
        fs_err::write(&at, "012345678X").unwrap();
        let error = look(&mut room(4)).unwrap_err();
        assert!(matches!(error, StageError::Corrupt { .. }), "{error}");
        fs_err::remove_file(&at).unwrap();
        let error = look(&mut room(4)).unwrap_err();
        assert!(matches!(error, StageError::Missing { .. }), "{error}");
    }

    #[test]
    fn a_directory_is_read_in_the_order_of_names_without_links() {
        let dir = tempfile::tempdir().unwrap();
        fs_err::create_dir(dir.path().join("sub")).unwrap();
        for (name, text) in [("b", "bb"), ("a", "aaaa"), ("sub/c", "c")] {
            fs_err::write(dir.path().join(name), text).unwrap();
        }
        fs_err::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
        let look = |path: &Path, room: &mut Room| {
            let path = path.display().to_string();
            let source = FileSource::Local { path };
            peek(
                &source,
                "in",
                Path::new("/"),
                &Constraints::unconfined(),
                room,
            )
        };
        let mut all = Room { each: 3, all: 4 };
        let peeked = look(dir.path(), &mut all).unwrap();
        assert_eq!(
            names(&peeked),
            [("a", &b"aaa"[..], 4), ("b", b"b", 2), ("sub/c", b"", 1)]
        );
        let one = look(&dir.path().join("b"), &mut room(10)).unwrap();
        assert_eq!(names(&one), [("", &b"bb"[..], 2)]);
        assert!(look(&dir.path().join("none"), &mut room(1)).is_err());
        assert!(look(Path::new("/dev/null"), &mut room(1)).is_err());
    }
}
