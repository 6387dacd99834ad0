//! The file system that runs are kept on: room, files, and whether locks and syncs hold there.

use rustix::fs::{StatVfs, StatVfsMountFlags, statfs, statvfs};

use super::finding::Finding;
use super::places::{Places, nearest_existing};
use crate::report::bytes;

const GROUP: &str = "disk";

/// Less than this and a journal of a middling run does not fit.
const FAIL_BYTES: u64 = 64 * 1024 * 1024;
/// Less than this and artifacts of a build may not fit.
const WARN_BYTES: u64 = 1024 * 1024 * 1024;
/// Each attempt makes a handful of files.
const FAIL_FILES: u64 = 1_000;
const WARN_FILES: u64 = 50_000;

/// File systems on which a promise may not hold: magic number, name, why.
const DOUBTFUL: &[(u64, &str, &str)] = &[
    (0x6969, "NFS", "locks and syncs depend on the server"),
    (0xff53_4d42, "CIFS", "locks and syncs depend on the server"),
    (0xfe53_4d42, "SMB", "locks and syncs depend on the server"),
    (0x0102_1997, "9p", "syncs depend on the host"),
    (0x6573_5546, "FUSE", "locks and syncs depend on its program"),
    (
        0x0102_1994,
        "tmpfs",
        "it lives in memory: nothing survives a power cut",
    ),
    (
        0x8584_58f6,
        "ramfs",
        "it lives in memory: nothing survives a power cut",
    ),
];

pub(super) fn examine(places: &Places) -> Vec<Finding> {
    let folder = nearest_existing(&places.runs);
    let shown = folder.display();
    let stat = match statvfs(&folder) {
        Ok(stat) => stat,
        Err(error) => {
            let said = format!("{shown} tells nothing about its file system: {error}");
            return vec![Finding::ok(GROUP, "room", said).warn("choose another `--runs-dir`")];
        }
    };
    let mut found = vec![room(&stat), files(&stat)];
    if stat.f_flag.contains(StatVfsMountFlags::RDONLY) {
        let said = format!("{shown} is mounted read-only");
        found.push(Finding::ok(GROUP, "mount", said).fail("choose another `--runs-dir`"));
    }
    if let Ok(stat) = statfs(&folder) {
        found.push(kind(u64::try_from(stat.f_type).unwrap_or_default()));
    }
    found
}

fn room(stat: &StatVfs) -> Finding {
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let finding = Finding::ok(GROUP, "room", format!("{} free", bytes(free)));
    let fix = "make room, as `orchestra clean --dry-run` proposes, or choose another `--runs-dir`";
    match free {
        ..FAIL_BYTES => finding.fail(fix),
        FAIL_BYTES..WARN_BYTES => finding.warn(fix),
        WARN_BYTES.. => finding,
    }
}

fn files(stat: &StatVfs) -> Finding {
    // Some file systems make inodes as they need them, and count none.
    if stat.f_files == 0 {
        return Finding::ok(GROUP, "files", "as many as there is room for");
    }
    let free = stat.f_favail;
    let finding = Finding::ok(GROUP, "files", format!("{free} more can be made"));
    let fix =
        "remove files, as `orchestra clean --dry-run` proposes, or choose another `--runs-dir`";
    match free {
        ..FAIL_FILES => finding.fail(fix),
        FAIL_FILES..WARN_FILES => finding.warn(fix),
        WARN_FILES.. => finding,
    }
}

fn kind(magic: u64) -> Finding {
    // The kernel's field is signed on some machines.
    let magic = magic & 0xffff_ffff;
    let doubtful = DOUBTFUL.iter().find(|(known, _, _)| *known == magic);
    match doubtful {
        Some((_, name, why)) => Finding::ok(GROUP, "file system", format!("{name}: {why}"))
            .warn("keep runs on a local disk: `--runs-dir DIR` or `runs_dir` in your settings"),
        None => Finding::ok(GROUP, "file system", "locks and syncs hold"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn doubtful_file_systems_are_named() {
        assert!(kind(0x6969).said.starts_with("NFS"));
        assert_eq!(kind(0x6969).level, Level::Warn);
        // ext4
        assert_eq!(kind(0xef53).level, Level::Ok);
        assert_eq!(
            kind(0xffff_ffff_ff53_4d42).said.split(':').next(),
            Some("CIFS")
        );
    }
}
