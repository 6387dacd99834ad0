//! What a child does between its birth and the program, as data: prepared by safe code, carried out
//! by [`super::linux`] without deciding anything.

use std::ffi::{CStr, CString};
use std::os::fd::BorrowedFd;

use nix::libc;
use rustix::process::Resource;

/// One instruction of a seccomp program, as the kernel takes it (`struct sock_filter`).
pub(crate) type Instruction = libc::sock_filter;

/// Where a child failed on its way to the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Step {
    Clone,
    Group,
    Limits,
    Identity,
    Capabilities,
    Directory,
    Landlock,
    Streams,
    Exec,
}

impl Step {
    pub(super) const ALL: [Self; 9] = [
        Self::Clone,
        Self::Group,
        Self::Limits,
        Self::Identity,
        Self::Capabilities,
        Self::Directory,
        Self::Landlock,
        Self::Streams,
        Self::Exec,
    ];
}

/// Nothing was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) step: Step,
    pub(crate) errno: i32,
}

/// All a child does before it is the program.
pub(crate) struct Plan<'a> {
    pub(crate) program: &'a CStr,
    pub(crate) argv: &'a [CString],
    pub(crate) env: &'a [CString],
    pub(crate) cwd: &'a CStr,
    pub(crate) streams: [BorrowedFd<'a>; 3],
    /// Gives it a mount and an ipc namespace of its own.
    pub(crate) private: bool,
    /// Resource, soft limit, hard limit.
    pub(crate) limits: &'a [(Resource, u64, u64)],
    /// User and group to become, without any other group.
    pub(crate) identity: Option<u32>,
    pub(crate) drop_capabilities: bool,
    pub(crate) ruleset: Option<BorrowedFd<'a>>,
}
