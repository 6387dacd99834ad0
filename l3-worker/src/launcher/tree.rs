//! Process trees by descent, and signals that cannot hit a recycled pid.
//!
//! Reads `/proc/*/stat` whole: only called when something has to be stopped, never for an attempt
//! that ends by itself.

use std::collections::HashMap;
use std::io;

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

/// One process at one moment; `start` tells it from a later process with the same pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) pid: Pid,
    pub(crate) parent: i32,
    pub(crate) start: u64,
    pub(crate) zombie: bool,
}

/// Every process that can be seen.
pub(crate) fn snapshot() -> io::Result<Vec<Member>> {
    let mut members = Vec::with_capacity(256);
    for entry in fs_err::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        members.extend(Pid::from_raw(pid).and_then(look));
    }
    Ok(members)
}

/// One process as it is now; `None` when it is gone.
pub(crate) fn look(pid: Pid) -> Option<Member> {
    let path = format!("/proc/{}/stat", pid.as_raw_nonzero());
    let stat = fs_err::read(path).ok()?;
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

/// Signals exactly this process: opened by pid, checked again by start time, then signalled
/// through the descriptor. True when the signal was delivered.
pub(crate) fn signal(member: &Member, signal: Signal) -> bool {
    let Ok(pidfd) = rustix::process::pidfd_open(member.pid, PidfdFlags::empty()) else {
        return false;
    };
    let same = look(member.pid).is_some_and(|now| now.start == member.start && !now.zombie);
    same && rustix::process::pidfd_send_signal(&pidfd, signal).is_ok()
}

/// Signals all living descendants of this process; returns how many were hit.
pub(crate) fn signal_descendants(of: Signal) -> io::Result<u32> {
    let me = rustix::process::getpid().as_raw_nonzero().get();
    let mut hit = 0;
    for member in descendants(&snapshot()?, &[me]) {
        if !member.zombie && signal(&member, of) {
            hit += 1;
            if of == Signal::TERM {
                // A stopped process would sleep through it.
                signal(&member, Signal::CONT);
            }
        }
    }
    Ok(hit)
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

/// Direct children of this process, by one cheap read.
pub(crate) fn children() -> io::Result<Vec<Pid>> {
    match fs_err::read_to_string("/proc/thread-self/children") {
        Ok(list) => {
            let pids = list
                .split_ascii_whitespace()
                .filter_map(|pid| pid.parse().ok());
            Ok(pids.filter_map(Pid::from_raw).collect())
        }
        // Kernels built without that file.
        Err(_) => {
            let me = rustix::process::getpid().as_raw_nonzero().get();
            let all = snapshot()?.into_iter().filter(|member| member.parent == me);
            Ok(all.map(|member| member.pid).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_itself_and_finds_descendants() {
        let me = rustix::process::getpid();
        let own = look(me).unwrap();
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
        let own = look(rustix::process::getpid()).unwrap();
        let stale = Member {
            start: own.start.wrapping_add(1),
            ..own
        };
        assert!(!signal(&stale, Signal::KILL));
    }
}
