//! The level `strict`, by the launcher alone: what it hides, what it allows, what it leaves.

use std::path::Path;
use std::time::Duration;

use l3_worker::launcher::{Report, Spawn};
use protocol::policy::{Confine, Guarantee, Limits, Network};

use crate::support::attempts::{Running, Slot, script, strict, with};
use crate::support::{children, kill, launcher, state, until};

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A directory for a slot's work, in one that attempts do not see.
struct Place {
    dir: tempfile::TempDir,
    work: std::path::PathBuf,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = fs_err::canonicalize(dir.path()).unwrap();
        let work = root.join("work");
        fs_err::create_dir(&work).unwrap();
        fs_err::write(root.join("secret"), "canary").unwrap();
        Self { dir, work }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        fs_err::canonicalize(self.dir.path()).unwrap().join(name)
    }

    fn script(&self, text: &str) -> Spawn {
        script(text, &self.work, &[("PATH", PATH)])
    }
}

#[test]
fn an_attempt_sees_the_system_and_its_work_and_nothing_else() {
    let (launcher, place) = (launcher(), Place::new());
    let mut slot = Slot::new(&launcher, &strict(&place.work));
    let (exit, said) = slot.run(&place.script(
        "cat ../secret; echo mine > here; cat here; ls / /home /root; for x in /usr/x /etc/x /x \
         /proc/sys/kernel/core_pattern; do (echo > $x) 2>/dev/null && echo WROTE $x; done; \
         ls -d /proc/[0-9]* | wc -l; ls /proc/self/fd | wc -l; grep -h -e CapBnd -e CapEff -e NoNew \
         -e Seccomp: /proc/self/status; hostname; test $(id -u) != 0 && echo nobody special",
    ));
    assert_eq!(exit.status, 0, "{said}");
    assert!(
        !said.contains("canary") && !said.contains("WROTE"),
        "{said}"
    );
    for part in [
        "mine\n",
        "bin\ndev\netc\n",
        "CapEff:\t0000000000000000\n",
        "NoNewPrivs:\t1\n",
        "Seccomp:\t2\n",
        "orchestra\nnobody special\n",
        // The first process, the shell, its copy for the pipe and `ls`; three streams and the
        // directory that is listed.
        "4\n4\n",
    ] {
        assert!(said.contains(part), "{part:?} in {said}");
    }
    assert_eq!(
        fs_err::read_to_string(place.work.join("here")).unwrap(),
        "mine\n"
    );
}

#[test]
fn a_file_made_inside_belongs_to_who_owns_the_directory() {
    use std::os::unix::fs::MetadataExt as _;
    let (launcher, place) = (launcher(), Place::new());
    let mut slot = Slot::new(&launcher, &strict(&place.work));
    let (exit, said) = slot.run(&place.script("touch made && stat -c %u made . && id -u"));
    assert_eq!(exit.status, 0, "{said}");
    let ids: Vec<&str> = said.lines().collect();
    assert!(
        ids.iter().all(|id| *id == ids[0]),
        "inside, all is its own: {said}"
    );
    let outside = fs_err::metadata(place.work.join("made")).unwrap();
    assert_eq!(outside.uid(), fs_err::metadata(&place.work).unwrap().uid());
}

#[test]
fn what_the_policy_opens_is_open_at_its_own_path_and_no_further() {
    let (launcher, place) = (launcher(), Place::new());
    for dir in ["open/kept", "seen"] {
        fs_err::create_dir_all(place.path(dir)).unwrap();
        fs_err::write(place.path(dir).join("file"), dir).unwrap();
    }
    fs_err::os::unix::fs::symlink("seen", place.path("link")).unwrap();
    let text = |name: &str| place.path(name).to_str().unwrap().to_owned();
    let confine = Confine {
        read: vec![text("link"), "/no/such/place".to_owned()],
        write: vec![text("open")],
        protect: vec![text("open/kept"), text("open/missing")],
        ..Confine::CLOSED
    };
    let mut slot = Slot::new(&launcher, &with(&place.work, confine));
    let (exit, said) = slot.run(&place.script(
        "cd ..; cat seen/file open/kept/file; for x in seen/new open/kept/new open/new; do \
         (echo > $x) 2>/dev/null && echo WROTE $x; done; ls; rm -r open/kept 2>/dev/null; true",
    ));
    assert_eq!(exit.status, 0, "{said}");
    assert_eq!(said, "seenopen/keptWROTE open/new\nopen\nseen\nwork\n");
    assert!(place.path("open/kept/file").exists() && place.path("open/new").exists());
}

/// What is written belongs to the owner of the directory, who may be root.
#[test]
fn no_program_that_lends_its_owners_rights_is_left_behind() {
    use std::os::unix::fs::PermissionsExt;
    let (launcher, place) = (launcher(), Place::new());
    let mut slot = Slot::new(&launcher, &strict(&place.work));
    let python = "import os\n\
        for mode in (0o4755, 0o2755, 0o755):\n\
        \x20 for make in (lambda: os.chmod('a', mode), lambda: os.close(os.open('b', 65, mode)),\n\
        \x20             lambda: os.mknod('c', 0o100000 | mode)):\n\
        \x20   open('a', 'w').close()\n\
        \x20   try: make(); print('made')\n\
        \x20   except PermissionError: print('denied')\n";
    let mut spawn = place.script("");
    spawn.program = "/usr/bin/python3".into();
    spawn.argv = ["python3", "-c", python].map(Into::into).to_vec();
    let (_, said) = slot.run(&spawn);
    assert_eq!(
        said,
        format!("{}{}", "denied\n".repeat(6), "made\n".repeat(3))
    );
    for name in ["a", "b", "c"] {
        let mode = fs_err::metadata(place.work.join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o6000, 0, "{name}");
    }
}

#[test]
fn nothing_passes_from_one_attempt_to_the_next() {
    let (launcher, place) = (launcher(), Place::new());
    let mut slot = Slot::new(&launcher, &strict(&place.work));
    let leave = "ls /tmp /dev/shm /var/tmp; echo x > /tmp/a; echo x > /dev/shm/b; \
        ipcmk -Q >/dev/null; ipcs -q | grep -c 0x; cat /proc/sys/kernel/ns_last_pid >/dev/null";
    for _ in 0..3 {
        let (exit, said) = slot.run(&place.script(leave));
        assert_eq!(exit.status, 0, "{said}");
        assert_eq!(said, "/dev/shm:\n\n/tmp:\n\n/var/tmp:\n1\n");
    }
}

#[test]
fn the_network_is_a_loopback_interface_of_its_own() {
    let (launcher, place) = (launcher(), Place::new());
    let host = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = host.local_addr().unwrap().port();
    let mut slot = Slot::new(&launcher, &strict(&place.work));
    let python = format!(
        "import socket\n\
         try: socket.create_connection(('127.0.0.1', {port}), 1); print('REACHED')\n\
         except OSError as e: print(e.strerror)\n\
         s = socket.create_server(('127.0.0.1', 0)); c = socket.create_connection(s.getsockname())\n\
         print(s.accept()[0].send(b'x'), c.recv(1))\n\
         try: socket.socket(2, 2).sendto(b'x', ('10.0.0.1', 9)); print('SENT')\n\
         except OSError as e: print(e.strerror)\n"
    );
    let mut spawn = place.script("");
    spawn.program = "/usr/bin/python3".into();
    spawn.argv = ["python3", "-c", &python].map(Into::into).to_vec();
    for _ in 0..2 {
        let (exit, said) = slot.run(&spawn);
        assert_eq!(exit.status, 0, "{said}");
        assert_eq!(said, "Connection refused\n1 b'x'\nNetwork is unreachable\n");
    }
    let full = Confine {
        network: Network::Full,
        ..Confine::CLOSED
    };
    let mut slot = Slot::new(&launcher, &with(&place.work, full));
    let (_, said) = slot.run(&spawn);
    assert!(said.starts_with("REACHED\n"), "{said}");
}

#[test]
fn processes_are_bounded_exactly_and_the_bound_is_the_attempts_own() {
    let (launcher, place) = (launcher(), Place::new());
    let mut slot = Slot::new(&launcher, &strict(&place.work));
    let python = "import os, time\nn = 1\n\
        try:\n while n < 200:\n  if os.fork() == 0: time.sleep(1000)\n  n += 1\n\
        except OSError: pass\nprint(n)";
    let mut spawn = place.script("");
    spawn.program = "/usr/bin/python3".into();
    spawn.argv = ["python3", "-c", python].map(Into::into).to_vec();
    for pids in [20, 7] {
        spawn.limits = Limits {
            pids: Some(pids),
            ..Limits::default()
        };
        let (exit, said) = slot.run(&spawn);
        assert_eq!(said, format!("{pids}\n"));
        assert_eq!((exit.tree_dead, exit.leftovers), (true, pids - 1));
    }
}

/// Everything a daemon can do to get away.
const DAEMON: &str = "setsid sh -c 'trap \"\" TERM HUP; echo $$ > daemon; exec sleep 100000' \
    </dev/null >/dev/null 2>&1 & until test -s daemon; do :; done; ";

#[test]
fn a_daemon_dies_with_its_attempt_and_the_slot_is_used_again() {
    let (launcher, place) = (launcher(), Place::new());
    let mut slot = Slot::new(&launcher, &strict(&place.work));
    for _ in 0..2 {
        let (exit, said) = slot.run(&place.script(&format!("rm -f daemon; {DAEMON} cat daemon")));
        assert_eq!((exit.status, exit.tree_dead), (0, true), "{said}");
        assert!(exit.leftovers >= 1);
        let again = place.script(&format!("kill -0 {} 2>/dev/null || echo gone", said.trim()));
        assert_eq!(slot.run(&again).1, "gone\n");
    }
}

#[test]
fn stopping_is_term_then_kill_here_too() {
    let (launcher, place) = (launcher(), Place::new());
    let slot = launcher.slot(&strict(&place.work)).unwrap();
    let polite = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    let mut running = Running::start(slot, &place.script(polite));
    assert_eq!(running.line(), "ready");
    running.slot.terminate(Duration::from_secs(100)).unwrap();
    assert_eq!(running.exit().status >> 8, 7);
    assert_eq!(running.said(), "bye\n");

    let deaf = format!("trap '' TERM; {DAEMON} echo ready; while :; do :; done");
    let mut running = Running::start(running.slot, &place.script(&deaf));
    assert_eq!(running.line(), "ready");
    running.slot.terminate(Duration::from_millis(50)).unwrap();
    assert_eq!(running.exit().status, 9);
}

/// Processes of a slot: its first one, and those that came after.
fn of_slot(slot: u32) -> Vec<u32> {
    let mut found = children(slot);
    let mut at = 0;
    while at < found.len() {
        let below = children(found[at]);
        found.extend(below);
        at += 1;
    }
    found
}

#[test]
fn a_killed_slot_process_takes_everything_with_it_and_the_worker_learns_when() {
    let (launcher, place) = (launcher(), Place::new());
    for kills_launcher in [false, true] {
        let slot = launcher.slot(&strict(&place.work)).unwrap();
        let endless = format!("rm -f daemon; {DAEMON} echo ready; exec sleep 100000");
        let mut running = Running::start(slot, &place.script(&endless));
        assert_eq!(running.line(), "ready");
        let parent = launcher.id().unwrap();
        let process = *children(parent).last().unwrap();
        let all = of_slot(process);
        assert!(all.len() >= 3, "first process, payload, daemon: {all:?}");
        kill(if kills_launcher { parent } else { process });
        assert_eq!(running.report(), Report::Lost);
        assert!(running.slot.bury());
        until("everything is gone", || {
            all.iter().all(|pid| state(*pid).is_none())
        });
    }
}

#[test]
fn a_slot_whose_first_process_was_killed_is_lost_and_not_a_lack_of_memory() {
    let (launcher, place) = (launcher(), Place::new());
    let slot = launcher.slot(&strict(&place.work)).unwrap();
    let mut running = Running::start(slot, &place.script("echo ready; exec sleep 100000"));
    assert_eq!(running.line(), "ready");
    let process = *children(launcher.id().unwrap()).last().unwrap();
    let command = |pid: &u32| fs_err::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    let below = children(process);
    let first = below.iter().find(|pid| command(pid).trim() == "orch-init");
    kill(*first.unwrap());
    let exit = running.exit();
    assert_eq!((exit.status, exit.tree_dead), (9, true));
    let mut running = Running::start(running.slot, &place.script("echo ran"));
    assert_eq!(running.report(), Report::Lost);
    assert!(running.slot.bury());
}

#[test]
fn what_is_required_and_cannot_be_kept_starts_nothing() {
    let (launcher, place) = (launcher(), Place::new());
    let confine = Confine {
        require: [Guarantee::DiskQuota].into(),
        ..Confine::CLOSED
    };
    let refused = [
        (
            with(&place.work, confine),
            Some(Guarantee::DiskQuota),
            "disk_quota",
        ),
        (
            with(
                &place.work,
                Confine {
                    read: vec!["/proc/1".to_owned()],
                    ..Confine::CLOSED
                },
            ),
            None,
            "`/proc/1` cannot be opened",
        ),
    ];
    for (confinement, guarantee, part) in refused {
        let slot = launcher.slot(&confinement).unwrap();
        let mut running = Running::start(slot, &place.script("echo ran"));
        match running.report() {
            Report::Unavailable(why) => {
                assert_eq!(why.guarantee, guarantee);
                assert!(why.message.contains(part), "{}", why.message);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(running.said(), "");
    }
}

#[test]
fn the_worker_is_told_what_is_not_promised() {
    let (launcher, place) = (launcher(), Place::new());
    let mut slot = Slot::new(&launcher, &strict(&place.work));
    slot.run(&place.script(":"));
    let degraded = slot.process.as_ref().unwrap().degraded();
    assert!(degraded.contains(&Guarantee::DiskQuota), "{degraded:?}");
    let bounded = [Guarantee::DiskQuota, Guarantee::MemLimit];
    assert!(
        degraded.iter().all(|one| bounded.contains(one)),
        "{degraded:?}"
    );
}

#[test]
fn a_program_that_is_not_there_inside_is_told_as_such() {
    let (launcher, place) = (launcher(), Place::new());
    let mut slot = launcher.slot(&strict(&place.work)).unwrap();
    for program in [Path::new("/no/such"), &place.path("secret")] {
        let spawn = Spawn {
            program: program.to_owned(),
            ..place.script("")
        };
        let mut started = Running::start(slot, &spawn);
        assert_eq!(started.report(), Report::SpawnFailed { errno: 2 });
        slot = started.slot;
    }
}

/// Root's slots have users of their own, everybody else's have namespaces of users: both are held to
/// the same.
#[test]
fn all_of_this_holds_for_an_ordinary_user_too() {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // Where the build is may be closed to others.
    let dir = tempfile::tempdir().unwrap();
    fs_err::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let (tests, fixture) = (dir.path().join("tests"), dir.path().join("fixture"));
    fs_err::copy(std::env::current_exe().unwrap(), &tests).unwrap();
    fs_err::copy(crate::support::fixture(), &fixture).unwrap();
    let home = dir.path().join("home");
    fs_err::create_dir(&home).unwrap();
    std::os::unix::fs::chown(&home, Some(61_234), Some(61_234)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "61234", "--regid", "61234", "--clear-groups"]);
    command.arg(tests).args(["strict::", "--test-threads", "2"]);
    command
        .env("ORCHESTRA_TEST_FIXTURE", fixture)
        .env("TMPDIR", &home)
        .current_dir(&home);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("running 0 tests"), "{said}");
}
