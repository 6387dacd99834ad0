//! Puts declared files into a workspace. Sealed files are verified while they are copied: what a
//! task reads has the digest that the journal promised, whatever happened on disk since.

use std::ffi::OsStr;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use protocol::artifact::SealedFile;
use protocol::digest::{Digest, Hasher};
use protocol::message::{FileSource, StagedFile};
use protocol::policy::Constraints;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::beneath::open_beneath;
use super::source;

/// Copied in pieces of this size.
const CHUNK_BYTES: usize = 128 * 1024;
/// Entries of a local directory staged at most; a bound against `/`, far above real inputs.
const MAX_LOCAL_FILES: usize = 100_000;

/// Why the inputs are not in place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StageError {
    /// A path that is absolute or leaves the workspace.
    #[error("`{0}` is not a path inside the workspace")]
    Outside(String),
    /// An input is not there, or not a regular file or directory.
    #[error("input for `{to}` cannot be read: {source}")]
    Missing { to: String, source: io::Error },
    /// A link leads to what the task may not read.
    #[error(
        "`{0}` is a link to where tasks may not read; name what it leads to, or let them read it"
    )]
    Astray(String),
    /// The stored bytes are not those that were sealed.
    #[error("`{path}` has digest {found}, sealed was {sealed}")]
    Corrupt {
        path: String,
        sealed: Digest,
        found: Digest,
    },
    /// The workspace cannot be written.
    #[error("`{to}` cannot be written: {source}")]
    Write { to: String, source: io::Error },
    /// A file of the project would be overwritten.
    #[error("`{0}` is in the project already, and different")]
    Occupied(String),
    /// The policy keeps tasks from writing there.
    #[error("`{0}` is protected, so nothing is staged there")]
    Protected(String),
    /// More files than anyone means to copy.
    #[error("`{0}` holds more than {MAX_LOCAL_FILES} files")]
    TooMany(String),
}

/// Copies `files` into `workspace`, those of the host as `constraints` let a task read them. Sealed paths
/// are relative to `run_dir`.
///
/// # Errors
/// The first input that cannot be put in place.
pub(crate) fn stage(
    files: &[StagedFile],
    run_dir: &Path,
    workspace: &Path,
    constraints: &Constraints,
) -> Result<(), StageError> {
    for file in files {
        let to = relative(&file.to).ok_or_else(|| StageError::Outside(file.to.clone()))?;
        let to = workspace.join(to);
        match &file.source {
            FileSource::Artifact {
                files,
                directory,
                strip,
            } => {
                for sealed in files {
                    let to = match directory {
                        true => to.join(rest_of(sealed, strip)?),
                        false => to.clone(),
                    };
                    copy_sealed(sealed, run_dir, &to)?;
                }
                if *directory {
                    make_dir(&to)?;
                }
            }
            FileSource::Local { path } => copy_local(Path::new(path), &to, constraints)?,
        }
    }
    Ok(())
}

/// A path without root, `..` or NUL; `.` and doubled slashes fall away. Empty is the top itself.
pub(crate) fn relative(path: &str) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!path.contains('\0')).then_some(clean)
}

/// What follows the artifact's own path.
pub(super) fn rest_of(sealed: &SealedFile, strip: &str) -> Result<PathBuf, StageError> {
    let rest = Path::new(&sealed.path)
        .strip_prefix(strip)
        .ok()
        .and_then(Path::to_str);
    let rest = rest
        .and_then(relative)
        .filter(|rest| !rest.as_os_str().is_empty());
    rest.ok_or_else(|| StageError::Outside(sealed.path.clone()))
}

fn copy_sealed(sealed: &SealedFile, run_dir: &Path, to: &Path) -> Result<(), StageError> {
    let from = relative(&sealed.path).ok_or_else(|| StageError::Outside(sealed.path.clone()))?;
    let from = run_dir.join(from);
    // Non-blocking, so that a FIFO in the place of a file is refused instead of waited for.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(CWD, &from, flags, Mode::empty());
    let opened = opened.map_err(|error| missing(to, error.into()))?;
    let found = copy(opened, &from, to)?;
    if found != sealed.sha256 {
        let (path, sealed) = (sealed.path.clone(), sealed.sha256);
        return Err(StageError::Corrupt {
            path,
            sealed,
            found,
        });
    }
    Ok(())
}

/// A file, or a directory with the regular files beneath it. Links below the top are neither copied nor
/// followed, whatever becomes one meanwhile: everything is opened beneath the directory once opened.
fn copy_local(from: &Path, to: &Path, constraints: &Constraints) -> Result<(), StageError> {
    let top = source::open(from, to, constraints)?;
    let errno = |error: Errno| missing(to, error.into());
    let is_dir = |stat: &Stat| FileType::from_raw_mode(stat.st_mode).is_dir();
    if !is_dir(&rustix::fs::fstat(&top).map_err(errno)?) {
        return copy(top, from, to).map(drop);
    }
    let mut queue = vec![PathBuf::new()];
    let mut count = 0;
    while let Some(inner) = queue.pop() {
        make_dir(&to.join(&inner))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = open_beneath(top.as_fd(), &inner, flags).map_err(errno)?;
        for entry in Dir::read_from(&dir).map_err(errno)? {
            let entry = entry.map_err(errno)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            count += 1;
            if count > MAX_LOCAL_FILES {
                return Err(StageError::TooMany(from.join(inner).display().to_string()));
            }
            let kind = match entry.file_type() {
                FileType::Unknown => {
                    let stat = rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW);
                    FileType::from_raw_mode(stat.map_err(errno)?.st_mode)
                }
                kind => kind,
            };
            let inner = inner.join(name);
            if kind.is_dir() {
                queue.push(inner);
            } else if kind.is_file() {
                let flags = OFlags::RDONLY
                    | OFlags::NOFOLLOW
                    | OFlags::NONBLOCK
                    | OFlags::NOCTTY
                    | OFlags::CLOEXEC;
                let opened = rustix::fs::openat(&dir, name, flags, Mode::empty());
                copy(opened.map_err(errno)?, &from.join(&inner), &to.join(&inner))?;
            }
        }
    }
    Ok(())
}

fn missing(to: &Path, source: io::Error) -> StageError {
    StageError::Missing {
        to: to.display().to_string(),
        source,
    }
}

/// Copies what is opened, known as `from`.
fn copy(opened: OwnedFd, from: &Path, to: &Path) -> Result<Digest, StageError> {
    let missing = |source| missing(to, source);
    let write = |source| StageError::Write {
        to: to.display().to_string(),
        source,
    };
    let mut source = fs_err::File::from_parts(std::fs::File::from(opened), from);
    let metadata = source.metadata().map_err(missing)?;
    if !metadata.is_file() {
        return Err(missing(io::Error::other("not a regular file")));
    }
    if let Some(parent) = to.parent() {
        make_dir(parent)?;
    }
    let mut target = fs_err::File::create(to).map_err(write)?;
    let mut hasher = Hasher::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = source.read(&mut chunk).map_err(missing)?;
        if read == 0 {
            break;
        }
        hasher.update(&chunk[..read]);
        target.write_all(&chunk[..read]).map_err(write)?;
    }
    // Without set-uid and the like.
    let mode = std::fs::Permissions::from_mode(metadata.permissions().mode() & 0o777);
    target.set_permissions(mode).map_err(write)?;
    Ok(hasher.finish())
}

fn make_dir(path: &Path) -> Result<(), StageError> {
    let write = |source| StageError::Write {
        to: path.display().to_string(),
        source,
    };
    fs_err::create_dir_all(path).map_err(write)
}

#[cfg(test)]
mod tests;
