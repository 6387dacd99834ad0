//! Files and ports by Landlock: rules, the ruleset they make, and what this kernel cannot do of it.
//!
//! All that keeps `strict` from being a fence around nothing if a mount were wrong, and the whole
//! fence at level `landlock`. Rights are asked for one by one: what the kernel lacks is named, never
//! silently left out. Metadata (modes, owners, times, the names in a directory) is not covered by
//! Landlock at all.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use landlock::{
    AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus, PathBeneath,
    Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, Scope, make_bitflags,
};
use protocol::policy::{Guarantee, Network, SandboxLevel};
use rustix::fs::{FileType, Mode, OFlags};

use super::rules::Confinement;

#[cfg(test)]
mod tests;

/// What can be done with a file, or with everything beneath a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// See which names are there.
    List,
    /// List, read, execute.
    Read,
    /// Everything but making devices.
    Write,
    /// Read, write and control what is there.
    Device,
}

/// What one ruleset allows; all else is denied.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Paths as the process sees them that makes the ruleset. What does not exist is passed over. A
    /// rule on a directory says nothing about what is mounted over it later; one on a parent does.
    pub paths: Vec<(PathBuf, Access)>,
    /// No TCP port can be bound or connected to.
    pub deny_tcp: bool,
    /// Paths that would have to stay unwritten beneath others that can be written: Landlock cannot
    /// take away beneath what it gives.
    pub unprotected: Vec<PathBuf>,
}

/// Promises and rights that this kernel cannot keep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Promises of level `landlock`.
    pub guarantees: BTreeSet<Guarantee>,
    /// Rights, by the kernel's names.
    pub rights: Vec<&'static str>,
    /// Something is to stay unwritten beneath what can be written.
    pub is_beneath: bool,
}

/// The right without which what is there can be emptied.
const TRUNCATE: &str = "truncate";

impl Missing {
    /// Whether the kernel lacks a right that this promise rests on.
    #[must_use]
    pub fn lacks(&self, guarantee: Guarantee) -> bool {
        guarantee == Guarantee::FsWriteConfined && self.rights.contains(&TRUNCATE)
    }
}

/// Why there is no ruleset.
#[derive(Debug, thiserror::Error)]
pub enum Without {
    /// Built without it.
    #[error("the kernel is built without Landlock")]
    NotBuilt,
    /// Not among the modules it was started with.
    #[error(
        "Landlock is not among the kernel's active security modules (`lsm=` of its command line)"
    )]
    NotActive,
    /// A call failed.
    #[error("Landlock: {0}")]
    Failed(String),
}

/// Device nodes that programs expect.
const DEVICES: [&str; 7] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/ptmx",
];

const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{Execute | ReadFile | ReadDir});
const WRITE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    Execute | ReadFile | ReadDir | WriteFile | RemoveDir | RemoveFile | MakeDir | MakeReg | MakeSock
        | MakeFifo | MakeSym | Refer | Truncate
});
const DEVICE: BitFlags<AccessFs> =
    make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate | IoctlDev});
/// What rules on files can be about.
const OF_FILES: BitFlags<AccessFs> =
    make_bitflags!(AccessFs::{Execute | ReadFile | WriteFile | Truncate | IoctlDev});
/// What the first Landlock has; without these there is none.
const FIRST: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    Execute | WriteFile | ReadFile | ReadDir | RemoveDir | RemoveFile | MakeChar | MakeDir | MakeReg
        | MakeSock | MakeFifo | MakeBlock | MakeSym
});

impl Rules {
    /// Level `landlock`, where paths are the host's: `system` is what everybody may read.
    #[must_use]
    pub fn on_host(confinement: &Confinement, system: &[PathBuf]) -> Self {
        let confine = &confinement.confine;
        let mut paths: Vec<(PathBuf, Access)> = Vec::new();
        let read = confine.read.iter().chain(&confine.path).map(PathBuf::from);
        paths.extend(
            system
                .iter()
                .cloned()
                .chain(read)
                .map(|path| (path, Access::Read)),
        );
        let write: Vec<PathBuf> = confine.write.iter().map(PathBuf::from).collect();
        let protect = confine.protect.iter().map(PathBuf::from);
        let unprotected = protect
            // What is not there cannot be protected by a mount either.
            .filter(|path| path.exists())
            .filter(|path| {
                write
                    .iter()
                    .chain([&confinement.work])
                    .any(|open| path.starts_with(open))
            })
            .collect();
        paths.extend(write.into_iter().map(|path| (path, Access::Write)));
        paths.push((confinement.work.clone(), Access::Write));
        paths.extend(DEVICES.map(|path| (PathBuf::from(path), Access::Device)));
        Self {
            paths,
            deny_tcp: confinement.level == SandboxLevel::Landlock
                && confine.network == Network::None,
            unprotected,
        }
    }
}

/// Makes the ruleset; every attempt restricts itself with it.
///
/// # Errors
/// Landlock is not there, or denies its service.
pub fn ruleset(rules: &Rules) -> Result<(OwnedFd, Missing), Without> {
    let (created, missing) = create(rules)?;
    let fd: Option<OwnedFd> = created.into();
    Ok((
        fd.ok_or_else(|| Without::Failed("no ruleset was made".to_owned()))?,
        missing,
    ))
}

fn create(rules: &Rules) -> Result<(RulesetCreated, Missing), Without> {
    let mut missing = Missing::default();
    if !rules.unprotected.is_empty() {
        missing.guarantees.insert(Guarantee::FsWriteConfined);
        missing.is_beneath = true;
    }
    let strictly = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let mut ruleset = strictly.handle_access(FIRST).map_err(|_| why())?;
    let mut handled = FIRST;
    // Without it renames between directories are denied, and nothing is lost.
    for (right, name) in [
        (AccessFs::Refer, "refer"),
        (AccessFs::Truncate, TRUNCATE),
        (AccessFs::IoctlDev, "ioctl_dev"),
    ] {
        if probe(|ruleset| ruleset.handle_access(right)) {
            ruleset = ruleset.handle_access(right).map_err(failed)?;
            handled |= right;
        } else {
            missing.rights.push(name);
            if right == AccessFs::Truncate {
                missing.guarantees.insert(Guarantee::FsWriteConfined);
            }
        }
    }
    // Nothing is beneath a promise here: without a network, sockets cannot be made at all.
    let tcp = AccessNet::BindTcp | AccessNet::ConnectTcp;
    if rules.deny_tcp {
        if probe(|ruleset| ruleset.handle_access(tcp)) {
            ruleset = ruleset.handle_access(tcp).map_err(failed)?;
        } else {
            missing.rights.push("tcp");
        }
    }
    let scopes = Scope::AbstractUnixSocket | Scope::Signal;
    if probe(|ruleset| ruleset.scope(scopes)) {
        ruleset = ruleset.scope(scopes).map_err(failed)?;
    } else {
        missing.rights.push("scope");
    }
    let mut created = ruleset.create().map_err(failed)?;
    for (path, access) in &rules.paths {
        if let Some((fd, of_file)) = open(path)? {
            let rights = match access {
                Access::List => BitFlags::from_flag(AccessFs::ReadDir),
                Access::Read => READ,
                Access::Write => WRITE,
                Access::Device => DEVICE,
            };
            let rights = rights & handled & if of_file { OF_FILES } else { BitFlags::all() };
            created = created
                .add_rule(PathBeneath::new(fd, rights))
                .map_err(failed)?;
        }
    }
    Ok((created, missing))
}

/// Why this host has no Landlock, or what its Landlock lacks; `None`: it has all. Restricts nothing.
#[must_use]
pub fn lacking() -> Option<String> {
    let rules = Rules {
        paths: Vec::new(),
        deny_tcp: true,
        unprotected: Vec::new(),
    };
    match create(&rules) {
        Ok((_, missing)) if missing.rights.is_empty() => None,
        Ok((_, missing)) => Some(format!(
            "this kernel's Landlock lacks {}",
            missing.rights.join(", ")
        )),
        Err(without) => Some(without.to_string()),
    }
}

/// Whether the kernel knows all of it.
fn probe(ask: impl FnOnce(Ruleset) -> Result<Ruleset, landlock::RulesetError>) -> bool {
    ask(Ruleset::default().set_compatibility(CompatLevel::HardRequirement)).is_ok()
}

/// The file or directory, and whether it is no directory; `None` when there is nothing to reach.
fn open(path: &Path) -> Result<Option<(OwnedFd, bool)>, Without> {
    let cannot = |error: rustix::io::Errno| {
        Without::Failed(format!("{}: {}", path.display(), io::Error::from(error)))
    };
    match rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
        Ok(fd) => {
            let kind = FileType::from_raw_mode(rustix::fs::fstat(&fd).map_err(cannot)?.st_mode);
            Ok(Some((fd, kind != FileType::Directory)))
        }
        // What this user cannot reach needs no rule: attempts are the same user, or less.
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR | rustix::io::Errno::ACCESS) => {
            Ok(None)
        }
        Err(error) => Err(cannot(error)),
    }
}

fn failed(error: landlock::RulesetError) -> Without {
    Without::Failed(error.to_string())
}

/// Why the first rights are refused. Restricts nothing: it asks as if best effort were enough, and
/// without Landlock that is none.
fn why() -> Without {
    let status = Ruleset::default()
        .handle_access(AccessFs::Execute)
        .and_then(Ruleset::create)
        .and_then(|created| created.no_new_privs(false).restrict_self());
    match status.map(|status| status.landlock) {
        Ok(LandlockStatus::NotEnabled) => Without::NotActive,
        Ok(_) => Without::NotBuilt,
        Err(error) => failed(error),
    }
}
