//! A slot's scratch directories, fresh for every attempt without being made for every attempt.
//!
//! Making and removing a directory costs more than starting a small program, so a pair that an
//! attempt provably left as it found it serves the next one: same inode, same change time (which
//! any creation, renaming or change of mode beneath it moves), and empty. Anything else is removed
//! and made anew. Only called while no process of the slot lives.
//!
//! The directory around the pair stays the slot's as long as it can: a sandbox binds it once. Tasks
//! can write in it, so what they leave there beside the pair goes, too.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, Stat};

use super::remove::remove_tree;
use super::usage::Usage;

/// Two attempts' worth of names is always enough; this many taken ones mean something is wrong.
const MAX_NAME_TRIES: u32 = 10_000;

/// One slot's directories beneath a run's `work/`.
#[derive(Debug)]
pub(crate) struct Scratch {
    parent: PathBuf,
    slot: String,
    next: u32,
    root: Option<PathBuf>,
    marks: Option<[Mark; 3]>,
    /// Known once the current attempt is over.
    left: Option<Left>,
}

/// Where one attempt works.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    /// The slot's own directory, around the others.
    pub(crate) root: PathBuf,
    /// The workspace.
    pub(crate) workspace: PathBuf,
    /// `HOME` and `TMPDIR`.
    pub(crate) home: PathBuf,
    /// `$ORCHESTRA_OUTPUT`, not there yet.
    pub(crate) output: PathBuf,
}

impl Paths {
    /// How many directories of the worker's own making are in `root`.
    pub(crate) const DIRECTORIES: u64 = 2;

    fn beneath(root: PathBuf) -> Self {
        let [workspace, home] = ["workspace", "home"].map(|name| root.join(name));
        let output = home.join(".orchestra-output");
        Self {
            root,
            workspace,
            home,
            output,
        }
    }
}

/// How an attempt left its directories.
#[derive(Clone, Copy, Debug)]
enum Left {
    /// As it found them; what they hold themselves.
    Untouched(Usage),
    Used,
}

/// What tells an untouched directory from a used one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    inode: (u64, u64),
    changed: (i64, i64),
}

impl Mark {
    fn of(stat: &Stat) -> Self {
        let changed = (
            stat.st_ctime,
            i64::try_from(stat.st_ctime_nsec).unwrap_or(-1),
        );
        Self {
            inode: (stat.st_dev, stat.st_ino),
            changed,
        }
    }
}

impl Scratch {
    pub(crate) fn new(parent: PathBuf, slot: String) -> Self {
        Self {
            parent,
            slot,
            next: 0,
            root: None,
            marks: None,
            left: None,
        }
    }

    /// Fresh directories for the next attempt. Every attempt is followed by [`Self::release`].
    ///
    /// # Errors
    /// They cannot be made.
    pub(crate) fn fresh(&mut self) -> io::Result<Paths> {
        self.left = None;
        let root = match self.root.take() {
            Some(root) => root,
            None => self.make_root()?,
        };
        let paths = Paths::beneath(root);
        // What `release` kept, it has just looked at.
        if self.marks.is_none() {
            fs_err::create_dir(&paths.workspace)?;
            fs_err::create_dir(&paths.home)?;
            let mark = |path: &PathBuf| rustix::fs::stat(path).map(|stat| Mark::of(&stat));
            let [root, workspace, home] = [&paths.root, &paths.workspace, &paths.home].map(mark);
            self.marks = Some([root?, workspace?, home?]);
        }
        self.root = Some(paths.root.clone());
        Ok(paths)
    }

    /// Removes what the attempt left; keeps what it left untouched.
    ///
    /// # Errors
    /// The kernel refuses; the next attempt gets other directories.
    pub(crate) fn release(&mut self) -> io::Result<()> {
        let Some(root) = self.root.take() else {
            return Ok(());
        };
        if self.untouched_in(&root).is_none() {
            self.marks = None;
            clear(&root)?;
        }
        self.root = Some(root);
        Ok(())
    }

    /// What the directories hold when the attempt, which is over, has left them as it found them. Looked
    /// at once: nobody writes there any more.
    pub(crate) fn untouched(&mut self) -> Option<Usage> {
        let root = self.root.take()?;
        let found = self.untouched_in(&root);
        self.root = Some(root);
        found
    }

    fn untouched_in(&mut self, root: &Path) -> Option<Usage> {
        let left = self.left.unwrap_or_else(|| self.look(root));
        self.left = Some(left);
        match left {
            Left::Untouched(usage) => Some(usage),
            Left::Used => None,
        }
    }

    fn look(&self, root: &Path) -> Left {
        let Some([root_mark, workspace_mark, home_mark]) = self.marks else {
            return Left::Used;
        };
        let same_root = rustix::fs::lstat(root).is_ok_and(|stat| Mark::of(&stat) == root_mark);
        let paths = Paths::beneath(root.to_owned());
        let inner = || {
            let workspace = untouched(&paths.workspace, workspace_mark)?;
            Some(workspace.plus(untouched(&paths.home, home_mark)?))
        };
        let usage = same_root.then(inner).flatten();
        usage.map_or(Left::Used, Left::Untouched)
    }

    /// Whether the current attempt, which is over, has left its home directory, and so its outputs,
    /// untouched.
    pub(crate) fn home_untouched(&mut self) -> bool {
        self.untouched().is_some()
            || self
                .root
                .as_ref()
                .zip(self.marks)
                .is_some_and(|(root, marks)| untouched(&root.join("home"), marks[2]).is_some())
    }

    fn make_root(&mut self) -> io::Result<PathBuf> {
        fs_err::create_dir_all(&self.parent)?;
        let root = (0..MAX_NAME_TRIES).find_map(|_| {
            self.next += 1;
            let root = self.parent.join(format!("{}.{}", self.slot, self.next));
            match fs_err::create_dir(&root) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
                made => Some(made.map(|()| root)),
            }
        });
        let root = root.ok_or_else(|| io::Error::other("no free name for a workspace"))??;
        rustix::fs::chmod(&root, Mode::RWXU)?;
        self.marks = None;
        Ok(root)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(root) = self.root.take()
            && let Err(error) = remove_tree(&root)
        {
            tracing::warn!(%error, "workspace not removed");
        }
    }
}

/// Everything beneath a directory that stays.
fn clear(root: &Path) -> io::Result<()> {
    // A task can take its own permissions away.
    rustix::fs::chmod(root, Mode::RWXU)?;
    for entry in fs_err::read_dir(root)? {
        remove_tree(&entry?.path())?;
    }
    Ok(())
}

/// What an untouched directory holds on disk.
fn untouched(path: &Path, mark: Mark) -> Option<Usage> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = rustix::fs::openat(CWD, path, flags, Mode::empty()).ok()?;
    let stat = rustix::fs::fstat(&dir).ok()?;
    // Change times tick coarsely on older kernels: look as well.
    let same = Mark::of(&stat) == mark && is_empty(&dir).unwrap_or(false);
    same.then(|| Usage::of(&stat))
}

fn is_empty(dir: &std::os::fd::OwnedFd) -> io::Result<bool> {
    let mut buffer = [std::mem::MaybeUninit::uninit(); 512];
    let mut entries = rustix::fs::RawDir::new(dir, &mut buffer);
    while let Some(entry) = entries.next() {
        if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn scratch() -> (tempfile::TempDir, Scratch) {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(dir.path().join("work"), "s0".to_owned());
        (dir, scratch)
    }

    #[test]
    fn an_untouched_pair_serves_again() {
        let (_dir, mut scratch) = scratch();
        let first = scratch.fresh().unwrap();
        scratch.release().unwrap();
        let second = scratch.fresh().unwrap();
        assert_eq!(first.workspace, second.workspace);
        assert!(scratch.home_untouched());
    }

    #[test]
    fn any_trace_makes_a_new_one() {
        let traces: [fn(&Paths); 9] = [
            |paths| fs_err::write(paths.workspace.join("x"), "").unwrap(),
            |paths| fs_err::write(&paths.output, "").unwrap(),
            |paths| {
                fs_err::write(paths.workspace.join("x"), "").unwrap();
                fs_err::remove_file(paths.workspace.join("x")).unwrap();
            },
            |paths| {
                let mode = std::fs::Permissions::from_mode(0o555);
                fs_err::set_permissions(&paths.home, mode).unwrap();
            },
            |paths| {
                fs_err::remove_dir(&paths.workspace).unwrap();
                fs_err::create_dir(&paths.workspace).unwrap();
            },
            |paths| fs_err::rename(&paths.home, paths.workspace.join("home")).unwrap(),
            |paths| fs_err::write(paths.root.join("beside"), "").unwrap(),
            |paths| {
                fs_err::remove_dir(&paths.home).unwrap();
                fs_err::os::unix::fs::symlink("/tmp", &paths.home).unwrap();
            },
            |paths| {
                fs_err::write(paths.workspace.join("x"), "").unwrap();
                let mode = std::fs::Permissions::from_mode(0o000);
                fs_err::set_permissions(&paths.root, mode).unwrap();
            },
        ];
        let (dir, mut scratch) = scratch();
        for (number, trace) in traces.into_iter().enumerate() {
            let before = scratch.fresh().unwrap();
            trace(&before);
            scratch.release().unwrap();
            let after = scratch.fresh().unwrap();
            assert_eq!(before.root, after.root, "trace {number}");
            let entries = |path: &Path| fs_err::read_dir(path).unwrap().count();
            let counts = [&after.root, &after.workspace, &after.home].map(|path| entries(path));
            assert_eq!(counts, [2, 0, 0], "trace {number}");
            assert_eq!(
                fs_err::read_dir(dir.path().join("work")).unwrap().count(),
                1
            );
        }
    }

    #[test]
    fn leftovers_of_an_earlier_life_are_not_reused() {
        let (dir, mut scratch) = scratch();
        let old = dir.path().join("work/s0.1");
        fs_err::create_dir_all(&old).unwrap();
        assert!(!scratch.fresh().unwrap().workspace.starts_with(&old));
        drop(scratch);
        assert!(old.exists());
    }
}
