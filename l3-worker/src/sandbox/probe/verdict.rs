//! From what canaries could do to what is promised. Pure.

use protocol::policy::{Guarantee, SandboxLevel};

use super::canary::{Daemon, Flight};
use super::cause::{self, Cause};
use crate::launcher::Unavailable;

/// How a promise is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As it is meant.
    Ok,
    /// In part.
    Degraded,
    /// Not at all.
    Missing,
}

impl State {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Missing => "missing",
        }
    }
}

/// What one level does about one promise on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The level.
    pub level: SandboxLevel,
    /// The promise.
    pub guarantee: Guarantee,
    /// How it is kept.
    pub state: State,
    /// By what, where it is.
    pub mechanism: &'static str,
    /// Why it is not, as it is meant.
    pub cause: Option<String>,
    /// What helps.
    pub remedy: Option<String>,
}

/// All promises of one level.
pub(super) fn of(
    level: SandboxLevel,
    control: &Flight,
    flight: Result<Flight, Unavailable>,
) -> Vec<Probe> {
    let all = Guarantee::ALL.iter().copied();
    match flight {
        Err(unavailable) => {
            let cause = cause::of_level(level, &unavailable.message);
            all.map(|guarantee| missing(level, guarantee, &cause))
                .collect()
        }
        Ok(flight) => all
            .map(|guarantee| judge(level, guarantee, control, &flight))
            .collect(),
    }
}

fn missing(level: SandboxLevel, guarantee: Guarantee, cause: &Cause) -> Probe {
    Probe {
        level,
        guarantee,
        state: State::Missing,
        mechanism: mechanism(level, guarantee),
        cause: Some(cause.why.clone()),
        remedy: Some(cause.remedy.clone()),
    }
}

/// Whether a canary did what this promise is to prevent; `None`: there is none that could.
fn broke(guarantee: Guarantee, flight: &Flight) -> Option<bool> {
    let arrived = flight.arrived;
    Some(match guarantee {
        Guarantee::FsWriteConfined => flight.written,
        Guarantee::FsReadConfined => flight.read,
        Guarantee::NetNone => arrived.tcp || arrived.udp || arrived.unix || arrived.named,
        Guarantee::TreeKill => flight.daemon != Some(Daemon::Ended),
        Guarantee::MemLimit => flight.hogged,
        Guarantee::PidsLimit => flight.crowded,
        Guarantee::EnvClean => !flight.clean,
        Guarantee::DiskQuota => return None,
    })
}

/// Whether the canary can do it at all, when nothing keeps it.
fn proves(guarantee: Guarantee, control: &Flight) -> bool {
    let arrived = control.arrived;
    match guarantee {
        Guarantee::NetNone => arrived.tcp && arrived.udp && arrived.unix && arrived.named,
        // They are kept without a sandbox, too: there was a daemon, and a variable did arrive.
        Guarantee::TreeKill => control.daemon.is_some(),
        Guarantee::EnvClean => control.clean,
        Guarantee::DiskQuota => true,
        _ => broke(guarantee, control) == Some(true),
    }
}

fn judge(level: SandboxLevel, guarantee: Guarantee, control: &Flight, flight: &Flight) -> Probe {
    let promised = !flight.degraded.contains(&guarantee);
    let (state, cause) = match (broke(guarantee, flight), promised) {
        _ if !proves(guarantee, control) => (State::Missing, Some(cause::unproven())),
        (None, true) | (Some(false), true) => (State::Ok, None),
        (None, false) => (State::Degraded, Some(cause::of_guarantee(guarantee))),
        (Some(false), false) => (State::Degraded, Some(cause::of_guarantee(guarantee))),
        (Some(true), true) => (State::Missing, Some(cause::broken())),
        (Some(true), false) => (State::Missing, Some(cause::of_guarantee(guarantee))),
    };
    Probe {
        level,
        guarantee,
        state,
        mechanism: mechanism(level, guarantee),
        cause: cause.as_ref().map(|cause| cause.why.clone()),
        remedy: cause.map(|cause| cause.remedy),
    }
}

/// By what a level keeps a promise.
fn mechanism(level: SandboxLevel, guarantee: Guarantee) -> &'static str {
    let strict = level == SandboxLevel::Strict;
    match guarantee {
        Guarantee::FsWriteConfined | Guarantee::FsReadConfined if strict => {
            "a view of its own, Landlock"
        }
        Guarantee::FsWriteConfined => "Landlock; modes and times of your files are not covered",
        Guarantee::FsReadConfined => "Landlock; names and sizes are not covered",
        Guarantee::NetNone if strict => "a network namespace, seccomp",
        Guarantee::NetNone => "seccomp, Landlock",
        Guarantee::TreeKill if strict => "a process namespace",
        Guarantee::TreeKill => "slot processes that all orphans fall to",
        Guarantee::MemLimit => "a control group",
        Guarantee::PidsLimit if strict => "a control group or RLIMIT_NPROC",
        Guarantee::PidsLimit => "a control group",
        Guarantee::DiskQuota => "a look at the workspace while it runs",
        Guarantee::EnvClean => "a cleared environment, closed descriptors",
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Arrived;
    use super::*;

    /// What canaries do when nothing keeps them.
    fn free() -> Flight {
        Flight {
            written: true,
            read: true,
            arrived: Arrived {
                tcp: true,
                udp: true,
                unix: true,
                named: true,
            },
            crowded: true,
            hogged: true,
            daemon: Some(Daemon::Ended),
            clean: true,
            degraded: Vec::new(),
        }
    }

    fn caught() -> Flight {
        Flight {
            daemon: Some(Daemon::Ended),
            clean: true,
            ..Flight::default()
        }
    }

    fn states(control: &Flight, flight: Flight) -> Vec<(Guarantee, State)> {
        let probes = of(SandboxLevel::Strict, control, Ok(flight));
        for probe in &probes {
            let fine = probe.state == State::Ok;
            assert_eq!(
                (probe.cause.is_none(), probe.remedy.is_none()),
                (fine, fine),
                "{probe:?}"
            );
        }
        probes
            .into_iter()
            .map(|probe| (probe.guarantee, probe.state))
            .collect()
    }

    #[test]
    fn a_promise_is_kept_when_its_canary_was_caught() {
        for (_, state) in states(&free(), caught()) {
            assert_eq!(state, State::Ok);
        }
    }

    #[test]
    fn a_canary_that_gets_through_is_what_counts() {
        let slipped = |slip: &dyn Fn(&mut Flight)| {
            let mut flight = caught();
            slip(&mut flight);
            flight
        };
        let through = [
            (
                Guarantee::FsWriteConfined,
                slipped(&|one| one.written = true),
            ),
            (Guarantee::FsReadConfined, slipped(&|one| one.read = true)),
            (Guarantee::NetNone, slipped(&|one| one.arrived.udp = true)),
            (Guarantee::NetNone, slipped(&|one| one.arrived.named = true)),
            (
                Guarantee::TreeKill,
                slipped(&|one| one.daemon = Some(Daemon::Lives)),
            ),
            (Guarantee::MemLimit, slipped(&|one| one.hogged = true)),
            (Guarantee::PidsLimit, slipped(&|one| one.crowded = true)),
            (Guarantee::EnvClean, slipped(&|one| one.clean = false)),
        ];
        for (guarantee, flight) in through {
            for (other, state) in states(&free(), flight) {
                let expected = if other == guarantee {
                    State::Missing
                } else {
                    State::Ok
                };
                assert_eq!(state, expected, "{guarantee}: {other}");
            }
        }
    }

    #[test]
    fn a_canary_that_cannot_fly_proves_nothing() {
        let grounded = Flight {
            arrived: Arrived {
                udp: false,
                ..free().arrived
            },
            read: false,
            ..free()
        };
        let unproven: Vec<Guarantee> = states(&grounded, caught())
            .into_iter()
            .filter(|(_, state)| *state == State::Missing)
            .map(|(guarantee, _)| guarantee)
            .collect();
        assert_eq!(unproven, [Guarantee::FsReadConfined, Guarantee::NetNone]);
    }

    #[test]
    fn what_is_not_promised_is_degraded_or_missing() {
        let flight = Flight {
            hogged: true,
            degraded: vec![
                Guarantee::MemLimit,
                Guarantee::PidsLimit,
                Guarantee::DiskQuota,
            ],
            ..caught()
        };
        let states = states(&free(), flight);
        let of = |guarantee| states.iter().find(|(one, _)| *one == guarantee).unwrap().1;
        assert_eq!(of(Guarantee::MemLimit), State::Missing);
        assert_eq!(of(Guarantee::PidsLimit), State::Degraded);
        assert_eq!(of(Guarantee::DiskQuota), State::Degraded);
    }

    #[test]
    fn a_level_that_is_not_to_be_had_keeps_nothing() {
        let unavailable = Unavailable {
            guarantee: None,
            message: "unshare: operation not permitted".to_owned(),
        };
        let probes = of(SandboxLevel::Strict, &free(), Err(unavailable));
        assert_eq!(probes.len(), Guarantee::ALL.len());
        for probe in probes {
            assert_eq!(probe.state, State::Missing);
            assert!(probe.cause.unwrap().contains("unshare"));
        }
    }
}
