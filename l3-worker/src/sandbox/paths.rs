//! What of the host's tree a policy opens, arranged: which paths are mounted, in which order, which
//! symbolic links lead there, and what is refused. Looks at the host, changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use protocol::policy::Confine;

use super::landlock::Access;
use super::rules::Confinement;

/// Fresh for every attempt, and memory.
pub(super) const PRIVATE: [&str; 3] = ["/tmp", "/dev/shm", "/var/tmp"];
/// Always there to be read, where the host has it.
pub(super) const SYSTEM: [&str; 3] = ["/usr", "/opt", "/nix/store"];
/// The kernel's own: never lent.
const KERNEL: [&str; 3] = ["/proc", "/sys", "/dev"];
/// Made anew; parts of the host's can be mounted beneath, the whole cannot.
const MADE: [&str; 4] = ["/", "/etc", "/var", "/var/private"];
/// As the kernel counts them, too.
const MAX_LINKS: usize = 40;

/// One mount: from the host, to the same path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bind {
    pub(crate) path: PathBuf,
    pub(crate) access: Access,
    pub(crate) directory: bool,
}

/// A path that cannot be lent, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` cannot be opened to attempts: {why}", path.display())]
pub(crate) struct Refused {
    path: PathBuf,
    why: &'static str,
}

/// Everything to be mounted, outermost first, and links that lead there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Paths {
    pub(crate) binds: Vec<Bind>,
    pub(crate) links: BTreeMap<PathBuf, PathBuf>,
}

impl Paths {
    /// What does not exist is passed over.
    pub(crate) fn of(confinement: &Confinement) -> Result<Self, Refused> {
        let Confine {
            read,
            write,
            protect,
            ..
        } = &*confinement.confine;
        let mut found = Self::default();
        let mut wishes = Vec::new();
        let work = [&confinement.work];
        // In this order the later says what holds of the same path.
        let read = read.iter().map(|path| (Path::new(path), Wish::Read));
        let write = write.iter().map(|path| (Path::new(path), Wish::Write));
        let protect = protect.iter().map(|path| (Path::new(path), Wish::Protect));
        let work = work.iter().map(|path| (path.as_path(), Wish::Write));
        let roots = roots(confinement);
        // However it was named: the journal of the run itself is no task's to write.
        let slots = confinement.work.parent();
        let slots = slots.filter(|slots| slots.ends_with(protocol::run_dir::WORK));
        let run = slots.and_then(Path::parent);
        let run = run.map(|run| (run, Wish::Protect));
        for (path, wish) in read.chain(write).chain(protect).chain(run) {
            if let Some(path) = found.follow(path, &roots)? {
                wishes.push((path, wish));
            }
        }
        let closed = wishes.iter().filter(|(_, wish)| *wish == Wish::Protect);
        let closed: BTreeSet<PathBuf> = closed.map(|(path, _)| path.clone()).collect();
        // What a link leads to may be protected by its own name.
        let is_closed = |path: &Path| path.ancestors().any(|above| closed.contains(above));
        wishes.retain(|(path, wish)| *wish != Wish::Write || !is_closed(path));
        for (path, wish) in work {
            if let Some(path) = found.follow(path, &roots)? {
                wishes.push((path, wish));
            }
        }
        found.binds = arrange(wishes)?;
        for bind in &mut found.binds {
            bind.directory = bind.path.is_dir();
        }
        let binds = &found.binds;
        // A link inside a mount is there already.
        found.links.retain(|link, _| {
            let under = |root: &Path| link.starts_with(root);
            !binds.iter().any(|bind| under(&bind.path))
                && !SYSTEM
                    .iter()
                    .chain(&PRIVATE)
                    .chain(&KERNEL)
                    .any(|root| under(Path::new(root)))
        });
        Ok(found)
    }

    /// The path without links in it, which are noted; `None` when it does not exist. A link in what
    /// tasks may write, or in what a narrower path was named beneath, was put there by anybody: it leads
    /// nowhere else.
    fn follow(&mut self, path: &Path, roots: &[PathBuf]) -> Result<Option<PathBuf>, Refused> {
        let mut path = path.to_owned();
        let mut lured: Vec<(PathBuf, &PathBuf)> = Vec::new();
        for _ in 0..MAX_LINKS {
            let Some((link, target, rest)) = first_link(&path) else {
                if let Some((link, _)) = lured.into_iter().find(|(_, root)| !path.starts_with(root))
                {
                    let why = "it is a link out of what is open; name what it leads to";
                    return Err(Refused { path: link, why });
                }
                return Ok(path.exists().then_some(path));
            };
            let around = roots
                .iter()
                .find(|root| link.starts_with(root) && link != **root);
            lured.extend(around.map(|root| (link.clone(), root)));
            let next = link.parent().unwrap_or(Path::new("/")).join(&target);
            self.links.insert(link, target);
            path = normal(&next.join(rest));
        }
        Ok(None)
    }
}

/// Where links are not to be trusted, as the kernel finds it: what attempts can write, and what the
/// policy opens and somebody narrowed.
fn roots(confinement: &Confinement) -> Vec<PathBuf> {
    let confine = &confinement.confine;
    let open = confine.write.iter().chain(&confine.within);
    let roots = open.map(PathBuf::from).chain([confinement.work.clone()]);
    roots
        .filter_map(|path| fs_err::canonicalize(path).ok())
        .collect()
}

/// Refuses what [`Paths::of`] refuses because of links, for levels without a view of their own.
pub(super) fn no_lures(confinement: &Confinement) -> Result<(), Refused> {
    let roots = roots(confinement);
    let Confine {
        read,
        write,
        protect,
        path,
        ..
    } = &*confinement.confine;
    let mut found = Paths::default();
    for path in read.iter().chain(path) {
        found.follow(Path::new(path), &roots)?;
    }
    let real = |path: &String| fs_err::canonicalize(path).ok();
    let closed: Vec<PathBuf> = protect.iter().filter_map(real).collect();
    for path in write {
        let Some(real) = found.follow(Path::new(path), &roots)? else {
            continue;
        };
        let by_link = real != Path::new(path);
        let meets =
            |closed: &PathBuf| real.starts_with(closed) || (by_link && closed.starts_with(&real));
        if closed.iter().any(meets) {
            let why = "it leads to what is protected";
            return Err(Refused { path: real, why });
        }
    }
    Ok(())
}

/// The first symbolic link on the way, its target, and the way after it.
fn first_link(path: &Path) -> Option<(PathBuf, PathBuf, PathBuf)> {
    let mut at = PathBuf::new();
    let mut components = path.components();
    while let Some(component) = components.next() {
        at.push(component);
        if let Ok(target) = std::fs::read_link(&at) {
            return Some((at, target, components.as_path().to_owned()));
        }
    }
    None
}

/// Without `.` and `..`; only for paths whose links were followed up to there.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Read,
    Write,
    Protect,
}

/// Drops what is open anyway and refuses what must not be; outermost first.
fn arrange(wishes: Vec<(PathBuf, Wish)>) -> Result<Vec<Bind>, Refused> {
    let wishes: BTreeMap<PathBuf, Wish> = wishes.into_iter().collect();
    let mut binds: Vec<Bind> = Vec::new();
    // Binds around the current path, outermost first.
    let mut open: Vec<usize> = Vec::new();
    // A map of paths is ordered by component: what is outside comes before what is inside.
    for (path, wish) in wishes {
        while open
            .pop_if(|at| !path.starts_with(&binds[*at].path))
            .is_some()
        {}
        let around = open.last().map(|at| &binds[*at]);
        let in_system = SYSTEM.iter().any(|root| path.starts_with(root));
        let around = around
            .map(|bind| bind.access)
            .or(in_system.then_some(Access::Read));
        let access = match (wish, around) {
            (Wish::Read, Some(_)) | (Wish::Write, Some(Access::Write)) => continue,
            (Wish::Protect, None | Some(Access::Read)) => continue,
            (Wish::Read | Wish::Protect, _) => Access::Read,
            (Wish::Write, _) => Access::Write,
        };
        if let Some(why) = refusal(&path) {
            return Err(Refused { path, why });
        }
        let outside = binds.len();
        if let (Wish::Protect, Some(at)) = (wish, open.last()) {
            pin(&path, *at, &mut binds);
        }
        open.extend(outside..=binds.len());
        binds.push(Bind {
            path,
            access,
            directory: true,
        });
    }
    Ok(binds)
}

/// Makes every directory between what can be written and what is protected a mount of its own: a mount
/// point cannot be renamed, and what is protected with it.
fn pin(path: &Path, outer: usize, binds: &mut Vec<Bind>) {
    let outer = binds[outer].path.clone();
    let between = path.ancestors().skip(1);
    let mut between: Vec<&Path> = between.take_while(|at| *at != outer).collect();
    between.reverse();
    for at in between {
        binds.push(Bind {
            path: at.to_owned(),
            access: Access::Write,
            directory: true,
        });
    }
}

fn refusal(path: &Path) -> Option<&'static str> {
    if PRIVATE.iter().any(|private| path == Path::new(private)) {
        return Some("attempts have a private one");
    }
    if path.starts_with("/var/private") {
        return Some("attempts have a private directory there");
    }
    let private = PRIVATE.iter().any(|private| path.starts_with(private));
    if KERNEL.iter().any(|root| path.starts_with(root)) && !private {
        return Some("it is the kernel's");
    }
    if MADE
        .iter()
        .chain(&SYSTEM)
        .any(|made| path == Path::new(made))
    {
        return Some("attempts have their own; name what is needed beneath it");
    }
    None
}

#[cfg(test)]
mod tests;
