//! Programs that scenarios call. A program is judged by its file, never started.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::finding::Finding;
use crate::settings::task_path;

const GROUP: &str = "tools";

/// Programs without which something of ours does not work: name, what for, whether nothing works.
const TOOLS: &[(&str, &str, bool)] = &[
    ("sh", "every `run:` text", true),
    (
        "git",
        "`repo-audit` and scenarios about repositories",
        false,
    ),
    ("tar", "`repo-audit` and most templates", false),
    ("awk", "`repo-audit` and most templates", false),
];

/// Oldest kernel with `openat2`, which keeps paths of tasks inside their folders.
const KERNEL: (u32, u32) = (5, 6);

pub(super) fn examine(quick: bool) -> Vec<Finding> {
    let path = task_path();
    let mut found = vec![kernel(), children()];
    for (name, purpose, needed) in TOOLS.iter().filter(|(_, _, needed)| *needed || !quick) {
        found.push(tool(&path, name, purpose, *needed));
    }
    found
}

fn tool(path: &str, name: &'static str, purpose: &str, needed: bool) -> Finding {
    if let Some(file) = which(path, name) {
        return Finding::ok(GROUP, name, file.display().to_string());
    }
    let missing = Finding::ok(GROUP, name, format!("not in PATH; needed for {purpose}"));
    let fix = format!("install {name}, or put its folder into PATH; tasks search {path}");
    match needed {
        true => missing.fail(fix),
        false => missing.warn(fix),
    }
}

/// The first executable file of this name.
pub(super) fn which(path: &str, name: &str) -> Option<PathBuf> {
    let candidates = path.split(':').map(|folder| Path::new(folder).join(name));
    candidates
        .into_iter()
        .find(|file| file.is_file() && access(file, Access::EXEC_OK).is_ok())
}

fn kernel() -> Finding {
    let release = fs_err::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release = release.trim();
    let finding = Finding::ok(GROUP, "kernel", format!("Linux {release}"));
    match version(release) {
        Some(version) if version >= KERNEL => finding,
        Some(_) => finding.fail("orchestra needs Linux 5.6 or newer"),
        None => finding.warn("/proc does not say which kernel this is; it has to be 5.6 or newer"),
    }
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// How a task's tree is proved dead.
fn children() -> Finding {
    let path = "/proc/thread-self/children";
    let finding = Finding::ok(GROUP, "process list", "/proc lists children of processes");
    match Path::new(path).exists() {
        true => finding,
        false => Finding {
            said: format!("{path} is not there, so leftovers of tasks cannot be found"),
            ..finding
        }
        .fail("mount /proc, on a kernel with CONFIG_PROC_CHILDREN"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn releases_are_read() {
        assert_eq!(version("6.1.0-18-amd64"), Some((6, 1)));
        assert_eq!(version("5.6"), Some((5, 6)));
        assert_eq!(version(""), None);
        assert!(version("5.4.1") < Some(KERNEL));
    }

    #[test]
    fn what_is_missing_says_what_it_was_for() {
        let sh = tool("/nowhere", "sh", "every `run:` text", true);
        assert_eq!(sh.level, Level::Fail);
        assert!(sh.said.contains("run:") && sh.fix.unwrap().contains("/nowhere"));
        let git = tool("/nowhere", "git", "repositories", false);
        assert_eq!(git.level, Level::Warn);
        assert!(which("/nowhere:/bin:/usr/bin", "sh").is_some());
    }
}
