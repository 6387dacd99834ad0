//! The scenario's own tree as a workspace: shared, never removed, never overwritten by us.
//!
//! Files that a task declares are put beside the project's own for the time of its attempt and taken
//! away again. What is there already stays: an equal file counts as staged, a different one is refused.
//! Each is noted beside the attempt's workspace before it is made, so that what a killed worker left is
//! found, see [`take_away_leftovers`].

use std::ffi::OsStr;
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use protocol::digest::Digest;
use protocol::message::StagedFile;
use protocol::policy::{Constraints, SandboxLevel};
use rustix::fs::FileType;

use super::beneath::{Root, is_in_the_way};
use super::stage::{StageError, stage};

/// Beside a slot's directory, where no task can write: the project's root, then what is about to be made
/// in it, each ended by NUL.
const LEDGER: &str = "guests";
/// Longest ledger that is read, bytes: more paths than any message names.
const MAX_LEDGER_BYTES: u64 = 64 * 1024 * 1024;

/// Declared files and the directories made for them, taken away when the attempt is over.
#[derive(Debug, Default)]
pub(crate) struct Guests {
    /// Held open: what is taken away is taken from where it was put.
    root: Option<Root>,
    /// In the order in which they were made, relative to the root.
    made: Vec<PathBuf>,
    ledger: Option<PathBuf>,
    /// Relative to the root: what is protected of the project is so from us, too.
    closed: Vec<PathBuf>,
}

impl Guests {
    /// Stages `files` into the tree at `root`. `apart` is an empty directory for the verified copies.
    ///
    /// # Errors
    /// The first file that cannot be put in place; what was placed before it is taken away again.
    pub(crate) fn invite(
        files: &[StagedFile],
        run_dir: &Path,
        apart: &Path,
        root: &Path,
        constraints: &Constraints,
    ) -> Result<Self, StageError> {
        let mut guests = Self::default();
        if files.is_empty() {
            return Ok(guests);
        }
        stage(files, run_dir, apart, constraints)?;
        let at = apart.parent().map(ledger_of).unwrap_or_default();
        guests.ledger = Some(at.clone());
        let mut ledger = Ledger::begin(&at, root).map_err(|source| StageError::Write {
            to: LEDGER.to_owned(),
            source,
        })?;
        let opened = Root::open(root).map_err(|source| StageError::Write {
            to: root.display().to_string(),
            source,
        })?;
        guests.closed = closed(root, constraints);
        let placed = guests.place(apart, &opened, Path::new(""), &mut ledger);
        guests.root = Some(opened);
        placed.map(|()| guests)
    }

    fn place(
        &mut self,
        from: &Path,
        root: &Root,
        inner: &Path,
        ledger: &mut Ledger,
    ) -> Result<(), StageError> {
        let refuse = |inner: &Path, source: io::Error| match is_in_the_way(&source) {
            true => StageError::Occupied(inner.display().to_string()),
            false => StageError::Write {
                to: inner.display().to_string(),
                source,
            },
        };
        let mut entries = fs_err::read_dir(from.join(inner))
            .and_then(Iterator::collect::<io::Result<Vec<_>>>)
            .map_err(|error| refuse(inner, error))?;
        entries.sort_by_key(fs_err::DirEntry::file_name);
        for entry in entries {
            let inner = inner.join(entry.file_name());
            if self.closed.iter().any(|closed| inner.starts_with(closed)) {
                return Err(StageError::Protected(inner.display().to_string()));
            }
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let found = root.kind(&inner).map_err(|error| refuse(&inner, error))?;
            match (is_dir, found) {
                (true, Some(FileType::Directory)) => {}
                (true, None) => {
                    let made = ledger.note(&inner).and_then(|()| root.make_dir(&inner));
                    made.map_err(|error| refuse(&inner, error))?;
                    self.made.push(inner.clone());
                }
                (false, None) => {
                    // The name appears with its content, and never in the place of another.
                    let copied = ledger
                        .note(&inner)
                        .and_then(|()| copy_new(&entry.path(), root, &inner));
                    copied.map_err(|error| refuse(&inner, error))?;
                    self.made.push(inner.clone());
                }
                (false, Some(FileType::RegularFile))
                    if same(fs_err::File::open(entry.path()), root.read(&inner)) =>
                {
                    continue;
                }
                _ => {
                    return Err(StageError::Occupied(inner.display().to_string()));
                }
            }
            if is_dir {
                self.place(from, root, &inner, ledger)?;
            }
        }
        Ok(())
    }
}

impl Drop for Guests {
    /// A directory into which the task wrote stays, and so does a file that it replaced by a directory.
    fn drop(&mut self) {
        for inner in self.made.drain(..).rev() {
            if let Some(root) = &self.root
                && let Err(error) = root.remove(&inner)
            {
                tracing::debug!(%error, "something staged stays in the project");
            }
        }
        if let Some(ledger) = &self.ledger
            && let Err(error) = fs_err::remove_file(ledger)
        {
            tracing::debug!(%error, "a ledger of nothing stays");
        }
    }
}

/// What of the project at `root` is protected, by the name it has and by what that leads to.
fn closed(root: &Path, constraints: &Constraints) -> Vec<PathBuf> {
    if constraints.level == SandboxLevel::None {
        return Vec::new();
    }
    let real = fs_err::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let protect = constraints.confine.protect.iter().map(PathBuf::from);
    let names = protect.flat_map(|path| {
        let leads_to = fs_err::canonicalize(&path).ok();
        [Some(path), leads_to].into_iter().flatten()
    });
    let inner = names.filter_map(|path| {
        let inner = path
            .strip_prefix(root)
            .or_else(|_| path.strip_prefix(&real));
        inner.ok().map(Path::to_owned)
    });
    inner.collect()
}

/// Where what is lent from a slot's directory is noted.
fn ledger_of(slot: &Path) -> PathBuf {
    let mut name = slot.as_os_str().to_owned();
    name.push(".");
    name.push(LEDGER);
    name.into()
}

/// The slot's directory whose ledger this is.
pub(super) fn slot_of(ledger: &Path) -> Option<PathBuf> {
    let is_one = ledger.extension() == Some(OsStr::new(LEDGER));
    is_one.then(|| ledger.with_extension(""))
}

struct Ledger(fs_err::File);

impl Ledger {
    fn begin(at: &Path, root: &Path) -> io::Result<Self> {
        let mut ledger = Self(fs_err::File::create(at)?);
        ledger.note(root)?;
        Ok(ledger)
    }

    fn note(&mut self, path: &Path) -> io::Result<()> {
        let mut line = path.as_os_str().as_bytes().to_vec();
        line.push(0);
        self.0.write_all(&line)
    }
}

/// Takes away what a killed worker left in a project. `slot` is the directory that holds the attempt's
/// workspace with the verified copies; only files equal to their copy go, and empty directories.
pub(super) fn take_away_leftovers(slot: &Path) {
    let mut bytes = Vec::new();
    let Ok(file) = fs_err::File::open(ledger_of(slot)) else {
        return;
    };
    if file.take(MAX_LEDGER_BYTES).read_to_end(&mut bytes).is_err() {
        return;
    }
    let mut lines = bytes.split_inclusive(|byte| *byte == 0);
    let mut paths = lines.by_ref().filter_map(|line| line.strip_suffix(&[0]));
    let Some(root) = paths.next().map(|line| Path::new(OsStr::from_bytes(line))) else {
        return;
    };
    let plain = |path: &&Path| {
        let mut components = path.components();
        !path.as_os_str().is_empty()
            && components.all(|component| matches!(component, Component::Normal(_)))
    };
    let inner = paths.map(|line| Path::new(OsStr::from_bytes(line)));
    let inner: Vec<&Path> = inner.filter(plain).collect();
    let Ok(root) = Root::open(root) else {
        return;
    };
    // The task could change them, too.
    let copies = Root::open(&slot.join("workspace")).ok();
    let copy = |inner: &Path| match &copies {
        Some(copies) => copies.read(inner),
        None => Err(io::ErrorKind::NotFound.into()),
    };
    for inner in inner.into_iter().rev() {
        let removed = match root.kind(inner) {
            Ok(Some(FileType::Directory)) => root.remove(inner),
            Ok(Some(FileType::RegularFile)) if same(copy(inner), root.read(inner)) => {
                root.remove(inner)
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            tracing::debug!(%error, "something staged stays in the project");
        }
    }
}

fn copy_new(from: &Path, root: &Root, inner: &Path) -> io::Result<()> {
    let mut source = fs_err::File::open(from)?;
    root.create(inner, |target| {
        io::copy(&mut source, target)?;
        target.set_permissions(source.metadata()?.permissions())
    })
}

/// Whether two files hold the same bytes; unreadable is not the same.
fn same(a: io::Result<impl io::Read>, b: io::Result<impl io::Read>) -> bool {
    match (digest(a), digest(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

fn digest(file: io::Result<impl io::Read>) -> io::Result<Digest> {
    let mut hasher = protocol::digest::HashingWriter::new(io::sink());
    io::copy(&mut file?, &mut hasher)?;
    Ok(hasher.finish().1)
}

#[cfg(test)]
mod tests;
