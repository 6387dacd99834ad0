//! A secret from a file of this host.

use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::error::Why;
use super::secret::{MAX_SECRET_BYTES, Secret};
use super::system::Host;

/// Everybody on the host may read it.
const READ_BY_OTHERS: u32 = 0o004;

/// The value in the file at `path`: absolute, in the home, or beneath the scenario's root, which a link
/// in a cloned tree does not leave.
pub(super) fn read(path: &str, host: &Host) -> Result<Secret, Why> {
    let unreadable = |error: io::Error| Why::Unreadable {
        path: path.to_owned(),
        error: error.to_string(),
    };
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = if let Some(inner) = path.strip_prefix("~/") {
        let home = host.home.as_deref();
        let home = home.ok_or_else(|| Why::Homeless(path.to_owned()))?;
        rustix::fs::openat(CWD, home.join(inner), flags, Mode::empty())
    } else if Path::new(path).is_absolute() {
        rustix::fs::openat(CWD, path, flags, Mode::empty())
    } else {
        let directory = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::openat(CWD, &host.root, directory, Mode::empty());
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        root.and_then(|root| rustix::fs::openat2(root, path, flags, Mode::empty(), resolve))
    };
    let opened = opened.map_err(|error| match error {
        Errno::XDEV => Why::Outside(path.to_owned()),
        Errno::NXIO => Why::NotAFile(path.to_owned()),
        error => unreadable(error.into()),
    })?;
    let file = std::fs::File::from(opened);
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Why::NotAFile(path.to_owned()));
    }
    if metadata.mode() & READ_BY_OTHERS != 0 {
        tracing::warn!(path, "everybody on this host may read the file of a secret");
    }
    // A line break, and a byte to see that there are more.
    let most = MAX_SECRET_BYTES + 3;
    let mut text = Zeroizing::new(Vec::with_capacity(most));
    let read = file.take(most as u64).read_to_end(&mut text);
    read.map_err(unreadable)?;
    Secret::of_text(&text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn host(root: &Path) -> Host {
        Host {
            root: root.to_owned(),
            home: Some(root.join("home")),
            variable: Arc::new(|_| None),
        }
    }

    fn look(path: &str, root: &Path) -> Result<String, Why> {
        read(path, &host(root)).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn paths_are_beneath_the_root_in_the_home_or_absolute() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs_err::create_dir_all(root.join("home")).unwrap();
        fs_err::write(root.join("token"), "beneath-the-root\n").unwrap();
        fs_err::write(root.join("home/token"), "in-the-home").unwrap();
        fs_err::write(dir.path().join("token"), "elsewhere").unwrap();
        assert_eq!(look("token", &root).unwrap(), "beneath-the-root");
        assert_eq!(look("./home/token", &root).unwrap(), "in-the-home");
        assert_eq!(look("~/token", &root).unwrap(), "in-the-home");
        let absolute = dir.path().join("token");
        let absolute = absolute.to_str().unwrap();
        assert_eq!(look(absolute, &root).unwrap(), "elsewhere");
        fs_err::os::unix::fs::symlink("token", root.join("inside")).unwrap();
        assert_eq!(look("inside", &root).unwrap(), "beneath-the-root");
        fs_err::os::unix::fs::symlink(absolute, root.join("outside")).unwrap();
        fs_err::os::unix::fs::symlink("..", root.join("up")).unwrap();
        for leaving in ["outside", "../token", "up/token"] {
            assert_eq!(look(leaving, &root), Err(Why::Outside(leaving.to_owned())));
        }
    }

    #[test]
    fn only_readable_files_of_some_size_hold_secrets() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let message = look("absent", root).unwrap_err().to_string();
        assert_eq!(
            message,
            "`absent` cannot be read: No such file or directory (os error 2)"
        );
        fs_err::create_dir(root.join("directory")).unwrap();
        let fifo = root.join("fifo");
        rustix::fs::mknodat(CWD, &fifo, rustix::fs::FileType::Fifo, Mode::RWXU, 0).unwrap();
        for special in ["directory", "fifo", "/dev/zero"] {
            assert_eq!(look(special, root), Err(Why::NotAFile(special.to_owned())));
        }
        fs_err::write(root.join("large"), vec![b'a'; MAX_SECRET_BYTES + 1]).unwrap();
        assert_eq!(look("large", root), Err(Why::TooLong));
        fs_err::write(
            root.join("full"),
            [&[b'a'; MAX_SECRET_BYTES][..], b"\r\n"].concat(),
        )
        .unwrap();
        assert_eq!(look("full", root).unwrap().len(), MAX_SECRET_BYTES);
    }
}
