//! What the system lets this user have: open files, processes.

use std::path::PathBuf;

use rustix::process::{Resource, getrlimit};

use super::finding::Finding;

const GROUP: &str = "limits";

/// Open files of orchestra itself, whatever it runs.
const FILES_BASE: u64 = 64;
/// Pipes, logs and folders of one attempt.
const FILES_PER_SLOT: u64 = 12;
/// Threads and helper processes of orchestra itself.
const PROCESSES_BASE: u64 = 16;
/// A slot's process, its payload and what that starts, modestly.
const PROCESSES_PER_SLOT: u64 = 8;

pub(super) fn examine(slots: u64) -> Vec<Finding> {
    let files = getrlimit(Resource::Nofile).current;
    let own = getrlimit(Resource::Nproc).current;
    // Together with whatever else runs there, so this is the most there could be.
    let group = cgroup_pids();
    let processes = [own, group].into_iter().flatten().min();
    vec![
        against(
            "open files",
            files,
            FILES_BASE + FILES_PER_SLOT * slots,
            slots,
            "raise it, as with `ulimit -n 4096`, or lower `max_parallel`",
        ),
        against(
            "processes",
            processes,
            PROCESSES_BASE + PROCESSES_PER_SLOT * slots,
            slots,
            "raise it (`ulimit -u`, or the container's limit), or lower `max_parallel`",
        ),
    ]
}

fn against(
    name: &'static str,
    allowed: Option<u64>,
    needed: u64,
    slots: u64,
    fix: &str,
) -> Finding {
    let Some(allowed) = allowed else {
        return Finding::ok(GROUP, name, "unlimited");
    };
    if allowed >= needed {
        return Finding::ok(GROUP, name, format!("{allowed} allowed"));
    }
    let said = format!("{allowed} allowed; {slots} attempts at once want about {needed}");
    Finding::ok(GROUP, name, said).warn(fix)
}

/// `pids.max` of the innermost control group that has one.
fn cgroup_pids() -> Option<u64> {
    let of_process = fs_err::read_to_string("/proc/self/cgroup").ok()?;
    let path = of_process
        .lines()
        .find_map(|line| line.strip_prefix("0::"))?;
    let mut folder = PathBuf::from("/sys/fs/cgroup").join(path.trim_start_matches('/'));
    loop {
        if let Ok(text) = fs_err::read_to_string(folder.join("pids.max")) {
            return text.trim().parse().ok();
        }
        if !folder.pop() || !folder.starts_with("/sys/fs/cgroup") {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn what_is_needed_grows_with_the_slots() {
        let of = |allowed, needed| against("x", allowed, needed, 1, "fix").level;
        assert_eq!(of(None, 9), Level::Ok);
        assert_eq!(of(Some(9), 9), Level::Ok);
        assert_eq!(of(Some(8), 9), Level::Warn);
        assert_eq!(examine(1_000_000).len(), 2);
    }
}
