//! Seals declared outputs: copies regular files out of a dead attempt's workspace.
//!
//! Every path is opened beneath the workspace by the kernel (`openat2`: no links, no way up, no
//! other file system), so nothing a task leaves can point the copy elsewhere. A file keeps its path:
//! `out/report.md` of task `a` becomes `artifacts/a/out/report.md`. A declared directory (`out/`,
//! `out/**`, or a path that is one) yields every regular file beneath it; links, FIFOs, sockets
//! and devices in it are left out, counted and logged. Hard links are files like any other: they are copied.
//! A file that holds a secret, or is named by one, is refused, and with it the attempt.
//!
//! All of a task's files appear at once: they are gathered beneath a temporary name, synced, and
//! renamed as one directory. An attempt that fails leaves nothing in `artifacts/`.

mod given;
mod media;
mod place;

use std::collections::BTreeMap;
use std::ffi::{CStr, OsStr};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use protocol::artifact::{Artifact, SealedFile};
use protocol::digest::HashingWriter;
use protocol::ids::TaskId;
use protocol::policy::Constraints;
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::capture::{Detector, Patterns, escape};
use crate::workspace::{relative, remove_tree};

pub(crate) use given::{Given, seal_given};

/// Directories in one another; deeper trees are not results.
const MAX_DEPTH: usize = 64;
/// Entries looked at in all, whatever they are, per file that may be sealed.
const LOOKED_AT_PER_FILE: u64 = 10;
const CHUNK_BYTES: usize = 128 * 1024;
/// Bytes of the list of sealed files in a result: with outputs and the rest it fits in one message
/// (`MAX_MESSAGE_BYTES`), for any names. Room for a thousand files; more belong in an archive.
const MAX_LIST_BYTES: usize = 160 * 1024;
/// What one file takes in that list beside its path: digest, size, keys, punctuation.
const LISTED_FILE_BYTES: usize = 128;

/// Why an attempt's artifacts are not sealed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// Not there, or not something that can be sealed.
    #[error("artifact `{name}`: `{path}` {why}")]
    Missing {
        name: String,
        path: String,
        why: String,
    },
    /// The task moved its own workspace, or put something else in its place.
    #[error("the workspace is no directory any more")]
    Moved,
    /// More bytes than allowed.
    #[error("artifacts exceed {0} bytes")]
    Bytes(u64),
    /// More files than allowed.
    #[error("artifacts exceed {0} files")]
    Files(u64),
    /// Too many files, or too long names, to list in a message.
    #[error("the list of artifact files exceeds {MAX_LIST_BYTES} bytes; pack them into an archive")]
    List,
    /// A secret in a file or its name.
    #[error("artifact `{0}` holds a secret, in a file or in the name of one")]
    Secret(String),
    /// The run directory cannot be written.
    #[error("artifacts cannot be stored")]
    Store(#[source] io::Error),
}

/// What is to be sealed.
pub(crate) struct Harvest<'a> {
    /// By name, paths in the workspace.
    pub(crate) declared: &'a BTreeMap<String, String>,
    /// Of a dead attempt.
    pub(crate) workspace: &'a Path,
    pub(crate) run_dir: &'a Path,
    pub(crate) task: &'a TaskId,
    pub(crate) attempt: u32,
    pub(crate) limits: &'a Constraints,
    /// Not to be in any file.
    pub(crate) secrets: &'a Patterns,
}

/// Copies what is declared from the workspace into the run directory, and returns once it is
/// synced. Replaces what an unfinished earlier attempt may have left.
///
/// # Errors
/// Nothing is left in `artifacts/` then.
pub(crate) fn seal(harvest: &Harvest<'_>) -> Result<Vec<Artifact>, SealError> {
    let Harvest {
        declared,
        workspace,
        run_dir,
        task,
        attempt,
        limits,
        secrets,
    } = *harvest;
    if declared.is_empty() {
        return Ok(Vec::new());
    }
    let parent = run_dir.join(protocol::run_dir::ARTIFACTS);
    let gathered = parent.join(format!(".{}.{attempt}.part", task.wire()));
    let place = run_dir.join(protocol::run_dir::artifact_dir(task));
    fs_err::create_dir_all(&parent).map_err(SealError::Store)?;
    remove_tree(&gathered).map_err(SealError::Store)?;
    // Of a fresh workspace the task can make a link: the one around it is its own, too.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(CWD, workspace, flags, Mode::empty());
    let mut sealing = Sealing {
        workspace: opened.map_err(|error| match error {
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP => SealError::Moved,
            error => SealError::Store(error.into()),
        })?,
        gathered: &gathered,
        prefix: protocol::run_dir::artifact_dir(task),
        limits,
        secrets,
        bytes: 0,
        files: 0,
        looked_at: 0,
        listed: 0,
        chunk: vec![0; CHUNK_BYTES],
    };
    let sealed: Result<Vec<Artifact>, SealError> = declared
        .iter()
        .map(|(name, path)| sealing.one(name, path))
        .collect();
    let placed = sealed.and_then(|artifacts| {
        place::put(&gathered, &place, &parent).map_err(SealError::Store)?;
        Ok(artifacts)
    });
    if placed.is_err()
        && let Err(error) = remove_tree(&gathered)
    {
        tracing::warn!(%error, "gathered artifacts not removed");
    }
    placed
}

struct Sealing<'a> {
    workspace: OwnedFd,
    gathered: &'a Path,
    prefix: String,
    limits: &'a Constraints,
    secrets: &'a Patterns,
    bytes: u64,
    files: u64,
    looked_at: u64,
    listed: usize,
    chunk: Vec<u8>,
}

/// The first error wins, as a reason for one artifact.
struct Declared<'a> {
    name: &'a str,
    path: &'a str,
}

impl Declared<'_> {
    fn missing(&self, why: impl Into<String>) -> SealError {
        SealError::Missing {
            name: self.name.into(),
            path: escape(self.path.as_bytes()),
            why: why.into(),
        }
    }

    /// Before anything is said about a path that a task chose.
    fn named_openly(&self, path: &Path, secrets: &Patterns) -> Result<(), SealError> {
        match secrets.found_in(path.as_os_str().as_bytes()) {
            true => Err(SealError::Secret(self.name.into())),
            false => Ok(()),
        }
    }
}

impl Sealing<'_> {
    fn one(&mut self, name: &str, path: &str) -> Result<Artifact, SealError> {
        let declared = Declared { name, path };
        let plain = path.strip_suffix("**").unwrap_or(path);
        let wants_directory = plain.len() < path.len() || plain.ends_with('/') || plain.is_empty();
        let at = relative(plain).ok_or_else(|| declared.missing("leaves the workspace"))?;
        let opened = self.open(&at).map_err(|why| declared.missing(why))?;
        let is_directory = kind_of(&opened)? == FileType::Directory;
        let mut files = Vec::new();
        let mut left_out = 0;
        match (is_directory, wants_directory) {
            (true, _) => left_out = self.directory(&declared, &at, &mut files)?,
            (false, true) => return Err(declared.missing("is not a directory")),
            (false, false) => files.push(self.file(&declared, opened, &at)?),
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let media_type = if is_directory {
            "inode/directory"
        } else {
            media::by_name(&at)
        };
        let media_type = media_type.to_owned();
        Ok(Artifact {
            name: name.into(),
            media_type,
            directory: is_directory,
            left_out,
            files,
        })
    }

    /// Opens beneath the workspace, or says why not.
    fn open(&self, at: &Path) -> Result<OwnedFd, String> {
        let path = if at.as_os_str().is_empty() {
            Path::new(".")
        } else {
            at
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH
            | ResolveFlags::NO_SYMLINKS
            | ResolveFlags::NO_MAGICLINKS
            | ResolveFlags::NO_XDEV;
        rustix::fs::openat2(&self.workspace, path, flags, Mode::empty(), resolve).map_err(|error| {
            match error {
                Errno::NOENT | Errno::NOTDIR => "was not produced".to_owned(),
                Errno::LOOP => "is or passes a symbolic link".to_owned(),
                Errno::XDEV => "leaves the workspace".to_owned(),
                Errno::NXIO => "is not a regular file".to_owned(),
                other => format!("cannot be opened: {}", io::Error::from(other)),
            }
        })
    }

    /// Copies one opened file.
    fn file(
        &mut self,
        declared: &Declared<'_>,
        opened: OwnedFd,
        at: &Path,
    ) -> Result<SealedFile, SealError> {
        let Some(relative) = at.to_str() else {
            let shown = escape(at.as_os_str().as_bytes());
            return Err(declared.missing(format!("holds `{shown}`, whose name is not UTF-8")));
        };
        if kind_of(&opened)? != FileType::RegularFile {
            return Err(declared.missing("is not a regular file"));
        }
        self.files += 1;
        if self.files > self.limits.artifact_files {
            return Err(SealError::Files(self.limits.artifact_files));
        }
        let path = format!("{}/{relative}", self.prefix);
        // As JSON: a name can be all escapes.
        self.listed +=
            LISTED_FILE_BYTES + serde_json::to_string(&path).map_or(0, |text| text.len());
        if self.listed > MAX_LIST_BYTES {
            return Err(SealError::List);
        }
        let from = std::fs::File::from(opened);
        let size = from.metadata().map_err(SealError::Store)?.len();
        if size > self.limits.artifact_bytes - self.bytes {
            return Err(SealError::Bytes(self.limits.artifact_bytes));
        }
        let to = self.gathered.join(at);
        let mut detector = Detector::new(self.secrets.clone());
        let copied = self.copy(from, &to, &mut detector);
        let (sha256, bytes) = copied.map_err(SealError::Store)?;
        if detector.found() {
            return Err(SealError::Secret(declared.name.into()));
        }
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.limits.artifact_bytes {
            return Err(SealError::Bytes(self.limits.artifact_bytes));
        }
        Ok(SealedFile {
            path,
            bytes,
            sha256,
        })
    }

    fn copy(
        &mut self,
        mut from: std::fs::File,
        to: &Path,
        detector: &mut Detector,
    ) -> io::Result<(protocol::digest::Digest, u64)> {
        if let Some(parent) = to.parent() {
            fs_err::create_dir_all(parent)?;
        }
        let mut writer = HashingWriter::new(fs_err::File::create(to)?);
        // One byte past the bound is enough to know.
        let mut room = self.limits.artifact_bytes.saturating_add(1) - self.bytes;
        while room > 0 {
            let most = usize::try_from(room).unwrap_or(usize::MAX).min(CHUNK_BYTES);
            let read = from.read(&mut self.chunk[..most])?;
            if read == 0 {
                break;
            }
            // What is refused is not written any further.
            detector.push(&self.chunk[..read]);
            if detector.found() {
                break;
            }
            writer.write_all(&self.chunk[..read])?;
            room -= read as u64;
        }
        let (file, sha256, bytes) = writer.finish();
        // A program stays one for whoever is given it; nothing else of the mode is a result.
        let runs = from.metadata()?.permissions().mode() & 0o111 != 0;
        let mode = if runs { 0o755 } else { 0o644 };
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        file.sync_all()?;
        Ok((sha256, bytes))
    }

    /// All regular files beneath a directory; returns how many entries are none.
    fn directory(
        &mut self,
        declared: &Declared<'_>,
        top: &Path,
        files: &mut Vec<SealedFile>,
    ) -> Result<u64, SealError> {
        let mut left_out = 0;
        let mut queue = vec![(top.to_owned(), 0)];
        while let Some((at, depth)) = queue.pop() {
            if depth > MAX_DEPTH {
                return Err(declared.missing(format!("is deeper than {MAX_DEPTH} directories")));
            }
            let dir = self.open(&at).map_err(|why| declared.missing(why))?;
            let entries = Dir::new(dir).map_err(|error| SealError::Store(error.into()))?;
            for entry in entries {
                let entry = entry.map_err(|error| SealError::Store(error.into()))?;
                if matches!(entry.file_name().to_bytes(), b"." | b"..") {
                    continue;
                }
                self.looked_at += 1;
                if self.looked_at
                    > self
                        .limits
                        .artifact_files
                        .saturating_mul(LOOKED_AT_PER_FILE)
                {
                    return Err(SealError::Files(self.limits.artifact_files));
                }
                let inner = join(&at, entry.file_name());
                declared.named_openly(&inner, self.secrets)?;
                match self.kind_at(&inner, entry.file_type()) {
                    FileType::Directory => queue.push((inner, depth + 1)),
                    FileType::RegularFile => {
                        let opened = self.open(&inner).map_err(|why| declared.missing(why))?;
                        files.push(self.file(declared, opened, &inner)?);
                    }
                    other => {
                        left_out += 1;
                        let path = escape(inner.as_os_str().as_bytes());
                        tracing::warn!(path, kind = ?other, "not sealed: not a regular file");
                    }
                }
            }
        }
        Ok(left_out)
    }

    /// The kind of an entry, looked up where the file system's listing does not tell.
    fn kind_at(&self, at: &Path, listed: FileType) -> FileType {
        if listed != FileType::Unknown {
            return listed;
        }
        let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
        let stat = rustix::fs::statat(&self.workspace, at, flags);
        stat.map_or(FileType::Unknown, |stat| {
            FileType::from_raw_mode(stat.st_mode)
        })
    }
}

fn join(at: &Path, name: &CStr) -> PathBuf {
    at.join(OsStr::from_bytes(name.to_bytes()))
}

fn kind_of(opened: &OwnedFd) -> Result<FileType, SealError> {
    let stat = rustix::fs::fstat(opened).map_err(|error| SealError::Store(error.into()))?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}
