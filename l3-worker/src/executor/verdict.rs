//! What an attempt's end means: from wait status, stop cause and output to a failure class.

use protocol::outcome::{Bound, Failure, FailureClass};
use protocol::policy::Constraints;

use super::bound;
use super::prepare::storage_failure;
use super::pump::Ended;
use crate::artifacts::SealError;
use crate::capture::Captured;
use crate::launcher::{Exit, Report, Unavailable};
use crate::markers;
use crate::workspace::Usage;

/// Exit code of a raw wait status.
pub(super) fn exit_code(status: i32) -> Option<i32> {
    (status & 0x7f == 0).then_some((status >> 8) & 0xff)
}

/// Signal of a raw wait status.
pub(super) fn signal(status: i32) -> Option<i32> {
    let signal = status & 0x7f;
    (signal != 0).then_some(signal)
}

/// Why the attempt failed, or `None` when the program succeeded. Without a report the slot process
/// did not answer and was ended, tree and all, by the launcher.
pub(super) fn judge(
    report: Option<&Report>,
    ended: Option<Ended>,
    program: &str,
    constraints: &Constraints,
    peak: Usage,
    [out, err]: [&Captured; 2],
) -> Option<Failure> {
    if let Some(Report::SpawnFailed { errno }) = report {
        return Some(spawn_failure(program, *errno));
    }
    if let Some(Report::Unavailable(unavailable)) = report {
        return Some(refused(unavailable));
    }
    if let Some(Report::Exited(exit)) = report
        && !exit.tree_dead
    {
        let message = "a process of the attempt survives SIGKILL (uninterruptible sleep)";
        return Some(Failure::new(FailureClass::Internal, message));
    }
    match ended {
        Some(Ended::Cancelled) => Some(Failure::new(FailureClass::Cancelled, "cancelled")),
        Some(Ended::TimedOut(at)) => Some(bound::timed_out(at, constraints)),
        Some(Ended::Exceeded(at)) => Some(bound::on_disk(at, constraints, peak)),
        Some(Ended::Capture(error)) => Some(storage_failure("output", &error)),
        None => match report {
            Some(Report::Exited(exit)) => by_status(exit, constraints, out, err),
            _ => {
                let message =
                    "the process that ran the attempt was killed; nothing it started is left";
                // By an operator, the kernel out of memory, or the task itself.
                Some(Failure::new(FailureClass::WorkerLost, message))
            }
        },
    }
}

/// The sandbox that the policy requires cannot be had: nothing was started.
fn refused(unavailable: &Unavailable) -> Failure {
    let message = match unavailable.guarantee {
        Some(guarantee) => format!("{guarantee}: {}", unavailable.message),
        None => unavailable.message.clone(),
    };
    Failure::new(FailureClass::SandboxUnavailable, message)
}

fn by_status(
    exit: &Exit,
    constraints: &Constraints,
    out: &Captured,
    err: &Captured,
) -> Option<Failure> {
    if exit.status != 0
        && let Some(failure) = bound::of_kernel(exit, constraints)
    {
        return Some(failure);
    }
    let mut message = match (exit_code(exit.status), signal(exit.status)) {
        (Some(0), _) => return None,
        (Some(126), _) => "exit 126 (a shell's word for: cannot be executed)".to_owned(),
        (Some(127), _) => "exit 127 (a shell's word for: no such command)".to_owned(),
        (Some(code), _) => format!("exit {code}"),
        (None, Some(9)) => "SIGKILL, not sent by orchestra (out of memory?)".to_owned(),
        (None, signal) => signal_name(signal.unwrap_or_default()),
    };
    let streams = [err, out];
    let tails = || streams.iter().map(|stream| stream.tail.bytes());
    let class = tails().filter_map(markers::classify).next();
    if let Some(remark) = tails().find_map(|tail| bound::remark(tail, constraints)) {
        message = format!("{message}; {remark}");
    }
    Some(Failure::new(
        class.unwrap_or(FailureClass::ToolFailed),
        message,
    ))
}

fn signal_name(number: i32) -> String {
    let known = rustix::process::Signal::from_named_raw(number);
    known.map_or_else(
        || format!("signal {number}"),
        |signal| {
            let name = format!("{signal:?}");
            let name = name.trim_matches('"').trim_start_matches("Signal::");
            format!("signal {number} ({name}), not sent by orchestra")
        },
    )
}

/// Nothing was started.
pub(super) fn spawn_failure(program: &str, errno: i32) -> Failure {
    use rustix::io::Errno;
    let why = std::io::Error::from_raw_os_error(errno);
    let errno = Errno::from_raw_os_error(errno);
    let message = match errno {
        Errno::NOENT => format!("`{program}` does not exist, or the interpreter it names does not"),
        Errno::TOOBIG => "arguments and environment are too large for the kernel".to_owned(),
        _ => format!("`{program}` cannot be started: {why}"),
    };
    match errno {
        Errno::NOENT
        | Errno::ACCESS
        | Errno::NOEXEC
        | Errno::NOTDIR
        | Errno::ISDIR
        | Errno::LOOP => Failure::new(FailureClass::ToolNotFound, message),
        Errno::TOOBIG => Failure::new(FailureClass::LimitExceeded, message),
        Errno::AGAIN => Failure::at_bound(FailureClass::LimitExceeded, Bound::Pids, message),
        Errno::NOMEM => Failure::at_bound(FailureClass::LimitExceeded, Bound::Memory, message),
        _ => Failure::new(FailureClass::Internal, message),
    }
}

/// Declared artifacts that cannot be sealed.
pub(super) fn seal_failure(error: &SealError) -> Failure {
    let message = error.to_string();
    match error {
        SealError::Missing { .. } | SealError::Moved => {
            Failure::new(FailureClass::ArtifactMissing, message)
        }
        // Nothing in the declaration is wrong, and another attempt would do it again.
        SealError::Secret(_) => Failure::new(FailureClass::PolicyDenied, message),
        SealError::Bytes(_) => Failure::at_bound(FailureClass::LimitExceeded, Bound::Disk, message),
        SealError::Files(_) | SealError::List => {
            Failure::at_bound(FailureClass::LimitExceeded, Bound::Files, message)
        }
        SealError::Store(source) => storage_failure("artifacts", source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_statuses() {
        assert_eq!((exit_code(0x0300), signal(0x0300)), (Some(3), None));
        assert_eq!((exit_code(9), signal(9)), (None, Some(9)));
        // With core dump.
        assert_eq!((exit_code(0x8b), signal(0x8b)), (None, Some(11)));
    }

    #[test]
    fn signals_have_names_for_people() {
        assert_eq!(signal_name(11), "signal 11 (SEGV), not sent by orchestra");
        assert_eq!(signal_name(63), "signal 63");
    }

    #[test]
    fn errnos_are_told_apart() {
        let class = |errno| spawn_failure("x", errno).class;
        assert_eq!(class(2), FailureClass::ToolNotFound);
        assert_eq!(class(13), FailureClass::ToolNotFound);
        assert_eq!(class(7), FailureClass::LimitExceeded);
        assert_eq!(class(5), FailureClass::Internal);
    }
}
