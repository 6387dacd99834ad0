//! One holder a run, in two processes, and signals that reach only the holder.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use l2_coordinator::{
    Asked, Holder, LockError, Pausing, RunLock, pause_holder, read_holder, terminate_holder,
};

/// Set for the second process of a test, which is this same binary; holds the run directory.
const ROLE: &str = "JOURNAL_TEST_LOCKS";

/// Runs `test` of this binary again as another process, in the role of a holder.
fn holder_process(test: &str, dir: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command
        .env(ROLE, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command.spawn().unwrap()
}

/// In the second process: take the lock, say so, keep it until standard input ends.
fn play_holder() -> bool {
    let Some(dir) = std::env::var_os(ROLE) else {
        return false;
    };
    let _lock = RunLock::acquire(Path::new(&dir), &"c2".parse().unwrap()).unwrap();
    // The test harness has begun a line of its own.
    std::io::stdout().write_all(b"\nlocked\n").unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    true
}

fn wait_until_locked(child: &mut Child) {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(
        lines.map_while(Result::ok).any(|line| line == "locked"),
        "the holder went away"
    );
}

#[test]
fn a_second_process_is_told_whose_the_run_is() {
    if play_holder() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut child = holder_process(
        "lock::a_second_process_is_told_whose_the_run_is",
        dir.path(),
    );
    wait_until_locked(&mut child);
    let coordinator = "c1".parse().unwrap();
    let error = RunLock::acquire(dir.path(), &coordinator).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("run is held by process {}", child.id())
    );
    assert_eq!(read_holder(dir.path()).unwrap().unwrap().pid, child.id());

    child.kill().unwrap();
    child.wait().unwrap();
    let stale = fs_err::read_to_string(dir.path().join("run.lock")).unwrap();
    assert!(stale.contains("c2"), "killed: its name stays");
    assert_eq!(read_holder(dir.path()).unwrap(), None);
    assert_eq!(terminate_holder(dir.path()).unwrap(), Asked::NotHeld);
    let lock = RunLock::acquire(dir.path(), &coordinator).unwrap();
    assert_eq!(
        read_holder(dir.path()).unwrap().unwrap().pid,
        std::process::id()
    );
    drop(lock);
    assert_eq!(read_holder(dir.path()).unwrap(), None);
}

#[test]
fn the_holder_and_nobody_else_is_terminated() {
    if play_holder() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(
        terminate_holder(dir.path()).unwrap(),
        Asked::NotHeld,
        "no lock at all"
    );
    let mut child = holder_process("lock::the_holder_and_nobody_else_is_terminated", dir.path());
    wait_until_locked(&mut child);
    let holder = read_holder(dir.path()).unwrap().unwrap();

    // The same number, but started at another time or on another boot: not the holder.
    let recycled = Holder {
        start_time: holder.start_time + 1,
        ..holder.clone()
    };
    let elsewhere = Holder {
        boot_id: "another".to_owned(),
        ..holder.clone()
    };
    let other = tempfile::tempdir().unwrap();
    let path = other.path().join("run.lock");
    fs_err::write(&path, serde_json::to_vec(&recycled).unwrap()).unwrap();
    assert_eq!(terminate_holder(other.path()).unwrap(), Asked::NotHeld);
    fs_err::write(&path, serde_json::to_vec(&elsewhere).unwrap()).unwrap();
    let dead_since_reboot = terminate_holder(other.path()).unwrap();
    assert_eq!(dead_since_reboot, Asked::NotHeld);
    let file = fs_err::File::open(&path).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    assert_eq!(
        terminate_holder(other.path()).unwrap(),
        Asked::Elsewhere(elsewhere)
    );
    drop(file);
    fs_err::write(&path, b"{\"pid\":1").unwrap();
    assert_eq!(terminate_holder(other.path()).unwrap(), Asked::NotHeld);
    assert!(child.try_wait().unwrap().is_none(), "still there");

    assert_eq!(terminate_holder(dir.path()).unwrap(), Asked::Sent(holder));
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(15));
}

#[test]
fn a_lock_taken_twice_in_one_process_is_refused_too() {
    let dir = tempfile::tempdir().unwrap();
    let coordinator = "c1".parse().unwrap();
    let first = RunLock::acquire(dir.path(), &coordinator).unwrap();
    let second = RunLock::acquire(dir.path(), &coordinator);
    let Err(LockError::Held {
        holder: Some(holder),
    }) = second
    else {
        panic!("{second:?}")
    };
    assert_eq!(holder.pid, std::process::id());
    drop(first);
    // A child that another test of this process starts holds a copy of the lock between fork and exec.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while let Err(error) = RunLock::acquire(dir.path(), &coordinator) {
        assert!(std::time::Instant::now() < deadline, "{error}");
        std::thread::yield_now();
    }
}

#[test]
fn a_holder_that_has_not_signed_yet_is_not_taken_for_the_last_one() {
    let dir = tempfile::tempdir().unwrap();
    let coordinator = "c1".parse().unwrap();
    drop(RunLock::acquire(dir.path(), &coordinator).unwrap());
    let path = dir.path().join("run.lock");
    let dead = r#"{"pid":4194304,"start_time":1,"boot_id":"x","coordinator":"c0"}"#;
    fs_err::write(&path, dead).unwrap();
    let file = fs_err::File::open(&path).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let error = RunLock::acquire(dir.path(), &coordinator).unwrap_err();
    assert_eq!(error.to_string(), "run is held by another process");
    assert_eq!(
        fs_err::read_to_string(&path).unwrap(),
        dead,
        "not ours to change"
    );
}

/// SIGUSR1 would end a process that has no handler for it.
#[test]
fn a_holder_that_does_not_listen_is_not_signalled() {
    if play_holder() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(
        pause_holder(dir.path(), Pausing::Gently).unwrap(),
        Asked::NotHeld
    );
    let mut child = holder_process(
        "lock::a_holder_that_does_not_listen_is_not_signalled",
        dir.path(),
    );
    wait_until_locked(&mut child);
    for how in [Pausing::Gently, Pausing::Now] {
        let asked = pause_holder(dir.path(), how).unwrap();
        assert!(matches!(asked, Asked::Deaf(holder) if holder.pid == child.id()));
    }
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success(), "it was left alone");
}
