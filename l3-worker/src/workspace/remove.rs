//! Removes a tree whatever a task made of it: directories without permissions, names of any bytes,
//! depth beyond what descriptors or paths can hold. Never follows a link.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags};
use rustix::io::Errno;

/// Everything beneath `path`, and `path`. Nothing there is fine.
///
/// Deep trees are flattened while they are removed: a directory found inside a directory is first
/// moved up, so two descriptors are enough for any depth.
///
/// # Errors
/// What the kernel refuses in spite of all (another owner, an immutable file).
pub fn remove_tree(path: &Path) -> io::Result<()> {
    let top = match open_dir(CWD, path) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => return fs_err::remove_file(path),
        Err(error) => return Err(error.into()),
    };
    let mut moved = 0_u64;
    loop {
        let mut again = false;
        for name in names(&top)? {
            if !unlink(&top, &name)? {
                again |= !empty_into(&top, &name, &mut moved)?;
            }
        }
        if !again {
            break;
        }
    }
    drop(top);
    fs_err::remove_dir(path)
}

/// Unlinks a non-directory; false: it is a directory.
fn unlink(dir: &OwnedFd, name: &CString) -> io::Result<bool> {
    match rustix::fs::unlinkat(dir, name.as_c_str(), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::ISDIR | Errno::PERM) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Empties a directory of `top` and removes it; its own directories move up into `top`. False:
/// some did.
fn empty_into(top: &OwnedFd, name: &CString, moved: &mut u64) -> io::Result<bool> {
    let dir = open_dir(top, name.as_c_str())?;
    let mut none_moved = true;
    for inner in names(&dir)? {
        if unlink(&dir, &inner)? {
            continue;
        }
        // Moving a directory rewrites its `..`, so it must be writable itself.
        open_dir(&dir, inner.as_c_str())?;
        none_moved = false;
        loop {
            *moved += 1;
            let target = format!(".orchestra-removing-{moved}");
            let flags = rustix::fs::RenameFlags::NOREPLACE;
            match rustix::fs::renameat_with(&dir, inner.as_c_str(), top, target, flags) {
                Ok(()) => break,
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    match rustix::fs::unlinkat(top, name.as_c_str(), AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(none_moved),
        Err(error) => Err(error.into()),
    }
}

/// Opens a directory, giving its owner back the permissions that a task took away.
fn open_dir<P: rustix::path::Arg + Copy>(
    parent: impl std::os::fd::AsFd,
    name: P,
) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let usable = Mode::RUSR | Mode::WUSR | Mode::XUSR;
    match rustix::fs::openat(&parent, name, flags | OFlags::RDONLY, Mode::empty()) {
        Ok(dir) => {
            let mode = Mode::from_raw_mode(rustix::fs::fstat(&dir)?.st_mode);
            if !mode.contains(usable) {
                rustix::fs::fchmod(&dir, usable)?;
            }
            Ok(dir)
        }
        Err(Errno::ACCESS) => {
            let handle = rustix::fs::openat(&parent, name, flags | OFlags::PATH, Mode::empty())?;
            let by_descriptor = format!("/proc/self/fd/{}", handle.as_fd().as_raw_fd());
            rustix::fs::chmod(by_descriptor, usable)?;
            rustix::fs::openat(&parent, name, flags | OFlags::RDONLY, Mode::empty())
        }
        Err(error) => Err(error),
    }
}

fn names(dir: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn odd_names_links_and_missing_permissions() {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().join("outside");
        fs_err::create_dir(&outside).unwrap();
        fs_err::write(outside.join("kept"), "kept").unwrap();
        let tree = dir.path().join("tree");
        fs_err::create_dir_all(tree.join("a/b/c")).unwrap();
        fs_err::create_dir_all(tree.join(".orchestra-removing-1/x")).unwrap();
        for name in [b"\n".as_slice(), b"\xff\xfe", b"-rf", b"a/b/c/\xe2\x80\xae"] {
            fs_err::write(tree.join(std::ffi::OsStr::from_bytes(name)), "x").unwrap();
        }
        symlink(&outside, tree.join("link")).unwrap();
        symlink("loop", tree.join("loop")).unwrap();
        for locked in ["a/b/c", "a/b", "a"] {
            let none = std::fs::Permissions::from_mode(0o000);
            fs_err::set_permissions(tree.join(locked), none).unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
        assert_eq!(fs_err::read(outside.join("kept")).unwrap(), b"kept");
        remove_tree(&tree).unwrap();
    }

    #[test]
    fn depth_beyond_any_path() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        fs_err::create_dir(&tree).unwrap();
        let mut at = open_dir(CWD, tree.as_path()).unwrap();
        for _ in 0..1200 {
            rustix::fs::mkdirat(&at, "deeper", Mode::RWXU).unwrap();
            at = open_dir(&at, "deeper").unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
    }
}
