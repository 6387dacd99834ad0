//! A slot's scratch directories, fresh for every attempt without being made for every attempt.
//!
//! Making and removing a directory costs more than starting a small program, so a pair that an
//! attempt provably left as it found it serves the next one: same inode, same change time (which
//! any creation, renaming or change of mode beneath it moves), and empty. Anything else is removed
//! and made anew under another name. Only called while no process of the slot lives.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, Stat};

use super::remove::remove_tree;

/// Two attempts' worth of names is always enough; this many taken ones mean something is wrong.
const MAX_NAME_TRIES: u32 = 10_000;

/// One slot's directories beneath a run's `work/`.
#[derive(Debug)]
pub(crate) struct Scratch {
    parent: PathBuf,
    slot: String,
    next: u32,
    current: Option<Pair>,
}

/// Where one attempt works.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    /// The workspace.
    pub(crate) workspace: PathBuf,
    /// `HOME` and `TMPDIR`.
    pub(crate) home: PathBuf,
    /// `$ORCHESTRA_OUTPUT`, not there yet.
    pub(crate) output: PathBuf,
}

#[derive(Debug)]
struct Pair {
    root: PathBuf,
    paths: Paths,
    marks: [Mark; 2],
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
            current: None,
        }
    }

    /// Fresh directories for the next attempt. Every attempt is followed by [`Self::release`].
    ///
    /// # Errors
    /// They cannot be made.
    pub(crate) fn fresh(&mut self) -> io::Result<Paths> {
        // What `release` kept, it has just looked at.
        if let Some(pair) = &self.current {
            return Ok(pair.paths.clone());
        }
        let pair = self.make()?;
        let paths = pair.paths.clone();
        self.current = Some(pair);
        Ok(paths)
    }

    /// Removes what the attempt left; keeps what it left untouched.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(crate) fn release(&mut self) -> io::Result<()> {
        match &self.current {
            Some(pair) if !pair.untouched() => self.remove(),
            _ => Ok(()),
        }
    }

    /// Whether the current attempt has left its home directory, and so its outputs, untouched.
    pub(crate) fn home_untouched(&self) -> bool {
        self.current
            .as_ref()
            .is_some_and(|pair| untouched(&pair.paths.home, pair.marks[1]))
    }

    fn remove(&mut self) -> io::Result<()> {
        if let Some(pair) = self.current.take() {
            remove_tree(&pair.root)?;
        }
        Ok(())
    }

    fn make(&mut self) -> io::Result<Pair> {
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
        let [workspace, home] = ["workspace", "home"].map(|name| root.join(name));
        fs_err::create_dir(&workspace)?;
        fs_err::create_dir(&home)?;
        let private = Mode::RWXU;
        rustix::fs::chmod(&root, private)?;
        let marks =
            [&workspace, &home].map(|path| rustix::fs::stat(path).map(|stat| Mark::of(&stat)));
        let [workspace_mark, home_mark] = marks;
        let output = home.join(".orchestra-output");
        let paths = Paths {
            workspace,
            home,
            output,
        };
        Ok(Pair {
            root,
            paths,
            marks: [workspace_mark?, home_mark?],
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::warn!(%error, "workspace not removed");
        }
    }
}

impl Pair {
    fn untouched(&self) -> bool {
        untouched(&self.paths.workspace, self.marks[0])
            && untouched(&self.paths.home, self.marks[1])
    }
}

fn untouched(path: &Path, mark: Mark) -> bool {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(dir) = rustix::fs::openat(CWD, path, flags, Mode::empty()) else {
        return false;
    };
    let same = rustix::fs::fstat(&dir).is_ok_and(|stat| Mark::of(&stat) == mark);
    // Change times tick coarsely on older kernels: look as well.
    same && is_empty(&dir).unwrap_or(false)
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
        let traces: [fn(&Paths); 6] = [
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
        ];
        let (dir, mut scratch) = scratch();
        for (number, trace) in traces.into_iter().enumerate() {
            let before = scratch.fresh().unwrap();
            trace(&before);
            scratch.release().unwrap();
            let after = scratch.fresh().unwrap();
            assert_ne!(before.workspace, after.workspace, "trace {number}");
            assert!(!before.workspace.exists(), "trace {number}");
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
