//! From packs to a policy: what a pack says over what the pack it is built on says. A pack is its
//! user's own choice, so it may widen: lists add up, everything else is replaced.

use std::collections::{BTreeMap, BTreeSet};

use super::bound::{BUDGETS, Bound, LIMITS};
use super::effective::{EnvironmentRule, PathRule, Policy, PolicySchema, SandboxRule, SecretRule};
use super::limits::LimitsRequest;
use super::origin::Origins;
use super::pack::{LimitTerms, Pack};
use super::rule::{Approvals, Budgets, Mode};
use super::sandbox::{Network, SandboxLevel, UnixSockets};

impl Policy {
    /// What a pack says by itself. What it does not say is closed, unbounded, or told and let pass.
    #[must_use]
    pub fn of_pack(pack: &Pack) -> Self {
        let nothing = Self {
            schema: PolicySchema::V1,
            pack: String::new(),
            mode: Mode::Warn,
            sandbox: SandboxRule {
                level: SandboxLevel::Strict,
                may_lower: true,
                require: BTreeSet::new(),
                allow_degraded: BTreeSet::new(),
                unix_sockets: UnixSockets::Deny,
                debug: false,
            },
            programs: Vec::new(),
            workspace_programs: false,
            paths: PathRule::default(),
            toolchains: BTreeMap::new(),
            network: Network::None,
            environment: EnvironmentRule::default(),
            secrets: SecretRule::default(),
            limits: LimitsRequest::default(),
            budgets: Budgets::default(),
            approvals: Approvals::default(),
            grants: BTreeSet::new(),
            origins: Origins::default(),
        };
        nothing.under(pack)
    }

    /// What a pack says, over what the pack of this build says that it is built on.
    #[cfg(feature = "author")]
    #[must_use]
    pub fn from_pack(pack: &Pack) -> Self {
        let base = pack.base.as_deref().and_then(super::builtin::builtin_pack);
        let base = base.and_then(|text| Pack::parse("base", text.as_bytes()).ok());
        match base {
            Some(base) => Self::from_pack(&base).under(pack),
            None => Self::of_pack(pack),
        }
    }

    /// What a pack built on this policy says.
    #[must_use]
    pub fn under(mut self, pack: &Pack) -> Self {
        let origin = format!("pack {}", pack.id());
        self.pack = pack.id();
        let mut over = Over {
            policy: &mut self,
            origin: &origin,
        };
        over.values(pack);
        over.lists(pack);
        over.programs(pack);
        over.limits(&pack.terms.limits);
        over.bounds("budgets", BUDGETS, &pack.terms.budgets, |p| &mut p.budgets);
        let required = self.sandbox.require.clone();
        self.sandbox
            .allow_degraded
            .retain(|one| !required.contains(one));
        self
    }
}

struct Over<'p> {
    policy: &'p mut Policy,
    origin: &'p str,
}

impl Over<'_> {
    fn set(&mut self, key: impl Into<String>) {
        self.policy.origins.set(key, self.origin);
    }

    fn value<T: Clone>(
        &mut self,
        key: &str,
        said: &Option<T>,
        value: impl Fn(&mut Policy) -> &mut T,
    ) {
        if let Some(said) = said {
            *value(self.policy) = said.clone();
            self.set(key);
        }
    }

    fn values(&mut self, pack: &Pack) {
        let terms = &pack.terms;
        self.set("pack");
        self.value("mode", &terms.mode, |p| &mut p.mode);
        self.value("sandbox.level", &terms.level, |p| &mut p.sandbox.level);
        self.value("sandbox.may_lower", &terms.may_lower, |p| {
            &mut p.sandbox.may_lower
        });
        // Which guarantees count is one decision, and no sum of two.
        self.value("sandbox.require", &terms.require, |p| {
            &mut p.sandbox.require
        });
        self.value("sandbox.allow_degraded", &terms.allow_degraded, |p| {
            &mut p.sandbox.allow_degraded
        });
        self.value("sandbox.unix_sockets", &terms.unix_sockets, |p| {
            &mut p.sandbox.unix_sockets
        });
        self.value("sandbox.debug", &terms.debug, |p| &mut p.sandbox.debug);
        self.value("workspace_programs", &terms.workspace_programs, |p| {
            &mut p.workspace_programs
        });
        self.value("network", &terms.network, |p| &mut p.network);
        self.value("approvals.plans", &terms.plans, |p| &mut p.approvals.plans);
        self.value("approvals.planned", &terms.planned, |p| {
            &mut p.approvals.planned
        });
    }

    /// Adds what is said, each item with its origin.
    fn add<T: Clone + Ord>(
        &mut self,
        key: &str,
        said: &Option<BTreeSet<T>>,
        name: impl Fn(&T) -> String,
        set: impl Fn(&mut Policy) -> &mut BTreeSet<T>,
    ) {
        for item in said.iter().flatten() {
            if set(self.policy).insert(item.clone()) {
                self.set(format!("{key}.{}", name(item)));
            }
        }
    }

    fn lists(&mut self, pack: &Pack) {
        let terms = &pack.terms;
        self.add("paths.read", &terms.read, ToString::to_string, |p| {
            &mut p.paths.read
        });
        self.add("paths.write", &terms.write, ToString::to_string, |p| {
            &mut p.paths.write
        });
        self.add("paths.protect", &terms.protect, ToString::to_string, |p| {
            &mut p.paths.protect
        });
        self.add("environment.pass", &terms.pass, Clone::clone, |p| {
            &mut p.environment.pass
        });
        self.add(
            "environment.allow",
            &terms.allow_variables,
            Clone::clone,
            |p| &mut p.environment.allow,
        );
        self.add("secrets.allow", &terms.secrets, Clone::clone, |p| {
            &mut p.secrets.allow
        });
        self.add(
            "secrets.sources",
            &terms.secret_sources,
            |one| one.as_str().to_owned(),
            |p| &mut p.secrets.sources,
        );
        self.add(
            "approvals.tasks",
            &terms.tasks,
            |one| one.pattern.clone(),
            |p| &mut p.approvals.tasks,
        );
        for (name, chain) in terms.toolchains.iter().flatten() {
            self.policy.toolchains.insert(name.clone(), chain.clone());
            self.set(format!("toolchains.{name}"));
        }
    }

    fn programs(&mut self, pack: &Pack) {
        for rule in pack.terms.programs.iter().flatten() {
            let programs = &mut self.policy.programs;
            match programs.binary_search_by(|own| own.program.cmp(&rule.program)) {
                Ok(at) => programs[at] = rule.clone(),
                Err(at) => programs.insert(at, rule.clone()),
            }
            self.set(format!("programs.{}", rule.program));
        }
    }

    fn limits(&mut self, said: &LimitTerms) {
        self.bounds("limits", LIMITS, &said.given, |p| &mut p.limits);
        for name in &said.unbounded {
            if let Some(limit) = LIMITS.iter().find(|limit| limit.name == *name) {
                (limit.set)(&mut self.policy.limits, None);
                self.set(format!("limits.{name}"));
            }
        }
    }

    fn bounds<R>(
        &mut self,
        group: &str,
        all: &[Bound<R>],
        said: &R,
        record: impl Fn(&mut Policy) -> &mut R,
    ) {
        for bound in all {
            if let Some(value) = (bound.get)(said) {
                (bound.set)(record(self.policy), Some(value));
                self.set(format!("{group}.{}", bound.name));
            }
        }
    }
}
