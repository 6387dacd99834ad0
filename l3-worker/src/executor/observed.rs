//! Which of the paths that a task declared it writes were written: looked at once, after the attempt, and
//! only for tasks that declare any.
//!
//! Times of change are the kernel's own, no task can set them back. Neighbors that write to the same
//! place at the same time count as the task: nothing is told to be unused that may have been used.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::policy::{Constraints, ObservedWrite, Seen};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};

/// Entries looked at beneath one path: some milliseconds. A larger tree is not observed.
const MAX_ENTRIES: usize = 4_096;
/// Deeper than trees that are not made to be deep.
const MAX_DEPTH: usize = 64;
/// Paths of one task that are looked at.
const MAX_PATHS: usize = 32;
/// The kernel's times of files lag behind the clock by up to a tick.
const TICK: Duration = Duration::from_millis(20);

/// The declared paths as they were before the attempt.
pub(super) struct Watch {
    since: Duration,
    paths: Vec<Watched>,
}

struct Watched {
    told: String,
    path: PathBuf,
    /// What was there: a name that the task could change is not followed afterwards.
    held: Option<OwnedFd>,
}

impl Watch {
    /// Before the program starts, once everything is staged.
    pub(super) fn begin(constraints: &Constraints, project: Option<&str>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let since = now.unwrap_or_default().saturating_sub(TICK);
        let paths = match constraints.observe {
            false => Vec::new(),
            true => {
                let paths = constraints.confine.write.iter().take(MAX_PATHS);
                paths.map(|path| Watched::of(path, project)).collect()
            }
        };
        Self { since, paths }
    }

    /// After its last process is gone, before anything of it is taken away.
    pub(super) fn end(self) -> Vec<ObservedWrite> {
        let since = self.since;
        let seen = self.paths.into_iter().map(|watched| ObservedWrite {
            seen: watched.seen(since),
            path: watched.told,
        });
        seen.collect()
    }
}

impl Watched {
    fn of(path: &str, project: Option<&str>) -> Self {
        let beneath = project.and_then(|root| Path::new(path).strip_prefix(root).ok());
        let told = match beneath.map(Path::to_string_lossy) {
            Some(inner) if inner.is_empty() => ".".to_owned(),
            Some(inner) => inner.into_owned(),
            None => path.to_owned(),
        };
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let held = rustix::fs::openat(CWD, path, flags, Mode::empty()).ok();
        let path = path.into();
        Self { told, path, held }
    }

    fn seen(&self, since: Duration) -> Seen {
        let Some(held) = &self.held else {
            // It was not there, so nothing of it could be written unless it is there now.
            return match fs_err::symlink_metadata(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Seen::Unchanged,
                Ok(_) => Seen::Changed,
                Err(_) => Seen::NotObserved,
            };
        };
        match rustix::fs::fstat(held) {
            Ok(stat) if changed(&stat, since) => Seen::Changed,
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
                beneath(held, since).unwrap_or(Seen::NotObserved)
            }
            Ok(_) => Seen::Unchanged,
            Err(_) => Seen::NotObserved,
        }
    }
}

/// Whether anything beneath a directory changed since.
///
/// # Errors
/// Part of it cannot be read.
fn beneath(top: &OwnedFd, since: Duration) -> io::Result<Seen> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    let open = |at: &OwnedFd, name: &std::ffi::CStr| -> io::Result<OwnedFd> {
        Ok(rustix::fs::openat(at, name, flags, Mode::empty())?)
    };
    let mut left = MAX_ENTRIES;
    let mut stack: Vec<(OwnedFd, Vec<CString>)> = Vec::new();
    let mut enter = Some(open(top, c".")?);
    loop {
        if let Some(dir) = enter.take() {
            let mut inner = Vec::new();
            for entry in Dir::read_from(&dir)? {
                let entry = entry?;
                let name = entry.file_name();
                if matches!(name.to_bytes(), b"." | b"..") {
                    continue;
                }
                if left == 0 {
                    return Ok(Seen::NotObserved);
                }
                left -= 1;
                let stat = rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
                if changed(&stat, since) {
                    return Ok(Seen::Changed);
                }
                if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                    inner.push(name.to_owned());
                }
            }
            if !inner.is_empty() && stack.len() == MAX_DEPTH {
                return Ok(Seen::NotObserved);
            }
            stack.push((dir, inner));
        }
        let Some((at, names)) = stack.last_mut() else {
            return Ok(Seen::Unchanged);
        };
        match names.pop() {
            Some(name) => enter = Some(open(at, &name)?),
            None => drop(stack.pop()),
        }
    }
}

fn changed(stat: &Stat, since: Duration) -> bool {
    let seconds = u64::try_from(stat.st_ctime).unwrap_or(0);
    let nanoseconds = u32::try_from(stat.st_ctime_nsec).unwrap_or(0);
    Duration::new(seconds, nanoseconds) >= since
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protocol::policy::Confine;
    use protocol::policy::Seen::{Changed, Unchanged};

    use super::*;

    fn watch(root: &Path, names: &[&str]) -> Watch {
        let write = names.iter().map(|name| root.join(name));
        let write = write
            .map(|path| path.to_str().unwrap().to_owned())
            .collect();
        let constraints = Constraints {
            observe: true,
            confine: Arc::new(Confine {
                write,
                ..Confine::CLOSED
            }),
            ..Constraints::unconfined()
        };
        Watch {
            // What the test made just now is old.
            since: SystemTime::now().duration_since(UNIX_EPOCH).unwrap(),
            ..Watch::begin(&constraints, root.to_str())
        }
    }

    fn settle() {
        let dir = tempfile::tempdir().unwrap();
        let clock = || fs_err::metadata(dir.path()).unwrap().modified().unwrap();
        let begun = clock();
        // Until the kernel's own clock of files moved on.
        while clock() == begun {
            fs_err::write(dir.path().join("x"), "x").unwrap();
            fs_err::remove_file(dir.path().join("x")).unwrap();
        }
    }

    fn seen(watch: Watch) -> Vec<(String, Seen)> {
        let seen = watch.end().into_iter();
        seen.map(|one| (one.path, one.seen)).collect()
    }

    #[test]
    fn what_was_written_is_told_from_what_was_not() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for name in ["deep", "idle", "removed", "moved"] {
            fs_err::create_dir_all(at(name).join("a/b")).unwrap();
            fs_err::write(at(name).join("a/b/old"), "old").unwrap();
        }
        fs_err::write(at("file"), "old").unwrap();
        settle();
        let names = ["deep", "idle", "removed", "moved", "file", "absent", "made"];
        let watch = watch(root.path(), &names);
        settle();
        fs_err::write(at("deep/a/b/old"), "new").unwrap();
        fs_err::remove_file(at("removed/a/b/old")).unwrap();
        fs_err::rename(at("moved"), at("elsewhere")).unwrap();
        fs_err::write(at("file"), "new").unwrap();
        fs_err::create_dir(at("made")).unwrap();
        let expected = [
            ("deep", Changed),
            ("idle", Unchanged),
            ("removed", Changed),
            ("moved", Changed),
            ("file", Changed),
            ("absent", Unchanged),
            ("made", Changed),
        ];
        let expected = expected.map(|(name, seen)| (name.to_owned(), seen));
        assert_eq!(seen(watch), expected);
    }

    #[test]
    fn what_is_too_large_is_not_said_to_be_unused() {
        let root = tempfile::tempdir().unwrap();
        let wide = root.path().join("wide");
        fs_err::create_dir(&wide).unwrap();
        for n in 0..=MAX_ENTRIES {
            fs_err::write(wide.join(n.to_string()), "").unwrap();
        }
        let mut deep = root.path().join("deep");
        for _ in 0..MAX_DEPTH + 2 {
            deep.push("d");
        }
        fs_err::create_dir_all(deep).unwrap();
        settle();
        let watch = watch(root.path(), &["wide", "deep"]);
        assert!(
            seen(watch)
                .iter()
                .all(|(_, seen)| *seen == Seen::NotObserved)
        );
    }

    #[test]
    fn nothing_is_looked_at_where_nothing_was_declared() {
        let confine = Confine {
            write: vec!["/".into()],
            ..Confine::CLOSED
        };
        let constraints = Constraints {
            confine: Arc::new(confine),
            ..Constraints::unconfined()
        };
        assert_eq!(Watch::begin(&constraints, None).end(), []);
    }
}
