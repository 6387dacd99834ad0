//! Process trees by descent, and signals that cannot hit a recycled pid.
//!
//! Reads every `stat` of a procfs: only when something has to be stopped, never for an attempt that
//! ends by itself. The procfs is held open: a slot process may have left the place where it is
//! mounted.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Dir, Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

/// One process at one moment; `start` tells it from a later process with the same pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) pid: Pid,
    pub(crate) parent: i32,
    pub(crate) start: u64,
    pub(crate) zombie: bool,
}

/// What a procfs shows.
#[derive(Debug)]
pub(crate) struct Processes(OwnedFd);

impl Processes {
    /// The procfs of this process's own namespace.
    pub(crate) fn open() -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open("/proc", flags, Mode::empty())?))
    }

    /// Every process that can be seen.
    pub(crate) fn snapshot(&self) -> io::Result<Vec<Member>> {
        let mut members = Vec::with_capacity(256);
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let Some(pid) = entry
                .file_name()
                .to_str()
                .ok()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            members.extend(Pid::from_raw(pid).and_then(|pid| self.look(pid)));
        }
        Ok(members)
    }

    /// One process as it is now; `None` when it is gone.
    pub(crate) fn look(&self, pid: Pid) -> Option<Member> {
        let stat = self.read(&format!("{}/stat", pid.as_raw_nonzero())).ok()?;
        // The command name is in parentheses and may hold anything, parentheses included.
        let after = stat.iter().rposition(|&byte| byte == b')')? + 2;
        let mut fields = std::str::from_utf8(stat.get(after..)?).ok()?.split(' ');
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let start = fields.nth(17)?.parse().ok()?;
        Some(Member {
            pid,
            parent,
            start,
            zombie: matches!(state, "Z" | "X"),
        })
    }

    /// Signals exactly this process: opened by pid, checked again by start time, then signalled
    /// through the descriptor. True when the signal was delivered.
    pub(crate) fn signal(&self, member: &Member, signal: Signal) -> bool {
        let Ok(pidfd) = rustix::process::pidfd_open(member.pid, PidfdFlags::empty()) else {
            return false;
        };
        let now = self.look(member.pid);
        let same = now.is_some_and(|now| now.start == member.start && !now.zombie);
        same && rustix::process::pidfd_send_signal(&pidfd, signal).is_ok()
    }

    /// Signals all living descendants of this process but one; returns how many were hit.
    pub(crate) fn signal_descendants(&self, of: Signal, spared: Option<Pid>) -> io::Result<u32> {
        let me = rustix::process::getpid().as_raw_nonzero().get();
        let mut hit = 0;
        for member in descendants(&self.snapshot()?, &[me]) {
            if !member.zombie && Some(member.pid) != spared && self.signal(&member, of) {
                hit += 1;
                if of == Signal::TERM {
                    // A stopped process would sleep through it.
                    self.signal(&member, Signal::CONT);
                }
            }
        }
        Ok(hit)
    }

    /// Direct children of this process, by one cheap read.
    pub(crate) fn children(&self) -> io::Result<Vec<Pid>> {
        match self.read("thread-self/children") {
            Ok(list) => {
                let list = String::from_utf8_lossy(&list);
                let pids = list.split_ascii_whitespace();
                let pids = pids.filter_map(|pid| pid.parse().ok());
                Ok(pids.filter_map(Pid::from_raw).collect())
            }
            // Kernels built without that file.
            Err(_) => {
                let me = rustix::process::getpid().as_raw_nonzero().get();
                let all = self.snapshot()?.into_iter();
                let children = all.filter(|member| member.parent == me);
                Ok(children.map(|member| member.pid).collect())
            }
        }
    }

    fn read(&self, path: &str) -> rustix::io::Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.0, path, flags, Mode::empty())?;
        // A `stat` fits; a list of children is as long as it is.
        let (mut bytes, mut filled) = (vec![0; 1024], 0);
        loop {
            match rustix::io::read(&file, &mut bytes[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error),
            }
            if filled == bytes.len() {
                bytes.resize(2 * filled, 0);
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

impl AsFd for Processes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Those of `members` that descend from one of `roots`, the roots themselves not included.
pub(crate) fn descendants(members: &[Member], roots: &[i32]) -> Vec<Member> {
    let mut children: HashMap<i32, Vec<&Member>> = HashMap::new();
    for member in members {
        children.entry(member.parent).or_default().push(member);
    }
    let mut queue = roots.to_vec();
    let mut found = Vec::new();
    while let Some(parent) = queue.pop() {
        for member in children.remove(&parent).unwrap_or_default() {
            found.push(*member);
            queue.push(member.pid.as_raw_nonzero().get());
        }
    }
    found
}

/// What is left below this process after reaping what has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Nothing,
    Living,
}

/// Reaps every child that has ended.
pub(crate) fn reap() -> Left {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            Ok(None) => return Left::Living,
            Err(_) => return Left::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_itself_and_finds_descendants() {
        let me = rustix::process::getpid();
        let own = Processes::open().unwrap().look(me).unwrap();
        assert_eq!((own.pid, own.zombie), (me, false));
        let member = |pid, parent| Member {
            pid: Pid::from_raw(pid).unwrap(),
            parent,
            start: 0,
            zombie: false,
        };
        let all = [
            member(2, 1),
            member(3, 2),
            member(4, 3),
            member(5, 9),
            member(6, 2),
        ];
        let mut found: Vec<i32> = descendants(&all, &[2])
            .iter()
            .map(|member| member.pid.as_raw_nonzero().get())
            .collect();
        found.sort_unstable();
        assert_eq!(found, [3, 4, 6]);
    }

    #[test]
    fn a_recycled_pid_is_not_signalled() {
        let processes = Processes::open().unwrap();
        let own = processes.look(rustix::process::getpid()).unwrap();
        let stale = Member {
            start: own.start.wrapping_add(1),
            ..own
        };
        assert!(!processes.signal(&stale, Signal::KILL));
    }
}
