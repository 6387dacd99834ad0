//! Rules about single calls, as data.

use nix::libc;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Allow,
    Errno(i32),
    Notify,
    Kill,
}

impl Verdict {
    pub(super) const fn value(self) -> u32 {
        match self {
            Self::Allow => libc::SECCOMP_RET_ALLOW,
            Self::Errno(errno) => libc::SECCOMP_RET_ERRNO | errno.cast_unsigned(),
            Self::Notify => libc::SECCOMP_RET_USER_NOTIF,
            Self::Kill => libc::SECCOMP_RET_KILL_PROCESS,
        }
    }
}

pub(super) const DENY: Verdict = Verdict::Errno(libc::EPERM);

/// A condition on 32 bits of an argument.
#[derive(Clone, Copy)]
pub(super) struct Test {
    pub(super) argument: u32,
    /// The upper half: for pointers.
    pub(super) high: bool,
    pub(super) mask: u32,
    pub(super) value: u32,
    pub(super) equal: bool,
}

pub(super) const fn is(argument: u32, value: u32) -> Test {
    masked(argument, u32::MAX, value)
}

pub(super) const fn is_not(argument: u32, value: u32) -> Test {
    Test {
        equal: false,
        ..is(argument, value)
    }
}

pub(super) const fn masked(argument: u32, mask: u32, value: u32) -> Test {
    Test {
        argument,
        high: false,
        mask,
        value,
        equal: true,
    }
}

pub(super) const fn any_of(argument: u32, mask: u32) -> Test {
    Test {
        equal: false,
        ..masked(argument, mask, 0)
    }
}

pub(super) const fn low(argument: u32, value: u64) -> Test {
    is(argument, value as u32)
}

pub(super) const fn high(argument: u32, value: u64) -> Test {
    Test {
        high: true,
        ..is(argument, (value >> 32) as u32)
    }
}

/// Cases of one call, the first whose tests all hold decides.
pub(super) struct Rule {
    pub(super) number: i64,
    pub(super) cases: Vec<(Vec<Test>, Verdict)>,
    pub(super) otherwise: Verdict,
}

impl Rule {
    pub(super) fn new(number: i64, otherwise: Verdict) -> Self {
        Self {
            number,
            cases: Vec::new(),
            otherwise,
        }
    }

    pub(super) fn when<const N: usize>(mut self, tests: [Test; N], verdict: Verdict) -> Self {
        self.cases.push((tests.to_vec(), verdict));
        self
    }
}
