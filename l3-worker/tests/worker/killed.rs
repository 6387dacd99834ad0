//! A worker process killed together with its launcher, or alone: nothing it started is left.

use std::process::{Child, Command, Stdio};

use l3_worker::sweep;
use protocol::ids::RunId;

use crate::support::{carrying, children, fixture, kill, state, unique, until};

/// A run id that no other test and no other process uses.
fn run_id() -> RunId {
    use std::sync::atomic::{AtomicU16, Ordering};
    static COUNT: AtomicU16 = AtomicU16::new(0);
    let (pid, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    format!("0197f0e2-7c1a-7cc3-9d51-{pid:08x}{count:04x}")
        .parse()
        .unwrap()
}

/// Starts a daemon in an empty environment and one that keeps it, then waits for ever. The mark
/// is in the arguments of both.
fn script(mark: &str) -> String {
    let daemon = "trap '' TERM HUP; while :; do sleep 0.05; done";
    format!(
        "(setsid env -i PATH=$PATH sh -c \"{daemon} # {mark}-bare\" </dev/null >/dev/null 2>&1 &); \
         (setsid sh -c \"{daemon} # {mark}-kept\" </dev/null >/dev/null 2>&1 &); sleep 100000"
    )
}

struct Worker {
    process: Child,
    mark: String,
    _dir: tempfile::TempDir,
}

impl Worker {
    fn start(run: RunId) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mark = unique();
        let mut command = Command::new(fixture());
        command
            .arg("attempt")
            .arg(dir.path())
            .arg(run.to_string())
            .arg(script(&mark));
        let process = command.stdout(Stdio::null()).spawn().unwrap();
        let worker = Self {
            process,
            mark,
            _dir: dir,
        };
        until("both daemons run", || {
            let is_daemon = |name: &str| carrying(name).iter().any(|pid| session(*pid) == *pid);
            is_daemon(&format!("{}-bare", worker.mark))
                && is_daemon(&format!("{}-kept", worker.mark))
        });
        worker
    }

    /// Launcher and slot process.
    fn helpers(&self) -> (u32, u32) {
        let launcher = *children(self.process.id()).first().unwrap();
        (launcher, *children(launcher).first().unwrap())
    }

    fn reap(&mut self) {
        self.process.wait().unwrap();
    }
}

fn session(pid: u32) -> u32 {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let session = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.split(' ').nth(3)?.parse().ok());
    session.unwrap_or_default()
}

#[test]
fn a_killed_worker_leaves_no_process() {
    let mut worker = Worker::start(run_id());
    let (launcher, slot) = worker.helpers();
    kill(worker.process.id());
    worker.reap();
    until("everything is gone", || carrying(&worker.mark).is_empty());
    until("the helpers too", || {
        state(launcher).is_none() && state(slot).is_none()
    });
}

#[test]
fn what_survives_everything_being_killed_at_once_is_swept_by_its_marker() {
    let run = run_id();
    let mut worker = Worker::start(run);
    let (launcher, slot) = worker.helpers();
    let stop = |pid: u32| {
        let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    };
    // Stopped first, so that none of them can do its work before it is killed.
    for pid in [launcher, slot, worker.process.id()] {
        stop(pid);
    }
    for pid in [slot, launcher, worker.process.id()] {
        kill(pid);
    }
    worker.reap();
    let kept = format!("{}-kept", worker.mark);
    assert!(!carrying(&kept).is_empty());
    let report = sweep(run).unwrap();
    assert!(report.killed >= 1 && report.left == 0, "{report:?}");
    assert!(carrying(&kept).is_empty());
    assert_eq!(sweep(run).unwrap(), l3_worker::SweepReport::default());
    // Without marker and without launcher there is no way to know it: documented, and tidied here.
    for pid in carrying(&worker.mark) {
        kill(pid);
    }
}

#[test]
fn a_sweep_spares_other_runs() {
    let mut worker = Worker::start(run_id());
    assert_eq!(sweep(run_id()).unwrap().killed, 0);
    assert!(!carrying(&worker.mark).is_empty());
    kill(worker.process.id());
    worker.reap();
    until("everything is gone", || carrying(&worker.mark).is_empty());
}
