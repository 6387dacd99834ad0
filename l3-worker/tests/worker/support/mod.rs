//! What the tests share: the fixture's launcher, a condition with a deadline, process look-ups.

pub mod attempts;
pub mod bench;
pub mod coordinator;
pub mod stuck_bus;

use std::path::Path;
use std::time::{Duration, Instant};

use l3_worker::launcher::Launcher;

/// Longest any condition may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

pub fn launcher() -> Launcher {
    Launcher::start_with(Path::new(&fixture())).unwrap()
}

/// A copy of it, where another user runs these tests.
pub fn fixture() -> String {
    let built = env!("CARGO_BIN_EXE_l3-worker-launcher-fixture");
    std::env::var("ORCHESTRA_TEST_FIXTURE").unwrap_or_else(|_| built.to_owned())
}

/// Looks until the condition holds; fails with `what` at the deadline.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// State letter and parent of a process; `None` once it is reaped.
pub fn state(pid: u32) -> Option<(char, u32)> {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Processes whose environment or arguments hold this text; zombies have neither.
pub fn carrying(text: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        if pid == std::process::id() {
            continue;
        }
        let holds = ["environ", "cmdline"].into_iter().any(|file| {
            let bytes = fs_err::read(entry.path().join(file)).unwrap_or_default();
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        });
        if holds {
            found.push(pid);
        }
    }
    found
}

/// Direct children of a process, over all its threads.
pub fn children(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir("/proc").unwrap().flatten() {
        if let Some(child) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
            && state(child).is_some_and(|(_, parent)| parent == pid)
        {
            found.push(child);
        }
    }
    found
}

pub fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// A text no other test and no other run uses.
pub fn unique() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!(
        "orch-test-{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}
