//! Where attempts can write, as far as names tell.

use std::path::{Path, PathBuf};

use protocol::policy::SandboxLevel;

use crate::sandbox::rules::Confinement;

/// Made for each attempt, or links to what is.
const PRIVATE: [&str; 4] = ["/tmp", "/var/tmp", "/var/private", "/dev"];
/// Where devices are the host's.
const DEVICES: [&str; 7] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/ptmx",
];

/// What can be written, and beneath it what cannot.
#[derive(Debug, Default)]
pub(crate) struct Open {
    rules: Vec<(PathBuf, bool)>,
}

impl Open {
    /// By the policy, while the host's links can be followed: a path is known by both names.
    pub(crate) fn to(confinement: &Confinement) -> Self {
        let confine = &confinement.confine;
        let mut open = Self::default();
        // Beneath private directories, too, what can be read is the host's.
        for path in &confine.read {
            open.rule(Path::new(path), false);
        }
        for path in &confine.write {
            open.rule(Path::new(path), true);
        }
        if confinement.level == SandboxLevel::Strict {
            open.rules.extend(PRIVATE.map(|path| (path.into(), true)));
            for path in &confine.protect {
                open.rule(Path::new(path), false);
            }
        } else {
            // Protection is not kept there: what is written is no denied action.
            open.rules.extend(DEVICES.map(|path| (path.into(), true)));
        }
        open.rule(&confinement.work, true);
        open
    }

    fn rule(&mut self, path: &Path, open: bool) {
        let whole = fs_err::canonicalize(path).ok();
        let other = whole.filter(|whole| whole != path);
        let both = [Some(path.to_owned()), other];
        self.rules
            .extend(both.into_iter().flatten().map(|path| (path, open)));
    }

    /// The innermost rule decides, the last of equals.
    pub(super) fn has(&self, path: &Path) -> bool {
        let around = self.rules.iter().filter(|(rule, _)| path.starts_with(rule));
        let decides = around.max_by_key(|(rule, _)| rule.as_os_str().len());
        decides.is_some_and(|(_, open)| *open)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protocol::policy::Confine;

    use super::*;

    fn open(level: SandboxLevel) -> Open {
        Open::to(&Confinement {
            level,
            confine: Arc::new(Confine {
                read: vec!["/tmp/tree".to_owned(), "/src".to_owned()],
                write: vec!["/src".to_owned()],
                protect: vec!["/src/.git".to_owned(), "/src/runs".to_owned()],
                ..Confine::CLOSED
            }),
            work: "/src/runs/work".into(),
        })
    }

    #[test]
    fn the_innermost_rule_decides() {
        let strict = open(SandboxLevel::Strict);
        for (path, expected) in [
            ("/src/a", true),
            ("/src/.git/config", false),
            ("/src/.gitignore", true),
            ("/src/runs/work/1/a", true),
            ("/src/runs/journal", false),
            ("/tmp/x", true),
            ("/tmp/tree/x", false),
            ("/dev/null", true),
            ("/etc/passwd", false),
        ] {
            assert_eq!(strict.has(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn the_host_s_own_directories_stay_closed() {
        let landlock = open(SandboxLevel::Landlock);
        assert!(!landlock.has(Path::new("/tmp/x")) && !landlock.has(Path::new("/dev/sda")));
        assert!(
            landlock.has(Path::new("/dev/null")) && landlock.has(Path::new("/src/.git/config"))
        );
    }

    #[test]
    fn links_are_known_by_both_names() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs_err::create_dir(&real).unwrap();
        fs_err::os::unix::fs::symlink(&real, &link).unwrap();
        let mut open = Open::default();
        open.rule(&link, true);
        let real = fs_err::canonicalize(real).unwrap();
        assert!(open.has(&link.join("a")) && open.has(&real.join("a")));
        assert!(!open.has(dir.path()));
    }
}
