//! Sockets of the host's in what attempts see of it: a mount that cannot be written does not stop
//! anybody from connecting. Looked for where attempts may have unix sockets at all, before they start.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use protocol::policy::Confine;

use super::paths::SYSTEM;

/// Looked at by name; more than a large project has, and a tenth of a second.
const ENTRIES: usize = 100_000;

/// One that an attempt could connect to.
pub(super) fn within_reach(confine: &Confine) -> Option<PathBuf> {
    let named = confine
        .read
        .iter()
        .chain(&confine.write)
        .chain(&confine.path);
    let named: Vec<PathBuf> = named
        .map(|path| fs_err::canonicalize(path).unwrap_or_else(|_| path.into()))
        .collect();
    let system = SYSTEM.iter().map(PathBuf::from);
    let open: Vec<PathBuf> = system.chain(named.iter().cloned()).collect();
    let table = fs_err::read("/proc/net/unix").unwrap_or_default();
    bound(&table, &open).or_else(|| lying(named))
}

/// By the kernel's list of those in this network, which has no bound path beyond it.
fn bound(table: &[u8], open: &[PathBuf]) -> Option<PathBuf> {
    table.split(|byte| *byte == b'\n').find_map(|line| {
        // The path comes last and may hold anything.
        let at = line.windows(2).position(|pair| pair == b" /")? + 1;
        let path = Path::new(OsStr::from_bytes(&line[at..]));
        let within = open.iter().any(|root| path.starts_with(root));
        (within && path.exists()).then(|| path.to_owned())
    })
}

/// By name, for those of other networks, in what the policy opens.
fn lying(named: Vec<PathBuf>) -> Option<PathBuf> {
    let mut left = VecDeque::from(named);
    let mut seen = 0;
    while let Some(path) = left.pop_front() {
        let Ok(kind) = std::fs::symlink_metadata(&path).map(|found| found.file_type()) else {
            continue;
        };
        if kind.is_socket() {
            return Some(path);
        }
        if kind.is_dir() {
            for entry in fs_err::read_dir(&path).into_iter().flatten().flatten() {
                seen += 1;
                if seen > ENTRIES {
                    return None;
                }
                match entry.file_type() {
                    Ok(kind) if kind.is_socket() => return Some(entry.path()),
                    Ok(kind) if kind.is_dir() => left.push_back(entry.path()),
                    _ => {}
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn reading(path: &Path) -> Confine {
        Confine {
            read: vec![path.display().to_string()],
            ..Confine::CLOSED
        }
    }

    #[test]
    fn a_socket_in_what_is_opened_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        fs_err::create_dir_all(&inner).unwrap();
        fs_err::write(inner.join("file"), "").unwrap();
        assert_eq!(within_reach(&reading(dir.path())), None);
        let _listener = UnixListener::bind(inner.join("sock")).unwrap();
        let found = within_reach(&reading(dir.path())).unwrap();
        assert!(found.ends_with("a/b/sock"), "{}", found.display());
        assert_eq!(within_reach(&Confine::CLOSED), None);
        assert!(
            lying(vec![dir.path().to_owned()]).is_some(),
            "without the kernel's list, too"
        );
    }

    #[test]
    fn the_kernels_list_is_read_whatever_it_holds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a socket");
        let _listener = UnixListener::bind(&path).unwrap();
        let table = format!(
            "Num RefCount Protocol Flags Type St Inode Path\n0: 2 0 0 1 1 7\n0: 2 0 0 1 1 8 @abstract\n\
             0: 2 0 1 1 1 9 {}\n",
            path.display()
        );
        assert_eq!(
            bound(table.as_bytes(), &[dir.path().to_owned()]),
            Some(path)
        );
        assert_eq!(bound(table.as_bytes(), &[PathBuf::from("/opt")]), None);
        assert_eq!(bound(b"\xff /\n /", &[PathBuf::from("/opt")]), None);
    }
}
