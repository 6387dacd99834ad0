//! Where on this host groups can be made.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::Access;
use rustix::process::{Pid, Signal};

/// The leaf into which orchestra itself moves, where a delegated group must be without processes
/// before its controllers can be passed on.
const OWN_LEAF: &str = "orchestra";
/// Before process namespace, pid of launcher and number of slot: containers may share a hierarchy,
/// and in each of them a launcher may have the same pid.
const PREFIX: &str = "orchestra-";
/// The kernel takes a moment to let go of a group whose processes have ended.
const REMOVAL: Duration = Duration::from_millis(200);
const REMOVAL_TICK: Duration = Duration::from_millis(2);
/// Rounds of signals to a group without `cgroup.kill`; what forks in between is met by the next.
const KILL_ROUNDS: u32 = 16;

/// Why a controller cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyNot {
    /// No mounted hierarchy has it.
    NoHierarchy,
    /// Own group and root of the hierarchy belong to somebody else.
    NotDelegated(PathBuf),
    /// A hierarchy of version 1, which nobody delegates, and whose group belongs to somebody else.
    Version1(PathBuf),
    /// The group is ours, but not its controller.
    NotEnabled(PathBuf),
    /// The group is ours, but other processes live in it, and so nothing can be passed on.
    Inhabited(PathBuf),
}

impl fmt::Display for WhyNot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHierarchy => write!(f, "no control group hierarchy with it is mounted"),
            Self::NotDelegated(dir) => {
                write!(f, "the control group {} is not delegated", dir.display())
            }
            Self::Version1(dir) => {
                let dir = dir.display();
                write!(
                    f,
                    "the control group {dir} (of version 1) belongs to somebody else"
                )
            }
            Self::NotEnabled(dir) => {
                write!(
                    f,
                    "the control group {} does not have the controller",
                    dir.display()
                )
            }
            Self::Inhabited(dir) => {
                write!(
                    f,
                    "other processes live in the control group {}",
                    dir.display()
                )
            }
        }
    }
}

/// The hierarchies of memory and processes, as this process sees them.
#[derive(Clone, Debug)]
pub struct Host {
    pub(super) memory: Result<Base, WhyNot>,
    pub(super) pids: Result<Base, WhyNot>,
}

/// A directory beneath which groups are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base {
    pub dir: PathBuf,
    pub unified: bool,
    /// Its controllers are there, but not passed on to groups yet.
    pub asleep: bool,
}

impl Host {
    /// Looks, and changes nothing.
    #[must_use]
    pub fn find() -> Self {
        let read = |path: &str| fs_err::read_to_string(path).unwrap_or_default();
        Self::read(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"))
    }

    pub(super) fn read(cgroup: &str, mounts: &str) -> Self {
        let find = |controller: &str| {
            let own = mounted(cgroup, mounts, Some(controller));
            // A version 1 hierarchy takes its controller away from version 2.
            match own {
                Some((own, root)) => one(&own, &root),
                None => mounted(cgroup, mounts, None)
                    .map_or(Err(WhyNot::NoHierarchy), |(own, root)| {
                        two(&own, &root, controller)
                    }),
            }
        };
        Self {
            memory: find("memory"),
            pids: find("pids"),
        }
    }

    /// Why memory cannot be limited here; `None`: it can.
    #[must_use]
    pub fn no_memory(&self) -> Option<&WhyNot> {
        self.memory.as_ref().err()
    }

    /// Why processes cannot be limited here; `None`: they can.
    #[must_use]
    pub fn no_pids(&self) -> Option<&WhyNot> {
        self.pids.as_ref().err()
    }

    /// For the launcher, before it starts slots: passes on what was delegated, and removes the groups
    /// of launchers that are no more.
    pub fn prepare(&mut self) {
        for base in [&mut self.memory, &mut self.pids] {
            if let Ok(found) = base
                && found.asleep
            {
                match wake(found) {
                    Ok(()) => found.asleep = false,
                    Err(why) => *base = Err(why),
                }
            }
        }
        self.sweep();
    }

    fn sweep(&self) {
        for dir in self.dirs() {
            for entry in fs_err::read_dir(dir).into_iter().flatten().flatten() {
                let name = entry.file_name();
                if name.to_str().and_then(launcher_of).is_some_and(gone) {
                    // Somebody may be in it after all: then it stays.
                    let _removed = fs_err::remove_dir(entry.path());
                }
            }
        }
    }

    /// Kills whatever is in the group of this slot, the slot process too.
    pub fn kill(&self, launcher: u32, slot: u32) {
        for dir in self.dirs() {
            let group = dir.join(name(launcher, slot));
            if fs_err::write(group.join("cgroup.kill"), "1").is_ok() {
                continue;
            }
            for _ in 0..KILL_ROUNDS {
                let pids = fs_err::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
                if pids.is_empty() {
                    break;
                }
                for pid in pids
                    .lines()
                    .filter_map(|line| Pid::from_raw(line.parse().ok()?))
                {
                    // Ended meanwhile: all the better.
                    let _sent = rustix::process::kill_process(pid, Signal::KILL);
                }
            }
        }
    }

    /// Removes the group of a slot whose processes have ended. False: something still is in it.
    #[must_use]
    pub fn remove(&self, launcher: u32, slot: u32) -> bool {
        let begun = Instant::now();
        let mut left: Vec<PathBuf> = self
            .dirs()
            .map(|dir| dir.join(name(launcher, slot)))
            .collect();
        loop {
            left.retain(|dir| fs_err::remove_dir(dir).is_err() && dir.exists());
            if left.is_empty() || begun.elapsed() > REMOVAL {
                return left.is_empty();
            }
            std::thread::sleep(REMOVAL_TICK);
        }
    }

    /// Each directory once.
    fn dirs(&self) -> impl Iterator<Item = &Path> {
        let memory = self.memory.as_ref().ok().map(|base| base.dir.as_path());
        let pids = self.pids.as_ref().ok().map(|base| base.dir.as_path());
        memory
            .into_iter()
            .chain(pids.filter(move |dir| memory != Some(dir)))
    }
}

pub(super) fn name(launcher: u32, slot: u32) -> String {
    format!("{}{launcher}-{slot}", prefix())
}

/// What all names of this process namespace begin with.
fn prefix() -> String {
    // Where it cannot be told it is told to nobody, and one word is as good as another.
    let namespace = rustix::fs::stat("/proc/self/ns/pid").map_or(0, |found| found.st_ino);
    format!("{PREFIX}{namespace}-")
}

/// The launcher whose group has this name, if its pid means anything here.
fn launcher_of(name: &str) -> Option<u32> {
    let (launcher, slot) = name.strip_prefix(&prefix())?.split_once('-')?;
    slot.parse::<u32>().ok()?;
    launcher.parse().ok()
}

fn gone(pid: u32) -> bool {
    !Path::new("/proc").join(pid.to_string()).exists()
}

/// Own group and root of a mounted hierarchy: of version 1 with this controller, or of version 2.
fn mounted(cgroup: &str, mounts: &str, controller: Option<&str>) -> Option<(PathBuf, PathBuf)> {
    let path = cgroup.lines().find_map(|line| {
        let (number, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let found = match controller {
            Some(wanted) => controllers.split(',').any(|one| one == wanted),
            None => number == "0" && controllers.is_empty(),
        };
        found.then_some(path)
    })?;
    mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut before = before.split(' ').skip(3);
        let (root, mount) = (before.next()?, before.next()?);
        let mut after = after.split(' ');
        let (kind, options) = (after.next()?, after.nth(1)?);
        let found = match controller {
            Some(wanted) => kind == "cgroup" && options.split(',').any(|one| one == wanted),
            None => kind == "cgroup2",
        };
        // A container may see a part of the hierarchy only.
        let below = Path::new(path).strip_prefix(root).unwrap_or(Path::new(""));
        found.then(|| (Path::new(mount).join(below), PathBuf::from(mount)))
    })
}

fn writable(dir: &Path) -> bool {
    let may = Access::WRITE_OK | Access::EXEC_OK;
    rustix::fs::access(dir, may).is_ok()
        && rustix::fs::access(dir.join("cgroup.procs"), Access::WRITE_OK).is_ok()
}

fn one(own: &Path, root: &Path) -> Result<Base, WhyNot> {
    let dir = [own, root].into_iter().find(|dir| writable(dir));
    dir.map_or_else(
        || Err(WhyNot::Version1(own.to_owned())),
        |dir| {
            Ok(Base {
                dir: dir.to_owned(),
                unified: false,
                asleep: false,
            })
        },
    )
}

fn two(own: &Path, root: &Path, controller: &str) -> Result<Base, WhyNot> {
    let own = match own.parent() {
        Some(parent) if own.ends_with(OWN_LEAF) && own != root => parent,
        _ => own,
    };
    let mut why = WhyNot::NotDelegated(own.to_owned());
    for dir in [own, root] {
        if !writable(dir) {
            continue;
        }
        let base = |asleep| {
            Ok(Base {
                dir: dir.to_owned(),
                unified: true,
                asleep,
            })
        };
        if lists(&dir.join("cgroup.subtree_control"), controller) {
            return base(false);
        }
        if !lists(&dir.join("cgroup.controllers"), controller) {
            why = WhyNot::NotEnabled(dir.to_owned());
        } else if real_root(dir) || strangers(dir).is_empty() {
            return base(true);
        } else {
            why = WhyNot::Inhabited(dir.to_owned());
        }
    }
    Err(why)
}

fn lists(file: &Path, word: &str) -> bool {
    let text = fs_err::read_to_string(file).unwrap_or_default();
    text.split_whitespace().any(|one| one == word)
}

/// The root of all groups may pass controllers on and have processes; it has no events.
fn real_root(dir: &Path) -> bool {
    !dir.join("cgroup.events").exists()
}

/// Processes that are neither this one nor who started it.
fn strangers(dir: &Path) -> Vec<u32> {
    let ours = ours();
    processes(dir)
        .into_iter()
        .filter(|pid| !ours.contains(pid))
        .collect()
}

fn ours() -> [u32; 2] {
    let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    [std::process::id(), parent.cast_unsigned()]
}

fn processes(dir: &Path) -> Vec<u32> {
    let text = fs_err::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// Passes both controllers on, after this process and who started it have made room.
fn wake(base: &Base) -> Result<(), WhyNot> {
    let control = base.dir.join("cgroup.subtree_control");
    let both = || {
        ["+memory", "+pids"]
            .iter()
            .filter(|word| fs_err::write(&control, word).is_ok())
            .count()
    };
    if !real_root(&base.dir) && !processes(&base.dir).is_empty() {
        let leaf = base.dir.join(OWN_LEAF);
        // There already after an earlier start.
        let _made = fs_err::create_dir(&leaf);
        let moved = ours()
            .iter()
            .filter(|pid| processes(&base.dir).contains(pid))
            .all(|pid| fs_err::write(leaf.join("cgroup.procs"), pid.to_string()).is_ok());
        if !moved {
            return Err(WhyNot::Inhabited(base.dir.clone()));
        }
    }
    if both() == 0 {
        return Err(WhyNot::NotEnabled(base.dir.clone()));
    }
    Ok(())
}
