//! Opens a file of the host that is copied for a task. The worker reads it, not the task: what confines
//! the task would not keep it from being handed, through a link in a cloned tree or one that another
//! task put there, what it may not read. So this does.

use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use protocol::policy::{Confine, Constraints, SandboxLevel};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::stage::StageError;

/// Non-blocking, so that a FIFO in the place of a file is refused instead of waited for.
pub(super) const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Opens the file or directory at `path` for a task with these constraints. Where anything confines it,
/// links lead to what it may read and nowhere else.
pub(super) fn open(
    path: &Path,
    to: &Path,
    constraints: &Constraints,
) -> Result<OwnedFd, StageError> {
    let missing = |error: Errno| StageError::Missing {
        to: to.display().to_string(),
        source: error.into(),
    };
    if constraints.level == SandboxLevel::None {
        return rustix::fs::openat(CWD, path, READ, Mode::empty()).map_err(missing);
    }
    match open_straight(&of_the_host(path)) {
        Err(Errno::LOOP) => {}
        opened => return opened.map_err(missing),
    }
    let real = fs_err::canonicalize(path).map_err(|source| StageError::Missing {
        to: to.display().to_string(),
        source,
    })?;
    if !may_read(&real, &constraints.confine) {
        return Err(StageError::Astray(path.display().to_string()));
    }
    // Whoever changes it once more, only makes this fail.
    open_straight(&real).map_err(missing)
}

fn open_straight(path: &Path) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    rustix::fs::openat2(CWD, path, READ, Mode::empty(), resolve)
}

/// With the link followed that is the first name, if one is: the host's own, such as `/home` on some.
fn of_the_host(path: &Path) -> PathBuf {
    let mut components = path.components();
    let (Some(Component::RootDir), Some(Component::Normal(first))) =
        (components.next(), components.next())
    else {
        return path.to_owned();
    };
    let first = Path::new("/").join(first);
    match fs_err::canonicalize(&first) {
        // An empty rest would add a slash, which asks for a directory.
        Ok(first) if components.as_path().as_os_str().is_empty() => first,
        Ok(first) => first.join(components.as_path()),
        Err(_) => path.to_owned(),
    }
}

/// Whether what is open to the task holds `real`, a path without links.
fn may_read(real: &Path, confine: &Confine) -> bool {
    let open = roots(confine.read.iter().chain(&confine.write));
    let within = roots(&confine.within);
    // A link in one of them that leads out of it opens nothing.
    let is_sound = |path: &Path, leads_to: &Path| {
        open.iter().chain(&within).all(|(around, real)| {
            let is_in = path.starts_with(around) || path.starts_with(real);
            !is_in || leads_to.starts_with(real)
        })
    };
    open.iter()
        .any(|(path, root)| real.starts_with(root) && is_sound(path, root))
}

/// What exists of these paths, and what they lead to.
fn roots<'a>(paths: impl IntoIterator<Item = &'a String>) -> Vec<(&'a Path, PathBuf)> {
    let paths = paths.into_iter().map(Path::new);
    paths
        .filter_map(|path| Some((path, fs_err::canonicalize(path).ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::Arc;

    use fs_err::os::unix::fs::symlink;

    use super::*;

    struct Host(tempfile::TempDir);

    impl Host {
        fn new() -> Self {
            let host = Self(tempfile::tempdir().unwrap());
            fs_err::create_dir_all(host.at("tree/sub")).unwrap();
            fs_err::create_dir(host.at("keys")).unwrap();
            fs_err::write(host.at("keys/id"), "key").unwrap();
            fs_err::write(host.at("tree/sub/data"), "data").unwrap();
            symlink(host.at("keys/id"), host.at("tree/file")).unwrap();
            symlink("../keys", host.at("tree/dir")).unwrap();
            symlink("sub", host.at("tree/inside")).unwrap();
            symlink("tree", host.at("alias")).unwrap();
            host
        }

        fn at(&self, path: &str) -> PathBuf {
            fs_err::canonicalize(self.0.path()).unwrap().join(path)
        }

        /// What is opened for a task that may read `read`.
        fn open(
            &self,
            level: SandboxLevel,
            read: &[&str],
            path: &str,
        ) -> Result<String, StageError> {
            let read = read.iter().map(|path| self.at(path).display().to_string());
            let confine = Confine {
                read: read.collect(),
                ..Confine::CLOSED
            };
            let constraints = Constraints {
                level,
                confine: Arc::new(confine),
                ..Constraints::unconfined()
            };
            let opened = open(&self.at(path), Path::new("x"), &constraints)?;
            let mut text = String::new();
            std::fs::File::from(opened)
                .read_to_string(&mut text)
                .unwrap();
            Ok(text)
        }
    }

    #[test]
    fn links_lead_to_what_a_task_may_read_and_nowhere_else() {
        let host = Host::new();
        for level in [SandboxLevel::Strict, SandboxLevel::Landlock] {
            for path in ["tree/file", "tree/dir/id", "alias/file"] {
                for read in [&["tree"][..], &["tree", "tree/file", "tree/dir"], &[]] {
                    let opened = host.open(level, read, path);
                    let Err(StageError::Astray(named)) = opened else {
                        panic!("{path} {read:?}: {opened:?}");
                    };
                    assert_eq!(Path::new(&named), host.at(path));
                }
            }
            for path in ["tree/sub/data", "tree/inside/data", "alias/sub/data"] {
                assert_eq!(host.open(level, &["tree"], path).unwrap(), "data");
                assert_eq!(host.open(level, &["alias"], path).unwrap(), "data");
            }
            // Whoever names a link as open means what it leads to.
            assert_eq!(
                host.open(level, &["tree/file"], "tree/file").unwrap(),
                "key"
            );
            let opened = host.open(level, &["tree"], "tree/none");
            assert!(
                matches!(opened, Err(StageError::Missing { .. })),
                "{opened:?}"
            );
        }
    }

    #[test]
    fn who_narrows_to_a_link_in_the_tree_gets_no_more_than_the_tree() {
        let host = Host::new();
        let at = |path: &str| host.at(path).display().to_string();
        let mut confine = Confine {
            read: vec![at("tree/dir")],
            ..Confine::CLOSED
        };
        assert!(may_read(&host.at("keys/id"), &confine));
        confine.within = vec![at("tree")];
        assert!(!may_read(&host.at("keys/id"), &confine));
        confine.read = vec![at("tree/inside")];
        assert!(may_read(&host.at("tree/sub/data"), &confine));
    }

    #[test]
    fn nothing_changes_without_a_sandbox() {
        let host = Host::new();
        for path in ["tree/file", "tree/dir/id", "keys/id"] {
            assert_eq!(host.open(SandboxLevel::None, &[], path).unwrap(), "key");
        }
    }

    #[test]
    fn the_first_name_is_the_hosts() {
        assert_eq!(
            of_the_host(Path::new("/proc/self/x")),
            Path::new("/proc/self/x")
        );
        assert_eq!(of_the_host(Path::new("x/y")), Path::new("x/y"));
        let Ok(real) = fs_err::canonicalize("/bin") else {
            return;
        };
        assert_eq!(of_the_host(Path::new("/bin/sh")), real.join("sh"));
        assert_eq!(of_the_host(Path::new("/bin")), real);
    }
}
