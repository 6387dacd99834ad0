//! Ends processes of an earlier life by the marker in their environment.
//!
//! The second net, for `resume`: the launcher ends whatever its worker leaves, by descent, also
//! what cleared its environment. This one finds what survived the launcher being killed together
//! with everything else. It never looks at names.

use std::io;
use std::time::{Duration, Instant};

use protocol::ids::RunId;
use rustix::process::{Pid, Signal};

use crate::launcher::{Member, Processes, descendants};

/// The variable that carries the run id.
pub(crate) const RUN_VARIABLE: &str = "ORCHESTRA_RUN";

/// A killed process disappears at once, unless the kernel holds it; later rounds catch what was
/// forked while the round before was looking.
const DEADLINE: Duration = Duration::from_secs(10);
const ROUND_PAUSE: Duration = Duration::from_millis(10);

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Processes sent SIGKILL.
    pub killed: u32,
    /// Processes with the marker that were still there at the deadline.
    pub left: u32,
}

/// Kills every process that carries this run's marker, and all that descends from one; this
/// process and its ancestors excepted. Returns when none is left or after ten seconds.
///
/// # Errors
/// `/proc` cannot be read.
pub fn sweep(run: RunId) -> io::Result<SweepReport> {
    let marker = format!("{RUN_VARIABLE}={run}");
    let processes = Processes::open()?;
    let begun = Instant::now();
    let mut report = SweepReport::default();
    loop {
        let found = marked(&processes, marker.as_bytes())?;
        report.left = u32::try_from(found.len()).unwrap_or(u32::MAX);
        if found.is_empty() || begun.elapsed() > DEADLINE {
            return Ok(report);
        }
        for member in &found {
            report.killed += u32::from(processes.signal(member, Signal::KILL));
        }
        std::thread::sleep(ROUND_PAUSE);
    }
}

fn marked(processes: &Processes, marker: &[u8]) -> io::Result<Vec<Member>> {
    let all = processes.snapshot()?;
    let spared = own_line(processes);
    let carries = |member: &&Member| {
        // Unreadable (another user's) or gone: not ours.
        let path = format!("/proc/{}/environ", member.pid.as_raw_nonzero());
        let environ = fs_err::read(path).unwrap_or_default();
        environ
            .split(|&byte| byte == 0)
            .any(|entry| entry == marker)
    };
    let roots: Vec<Member> = all.iter().filter(carries).copied().collect();
    let pids: Vec<i32> = roots
        .iter()
        .map(|root| root.pid.as_raw_nonzero().get())
        .collect();
    let mut found = roots;
    for member in descendants(&all, &pids) {
        if !found.contains(&member) {
            found.push(member);
        }
    }
    found.retain(|member| !member.zombie && !spared.contains(&member.pid));
    Ok(found)
}

/// This process and its ancestors.
fn own_line(processes: &Processes) -> Vec<Pid> {
    let mut line = Vec::new();
    let mut next = Some(rustix::process::getpid());
    while let Some(pid) = next {
        line.push(pid);
        next = processes
            .look(pid)
            .and_then(|member| Pid::from_raw(member.parent));
    }
    line
}
