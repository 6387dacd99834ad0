//! What attempts of one slot see of the host, taken while it is in sight: copies of mounts, each with
//! its own rights, and copies of a few small files. [`super::root`] puts them where they belong.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::mount::{MountPropagationFlags, OpenTreeFlags};

use super::etc;
use super::landlock::Access;
use super::linux::{self, Attributes};
use super::paths::{Bind, Paths, SYSTEM};
use super::problem::{broken, denied};
use super::user::{Owners, Who};
use crate::launcher::Unavailable;

/// No `tty`: attempts have no terminal.
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
/// Merged into `/usr` on most hosts.
pub(super) const LINKED: [&str; 6] = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// One mount of the host's, detached.
pub(super) struct Mount {
    pub(super) path: PathBuf,
    pub(super) directory: bool,
    pub(super) tree: OwnedFd,
    /// For the second fence; `None`: what is around it says it.
    pub(super) access: Option<Access>,
}

/// Outermost first.
pub(super) struct View {
    pub(super) mounts: Vec<Mount>,
    pub(super) links: BTreeMap<PathBuf, PathBuf>,
    pub(super) files: Vec<etc::File>,
}

impl View {
    /// User namespaces by which what is lent is translated; before this process has its own.
    pub(super) fn owners(paths: &Paths, who: Who) -> Result<Owners, Unavailable> {
        let mut owners = Owners::default();
        if let Who::StandIn(id) = who {
            for bind in &paths.binds {
                let made = owners.of(&bind.path, id).map(|_| ());
                made.map_err(|error| {
                    denied("a user namespace to translate owners of files", &error)
                })?;
            }
        }
        Ok(owners)
    }

    /// In the mount namespace just made.
    pub(super) fn take(
        paths: Paths,
        who: Who,
        mut owners: Owners,
        network: bool,
    ) -> Result<Self, Unavailable> {
        let alone = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        rustix::mount::mount_change("/", alone)
            .map_err(|error| denied("private mounts", &error.into()))?;
        let mut view = Self {
            mounts: Vec::new(),
            links: paths.links,
            files: etc::files(who.user(), who.group(), network),
        };
        view.system()?;
        for bind in paths.binds {
            view.lent(bind, who, &mut owners)?;
        }
        Ok(view)
    }

    /// What everybody may read, and devices.
    fn system(&mut self) -> Result<(), Unavailable> {
        for path in LINKED.map(Path::new) {
            match std::fs::read_link(path) {
                Ok(target) => drop(self.links.insert(path.to_owned(), target)),
                Err(_) => self.mount(path, false, Some(Access::Read))?,
            }
        }
        for path in SYSTEM.map(Path::new) {
            self.mount(path, false, Some(Access::Read))?;
        }
        for path in etc::directories() {
            self.mount(&path, false, None)?;
        }
        for name in DEVICES {
            self.mount(&Path::new("/dev").join(name), true, None)?;
        }
        // Beneath the one of the slot's own: the kernel mounts a new one only where one is seen.
        self.mount(Path::new("/proc"), true, None)
    }

    /// Nothing, when the host has no such thing.
    fn mount(
        &mut self,
        path: &Path,
        devices: bool,
        access: Option<Access>,
    ) -> Result<(), Unavailable> {
        if !path.exists() {
            return Ok(());
        }
        let attributes = Attributes {
            read_only: !devices,
            no_devices: !devices,
            mapped_by: None,
        };
        let tree = clone(path)
            .and_then(|tree| linux::set_mount_attributes(tree.as_fd(), attributes).map(|()| tree));
        self.mounts.push(Mount {
            path: path.to_owned(),
            directory: path.is_dir(),
            tree: tree.map_err(|error| denied(&format!("mount of {}", path.display()), &error))?,
            access,
        });
        Ok(())
    }

    /// What the policy opens.
    fn lent(&mut self, bind: Bind, who: Who, owners: &mut Owners) -> Result<(), Unavailable> {
        let what = format!("mount of {}", bind.path.display());
        let tree = clone(&bind.path).map_err(|error| denied(&what, &error))?;
        let mapped_by = match who {
            Who::Same { .. } => None,
            Who::StandIn(id) => {
                let namespace = owners.of(&bind.path, id);
                Some(namespace.map_err(|error| denied(&what, &error))?.as_fd())
            }
        };
        let attributes = Attributes {
            read_only: bind.access == Access::Read,
            no_devices: true,
            mapped_by,
        };
        linux::set_mount_attributes(tree.as_fd(), attributes).map_err(|error| {
            let mut unavailable = broken(&what, &error);
            if mapped_by.is_some() {
                unavailable.message += "; as root, its file system must support mounts that \
                    translate owners: use ext4, xfs, btrfs or tmpfs, or run orchestra as an ordinary \
                    user";
            }
            unavailable
        })?;
        self.mounts.push(Mount {
            path: bind.path,
            directory: bind.directory,
            tree,
            access: Some(bind.access),
        });
        Ok(())
    }
}

/// A detached copy of a mount and all beneath it.
fn clone(path: &Path) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    Ok(rustix::mount::open_tree(CWD, path, flags)?)
}
