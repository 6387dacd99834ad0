//! What directories hold on disk, looked at from outside while a task writes to them.
//!
//! A sampled bound, not a quota: between two looks a task can write more than it may. What the kernel
//! bounds by itself (one file's size) is not looked at here.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use protocol::outcome::Bound;
use protocol::policy::Limits;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};

/// Deeper than any tree that is not made to be deep; what is beneath is not counted.
const MAX_DEPTH: usize = 256;
/// A first look comes after this long; short attempts are never looked at while they run.
const FIRST_LOOK: Duration = Duration::from_millis(100);
/// A look must not cost more than this part of the time between two.
const SHARE: u32 = 20;
/// The longest time between two looks.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Bytes allocated on disk.
    pub(crate) bytes: u64,
    /// Files and directories.
    pub(crate) files: u64,
}

impl Usage {
    /// One file or directory by itself.
    pub(super) fn of(stat: &Stat) -> Self {
        const BLOCK: u64 = 512;
        let blocks = u64::try_from(stat.st_blocks).unwrap_or(0);
        Self {
            bytes: blocks.saturating_mul(BLOCK),
            files: 1,
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            files: self.files.saturating_add(other.files),
        }
    }
}

/// Looks at the directory around an attempt's own ones from time to time: a task can write beside
/// them, and move them.
#[derive(Debug)]
pub(crate) struct Gauge<'a> {
    dir: &'a Path,
    /// Entries that were there before.
    own: u64,
    limits: &'a Limits,
    next: Option<Instant>,
    /// The most that was seen.
    pub(crate) peak: Usage,
}

impl<'a> Gauge<'a> {
    /// For this directory, in which `own` entries do not count; without a limit on disk or files it
    /// never looks.
    pub(crate) fn new(dir: &'a Path, own: u64, limits: &'a Limits, now: Instant) -> Self {
        let wanted = limits.disk_bytes.is_some() || limits.files.is_some();
        Self {
            dir,
            own,
            limits,
            next: wanted.then(|| now + FIRST_LOOK),
            peak: Usage::default(),
        }
    }

    /// Whether there is anything to look for.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.next.is_some()
    }

    /// When to look next.
    pub(crate) const fn due(&self) -> Option<Instant> {
        self.next
    }

    /// Looks, whether it is due or not, and says which bound is broken.
    pub(crate) fn look(&mut self) -> Option<Bound> {
        self.next?;
        let begun = Instant::now();
        let found = measure(self.dir, self.limits, self.own);
        let now = Instant::now();
        let rest = (now - begun)
            .saturating_mul(SHARE)
            .clamp(FIRST_LOOK, LONGEST_REST);
        self.next = Some(now + rest);
        self.count(found)
    }

    /// Looks for the last time; nothing writes there any more. `untouched` is what the directory holds
    /// when that is known to be what it held before.
    pub(crate) fn last_look(&mut self, untouched: Option<Usage>) -> Option<Bound> {
        self.next?;
        match untouched {
            Some(usage) => self.count(usage),
            None => self.look(),
        }
    }

    fn count(&mut self, mut found: Usage) -> Option<Bound> {
        found.files = found.files.saturating_sub(self.own);
        self.peak.bytes = self.peak.bytes.max(found.bytes);
        self.peak.files = self.peak.files.max(found.files);
        let over = |limit: Option<u64>, found: u64| limit.is_some_and(|limit| found > limit);
        if over(self.limits.disk_bytes, found.bytes) {
            Some(Bound::Disk)
        } else if over(self.limits.files, found.files) {
            Some(Bound::Files)
        } else {
            None
        }
    }
}

/// What a directory holds, itself not counted; stops counting beyond what is allowed. What cannot be
/// read counts as nothing: it belongs to nobody who is bounded here.
fn measure(dir: &Path, limits: &Limits, own: u64) -> Usage {
    let mut usage = Usage::default();
    let enough = |usage: &Usage| {
        limits
            .files
            .is_some_and(|most| usage.files > most.saturating_add(own))
            || limits.disk_bytes.is_some_and(|most| usage.bytes > most)
    };
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    let Ok(top) = rustix::fs::openat(CWD, dir, flags, Mode::empty()) else {
        return usage;
    };
    let mut open = vec![top];
    let mut names: Vec<Vec<CString>> = Vec::new();
    while let Some(at) = open.last() {
        if names.len() < open.len() {
            names.push(list(at, &mut usage).unwrap_or_default());
            if enough(&usage) {
                return usage;
            }
        }
        let next = names.last_mut().and_then(Vec::pop);
        match next {
            None => {
                open.pop();
                names.pop();
            }
            Some(name) if open.len() < MAX_DEPTH => {
                open.extend(rustix::fs::openat(at, &name, flags, Mode::empty()).ok());
            }
            Some(_) => {}
        }
    }
    usage
}

/// Counts what is in a directory; returns the directories in it.
fn list(dir: &OwnedFd, usage: &mut Usage) -> io::Result<Vec<CString>> {
    let mut inner = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let Ok(stat) = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) else {
            usage.files += 1;
            continue;
        };
        *usage = usage.plus(Usage::of(&stat));
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            inner.push(name.to_owned());
        }
    }
    Ok(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_counted_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs_err::create_dir_all(at("a/b/c")).unwrap();
        fs_err::write(at("a/b/c/file"), vec![1; 100_000]).unwrap();
        fs_err::write(at("a/other"), vec![1; 50_000]).unwrap();
        fs_err::os::unix::fs::symlink("/usr", at("a/link")).unwrap();
        let usage = measure(dir.path(), &Limits::default(), 0);
        assert_eq!(usage.files, 6);
        assert!((150_000..400_000).contains(&usage.bytes), "{usage:?}");
        assert_eq!(
            measure(&at("nothing"), &Limits::default(), 0),
            Usage::default()
        );
    }

    #[test]
    fn a_bound_is_named_and_the_peak_kept() {
        let dir = tempfile::tempdir().unwrap();
        for own in ["workspace", "home"] {
            fs_err::create_dir(dir.path().join(own)).unwrap();
        }
        let limits = Limits {
            disk_bytes: Some(20_000),
            files: Some(3),
            ..Limits::default()
        };
        let mut gauge = Gauge::new(dir.path(), 2, &limits, Instant::now());
        assert!(gauge.due().is_some());
        assert_eq!(gauge.look(), None);
        for name in ["a", "b", "c", "d"] {
            fs_err::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(gauge.look(), Some(Bound::Files));
        fs_err::write(dir.path().join("a"), vec![1; 60_000]).unwrap();
        assert_eq!(gauge.look(), Some(Bound::Disk));
        fs_err::remove_file(dir.path().join("a")).unwrap();
        assert_eq!(gauge.look(), None);
        assert!(gauge.peak.bytes >= 60_000);
        let unbounded = Limits::default();
        assert_eq!(
            Gauge::new(dir.path(), 2, &unbounded, Instant::now()).due(),
            None
        );
    }
}
