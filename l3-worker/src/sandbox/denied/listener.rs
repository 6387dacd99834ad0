//! The slot process's end of a filter that asks.

use std::io;
use std::os::fd::BorrowedFd;

use nix::libc;

use crate::sandbox::linux;

/// A call that waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Of the question.
    pub id: u64,
    /// Who asks, as this process numbers it.
    pub pid: u32,
    /// Which call.
    pub number: i32,
    /// As they were passed.
    pub args: [u64; 6],
}

/// What can be said to a listener, in the kernel's structures.
pub(crate) enum Request<'a> {
    /// Takes one question.
    Receive(&'a mut libc::seccomp_notif),
    /// Whether whoever asked this still waits.
    StillAsked(&'a mut u64),
    /// Ends the waiting.
    Answer(&'a mut libc::seccomp_notif_resp),
}

/// Takes one question; `None` when whoever asked is gone meanwhile.
pub(super) fn receive(listener: BorrowedFd<'_>) -> io::Result<Option<Asked>> {
    let mut asked = libc::seccomp_notif {
        id: 0,
        pid: 0,
        flags: 0,
        data: libc::seccomp_data {
            nr: 0,
            arch: 0,
            instruction_pointer: 0,
            args: [0; 6],
        },
    };
    match linux::request(listener, Request::Receive(&mut asked)) {
        Ok(()) => Ok(Some(Asked {
            id: asked.id,
            pid: asked.pid,
            number: asked.data.nr,
            args: asked.data.args,
        })),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether whoever asked this still waits, and so is who it was.
pub(super) fn still_asked(listener: BorrowedFd<'_>, mut id: u64) -> bool {
    linux::request(listener, Request::StillAsked(&mut id)).is_ok()
}

/// Lets the kernel go on with the call (`None`), or ends it with this error.
pub(super) fn answer(listener: BorrowedFd<'_>, id: u64, errno: Option<i32>) -> io::Result<()> {
    let goes_on = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
    let mut answer = libc::seccomp_notif_resp {
        id,
        val: 0,
        error: -errno.unwrap_or(0),
        flags: errno.map_or(goes_on, |_| 0),
    };
    match linux::request(listener, Request::Answer(&mut answer)) {
        // Whoever asked was killed: nobody waits for the answer.
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        answered => answered,
    }
}
