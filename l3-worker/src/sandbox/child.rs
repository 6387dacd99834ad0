//! What a child does on its way to the program that safe interfaces offer: system calls only, without
//! allocation, lock or panic, for it shares its parent's memory.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::plan::{Failed, Plan, Step};

fn at(step: Step) -> impl Fn(rustix::io::Errno) -> Failed {
    move |errno| Failed {
        step,
        errno: errno.raw_os_error(),
    }
}

/// What takes the rights that it is about to lose.
pub(super) fn begin(plan: &Plan<'_>) -> Result<(), Failed> {
    // No session: making one makes a group of the scheduler, too, and the launcher's has no terminal.
    rustix::process::setpgid(None, None).map_err(at(Step::Group))?;
    for &(resource, soft, hard) in plan.limits {
        limit(resource, soft, hard).map_err(at(Step::Limits))?;
    }
    Ok(())
}

/// As the user that it is by now.
pub(super) fn confine(plan: &Plan<'_>) -> Result<(), Failed> {
    if plan.drop_capabilities {
        let nothing = CapabilitySets {
            effective: CapabilitySet::empty(),
            permitted: CapabilitySet::empty(),
            inheritable: CapabilitySet::empty(),
        };
        rustix::thread::set_capabilities(None, nothing).map_err(at(Step::Capabilities))?;
    }
    rustix::process::chdir(plan.cwd).map_err(at(Step::Directory))
}

/// Never above the hard limit there is.
fn limit(resource: Resource, soft: u64, hard: u64) -> rustix::io::Result<()> {
    let there = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let wanted = Rlimit {
        current: Some(soft.min(there)),
        maximum: Some(hard.min(there)),
    };
    setrlimit(resource, wanted)
}
