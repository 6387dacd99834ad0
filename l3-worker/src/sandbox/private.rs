//! Temporary files of attempts: a file system in memory, in the slot's own mount namespace, of which
//! every attempt has a copy of the mount.
//!
//! One that an attempt provably left as it found it serves the next one, as workspaces do: making and
//! ending it costs a sixth of what confining a small attempt does. Anything else goes at once, with the
//! memory it holds. Only called while no process of an attempt lives.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, CWD, FileType, Mode, StatVfs, Statx, StatxFlags};
use rustix::mount::{MountFlags, MoveMountFlags, UnmountFlags};

/// Where it is mounted.
pub(super) static AT: &CStr = c"/var/private";
/// What the file system is called when it is made; known to the filter by its address, as are [`AT`] when
/// it is unmounted and [`ITSELF`] when something is moved.
pub(super) static TMPFS: &CStr = c"tmpfs";
/// A mount that a descriptor is of, not what is beneath it.
pub(super) static ITSELF: &CStr = c"";
/// Files at most: far more than a build makes, and little enough that names alone fill no memory.
const MAX_FILES: u64 = 256 * 1024;

/// A mount of the host's beneath a directory that is private: it waits outside while there is no file
/// system to be in.
#[derive(Debug)]
pub(super) struct Lent {
    /// Directories to be made first, outermost first.
    pub(super) parents: Vec<CString>,
    /// Whether the mount point is a file.
    pub(super) file: bool,
    /// Where it waits.
    pub(super) from: CString,
    /// Where attempts see it.
    pub(super) to: CString,
    /// The mount, wherever it is: attempts can rename what leads there.
    pub(super) tree: OwnedFd,
}

/// The file system, while there is one.
#[derive(Debug)]
pub(super) struct Private {
    lent: Vec<Lent>,
    made: Option<Made>,
    /// It could not be made or ended: nothing is known of it.
    is_broken: bool,
}

#[derive(Debug)]
struct Made {
    bytes: u64,
    left: Looks,
    /// An attempt was given it since it was looked at last.
    is_used: bool,
}

/// What any use of it changes.
#[derive(Debug, PartialEq, Eq)]
struct Looks {
    free_bytes: u64,
    free_files: u64,
    directories: Vec<Mark>,
}

/// One directory of it. When it was read counts, too: that is told to whoever comes later.
#[derive(Debug, PartialEq, Eq)]
struct Mark {
    inode: u64,
    owner: (u32, u32),
    mode: u16,
    links: u32,
    size: u64,
    times: [(i64, u32); 3],
}

impl Private {
    /// There is none yet.
    pub(super) fn new(lent: Vec<Lent>) -> Self {
        Self {
            lent,
            made: None,
            is_broken: false,
        }
    }

    /// For the next attempt: empty, and of this size.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn prepare(&mut self, bytes: u64) -> io::Result<()> {
        self.tidy()?;
        if self.made.as_ref().is_some_and(|made| made.bytes != bytes) {
            self.end()?;
        }
        if self.made.is_none() {
            self.is_broken = true;
            self.make(bytes)?;
            self.made = Some(Made {
                bytes,
                left: self.look()?,
                is_used: false,
            });
            self.is_broken = false;
        }
        if let Some(made) = &mut self.made {
            made.is_used = true;
        }
        Ok(())
    }

    /// After an attempt: ends it with all that is in it, unless it is as it was.
    ///
    /// # Errors
    /// It cannot be ended, now or earlier.
    pub(super) fn tidy(&mut self) -> io::Result<()> {
        if self.is_broken {
            return Err(io::Error::other("temporary files could not be ended"));
        }
        match &self.made {
            Some(made) if made.is_used && !self.look().is_ok_and(|now| now == made.left) => {
                return self.end();
            }
            _ => {}
        }
        if let Some(made) = &mut self.made {
            made.is_used = false;
        }
        Ok(())
    }

    fn make(&self, bytes: u64) -> io::Result<()> {
        let options = CString::new(format!("size={bytes},nr_inodes={MAX_FILES},mode=1777"));
        let options = options.expect("numbers hold no NUL");
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        rustix::mount::mount(TMPFS, AT, TMPFS, flags, options.as_c_str())?;
        let mode = Mode::from_raw_mode(0o755);
        for lent in &self.lent {
            for parent in &lent.parents {
                // Two can have it in common.
                let _made = rustix::fs::mkdir(parent.as_c_str(), mode);
            }
            let to = lent.to.as_c_str();
            if lent.file {
                rustix::fs::mknodat(CWD, to, FileType::RegularFile, mode, 0)?;
            } else {
                rustix::fs::mkdir(to, mode)?;
            }
            lent.move_to(&lent.to)?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.is_broken = true;
        for lent in &self.lent {
            lent.move_to(&lent.from)?;
        }
        rustix::mount::unmount(AT, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW)?;
        self.made = None;
        self.is_broken = false;
        Ok(())
    }

    fn look(&self) -> rustix::io::Result<Looks> {
        let StatVfs {
            f_bfree, f_ffree, ..
        } = rustix::fs::statvfs(AT)?;
        let parents = self.lent.iter().flat_map(|lent| &lent.parents);
        let directories = std::iter::once(AT).chain(parents.map(CString::as_c_str));
        Ok(Looks {
            free_bytes: f_bfree,
            free_files: f_ffree,
            directories: directories.map(Mark::of).collect::<Result<_, _>>()?,
        })
    }
}

impl Lent {
    fn move_to(&self, to: &CStr) -> rustix::io::Result<()> {
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        rustix::mount::move_mount(&self.tree, ITSELF, CWD, to, flags)
    }
}

impl Mark {
    fn of(path: &CStr) -> rustix::io::Result<Self> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let Statx {
            stx_ino,
            stx_uid,
            stx_gid,
            stx_mode,
            stx_nlink,
            stx_size,
            stx_atime,
            stx_mtime,
            stx_ctime,
            ..
        } = rustix::fs::statx(CWD, path, flags, StatxFlags::BASIC_STATS)?;
        Ok(Self {
            inode: stx_ino,
            owner: (stx_uid, stx_gid),
            mode: stx_mode,
            links: stx_nlink,
            size: stx_size,
            times: [stx_atime, stx_mtime, stx_ctime].map(|time| (time.tv_sec, time.tv_nsec)),
        })
    }
}
