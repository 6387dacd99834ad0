//! What of a policy's promises can be kept here: fail closed where it does not go without, else say
//! what is missing.

use std::collections::{BTreeMap, BTreeSet};

use protocol::policy::{Confine, Guarantee, Network, SandboxLevel};

use super::cgroup::{Group, Host};
use super::landlock::Missing;
use super::problem::{broken, missing};
use crate::launcher::Unavailable;

/// What even an unconfined attempt is promised.
const ALWAYS: [Guarantee; 2] = [Guarantee::TreeKill, Guarantee::EnvClean];
/// What a level adds by itself.
const CONFINED: [Guarantee; 3] = [
    Guarantee::FsWriteConfined,
    Guarantee::FsReadConfined,
    Guarantee::NetNone,
];

/// What is promised, and why the rest is not.
pub(super) struct Kept {
    level: SandboxLevel,
    kept: BTreeSet<Guarantee>,
    why: BTreeMap<Guarantee, String>,
}

impl Kept {
    /// By the level alone.
    pub(super) fn at(level: SandboxLevel, confine: &Confine) -> Self {
        let mut kept = BTreeSet::from(ALWAYS);
        if level != SandboxLevel::None {
            kept.extend(CONFINED);
        }
        if level == SandboxLevel::Strict {
            kept.insert(Guarantee::PidsLimit);
        }
        let mut why = BTreeMap::new();
        if confine.network == Network::Full && kept.remove(&Guarantee::NetNone) {
            why.insert(
                Guarantee::NetNone,
                "the policy opens the network".to_owned(),
            );
        }
        Self { level, kept, why }
    }

    /// A control group for the slot of this number, joined, where there is one to be had.
    pub(super) fn group(&mut self, number: u32) -> Result<Option<Group>, Unavailable> {
        let launcher = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
        let host = Host::find();
        for (one, why) in [
            (Guarantee::MemLimit, host.no_memory()),
            (Guarantee::PidsLimit, host.no_pids()),
        ] {
            if let Some(why) = why {
                self.why.insert(one, why.to_string());
            }
        }
        let Some(group) = Group::create(&host, launcher.unsigned_abs(), number) else {
            return Ok(None);
        };
        group
            .join()
            .map_err(|error| broken("a control group of its own", &error))?;
        for one in [Guarantee::MemLimit, Guarantee::PidsLimit] {
            if group.holds(one) {
                self.kept.insert(one);
            }
        }
        Ok(Some(group))
    }

    /// What Landlock of this kernel cannot do; at level `strict` it is a second fence only.
    pub(super) fn lose(&mut self, missing: &Missing) {
        if self.level == SandboxLevel::Strict {
            return;
        }
        let protects = "Landlock cannot take away beneath what it opens: a protected path lies beneath one \
                        that can be written";
        let lacks = || format!("this kernel's Landlock lacks {}", missing.rights.join(", "));
        for one in &missing.guarantees {
            self.kept.remove(one);
            let why = match (missing.is_beneath, missing.lacks(*one)) {
                (true, true) => format!("{protects}; {}", lacks()),
                (true, false) => protects.to_owned(),
                (false, _) => lacks(),
            };
            self.why.insert(*one, why);
        }
    }

    pub(super) fn has(&self, guarantee: Guarantee) -> bool {
        self.kept.contains(&guarantee)
    }

    /// The promises that are not kept, or the first of them that the policy does not go without.
    pub(super) fn degraded(&self, confine: &Confine) -> Result<Vec<Guarantee>, Unavailable> {
        let all = Guarantee::ALL.iter().copied();
        let lacking: Vec<Guarantee> = all.filter(|one| !self.kept.contains(one)).collect();
        if let Some(one) = lacking.iter().find(|one| confine.require.contains(*one)) {
            let (level, why) = (self.level, self.why.get(one));
            let why = why.map_or(String::new(), |why| format!(": {why}"));
            let message =
                format!("the policy requires {one}, which `{level}` cannot keep here{why}");
            return Err(missing(*one, message));
        }
        Ok(lacking)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_policy_requires_is_kept_or_nothing_starts() {
        let open = Confine::CLOSED;
        let kept = Kept::at(SandboxLevel::None, &open);
        let lacking = kept.degraded(&open).unwrap();
        assert_eq!(lacking.len(), Guarantee::ALL.len() - ALWAYS.len());
        let strict = Confine {
            require: BTreeSet::from([Guarantee::NetNone]),
            ..Confine::CLOSED
        };
        let refused = kept.degraded(&strict).unwrap_err();
        assert_eq!(refused.guarantee, Some(Guarantee::NetNone));
        assert!(refused.message.contains("`none`"), "{}", refused.message);
        assert!(
            Kept::at(SandboxLevel::Landlock, &strict)
                .degraded(&strict)
                .is_ok()
        );
    }

    #[test]
    fn what_landlock_cannot_do_is_told_in_whole_sentences() {
        let confine = Confine {
            require: BTreeSet::from([Guarantee::FsWriteConfined]),
            ..Confine::CLOSED
        };
        let told = |rights: &[&'static str], is_beneath| {
            let mut kept = Kept::at(SandboxLevel::Landlock, &confine);
            kept.lose(&Missing {
                guarantees: BTreeSet::from([Guarantee::FsWriteConfined]),
                rights: rights.to_vec(),
                is_beneath,
            });
            kept.degraded(&confine).unwrap_err().message
        };
        let beneath = told(&["scope"], true);
        assert!(
            beneath.ends_with("a protected path lies beneath one that can be written"),
            "{beneath}"
        );
        let lacks = told(&["truncate", "scope"], false);
        assert!(
            lacks.ends_with("here: this kernel's Landlock lacks truncate, scope"),
            "{lacks}"
        );
        let both = told(&["truncate"], true);
        assert!(
            both.ends_with("; this kernel's Landlock lacks truncate"),
            "{both}"
        );
    }

    #[test]
    fn a_network_that_is_opened_cannot_be_required_closed() {
        let mut confine = Confine {
            network: Network::Full,
            ..Confine::CLOSED
        };
        let kept = Kept::at(SandboxLevel::Strict, &confine);
        let lacking = kept.degraded(&confine).unwrap();
        assert!(lacking.contains(&Guarantee::NetNone));
        confine.require.insert(Guarantee::NetNone);
        let refused = kept.degraded(&confine).unwrap_err();
        assert!(
            refused.message.contains("opens the network"),
            "{}",
            refused.message
        );
    }
}
