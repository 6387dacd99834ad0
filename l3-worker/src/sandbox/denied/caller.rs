//! What `/proc` knows of a process that waits for an answer.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use nix::libc;
use rustix::fs::{Mode, OFlags};

use super::judge::Caller;

/// A process of the slot's, through the `/proc` in which its number is valid.
pub(super) struct Process<'a> {
    pub proc: BorrowedFd<'a>,
    pub pid: u32,
}

impl Caller for Process<'_> {
    fn memory(&self, address: u64, most: usize) -> Option<Vec<u8>> {
        let path = format!("{}/mem", self.pid);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let memory = rustix::fs::openat(self.proc, path, flags, Mode::empty()).ok()?;
        let mut bytes = vec![0; most];
        let read = rustix::io::pread(memory.as_fd(), &mut bytes[..], address).ok()?;
        bytes.truncate(read);
        Some(bytes)
    }

    fn directory(&self, descriptor: i32) -> Option<PathBuf> {
        let link = match descriptor {
            libc::AT_FDCWD => format!("{}/cwd", self.pid),
            _ => format!("{}/fd/{descriptor}", self.pid),
        };
        let target = rustix::fs::readlinkat(self.proc, link, Vec::new()).ok()?;
        Some(PathBuf::from(OsString::from_vec(target.into_bytes())))
    }
}
