//! The processes of one call, and their end. Found by descent, by process group, and by a variable
//! that only this call's processes carry: what left its session and lost its parent still has that.
//! A process that did all three is not found; that takes intent, and this provider is given no tools.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal};

/// The variable.
pub(super) const MARK: &str = "ORCHESTRA_MODEL_CALL";

/// How long ends are waited for: a killed process disappears at once, unless the kernel holds it.
const DEADLINE: Duration = Duration::from_secs(2);
/// Between rounds; later ones catch what was forked while the round before was looking.
const PAUSE: Duration = Duration::from_millis(5);

/// Ends the call's processes when it is dropped.
#[derive(Debug)]
pub(super) struct Tree {
    root: Option<Process>,
    mark: Vec<u8>,
}

/// One process at one moment; `start` tells it from a later one with the same pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    pid: Pid,
    parent: i32,
    group: i32,
    start: u64,
    is_dead: bool,
}

impl Tree {
    /// Of a child that was just started with this mark in its environment, and is not yet reaped.
    pub(super) fn of(pid: Option<u32>, mark: &str) -> Self {
        let pid = pid.and_then(|pid| i32::try_from(pid).ok());
        Self {
            root: pid.and_then(Pid::from_raw).and_then(look),
            mark: format!("{MARK}={mark}").into_bytes(),
        }
    }

    fn living(&self, all: &[Process]) -> Vec<Process> {
        let root = self.root;
        // Its number may be another's by now.
        let is_root =
            |one: &Process| root.is_some_and(|root| root.pid == one.pid && root.start == one.start);
        let grouped = |one: &Process| {
            root.is_some_and(|root| {
                one.group == root.pid.as_raw_nonzero().get() && one.start >= root.start
            })
        };
        let mut found: Vec<Process> = Vec::new();
        for one in all {
            if is_root(one) || grouped(one) || self.is_marked(one.pid) {
                found.push(*one);
            }
        }
        // Whoever descends from one of them, whatever it made of its environment.
        let mut next = 0;
        while let Some(parent) = found.get(next).map(|one| one.pid.as_raw_nonzero().get()) {
            for one in all.iter().filter(|one| one.parent == parent) {
                if !found.contains(one) {
                    found.push(*one);
                }
            }
            next += 1;
        }
        found.retain(|one| !one.is_dead);
        found
    }

    fn is_marked(&self, pid: Pid) -> bool {
        // Unreadable (another user's) or gone: not ours.
        let environ = fs_err::read(format!("/proc/{}/environ", pid.as_raw_nonzero()));
        let environ = environ.unwrap_or_default();
        environ.split(|&byte| byte == 0).any(|one| one == self.mark)
    }
}

impl Drop for Tree {
    /// Blocks until none is left, for milliseconds as a rule.
    fn drop(&mut self) {
        let begun = Instant::now();
        loop {
            let Ok(all) = snapshot() else { return };
            let living = self.living(&all);
            if living.is_empty() {
                return;
            }
            if begun.elapsed() > DEADLINE {
                tracing::warn!(left = living.len(), "processes of a model call do not end");
                return;
            }
            living.iter().for_each(kill);
            std::thread::sleep(PAUSE);
        }
    }
}

/// Kills exactly this process: opened by pid, looked at again, then signalled by descriptor.
fn kill(process: &Process) {
    let Ok(pidfd) = rustix::process::pidfd_open(process.pid, PidfdFlags::empty()) else {
        return;
    };
    if look(process.pid).is_some_and(|now| now.start == process.start) {
        // Failing, it is gone already.
        let _sent = rustix::process::pidfd_send_signal(&pidfd, Signal::KILL);
    }
}

fn snapshot() -> io::Result<Vec<Process>> {
    let mut all = Vec::with_capacity(256);
    for entry in fs_err::read_dir("/proc")? {
        let name = entry?.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok());
        all.extend(pid.and_then(Pid::from_raw).and_then(look));
    }
    Ok(all)
}

fn look(pid: Pid) -> Option<Process> {
    let stat = fs_err::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The command name is in parentheses and may hold anything, parentheses included.
    let after = stat.iter().rposition(|&byte| byte == b')')? + 2;
    let mut fields = std::str::from_utf8(stat.get(after..)?).ok()?.split(' ');
    let state = fields.next()?;
    Some(Process {
        pid,
        parent: fields.next()?.parse().ok()?,
        group: fields.next()?.parse().ok()?,
        start: fields.nth(16)?.parse().ok()?,
        is_dead: matches!(state, "Z" | "X"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_belongs_to_the_call_is_found() {
        let own = look(rustix::process::getpid()).unwrap();
        assert!(!own.is_dead && own.start > 0);
        let one = |pid, parent, group, start| Process {
            pid: Pid::from_raw(pid).unwrap(),
            parent,
            group,
            start,
            is_dead: false,
        };
        // Numbers that no process has, so that no environment is read.
        let base = 0x4000_0000;
        let root = one(base + 1, 1, base + 1, 50);
        let tree = Tree {
            root: Some(root),
            mark: b"ORCHESTRA_MODEL_CALL=none".to_vec(),
        };
        let all = [
            root,
            one(base + 2, base + 1, base + 2, 60),
            one(base + 3, base + 2, base + 3, 61),
            one(base + 4, 1, base + 1, 62),
            one(base + 5, 1, base + 5, 63),
            Process {
                is_dead: true,
                ..one(base + 6, base + 1, base + 1, 64)
            },
        ];
        let pids = |found: Vec<Process>| {
            let pids = found
                .iter()
                .map(|one| one.pid.as_raw_nonzero().get() - base);
            let mut pids: Vec<i32> = pids.collect();
            pids.sort_unstable();
            pids
        };
        assert_eq!(pids(tree.living(&all)), [1, 2, 3, 4]);
        // The same number, another process.
        let other = one(base + 1, 1, base + 9, 70);
        assert_eq!(pids(tree.living(&[other])), [0; 0]);
    }
}
