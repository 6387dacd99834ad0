//! What of the host's tree a policy opens, arranged: which paths are mounted, in which order, which
//! symbolic links lead there, and what is refused. Looks at the host, changes nothing.

use std::collections::BTreeMap;
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
        let write_roots: Vec<PathBuf> = write_roots(confinement);
        for (path, wish) in read.chain(write).chain(protect).chain(work) {
            if let Some(path) = found.follow(path, &write_roots)? {
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
    /// tasks may write was put there by anybody: it leads nowhere else.
    fn follow(&mut self, path: &Path, writable: &[PathBuf]) -> Result<Option<PathBuf>, Refused> {
        let mut path = path.to_owned();
        let mut lured: Vec<(PathBuf, &PathBuf)> = Vec::new();
        for _ in 0..MAX_LINKS {
            let Some((link, target, rest)) = first_link(&path) else {
                if let Some((link, _)) = lured.into_iter().find(|(_, root)| !path.starts_with(root))
                {
                    let why = "it is a link in what attempts can write; name what it leads to";
                    return Err(Refused { path: link, why });
                }
                return Ok(path.exists().then_some(path));
            };
            let around = writable
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

/// Where attempts can put links, as the kernel finds it.
fn write_roots(confinement: &Confinement) -> Vec<PathBuf> {
    let write = confinement.confine.write.iter().map(PathBuf::from);
    let roots = write.chain([confinement.work.clone()]);
    roots
        .filter_map(|path| fs_err::canonicalize(path).ok())
        .collect()
}

/// Refuses what [`Paths::of`] refuses because of links, for levels without a view of their own.
pub(super) fn no_lures(confinement: &Confinement) -> Result<(), Refused> {
    let writable = write_roots(confinement);
    let Confine {
        read, write, path, ..
    } = &*confinement.confine;
    let mut found = Paths::default();
    for path in read.iter().chain(write).chain(path) {
        found.follow(Path::new(path), &writable)?;
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
    // A map of paths is ordered by component: what is outside comes before what is inside.
    for (path, wish) in wishes {
        let around = binds.iter().rev().find(|bind| path.starts_with(&bind.path));
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
        if wish == Wish::Protect {
            pin(&path, &mut binds);
        }
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
fn pin(path: &Path, binds: &mut Vec<Bind>) {
    let outer = binds.iter().rev().find(|bind| path.starts_with(&bind.path));
    let Some(outer) = outer.map(|bind| bind.path.clone()) else {
        return;
    };
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
mod tests {
    use super::*;

    fn arranged(wishes: &[(&str, Wish)]) -> Result<Vec<(String, Access)>, Refused> {
        let wishes = wishes
            .iter()
            .map(|(path, wish)| (PathBuf::from(path), *wish));
        let binds = arrange(wishes.collect())?.into_iter();
        Ok(binds
            .map(|bind| (bind.path.display().to_string(), bind.access))
            .collect())
    }

    #[test]
    fn what_is_open_anyway_is_not_mounted_again() {
        let wishes = [
            ("/usr/share/x", Wish::Read),
            ("/opt", Wish::Read),
            ("/a/b/c", Wish::Read),
            ("/a/b", Wish::Write),
            ("/a/b/d", Wish::Write),
            ("/a/b-c", Wish::Read),
        ];
        let expected = [("/a/b", Access::Write), ("/a/b-c", Access::Read)];
        assert_eq!(
            arranged(&wishes).unwrap(),
            expected.map(|(path, access)| (path.to_owned(), access))
        );
    }

    #[test]
    fn protection_counts_beneath_what_is_written_and_work_beneath_that_is_written_again() {
        let wishes = [
            ("/p", Wish::Write),
            ("/p/runs", Wish::Protect),
            ("/p/runs/1/work", Wish::Write),
            ("/elsewhere", Wish::Protect),
            ("/r", Wish::Read),
            ("/r/x", Wish::Protect),
            ("/p/a/b/c", Wish::Protect),
            ("/p/a/b/d", Wish::Protect),
        ];
        let expected = [
            ("/p", Access::Write),
            // Or they could be renamed.
            ("/p/a", Access::Write),
            ("/p/a/b", Access::Write),
            ("/p/a/b/c", Access::Read),
            ("/p/a/b/d", Access::Read),
            ("/p/runs", Access::Read),
            ("/p/runs/1/work", Access::Write),
            ("/r", Access::Read),
        ];
        assert_eq!(
            arranged(&wishes).unwrap(),
            expected.map(|(path, access)| (path.to_owned(), access))
        );
    }

    #[test]
    fn what_would_cover_a_needed_mount_or_is_the_kernels_is_refused() {
        for path in [
            "/",
            "/etc",
            "/var",
            "/tmp",
            "/dev/shm",
            "/proc/1",
            "/sys/fs",
            "/dev/null",
        ] {
            let refused = arranged(&[(path, Wish::Read)]).unwrap_err();
            assert!(refused.to_string().contains(path), "{refused}");
        }
        assert!(arranged(&[("/usr", Wish::Write)]).is_err());
        for path in [
            "/usr/local",
            "/tmp/x",
            "/dev/shm/x",
            "/var/lib/x",
            "/etc/x",
            "/home",
        ] {
            assert_eq!(arranged(&[(path, Wish::Write)]).unwrap().len(), 1);
        }
    }

    #[test]
    fn links_on_the_way_are_followed_and_noted() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs_err::canonicalize(dir.path()).unwrap();
        fs_err::create_dir_all(root.join("real/inner")).unwrap();
        fs_err::os::unix::fs::symlink("real", root.join("link")).unwrap();
        let mut paths = Paths::default();
        let found = paths.follow(&root.join("link/inner"), &[]).unwrap();
        assert_eq!(found, Some(root.join("real/inner")));
        assert_eq!(paths.links[&root.join("link")], Path::new("real"));
        assert_eq!(paths.follow(&root.join("nothing"), &[]).unwrap(), None);
        fs_err::os::unix::fs::symlink("loop", root.join("loop")).unwrap();
        assert_eq!(paths.follow(&root.join("loop"), &[]).unwrap(), None);
    }

    #[test]
    fn links_that_attempts_can_put_somewhere_lead_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs_err::canonicalize(dir.path()).unwrap();
        fs_err::create_dir_all(root.join("tree/real")).unwrap();
        fs_err::create_dir(root.join("secret")).unwrap();
        fs_err::os::unix::fs::symlink("real", root.join("tree/inside")).unwrap();
        fs_err::os::unix::fs::symlink("../secret", root.join("tree/outside")).unwrap();
        fs_err::os::unix::fs::symlink("tree", root.join("alias")).unwrap();
        let writable = [root.join("tree")];
        let mut paths = Paths::default();
        let mut follow = |path: &str| paths.follow(&root.join(path), &writable);
        assert_eq!(follow("tree/inside"), Ok(Some(root.join("tree/real"))));
        assert_eq!(follow("alias/inside"), Ok(Some(root.join("tree/real"))));
        let refused = follow("alias/outside").unwrap_err().to_string();
        assert!(
            refused.contains("tree/outside` cannot be opened"),
            "{refused}"
        );
    }
}
