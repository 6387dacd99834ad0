//! Version 2 against directories that look like it, version 1 against this machine's where it is ours.

use std::path::Path;
use std::process::{Command, Stdio};

use protocol::policy::Guarantee;

use super::host::{Base, name};
use super::{Group, Host, WhyNot};

const HYBRID_MOUNTS: &str = "\
30 24 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
32 30 0:28 / /sys/fs/cgroup/pids rw,relatime shared:5 - cgroup cgroup rw,pids
33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";

fn fake(dir: &Path, files: &[(&str, &str)]) {
    fs_err::create_dir_all(dir).unwrap();
    for (name, text) in files {
        fs_err::write(dir.join(name), text).unwrap();
    }
}

fn unified(dir: &Path) -> Host {
    let base = Base {
        dir: dir.to_owned(),
        unified: true,
        asleep: false,
    };
    Host {
        memory: Ok(base.clone()),
        pids: Ok(base),
    }
}

/// A host whose only hierarchy is version 2, mounted at `root`, with this process in `own`.
fn version_2(root: &Path, own: &str) -> Host {
    let mounts = format!("33 30 0:29 / {} rw - cgroup2 cgroup2 rw\n", root.display());
    Host::read(&format!("0::{own}\n"), &mounts)
}

fn got(dir: &Path, file: &str) -> String {
    fs_err::read_to_string(dir.join(file)).unwrap()
}

#[test]
fn hybrid_hosts_have_a_hierarchy_for_each_controller() {
    let own = "9:pids:/\n4:memory:/process/74cd\n0::/\n";
    let host = Host::read(own, HYBRID_MOUNTS);
    // Whether it is ours differs between the machines this runs on; where it is looked for does not.
    for (found, dirs) in [
        (
            host.memory,
            [
                "/sys/fs/cgroup/memory/process/74cd",
                "/sys/fs/cgroup/memory",
            ],
        ),
        (host.pids, ["/sys/fs/cgroup/pids/", "/sys/fs/cgroup/pids"]),
    ] {
        let dir = match found {
            Ok(base) => {
                assert!(!base.unified);
                base.dir
            }
            Err(WhyNot::Version1(dir)) => dir,
            Err(why) => panic!("{why}"),
        };
        assert!(
            dirs.iter().any(|one| Path::new(one) == dir),
            "{}",
            dir.display()
        );
    }
}

#[test]
fn hosts_without_hierarchies_say_so() {
    for (own, mounts) in [
        ("", ""),
        ("0::/\n", ""),
        ("garbage", HYBRID_MOUNTS),
        ("4:cpu:/", "x - y"),
    ] {
        let host = Host::read(own, mounts);
        assert_eq!(host.no_memory(), Some(&WhyNot::NoHierarchy));
        assert_eq!(host.no_pids(), Some(&WhyNot::NoHierarchy));
        assert!(Group::create(&host, 1, 1).is_none());
    }
}

#[test]
fn a_group_whose_controllers_are_passed_on_is_used() {
    let root = tempfile::tempdir().unwrap();
    let own = root.path().join("scope");
    let files = [
        ("cgroup.procs", ""),
        ("cgroup.events", ""),
        ("cgroup.controllers", "cpu memory pids"),
        ("cgroup.subtree_control", "memory"),
    ];
    fake(&own, &files);
    let host = version_2(root.path(), "/scope");
    assert_eq!(host.memory.as_ref().unwrap().dir, own);
    assert!(!host.memory.unwrap().asleep);
    assert!(host.pids.unwrap().asleep);
}

#[test]
fn a_group_in_which_others_live_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let own = root.path().join("scope");
    let files = [
        ("cgroup.procs", "1\n"),
        ("cgroup.events", ""),
        ("cgroup.controllers", "memory"),
        ("cgroup.subtree_control", ""),
    ];
    fake(&own, &files);
    let host = version_2(root.path(), "/scope");
    assert_eq!(host.no_memory(), Some(&WhyNot::Inhabited(own.clone())));
    assert_eq!(host.no_pids(), Some(&WhyNot::NotEnabled(own)));
}

#[test]
fn a_group_that_is_ours_alone_is_made_room_in() {
    let root = tempfile::tempdir().unwrap();
    let own = root.path().join("scope");
    let pid = std::process::id();
    let procs = format!("{pid}\n");
    let files = [
        ("cgroup.procs", procs.as_str()),
        ("cgroup.events", ""),
        ("cgroup.controllers", "memory pids"),
        ("cgroup.subtree_control", ""),
    ];
    fake(&own, &files);
    let mut host = version_2(root.path(), "/scope");
    assert!(host.memory.as_ref().unwrap().asleep);
    assert!(Group::create(&host, 1, 1).is_none(), "asleep");
    host.prepare();
    assert_eq!(got(&own, "orchestra/cgroup.procs"), pid.to_string());
    assert!(got(&own, "cgroup.subtree_control").starts_with('+'));
    assert!(!host.memory.unwrap().asleep);
    // Slots are started by a process that moved already.
    fs_err::write(own.join("cgroup.subtree_control"), "memory pids").unwrap();
    let later = version_2(root.path(), "/scope/orchestra");
    assert_eq!(later.pids.unwrap().dir, own);
}

#[test]
fn limits_are_written_when_they_change_and_usage_is_counted_from_the_beginning() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join(name(7, 3));
    let files = [
        ("cgroup.procs", ""),
        ("memory.max", ""),
        ("memory.swap.max", ""),
        ("memory.peak", "7000\n"),
        (
            "memory.events",
            "low 0\noom 3\noom_kill 2\noom_group_kill 9\n",
        ),
        ("pids.max", ""),
        ("pids.current", "2\n"),
        ("pids.events", "max 5\n"),
    ];
    fake(&dir, &files);
    let mut group = Group::create(&unified(root.path()), 7, 3).unwrap();
    assert!(group.holds(Guarantee::MemLimit) && group.holds(Guarantee::PidsLimit));
    assert!(!group.holds(Guarantee::DiskQuota));
    group.join().unwrap();
    assert_eq!(got(&dir, "cgroup.procs"), "0");
    group.begin(Some(1 << 20), Some(10)).unwrap();
    let limits = ["memory.max", "memory.swap.max", "pids.max"].map(|file| got(&dir, file));
    assert_eq!(limits, ["1048576", "0", "12"]);
    fs_err::write(dir.join("memory.peak"), "9000\n").unwrap();
    fs_err::write(dir.join("memory.events"), "oom 4\noom_kill 3\n").unwrap();
    fs_err::write(dir.join("pids.events"), "max 9\n").unwrap();
    let used = group.end();
    assert_eq!(used.peak_memory, Some(9000));
    assert_eq!((used.oom_kills, used.pids_denied), (1, 4));
    // Unchanged limits are not written again.
    fs_err::write(dir.join("memory.max"), "").unwrap();
    group.begin(Some(1 << 20), Some(10)).unwrap();
    assert_eq!(got(&dir, "memory.max"), "");
    group.begin(None, None).unwrap();
    assert!(got(&dir, "memory.max").starts_with("max") && got(&dir, "pids.max").starts_with("max"));
    assert_eq!(group.end().oom_kills, 0);
}

#[test]
fn groups_of_launchers_that_are_gone_are_swept() {
    let root = tempfile::tempdir().unwrap();
    let [gone, living, other, elsewhere] = [
        // No pid is as great.
        name(u32::MAX, 0),
        name(std::process::id(), 0),
        "orchestra-notes".to_owned(),
        // In a process namespace whose pids mean nothing here.
        format!("orchestra-1-{}-0", u32::MAX),
    ]
    .map(|name| root.path().join(name));
    for dir in [&gone, &living, &other, &elsewhere] {
        fs_err::create_dir(dir).unwrap();
    }
    unified(root.path()).prepare();
    assert_eq!(
        [&gone, &living, &other, &elsewhere].map(|dir| dir.exists()),
        [false, true, true, true]
    );
    assert!(unified(root.path()).remove(std::process::id(), 0));
    assert!(!living.exists());
}

/// A group of this machine, and its directories; `None` where none can be made.
fn real(slot: u32) -> Option<(Host, Group, String)> {
    let mut host = Host::find();
    host.prepare();
    let group = Group::create(&host, std::process::id(), slot);
    let whole =
        group.filter(|group| group.holds(Guarantee::MemLimit) && group.holds(Guarantee::PidsLimit));
    let Some(group) = whole else {
        eprintln!("SKIPPED: control groups of this machine are not ours to make ({host:?})");
        let _empty = host.remove(std::process::id(), slot);
        return None;
    };
    let name = name(std::process::id(), slot);
    let procs = [&host.memory, &host.pids]
        .map(|base| {
            base.as_ref()
                .unwrap()
                .dir
                .join(&name)
                .join("cgroup.procs")
                .display()
                .to_string()
        })
        .join(" ");
    Some((host, group, procs))
}

/// A shell that is in the group from its first line on.
fn shell(procs: &str, script: &str) -> bool {
    let script = format!("for f in {procs}; do echo 0 > $f; done; {script}");
    let mut command = Command::new("sh");
    command
        .args(["-c", &script])
        .stderr(Stdio::null())
        .stdout(Stdio::null());
    command.status().unwrap().success()
}

/// Holds this much memory at once: without a line break, all is one line to be kept.
const HOG: &str = "head -c 96000000 /dev/zero | tail -n 1 > /dev/null";

#[test]
fn memory_is_limited_and_measured_by_the_kernel() {
    let Some((host, mut group, procs)) = real(901) else {
        return;
    };
    group.begin(None, None).unwrap();
    assert!(shell(&procs, HOG));
    let free = group.end();
    assert_eq!(free.oom_kills, 0);
    assert!(free.peak_memory.unwrap() > 90_000_000, "{free:?}");
    group.begin(Some(32 << 20), None).unwrap();
    shell(&procs, HOG);
    let limited = group.end();
    assert!(limited.oom_kills > 0, "{limited:?}");
    assert!(limited.peak_memory.unwrap() <= 32 << 20, "{limited:?}");
    assert!(host.remove(std::process::id(), 901));
}

#[test]
fn processes_are_limited_and_counted_by_the_kernel() {
    let Some((host, mut group, procs)) = real(902) else {
        return;
    };
    let script = "for i in 1 2 3 4 5 6 7 8; do sleep 0.2 & done; wait";
    group.begin(None, Some(16)).unwrap();
    assert!(shell(&procs, script));
    assert_eq!(group.end().pids_denied, 0);
    group.begin(None, Some(4)).unwrap();
    shell(&procs, script);
    assert!(group.end().pids_denied > 0);
    // The shell that could not go on has left some behind.
    host.kill(std::process::id(), 902);
    assert!(host.remove(std::process::id(), 902));
}

#[test]
fn a_group_is_killed_whole() {
    let Some((host, _group, procs)) = real(903) else {
        return;
    };
    std::thread::scope(|scope| {
        let sleeping = scope.spawn(|| shell(&procs, "sleep 60 & sleep 60; true"));
        let whole = |file: &str| fs_err::read_to_string(file).unwrap().lines().count() >= 3;
        while !procs.split(' ').all(whole) {
            std::thread::yield_now();
        }
        host.kill(std::process::id(), 903);
        assert!(!sleeping.join().unwrap());
    });
    assert!(host.remove(std::process::id(), 903));
}
