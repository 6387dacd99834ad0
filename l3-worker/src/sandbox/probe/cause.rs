//! Why a level or a promise is not to be had here, and the one thing that helps: from a few files of
//! the kernel's.

use protocol::policy::{Guarantee, SandboxLevel};

use crate::sandbox::cgroup::{Host, WhyNot};
use crate::sandbox::problem::NAMESPACES;

/// For people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    pub why: String,
    pub remedy: String,
}

fn cause(why: impl Into<String>, remedy: impl Into<String>) -> Cause {
    Cause {
        why: why.into(),
        remedy: remedy.into(),
    }
}

/// What the kernel says about itself; absent is empty.
#[derive(Clone, Debug, Default)]
struct Facts {
    /// `/proc/sys/user/max_user_namespaces`
    max_user_namespaces: String,
    /// `/proc/sys/kernel/unprivileged_userns_clone`
    unprivileged: String,
    /// `/proc/sys/kernel/apparmor_restrict_unprivileged_userns`
    apparmor: String,
    /// `/proc/sys/kernel/osrelease`
    release: String,
    /// `/proc/self/status`
    status: String,
    /// `/sys/kernel/security/lsm`
    modules: String,
    /// A container's marker file is there.
    container: bool,
    /// This process is inside a sandbox of orchestra's.
    nested: bool,
}

impl Facts {
    fn read() -> Self {
        let read = |path: &str| {
            let text = fs_err::read_to_string(path).unwrap_or_default();
            text.trim().to_owned()
        };
        let marker = ["/.dockerenv", "/run/.containerenv"];
        Self {
            max_user_namespaces: read("/proc/sys/user/max_user_namespaces"),
            unprivileged: read("/proc/sys/kernel/unprivileged_userns_clone"),
            apparmor: read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
            release: read("/proc/sys/kernel/osrelease"),
            status: read("/proc/self/status"),
            modules: read("/sys/kernel/security/lsm"),
            container: marker
                .iter()
                .any(|file| std::path::Path::new(file).exists()),
            nested: std::path::Path::new("/var/private/tmp").exists()
                && read("/proc/sys/kernel/hostname") == "orchestra",
        }
    }

    fn filtered(&self) -> bool {
        self.status
            .lines()
            .any(|line| line.split_whitespace().eq(["Seccomp:", "2"]))
    }
}

/// Why a level cannot be set up.
pub(super) fn of_level(level: SandboxLevel, message: &str) -> Cause {
    of_level_from(&Facts::read(), level, step(message))
}

/// Which step failed and why, without what may help in general.
fn step(message: &str) -> &str {
    let step = message.strip_suffix(NAMESPACES).unwrap_or(message);
    let step = step.trim_end_matches("; ");
    step.split_once(" cannot be set up: ")
        .map_or(step, |(_, step)| step)
}

fn of_level_from(facts: &Facts, level: SandboxLevel, message: &str) -> Cause {
    if facts.nested {
        let remedy = "run orchestra outside, and let the outer sandbox be the fence";
        return cause("this is the inside of a sandbox already", remedy);
    }
    match level {
        SandboxLevel::Landlock => landlock(facts, message),
        SandboxLevel::Strict | SandboxLevel::None => namespaces(facts, message),
    }
}

fn namespaces(facts: &Facts, message: &str) -> Cause {
    let release = facts.release.to_lowercase();
    if release.contains("microsoft") && !release.contains("wsl2") {
        let remedy = "`wsl --set-version DISTRIBUTION 2`, from Windows";
        return cause("WSL 1 has no Linux kernel", remedy);
    }
    if facts.max_user_namespaces.is_empty() {
        let remedy = "run a kernel built with CONFIG_USER_NS";
        return cause("the kernel has no user namespaces", remedy);
    }
    if facts.max_user_namespaces == "0" {
        let remedy = "`sudo sysctl user.max_user_namespaces=16384`";
        return cause("user.max_user_namespaces is 0", remedy);
    }
    if facts.unprivileged == "0" {
        let remedy = "`sudo sysctl kernel.unprivileged_userns_clone=1`";
        return cause("kernel.unprivileged_userns_clone is 0", remedy);
    }
    // A container has its own say before the host's AppArmor has.
    if facts.apparmor == "1" && !facts.container {
        let why = "AppArmor restricts user namespaces (Ubuntu 24.04 and later)";
        let remedy = "give this program a profile with `userns,`, or `sudo sysctl \
            kernel.apparmor_restrict_unprivileged_userns=0`";
        return cause(why, remedy);
    }
    if facts.filtered() && !facts.container {
        let why = format!("a filter of system calls holds this process ({message})");
        let remedy = "start it outside of what set the filter, such as a service's \
            `SystemCallFilter=` or `RestrictNamespaces=`, or choose `--sandbox landlock`";
        return cause(why, remedy);
    }
    if facts.container {
        let why = format!("the container denies namespaces ({message})");
        let profile = match facts.apparmor.as_str() {
            "1" => " --security-opt apparmor=unconfined",
            _ => "",
        };
        let remedy = format!(
            "start it with `--security-opt seccomp=unconfined --security-opt \
             systempaths=unconfined{profile}`, or choose `--sandbox landlock`"
        );
        return cause(why, remedy);
    }
    cause(
        message,
        "see what the message names, or choose `--sandbox landlock`",
    )
}

fn landlock(facts: &Facts, message: &str) -> Cause {
    let listed = facts.modules.split(',').any(|one| one == "landlock");
    if !facts.modules.is_empty() && !listed {
        let why = format!(
            "Landlock is not among the active security modules ({})",
            facts.modules
        );
        let remedy = format!("start the kernel with `lsm=landlock,{}`", facts.modules);
        return cause(why, remedy);
    }
    cause(
        message,
        "run a kernel of 6.2 or later that is built with CONFIG_SECURITY_LANDLOCK",
    )
}

/// Why a level that works does not promise this.
pub(super) fn of_guarantee(guarantee: Guarantee) -> Cause {
    let host = Host::find();
    match guarantee {
        Guarantee::MemLimit => group(host.no_memory()),
        Guarantee::PidsLimit => group(host.no_pids()),
        Guarantee::DiskQuota => cause(
            "what is written between two looks is not bounded",
            "keep runs on a file system of bounded size: `runs_dir` in your settings",
        ),
        Guarantee::FsWriteConfined => cause(
            "this kernel's Landlock does not cover truncation",
            "run a kernel of 6.2 or later",
        ),
        _ => cause("the level does not promise it", "choose `--sandbox strict`"),
    }
}

fn group(why: Option<&WhyNot>) -> Cause {
    let Some(why) = why else {
        return cause(
            "no control group could be made",
            "see what `/proc/self/cgroup` names",
        );
    };
    let remedy = match why {
        WhyNot::NoHierarchy => "mount cgroup2 at /sys/fs/cgroup",
        WhyNot::Version1(dir) => {
            let remedy = format!(
                "start the kernel with `systemd.unified_cgroup_hierarchy=1`, or give that group to your \
                 user: `sudo chown -R $(id -u) {}`",
                dir.display()
            );
            return cause(why.to_string(), remedy);
        }
        WhyNot::NotDelegated(_) | WhyNot::Inhabited(_) => {
            "start it in a group of its own: `systemd-run --user --scope -p Delegate=yes \
             orchestra run SCENARIO`"
        }
        WhyNot::NotEnabled(_) => {
            "have it passed on: `Delegate=memory pids` in the unit that orchestra runs under"
        }
    };
    cause(why.to_string(), remedy)
}

/// A promise that the level makes and a canary broke.
pub(super) fn broken() -> Cause {
    cause(
        "promised, and a canary got through",
        "choose another level, and report this with the output of `orchestra doctor -o json`",
    )
}

/// A canary that fails without a sandbox as well.
pub(super) fn unproven() -> Cause {
    cause(
        "its canary does not work without a sandbox either, and so proves nothing",
        "see that loopback works and the directory for temporary files (TMPDIR) can be used",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host where nothing is in the way.
    fn open() -> Facts {
        Facts {
            max_user_namespaces: "96000".to_owned(),
            modules: "capability,landlock,yama".to_owned(),
            ..Facts::default()
        }
    }

    #[test]
    fn each_cause_has_its_own_remedy() {
        let (strict, landlock) = (SandboxLevel::Strict, SandboxLevel::Landlock);
        let filter = "Name:\tx\nSeccomp:\t2\n".to_owned();
        let facts: [(Facts, SandboxLevel, &str, &str); 12] = [
            // Whatever else there is, a switch that is off is the cause.
            (
                Facts {
                    max_user_namespaces: "0".to_owned(),
                    container: true,
                    status: filter.clone(),
                    ..open()
                },
                strict,
                "is 0",
                "sysctl user.max_user_namespaces",
            ),
            (
                Facts {
                    apparmor: "1".to_owned(),
                    status: filter.clone(),
                    ..open()
                },
                strict,
                "AppArmor",
                "apparmor_restrict_unprivileged_userns=0",
            ),
            (
                Facts {
                    apparmor: "1".to_owned(),
                    container: true,
                    ..open()
                },
                strict,
                "container denies",
                "apparmor=unconfined",
            ),
            (
                Facts {
                    max_user_namespaces: String::new(),
                    ..open()
                },
                strict,
                "no user namespaces",
                "CONFIG_USER_NS",
            ),
            (
                Facts {
                    max_user_namespaces: "0".to_owned(),
                    ..open()
                },
                strict,
                "is 0",
                "sysctl user.max_user_namespaces",
            ),
            (
                Facts {
                    unprivileged: "0".to_owned(),
                    ..open()
                },
                strict,
                "unprivileged_userns_clone is 0",
                "sysctl kernel.unprivileged_userns_clone=1",
            ),
            (
                Facts {
                    apparmor: "1".to_owned(),
                    ..open()
                },
                strict,
                "AppArmor",
                "apparmor_restrict_unprivileged_userns=0",
            ),
            (
                Facts {
                    status: filter,
                    ..open()
                },
                strict,
                "a filter of system calls",
                "RestrictNamespaces",
            ),
            (
                Facts {
                    release: "4.4.0-19041-Microsoft".to_owned(),
                    ..open()
                },
                strict,
                "WSL 1",
                "wsl --set-version",
            ),
            (
                Facts {
                    nested: true,
                    ..open()
                },
                strict,
                "inside of a sandbox",
                "outside",
            ),
            (
                Facts {
                    modules: "capability,yama".to_owned(),
                    ..open()
                },
                landlock,
                "not among the active",
                "lsm=landlock,capability,yama",
            ),
            (
                Facts::default(),
                landlock,
                "the message",
                "CONFIG_SECURITY_LANDLOCK",
            ),
        ];
        for (facts, level, why, remedy) in facts {
            let found = of_level_from(&facts, level, "the message");
            assert!(found.why.contains(why), "{found:?}");
            assert!(found.remedy.contains(remedy), "{found:?}");
        }
        let unknown = of_level_from(&open(), strict, "the message");
        assert_eq!(unknown.why, "the message");
    }

    #[test]
    fn a_step_is_told_without_what_helps_in_general() {
        let whole =
            format!("the sandbox `strict` cannot be set up: new namespaces: no; {NAMESPACES}");
        assert_eq!(step(&whole), "new namespaces: no");
        assert_eq!(step("something else"), "something else");
    }

    #[test]
    fn groups_that_are_not_ours_have_a_remedy() {
        let dir = std::path::PathBuf::from("/sys/fs/cgroup/user.slice");
        for (why, remedy) in [
            (WhyNot::NoHierarchy, "mount cgroup2"),
            (
                WhyNot::NotDelegated(dir.clone()),
                "systemd-run --user --scope -p Delegate=yes",
            ),
            (WhyNot::Inhabited(dir.clone()), "systemd-run"),
            (
                WhyNot::Version1(dir.clone()),
                "sudo chown -R $(id -u) /sys/fs",
            ),
            (WhyNot::NotEnabled(dir), "Delegate=memory pids"),
        ] {
            assert!(group(Some(&why)).remedy.contains(remedy), "{why}");
        }
    }
}
