//! Takes sealed files from an earlier run into a new run directory: copied, verified while they are
//! copied, and synced, before the journal names them.

use std::io::{self, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt as _;
use protocol::artifact::SealedFile;
use protocol::digest::Hasher;
use protocol::event::EventKind;
use rustix::fs::{Mode, OFlags, ResolveFlags};

/// Copied in pieces of this size.
const CHUNK_BYTES: usize = 128 * 1024;

/// Copies every sealed file that the events name from one run directory to another.
///
/// # Errors
/// `InvalidData`: a file is missing or not what was sealed. Otherwise the disk.
pub(super) fn carry(events: &[EventKind], from: &Path, to: &Path) -> io::Result<()> {
    let files = events.iter().flat_map(|event| match event {
        EventKind::TaskReused { artifacts, .. } => artifacts.as_slice(),
        _ => &[],
    });
    let source = fs_err::File::open(from)?;
    let mut folders: Vec<PathBuf> = Vec::new();
    for file in files.flat_map(|artifact| &artifact.files) {
        let path = relative(&file.path).ok_or_else(|| changed(file))?;
        let target = to.join(&path);
        let folder = target.parent().unwrap_or(to).to_owned();
        if folders.last() != Some(&folder) {
            fs_err::create_dir_all(&folder)?;
            folders.push(folder);
        }
        copy(&source, &path, file, &target)?;
    }
    // Every directory that got an entry, up to the top of what is carried.
    folders.sort();
    folders.dedup();
    for folder in &folders {
        for above in folder.ancestors().take_while(|above| above.starts_with(to)) {
            fs_err::File::open(above)?.sync_all()?;
        }
    }
    Ok(())
}

fn changed(file: &SealedFile) -> io::Error {
    let message = format!("{} is not what was sealed", file.path);
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// A path beneath the run directory: names only.
fn relative(path: &str) -> Option<PathBuf> {
    let is_name = |part: Component<'_>| matches!(part, Component::Normal(_));
    let path = Path::new(path);
    path.components().all(is_name).then(|| path.to_owned())
}

fn copy(source: &fs_err::File, path: &Path, file: &SealedFile, target: &Path) -> io::Result<()> {
    // Beneath the old directory and never through a link: its names come from a journal.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let opened = rustix::fs::openat2(source, path, flags, Mode::empty(), within);
    let opened = opened.map_err(|_| changed(file))?;
    let mut from = std::fs::File::from(opened);
    let found = from.metadata()?;
    if !found.is_file() || found.len() != file.bytes {
        return Err(changed(file));
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777;
    let mut options = fs_err::OpenOptions::new();
    let mut to = options
        .write(true)
        .read(true)
        .create_new(true)
        .mode(mode)
        .open(target)?;
    // Where the file system can share the bytes, there is nothing to write; they are read all the same.
    let is_shared = rustix::fs::ioctl_ficlone(&to, &from).is_ok();
    let mut hasher = Hasher::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = from.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        hasher.update(&chunk[..read]);
        if !is_shared {
            to.write_all(&chunk[..read])?;
        }
    }
    if hasher.finish() != file.sha256 {
        return Err(changed(file));
    }
    to.sync_all()
}

#[cfg(test)]
mod tests {
    use protocol::artifact::Artifact;
    use protocol::digest::Digest;

    use super::*;

    fn reused(path: &str, content: &str) -> EventKind {
        let file = SealedFile {
            path: path.into(),
            bytes: content.len() as u64,
            sha256: Digest::of(content.as_bytes()),
        };
        EventKind::TaskReused {
            task: "a".parse().unwrap(),
            run: "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a".parse().unwrap(),
            outputs: serde_json::Map::new(),
            artifacts: vec![Artifact {
                name: "x".into(),
                media_type: "text/plain".into(),
                directory: false,
                left_out: 0,
                files: vec![file],
            }],
        }
    }

    #[test]
    fn only_what_was_sealed_is_carried() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        fs_err::create_dir_all(old.join("artifacts/a")).unwrap();
        fs_err::create_dir(&new).unwrap();
        fs_err::write(old.join("artifacts/a/x"), "sealed").unwrap();
        carry(&[reused("artifacts/a/x", "sealed")], &old, &new).unwrap();
        assert_eq!(
            fs_err::read_to_string(new.join("artifacts/a/x")).unwrap(),
            "sealed"
        );
        std::os::unix::fs::symlink(old.join("artifacts/a/x"), old.join("artifacts/a/link"))
            .unwrap();
        for (path, content) in [
            ("artifacts/a/x", "change"),
            ("artifacts/a/x", "other size"),
            ("artifacts/a/none", "sealed"),
            ("artifacts/a/link", "sealed"),
            ("artifacts/../artifacts/a/x", "sealed"),
            ("/etc/passwd", "sealed"),
        ] {
            let fresh = tempfile::tempdir().unwrap();
            let error = carry(&[reused(path, content)], &old, fresh.path()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{path} {content}");
        }
    }
}
