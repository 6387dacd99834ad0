//! The root of attempts: a small file system in memory, made once for a slot, with what a view holds
//! of the host mounted into it. What attempts write is mounted by [`super::private`].

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::symlink;
use rustix::fs::{CWD, Mode};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, UnmountFlags,
};

use super::landlock::Access;
use super::paths::PRIVATE;
use super::private::Lent;
use super::problem::{broken, denied};
use super::view::{Mount, View};
use crate::launcher::Unavailable;

/// Where an attempt's temporary files are mounted, see [`super::private`]. Landlock looks at what is above a mount
/// point, not at the point: a rule for `/var` covers it.
pub(super) const PRIVATE_AT: &str = "/var/private";
/// Mounts beneath directories that are private wait here while there are none.
const LENT_AT: &str = "/var/lent";
/// The root holds directories, links, copies of small files: never more than this.
const OPTIONS: [(&str, &str); 3] = [("size", "16m"), ("nr_inodes", "16k"), ("mode", "0755")];
/// What leads to what is made.
const LINKS: [(&str, &str); 9] = [
    ("/tmp", PRIVATE_AT),
    ("/var/tmp", PRIVATE_AT),
    ("/dev/shm", PRIVATE_AT),
    ("/dev/ptmx", "pts/ptmx"),
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/etc/mtab", "/proc/mounts"),
];
/// What attempts can do with what is made, for the second fence.
const RULES: [(&str, Access); 7] = [
    ("/", Access::List),
    ("/etc", Access::Read),
    ("/proc", Access::Read),
    ("/var", Access::Write),
    ("/dev", Access::Device),
    ("/dev/pts", Access::Device),
    ("/dev/pts", Access::List),
];

/// What is there once the host's root is left.
pub(super) struct Entered {
    /// Mounts that wait for private directories.
    pub(super) lent: Vec<Lent>,
    /// What can be done where, by paths of this process.
    pub(super) rules: Vec<(PathBuf, Access)>,
}

/// Makes the root and leaves the host's.
pub(super) fn enter(view: View) -> Result<Entered, Unavailable> {
    leave().map_err(|error| denied("a root of its own", &error))?;
    let umask = rustix::process::umask(Mode::from_raw_mode(0o022));
    let built = build(view);
    rustix::process::umask(umask);
    built.map_err(|error| broken("the view of the file system", &error))
}

/// An empty file system over the root, which then becomes the root, with nothing of the old one left.
fn leave() -> io::Result<()> {
    let context = rustix::mount::fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in OPTIONS {
        rustix::mount::fsconfig_set_string(&context, key, value)?;
    }
    rustix::mount::fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    let root = rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    rustix::mount::move_mount(&root, "", CWD, "/", flags)?;
    rustix::process::fchdir(&root)?;
    rustix::process::pivot_root(".", ".")?;
    // The old root lies on the new one.
    rustix::mount::unmount(".", UnmountFlags::DETACH)?;
    Ok(rustix::process::chdir("/")?)
}

fn build(view: View) -> io::Result<Entered> {
    for path in ["/etc", "/dev/pts", "/proc", PRIVATE_AT, LENT_AT] {
        fs_err::create_dir_all(path)?;
    }
    for (link, target) in LINKS {
        symlink(target, link)?;
    }
    for file in view.files {
        fs_err::write(file.path, file.bytes)?;
    }
    let options = Some(c"newinstance,ptmxmode=0666,mode=0620");
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    rustix::mount::mount("devpts", "/dev/pts", "devpts", flags, options)?;

    let rules = RULES.map(|(path, access)| (PathBuf::from(path), access));
    let mut entered = Entered {
        lent: Vec::new(),
        rules: rules.to_vec(),
    };
    // Where paths beneath private directories are for now.
    let mut waiting: Vec<(PathBuf, PathBuf)> = Vec::new();
    for mount in view.mounts {
        let path = &mount.path;
        let mut around = waiting.iter().rev();
        let around = around.find_map(|(root, at)| Some(at.join(path.strip_prefix(root).ok()?)));
        let private = PRIVATE.iter().find(|private| path.starts_with(private));
        let at = match (around, private) {
            (Some(at), _) => at,
            (None, None) => path.clone(),
            (None, Some(private)) => {
                let at = Path::new(LENT_AT).join(entered.lent.len().to_string());
                entered.lent.push(lend(&at, &mount, private)?);
                waiting.push((path.clone(), at.clone()));
                at
            }
        };
        mount_point(&at, mount.directory)?;
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        rustix::mount::move_mount(&mount.tree, "", CWD, &at, flags)?;
        entered
            .rules
            .extend(mount.access.map(|access| (at, access)));
    }
    for (link, target) in view.links {
        fs_err::create_dir_all(link.parent().unwrap_or(Path::new("/")))?;
        symlink(target, link)?;
    }
    Ok(entered)
}

/// Made where nothing is; inside what is mounted it is there already.
fn mount_point(at: &Path, directory: bool) -> io::Result<()> {
    if directory {
        return fs_err::create_dir_all(at);
    }
    fs_err::create_dir_all(at.parent().unwrap_or(Path::new("/")))?;
    if !at.exists() {
        fs_err::File::create(at)?;
    }
    Ok(())
}

fn lend(at: &Path, mount: &Mount, private: &str) -> io::Result<Lent> {
    let path = &mount.path;
    let c = |path: &Path| CString::new(path.as_os_str().as_bytes()).map_err(io::Error::from);
    let parents = path.ancestors().skip(1);
    let parents = parents.take_while(|parent| *parent != Path::new(private));
    let mut parents = parents.map(c).collect::<io::Result<Vec<_>>>()?;
    parents.reverse();
    Ok(Lent {
        parents,
        file: !mount.directory,
        from: c(at)?,
        to: c(path)?,
        tree: mount.tree.try_clone()?,
    })
}

/// Nothing of the root can be written from now on, by nobody; mounts beneath it are as they are.
pub(super) fn seal() -> Result<(), Unavailable> {
    let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount_remount("/", flags, "")
        .map_err(|error| broken("a root that cannot be written", &error.into()))
}
