//! What an attempt that ran into a bound is told: how much it used, how much it may, and which key of which
//! file says so.

use protocol::outcome::{Bound, Failure, FailureClass};
use protocol::policy::{Constraints, DeniedAction};

use crate::launcher::Exit;
use crate::workspace::Usage;

/// Signals by which the kernel ends a process that used too much, and a shell's word for such an end.
const SIGXCPU: i32 = 24;
const SIGXFSZ: i32 = 25;
const BY_SIGNAL: i32 = 128;

/// What the C library says of a call that a bound denied, in lower case, and which bound that may be.
const SAID: [(&[&str], &str); 3] = [
    (
        &[
            "resource temporarily unavailable",
            "can't start new thread",
            "cannot fork",
            "eagain",
        ],
        "pids",
    ),
    (&["no space left on device", "enospc"], "tmp"),
    (&["file too large", "efbig"], "file_size"),
];

/// `… (limits.memory of pack default@1)`, as far as that is known.
fn at(constraints: &Constraints, bound: Bound, what: &str) -> String {
    let whose = whose(constraints, &bound.to_string());
    format!("{what} ({whose})")
}

fn whose(constraints: &Constraints, name: &str) -> String {
    let known = constraints.limits_by.as_ref();
    known.map_or_else(|| format!("limits.{name}"), |by| by.of_limit(name))
}

/// Ended because it took too long.
pub(super) fn timed_out(bound: Bound, constraints: &Constraints) -> Failure {
    let timeout = constraints.timeout;
    let what = match bound {
        Bound::Idle => format!("no output for {}", span(timeout.idle_ms.unwrap_or(0))),
        _ => format!("ran longer than {}", span(timeout.wall_ms.unwrap_or(0))),
    };
    let message = at(constraints, bound, &what);
    Failure::at_bound(FailureClass::TimedOut, bound, message)
}

/// Ended because of what it left on disk.
pub(super) fn on_disk(bound: Bound, constraints: &Constraints, peak: Usage) -> Failure {
    let limits = &constraints.limits;
    let place = "in its workspace and home";
    let what = match bound {
        Bound::Files => {
            let most = limits.files.unwrap_or(0);
            format!("made {} of {most} files {place}", peak.files)
        }
        _ => {
            let most = size(limits.disk_bytes.unwrap_or(0));
            format!("used {} of {most} on disk {place}", size(peak.bytes))
        }
    };
    exceeded(constraints, bound, &what)
}

fn exceeded(constraints: &Constraints, bound: Bound, what: &str) -> Failure {
    let message = at(constraints, bound, what);
    Failure::at_bound(FailureClass::LimitExceeded, bound, message)
}

/// A bound that the kernel enforced, where the program failed: one that coped with it did not fail.
pub(super) fn of_kernel(exit: &Exit, constraints: &Constraints) -> Option<Failure> {
    let limits = &constraints.limits;
    let told = |bound| {
        Some(exceeded(
            constraints,
            bound,
            &what(bound, exit, constraints),
        ))
    };
    let seconds = limits.cpu_ms.map(|ms| ms.div_ceil(1000));
    let used = cpu_us(exit) / 1_000_000;
    let spent = seconds.is_some_and(|most| used >= most);
    let by = |signal: i32, bounded: bool| {
        let shell = super::verdict::exit_code(exit.status) == Some(BY_SIGNAL + signal);
        super::verdict::signal(exit.status) == Some(signal) || (shell && bounded)
    };
    if exit.out_of_memory {
        return told(Bound::Memory);
    }
    // The kernel's hard limit, a second later, cannot be told from another SIGKILL.
    if by(SIGXCPU, spent) || (super::verdict::signal(exit.status) == Some(9) && spent) {
        return told(Bound::Cpu);
    }
    if by(SIGXFSZ, limits.file_bytes.is_some()) {
        return told(Bound::FileSize);
    }
    exit.out_of_pids.then(|| told(Bound::Pids)).flatten()
}

fn cpu_us(exit: &Exit) -> u64 {
    exit.user_us.saturating_add(exit.system_us)
}

/// How much of how much.
fn what(bound: Bound, exit: &Exit, constraints: &Constraints) -> String {
    let limits = &constraints.limits;
    match bound {
        Bound::Memory => {
            let most = limits
                .memory_bytes
                .map_or_else(|| "all there is".to_owned(), size);
            match exit.peak_memory_bytes {
                Some(peak) => format!("used {} of {most} of memory", size(peak)),
                None => format!("used more than {most} of memory"),
            }
        }
        Bound::Cpu => {
            let most = limits.cpu_ms.map_or(0, |ms| ms.div_ceil(1000) * 1000);
            let used = span(cpu_us(exit) / 1000);
            format!(
                "used {used} of processor time, {} for any one process",
                span(most)
            )
        }
        Bound::FileSize => {
            let most = size(limits.file_bytes.unwrap_or(0));
            format!("wrote a file of more than {most}")
        }
        _ => {
            let most = limits.pids.unwrap_or(0);
            format!("used {most} of {most} processes and threads at once")
        }
    }
}

/// What the output of a failed attempt says of a bound that nobody counts for us: no more than a remark,
/// since the host may be short of the same.
pub(super) fn remark(output: &[u8], constraints: &Constraints) -> Option<String> {
    let limits = &constraints.limits;
    let text = String::from_utf8_lossy(output).to_ascii_lowercase();
    let said = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let told = SAID.iter().filter(|(words, _)| said(words));
    let mut told = told.filter_map(|(_, name)| {
        let most = match *name {
            "pids" => format!("{} processes and threads at once", limits.pids?),
            "tmp" => format!("{} in /tmp and /dev/shm", size(limits.tmp_bytes?)),
            _ => format!("files of {}", size(limits.file_bytes?)),
        };
        Some(format!("it may have {most} ({})", whose(constraints, name)))
    });
    told.next()
}

/// What the kernel denied an attempt that coped with it.
pub(super) fn coped_with(exit: &Exit, constraints: &Constraints) -> Vec<DeniedAction> {
    let bounds = [
        (
            exit.out_of_memory,
            Bound::Memory,
            "memory",
            ": a process of it was killed",
        ),
        (exit.out_of_pids, Bound::Pids, "fork", ""),
    ];
    let told = bounds.into_iter().filter(|(is_hit, ..)| *is_hit);
    let told = told.map(|(_, bound, action, outcome)| {
        let what = what(bound, exit, constraints);
        DeniedAction {
            action: action.to_owned(),
            target: format!("{}{outcome}", at(constraints, bound, &what)),
            times: 1,
        }
    });
    told.collect()
}

/// `512 MiB`, `1.5 GiB`, `12 B`; rounded down.
fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [
        ("TiB", 1 << 40),
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("KiB", 1 << 10),
    ];
    let unit = UNITS.into_iter().find(|(_, unit)| bytes >= *unit);
    let Some((word, unit)) = unit else {
        return format!("{bytes} B");
    };
    match bytes % unit * 10 / unit {
        0 => format!("{} {word}", bytes / unit),
        tenth => format!("{}.{tenth} {word}", bytes / unit),
    }
}

/// `30s`, `1m30s`, `200ms`.
fn span(ms: u64) -> String {
    if ms < 1000 {
        return format!("{ms}ms");
    }
    let (seconds, rest) = (ms / 1000, ms % 1000 / 100);
    match (seconds / 60, seconds % 60, rest) {
        (0, seconds, 0) => format!("{seconds}s"),
        (0, seconds, tenth) => format!("{seconds}.{tenth}s"),
        (minutes, 0, _) => format!("{minutes}m"),
        (minutes, seconds, _) => format!("{minutes}m{seconds:02}s"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protocol::policy::{LimitOrigins, Limits, Timeout};

    use super::*;

    fn constraints() -> Constraints {
        Constraints {
            timeout: Timeout {
                wall_ms: Some(90_000),
                idle_ms: Some(500),
            },
            limits: Limits {
                cpu_ms: Some(1500),
                memory_bytes: Some(512 << 20),
                pids: Some(64),
                disk_bytes: Some(1 << 30),
                file_bytes: Some(8 << 20),
                files: Some(300),
                tmp_bytes: Some(4 << 20),
            },
            limits_by: Some(Arc::new(LimitOrigins {
                most: "pack default@1".to_owned(),
                others: [("pids".to_owned(), "orchestra.yaml".to_owned())].into(),
                task: vec!["wall".to_owned()],
            })),
            ..Constraints::unconfined()
        }
    }

    fn exit(status: i32) -> Exit {
        Exit {
            status,
            tree_dead: true,
            ..Exit::default()
        }
    }

    #[test]
    fn a_failure_at_a_bound_says_how_much_of_how_much_and_what_to_change() {
        let all = constraints();
        let memory = Exit {
            peak_memory_bytes: Some((512 << 20) - 60_000),
            out_of_memory: true,
            ..exit(9)
        };
        let pids = Exit {
            out_of_pids: true,
            ..exit(0x100)
        };
        let cpu = Exit {
            user_us: 2_100_000,
            ..exit(24)
        };
        let shell = Exit {
            user_us: 2_100_000,
            ..exit(152 << 8)
        };
        for (exit, bound, message) in [
            (
                &memory,
                Bound::Memory,
                "used 511.9 MiB of 512 MiB of memory (limits.memory of pack default@1)",
            ),
            (
                &pids,
                Bound::Pids,
                "used 64 of 64 processes and threads at once (limits.pids of orchestra.yaml)",
            ),
            (
                &cpu,
                Bound::Cpu,
                "used 2.1s of processor time, 2s for any one process (limits.cpu of pack default@1)",
            ),
            (
                &shell,
                Bound::Cpu,
                "used 2.1s of processor time, 2s for any one process (limits.cpu of pack default@1)",
            ),
            (
                &exit(25),
                Bound::FileSize,
                "wrote a file of more than 8 MiB (limits.file_size of pack default@1)",
            ),
            (
                &exit(153 << 8),
                Bound::FileSize,
                "wrote a file of more than 8 MiB (limits.file_size of pack default@1)",
            ),
        ] {
            let failure = of_kernel(exit, &all).unwrap();
            assert_eq!(
                (failure.bound, failure.message.as_str()),
                (Some(bound), message)
            );
        }
        for (bound, message) in [
            (Bound::Wall, "ran longer than 1m30s (the task's `timeout`)"),
            (
                Bound::Idle,
                "no output for 500ms (limits.idle of pack default@1)",
            ),
        ] {
            assert_eq!(timed_out(bound, &all).message, message);
        }
        let peak = Usage {
            bytes: 3 << 29,
            files: 301,
        };
        for (bound, message) in [
            (
                Bound::Disk,
                "used 1.5 GiB of 1 GiB on disk in its workspace and home (limits.disk of pack default@1)",
            ),
            (
                Bound::Files,
                "made 301 of 300 files in its workspace and home (limits.files of pack default@1)",
            ),
        ] {
            assert_eq!(on_disk(bound, &all, peak).message, message);
        }
    }

    #[test]
    fn a_shells_word_for_a_signal_is_believed_where_there_is_such_a_bound_only() {
        let free = Constraints::unconfined();
        assert_eq!(of_kernel(&exit(153 << 8), &free), None);
        assert_eq!(
            of_kernel(&exit(152 << 8), &constraints()),
            None,
            "no processor time was used"
        );
        assert_eq!(of_kernel(&exit(9), &constraints()), None);
    }

    #[test]
    fn output_that_speaks_of_a_bound_is_remarked_where_there_is_one() {
        let all = constraints();
        let free = Constraints::unconfined();
        for (said, remarked) in [
            (
                "sh: fork: retry: Resource temporarily unavailable",
                "it may have 64 processes and threads at once (limits.pids of orchestra.yaml)",
            ),
            (
                "sh: 0: Cannot fork",
                "it may have 64 processes and threads at once (limits.pids of orchestra.yaml)",
            ),
            (
                "RuntimeError: can't start new thread",
                "it may have 64 processes and threads at once (limits.pids of orchestra.yaml)",
            ),
            (
                "dd: error writing '/tmp/x': No space left on device",
                "it may have 4 MiB in /tmp and /dev/shm (limits.tmp of pack default@1)",
            ),
            (
                "OSError: [Errno 27] File too large",
                "it may have files of 8 MiB (limits.file_size of pack default@1)",
            ),
        ] {
            assert_eq!(remark(said.as_bytes(), &all).as_deref(), Some(remarked));
            assert_eq!(remark(said.as_bytes(), &free), None);
        }
        assert_eq!(remark(b"assertion failed", &all), None);
    }

    #[test]
    fn what_an_attempt_coped_with_is_told_as_denied() {
        let coped = Exit {
            out_of_memory: true,
            ..exit(0)
        };
        let told = coped_with(&coped, &constraints());
        assert_eq!(told[0].action, "memory");
        assert_eq!(
            told[0].target,
            "used more than 512 MiB of memory (limits.memory of pack default@1): a process of it was killed"
        );
        assert_eq!(coped_with(&exit(0), &constraints()), []);
    }
}
