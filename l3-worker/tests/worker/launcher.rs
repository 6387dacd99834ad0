//! Launcher and slot processes: nothing they start outlives them, whoever is killed.

use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use l3_worker::launcher::{Exit, Launcher, Report, SlotProcess, Spawn};
use l3_worker::sandbox::Confinement;
use protocol::policy::{Limits, SandboxLevel};

use crate::support::{carrying, children, kill, launcher, state, unique, until};

/// No process carries the mark.
const NOBODY: [u32; 0] = [];
/// Long enough that only a kill can end it within a test.
const FOREVER: &str = "sleep 100000";

fn unconfined() -> Confinement {
    Confinement {
        level: SandboxLevel::None,
        confine: Arc::default(),
        work: "/nowhere".into(),
    }
}

struct Started {
    slot: SlotProcess,
    out: fs_err::File,
    _err: OwnedFd,
}

fn spawn(script: &str, env: &[(&str, &str)]) -> Spawn {
    Spawn {
        program: "/bin/sh".into(),
        argv: ["sh", "-c", script].map(Into::into).to_vec(),
        env: env
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        cwd: "/".into(),
        leftover_grace: Duration::from_millis(100),
        limits: Limits::default(),
    }
}

fn start(slot: SlotProcess, spawn: &Spawn) -> Started {
    let flags = rustix::pipe::PipeFlags::CLOEXEC;
    let (out, out_write) = rustix::pipe::pipe_with(flags).unwrap();
    let (err, err_write) = rustix::pipe::pipe_with(flags).unwrap();
    slot.spawn(spawn, out_write.as_fd(), err_write.as_fd())
        .unwrap();
    let out = fs_err::File::from_parts(std::fs::File::from(out), "stdout");
    Started {
        slot,
        out,
        _err: err,
    }
}

fn sh(launcher: &Launcher, script: &str, env: &[(&str, &str)]) -> Started {
    start(launcher.slot(&unconfined()).unwrap(), &spawn(script, env))
}

impl Started {
    fn report(&mut self) -> Report {
        loop {
            if let Some(report) = self.slot.report() {
                return report;
            }
        }
    }

    fn exit(&mut self) -> Exit {
        match self.report() {
            Report::Exited(exit) => exit,
            other => panic!("{other:?}"),
        }
    }

    fn output(mut self) -> String {
        let mut text = String::new();
        self.out.read_to_string(&mut text).unwrap();
        text
    }
}

/// Starts a daemon that does all a daemon can to get away: new session, double fork, closed
/// streams, empty environment, deaf to SIGTERM. Its arguments carry the mark, which the script
/// itself gets from its environment.
const DAEMON: &str = "(setsid env -i PATH=/usr/bin:/bin sh -c \"trap '' TERM HUP; \
    while :; do sleep 0.05; done # $MARK\" </dev/null >/dev/null 2>&1 &) ;";

fn daemons(mark: &str) -> usize {
    let is_daemon = |pid: &u32| {
        let arguments = fs_err::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        arguments.starts_with(b"sh\0") && String::from_utf8_lossy(&arguments).contains(mark)
    };
    carrying(mark).iter().filter(|pid| is_daemon(pid)).count()
}

fn marked(launcher: &Launcher, mark: &str, script: &str) -> Started {
    sh(
        launcher,
        script,
        &[("MARK", mark), ("PATH", "/usr/bin:/bin")],
    )
}

#[test]
fn a_slot_runs_attempts_one_after_the_other_and_tells_how_they_ended() {
    let launcher = launcher();
    let mut slot = launcher.slot(&unconfined()).unwrap();
    for code in [0, 3] {
        let mut started = start(slot, &spawn(&format!("echo hi; exit {code}"), &[]));
        let exit = started.exit();
        assert_eq!(
            (exit.status >> 8, exit.tree_dead, exit.leftovers),
            (code, true, 0)
        );
        assert!(exit.peak_rss_bytes > 100_000, "{exit:?}");
        let Started {
            slot: free,
            mut out,
            ..
        } = started;
        let mut text = String::new();
        out.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hi\n");
        slot = free;
    }
}

#[test]
fn only_standard_streams_a_clean_environment_and_no_terminal_reach_the_payload() {
    let launcher = launcher();
    let script = "ls /proc/self/fd | wc -l; env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | sort; \
                  (: </dev/tty) 2>/dev/null && echo terminal; readlink /proc/self/fd/0";
    let mut started = sh(&launcher, script, &[("PATH", "/usr/bin:/bin"), ("A", "b")]);
    started.exit();
    // `ls` itself holds the directory it lists.
    assert_eq!(started.output(), "4\nA=b\nPATH=/usr/bin:/bin\n/dev/null\n");
}

#[test]
fn a_mebibyte_of_environment_arrives() {
    let launcher = launcher();
    let value = "x".repeat(100_000);
    let names: Vec<String> = (0..10).map(|n| format!("V{n}")).collect();
    let env: Vec<(&str, &str)> = names
        .iter()
        .map(|name| (name.as_str(), value.as_str()))
        .collect();
    let mut started = sh(&launcher, "echo ${#V0} ${#V9}", &env);
    started.exit();
    assert_eq!(started.output(), "100000 100000\n");
}

#[test]
fn what_cannot_be_started_is_reported_with_its_errno() {
    let launcher = launcher();
    let huge = "x".repeat(3 * 1024 * 1024);
    let no_such = Spawn {
        program: "/no/such".into(),
        ..spawn("", &[])
    };
    let not_executable = Spawn {
        program: "/etc/passwd".into(),
        ..spawn("", &[])
    };
    let too_big = spawn("", &[("HUGE", &huge)]);
    let mut slot = launcher.slot(&unconfined()).unwrap();
    for (spawn, errno) in [(no_such, 2), (not_executable, 13), (too_big, 7)] {
        let mut started = start(slot, &spawn);
        assert_eq!(started.report(), Report::SpawnFailed { errno });
        slot = started.slot;
    }
}

#[test]
fn a_daemon_that_hides_dies_with_its_attempt() {
    let launcher = launcher();
    let mark = unique();
    // The attempt ends only once its daemon runs; the report comes after the kill.
    let script = format!("{DAEMON} until pgrep -f \"[w]hile.*$MARK\" >/dev/null; do :; done");
    let mut started = marked(&launcher, &mark, &script);
    let exit = started.exit();
    assert!(exit.leftovers >= 1, "{exit:?}");
    assert!(exit.tree_dead);
    assert_eq!(carrying(&mark), NOBODY);
}

#[test]
fn orphans_that_end_meanwhile_do_not_pile_up_as_zombies() {
    let launcher = launcher();
    let script = format!("for i in 1 2 3 4 5 6 7 8; do (sh -c : &) ; done; echo $$; {FOREVER}");
    let mut started = sh(&launcher, &script, &[("PATH", "/usr/bin:/bin")]);
    let mut pid = [0; 32];
    let read = started.out.read(&mut pid).unwrap();
    let pid: u32 = std::str::from_utf8(&pid[..read])
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let (_, slot_process) = state(pid).unwrap();
    until("only the payload is left", || {
        children(slot_process) == [pid]
    });
    started.slot.kill().unwrap();
    started.exit();
}

#[test]
fn stopping_is_term_then_kill_for_the_whole_tree() {
    let launcher = launcher();
    let mark = unique();
    let polite = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    let mut started = sh(&launcher, polite, &[("PATH", "/usr/bin:/bin")]);
    let mut ready = [0; 6];
    started.out.read_exact(&mut ready).unwrap();
    started.slot.terminate(Duration::from_secs(100)).unwrap();
    assert_eq!(started.exit().status >> 8, 7);
    assert_eq!(started.output(), "bye\n");

    let deaf = format!("trap '' TERM; {DAEMON} echo ready; while :; do :; done");
    let mut started = marked(&launcher, &mark, &deaf);
    started.out.read_exact(&mut ready).unwrap();
    started.slot.terminate(Duration::from_millis(50)).unwrap();
    assert_eq!(started.exit().status, 9);
    assert_eq!(carrying(&mark), NOBODY);
}

#[test]
fn a_killed_slot_process_leaves_nothing_and_the_worker_learns_when() {
    let launcher = launcher();
    let mark = unique();
    let script = format!("{DAEMON} echo $$; {FOREVER}");
    let mut started = marked(&launcher, &mark, &script);
    let mut pid = [0; 32];
    let read = started.out.read(&mut pid).unwrap();
    let pid: u32 = std::str::from_utf8(&pid[..read])
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    until("the daemon runs", || daemons(&mark) > 0);
    kill(state(pid).unwrap().1);
    assert_eq!(started.report(), Report::Lost);
    assert!(started.slot.bury());
    assert_eq!(carrying(&mark), NOBODY);
    assert_eq!(state(pid), None, "not even a zombie");
    // The launcher goes on.
    let mut next = sh(&launcher, "exit 0", &[]);
    assert_eq!(next.exit().status, 0);
}

#[test]
fn a_killed_launcher_leaves_nothing_and_is_replaced() {
    let launcher = launcher();
    let mark = unique();
    let mut started = marked(&launcher, &mark, &format!("{DAEMON} {FOREVER}"));
    until("the daemon runs", || daemons(&mark) > 0);
    let first = launcher.id().unwrap();
    kill(first);
    assert_eq!(started.report(), Report::Lost);
    assert!(started.slot.bury());
    assert_eq!(carrying(&mark), NOBODY);
    let mut next = sh(&launcher, "exit 5", &[]);
    assert_eq!(next.exit().status >> 8, 5);
    assert_ne!(launcher.id().unwrap(), first);
}

#[test]
fn dropping_the_launcher_ends_everything_first() {
    let launcher = launcher();
    let mark = unique();
    let _started = marked(&launcher, &mark, &format!("{DAEMON} {FOREVER}"));
    until("the daemon runs", || daemons(&mark) > 0);
    let id = launcher.id().unwrap();
    drop(launcher);
    assert_eq!(carrying(&mark), NOBODY);
    assert_eq!(state(id), None);
}
