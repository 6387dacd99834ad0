//! Who an attempt is: this user, in a user namespace of the slot's own, or, when that is root, a user
//! that nobody else is. Never the host's root.
//!
//! The kernel counts `RLIMIT_NPROC` by user namespace and user: one that is the slot's alone makes the
//! limit exact without a control group. Root's slots need no user namespace, only a user each.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::process::{WaitOptions, getegid, geteuid, getppid};
use rustix::thread::CapabilitySet;

use super::linux;

/// Users of root's slots: beyond what distributions and containers hand out, below 2^21, which is
/// what a `ustar` archive can hold.
const FIRST_USER: u32 = 1_900_000;
const USERS: u32 = 190_000;
/// Slots of one launcher that surely differ.
const SLOTS: u32 = 64;

/// Who runs attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// This user, in a user namespace of its own.
    Same { user: u32, group: u32 },
    /// Root's stand-in: user and group of this number.
    StandIn(u32),
}

impl Who {
    /// For the slot of this number.
    pub(super) fn of_slot(number: u32, maps: &str) -> io::Result<Self> {
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        if user != 0 || outside(maps) != Some(0) {
            return Ok(Self::Same { user, group });
        }
        let needed = CapabilitySet::SYS_ADMIN
            | CapabilitySet::SETUID
            | CapabilitySet::SETGID
            | CapabilitySet::KILL
            | CapabilitySet::CHOWN;
        let held = rustix::thread::capabilities(None)?.effective;
        if !held.contains(needed) {
            return Err(io::Error::other(
                "root without its capabilities (CAP_SYS_ADMIN and others) can neither make \
                 namespaces nor be another user; run orchestra as an ordinary user",
            ));
        }
        let launcher = getppid().map_or(0, |pid| pid.as_raw_nonzero().get().unsigned_abs());
        let place = launcher.wrapping_mul(SLOTS).wrapping_add(number);
        Ok(Self::StandIn(FIRST_USER + place % USERS))
    }

    pub(super) fn user(self) -> u32 {
        match self {
            Self::Same { user, .. } => user,
            Self::StandIn(id) => id,
        }
    }

    pub(super) fn group(self) -> u32 {
        match self {
            Self::Same { group, .. } => group,
            Self::StandIn(id) => id,
        }
    }

    /// Makes this user known in the user namespace just entered.
    pub(super) fn map(self, proc: BorrowedFd<'_>) -> io::Result<()> {
        let Self::Same { user, group } = self else {
            return Ok(());
        };
        put(proc, "self/uid_map", &format!("{user} {user} 1\n"))?;
        put(proc, "self/setgroups", "deny")?;
        put(proc, "self/gid_map", &format!("{group} {group} 1\n"))
    }
}

/// Which of the outer users root is here.
fn outside(maps: &str) -> Option<u32> {
    let mut lines = maps.lines().map(str::split_ascii_whitespace);
    let line = lines.find_map(|mut words| (words.next() == Some("0")).then_some(words));
    line?.next()?.parse().ok()
}

fn put(proc: BorrowedFd<'_>, path: &str, text: &str) -> io::Result<()> {
    let file = rustix::fs::openat(proc, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(file, text.as_bytes())?;
    Ok(())
}

/// User namespaces that translate owners of files to a stand-in, one for each owner.
#[derive(Default)]
pub(super) struct Owners(BTreeMap<(u32, u32), OwnedFd>);

impl Owners {
    /// By which a mount of this path is translated.
    pub(super) fn of(&mut self, path: &Path, stand_in: u32) -> io::Result<&OwnedFd> {
        let found = fs_err::symlink_metadata(path)?;
        let owner = (found.uid(), found.gid());
        match self.0.entry(owner) {
            std::collections::btree_map::Entry::Occupied(known) => Ok(known.into_mut()),
            std::collections::btree_map::Entry::Vacant(new) => {
                Ok(new.insert(namespace(owner, stand_in)?))
            }
        }
    }
}

fn namespace((user, group): (u32, u32), stand_in: u32) -> io::Result<OwnedFd> {
    let (wait, release) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let Some(pid) = linux::fork_into_user_namespace()? else {
        drop(release);
        // Until the other side has what it wants, or is gone.
        let _ended = rustix::io::read(&wait, &mut [0_u8; 1]);
        linux::leave();
    };
    drop(wait);
    let place = format!("/proc/{}", pid.as_raw_nonzero());
    let made = fs_err::write(format!("{place}/uid_map"), format!("{user} {stand_in} 1\n"))
        .and_then(|()| {
            fs_err::write(
                format!("{place}/gid_map"),
                format!("{group} {stand_in} 1\n"),
            )
        })
        .and_then(|()| fs_err::File::open(format!("{place}/ns/user")));
    drop(release);
    let _reaped = rustix::process::waitpid(Some(pid), WaitOptions::empty());
    Ok(made?.into_parts().0.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_of_a_container_with_its_own_users_is_not_the_hosts() {
        assert_eq!(outside("         0          0 4294967295\n"), Some(0));
        assert_eq!(outside("         0     100000      65536\n"), Some(100_000));
        assert_eq!(outside("      1000       1000          1\n"), None);
        let who = Who::of_slot(3, "0 100000 65536\n").unwrap();
        assert_eq!(who.user(), geteuid().as_raw());
    }
}
