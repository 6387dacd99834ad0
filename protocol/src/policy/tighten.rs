//! Tightening: what a project and a scenario say about a policy can only take away. What asks for
//! more is told and has no effect. The result does not depend on the order.

use std::collections::BTreeSet;

use super::bound::{BUDGETS, Bound, LIMITS, Unit, smaller};
use super::codes;
use super::effective::Policy;
use super::finding::Finding;
use super::pack::{Terms, Tightening};
use super::pattern::matches;
use super::place::PolicyPath;
use super::rule::ProgramRule;

/// One tightening at work.
struct Narrowing<'p> {
    policy: &'p mut Policy,
    origin: &'p str,
    findings: Vec<Finding>,
}

impl Policy {
    /// Takes away what `by` takes away. Findings say what of it asks for more than there is; that has
    /// no effect. `origin` is where it is written: `orchestra.yaml`, `scenario`.
    pub fn tighten(&mut self, by: &Tightening, origin: &str) -> Vec<Finding> {
        let Tightening { pack, terms } = by;
        let mut narrowing = Narrowing {
            policy: self,
            origin,
            findings: Vec::new(),
        };
        if let Some(pack) = pack {
            narrowing.pack(pack);
        }
        narrowing.sandbox(terms);
        narrowing.programs(terms);
        narrowing.paths(terms);
        narrowing.names(terms);
        narrowing.bounds(terms);
        narrowing.approvals(terms);
        narrowing.findings
    }
}

impl Narrowing<'_> {
    fn more(&mut self, key: &str, asked: impl std::fmt::Display) {
        let message = format!(
            "{} asks for more than the policy: `{key}: {asked}`",
            self.origin
        );
        let fix = "choose a pack that has it with `--policy`, or remove it";
        self.findings
            .push(codes::ASKS_FOR_MORE.finding(message, None).fix(fix));
    }

    fn set(&mut self, key: impl Into<String>) {
        self.policy.origins.set(key, self.origin);
    }

    fn pack(&mut self, pack: &str) {
        let own = self.policy.pack.split('@').next().unwrap_or_default();
        if own != pack {
            let message = format!(
                "{} was written for pack `{pack}`; the policy is `{}`",
                self.origin, self.policy.pack
            );
            let fix = format!("run it with `--policy {pack}`");
            self.findings
                .push(codes::OTHER_PACK.finding(message, None).fix(fix));
        }
    }

    /// A value of an ordered kind, where smaller grants less.
    fn least<T: Ord + Copy + std::fmt::Debug>(
        &mut self,
        key: &str,
        asked: Option<T>,
        shown: impl Fn(T) -> String,
        value: impl Fn(&mut Policy) -> &mut T,
    ) {
        let Some(asked) = asked else { return };
        let there = *value(self.policy);
        if asked < there {
            *value(self.policy) = asked;
            self.set(key);
        } else if asked > there {
            self.more(key, shown(asked));
        }
    }

    /// The other way round: a value where greater grants less. What asks for less of it has no effect
    /// and is nothing to tell: nobody who writes `require: []` asks for anything.
    fn greatest<T: Ord + Copy>(
        &mut self,
        key: &str,
        asked: Option<T>,
        value: impl Fn(&mut Policy) -> &mut T,
    ) {
        let Some(asked) = asked else { return };
        if asked > *value(self.policy) {
            *value(self.policy) = asked;
            self.set(key);
        }
    }

    fn sandbox(&mut self, terms: &Terms) {
        let word = |level: super::sandbox::SandboxLevel| level.to_string();
        self.least("sandbox.level", terms.level, word, |p| &mut p.sandbox.level);
        self.least(
            "sandbox.may_lower",
            terms.may_lower,
            |it| it.to_string(),
            |p| &mut p.sandbox.may_lower,
        );
        self.least(
            "sandbox.debug",
            terms.debug,
            |it| it.to_string(),
            |p| &mut p.sandbox.debug,
        );
        self.least(
            "sandbox.unix_sockets",
            terms.unix_sockets,
            |it| it.to_string(),
            |p| &mut p.sandbox.unix_sockets,
        );
        self.least(
            "network",
            terms.network,
            |it| it.to_string(),
            |p| &mut p.network,
        );
        self.least(
            "workspace_programs",
            terms.workspace_programs,
            |it| it.to_string(),
            |p| &mut p.workspace_programs,
        );
        self.greatest("mode", terms.mode, |p| &mut p.mode);
        for guarantee in terms.require.iter().flatten() {
            if self.policy.sandbox.require.insert(*guarantee) {
                self.set(format!("sandbox.require.{guarantee}"));
            }
        }
        if let Some(asked) = &terms.allow_degraded {
            self.subset("sandbox.allow_degraded", asked, |p| {
                &mut p.sandbox.allow_degraded
            });
        }
        let required = self.policy.sandbox.require.clone();
        self.policy
            .sandbox
            .allow_degraded
            .retain(|one| !required.contains(one));
    }

    /// A set of plain names: what is in both stays.
    fn subset<T: Ord + Copy + std::fmt::Display>(
        &mut self,
        key: &str,
        asked: &BTreeSet<T>,
        set: impl Fn(&mut Policy) -> &mut BTreeSet<T>,
    ) {
        let there = set(self.policy).clone();
        for more in asked.difference(&there) {
            self.more(key, more);
        }
        let kept: BTreeSet<T> = there.intersection(asked).copied().collect();
        if kept != there {
            *set(self.policy) = kept;
            self.set(key);
        }
    }

    fn programs(&mut self, terms: &Terms) {
        let Some(asked) = &terms.programs else { return };
        let there = std::mem::take(&mut self.policy.programs);
        let mut kept: Vec<ProgramRule> = Vec::new();
        for one in asked {
            // Only whole names: what two patterns have in common is none.
            let rule = best(&there, &one.program).filter(|_| !one.program.contains('*'));
            match rule {
                Some(rule) => kept.push(ProgramRule {
                    program: one.program.clone(),
                    ..rule.clone()
                }),
                None => self.more("programs", &one.program),
            }
        }
        kept.sort_unstable();
        kept.dedup();
        if kept != there {
            for rule in &kept {
                self.policy
                    .origins
                    .set(format!("programs.{}", rule.program), self.origin);
            }
            self.policy.origins.set("programs", self.origin);
        }
        self.policy.programs = kept;
    }

    fn paths(&mut self, terms: &Terms) {
        if let Some(asked) = &terms.read {
            let open: BTreeSet<_> = self
                .policy
                .paths
                .read
                .union(&self.policy.paths.write)
                .cloned()
                .collect();
            self.narrow("paths.read", asked, &open, |p| &mut p.paths.read);
        }
        if let Some(asked) = &terms.write {
            let open = self.policy.paths.write.clone();
            self.narrow("paths.write", asked, &open, |p| &mut p.paths.write);
        }
        for path in terms.protect.iter().flatten() {
            if self.policy.paths.protect.insert(path.clone()) {
                self.set(format!("paths.protect.{path}"));
            }
        }
    }

    fn narrow(
        &mut self,
        key: &str,
        asked: &BTreeSet<PolicyPath>,
        open: &BTreeSet<PolicyPath>,
        set: impl Fn(&mut Policy) -> &mut BTreeSet<PolicyPath>,
    ) {
        for more in asked.iter().filter(|path| !is_open(open, path)) {
            self.more(key, more);
        }
        let there = set(self.policy).clone();
        let kept = both(&there, asked);
        if kept != there {
            *set(self.policy) = kept;
            self.set(key);
        }
    }

    fn names(&mut self, terms: &Terms) {
        if let Some(asked) = &terms.pass {
            self.patterns("environment.pass", asked, |p| &mut p.environment.pass);
        }
        if let Some(asked) = &terms.allow_variables {
            self.patterns("environment.allow", asked, |p| &mut p.environment.allow);
        }
        if let Some(asked) = &terms.secrets {
            self.patterns("secrets.allow", asked, |p| &mut p.secrets.allow);
        }
        if let Some(asked) = &terms.secret_sources {
            let there = self.policy.secrets.sources.clone();
            for more in asked.difference(&there) {
                self.more("secrets.sources", more.as_str());
            }
            let kept: BTreeSet<_> = there.intersection(asked).copied().collect();
            if kept != there {
                self.policy.secrets.sources = kept;
                self.set("secrets.sources");
            }
        }
        if let Some(asked) = &terms.toolchains {
            let there = self.policy.toolchains.len();
            for name in asked.keys() {
                if !self.policy.toolchains.contains_key(name) {
                    self.more("toolchains", name);
                }
            }
            self.policy
                .toolchains
                .retain(|name, _| asked.contains_key(name));
            if self.policy.toolchains.len() != there {
                self.set("toolchains");
            }
        }
    }

    /// A set of names that may hold `*`; those asked for may not.
    fn patterns(
        &mut self,
        key: &str,
        asked: &BTreeSet<String>,
        set: impl Fn(&mut Policy) -> &mut BTreeSet<String>,
    ) {
        let there = set(self.policy).clone();
        let mut kept = BTreeSet::new();
        for name in asked {
            let is_there = there.iter().any(|pattern| matches(pattern, name));
            if is_there && !name.contains('*') {
                kept.insert(name.clone());
            } else {
                self.more(key, name);
            }
        }
        if kept != there {
            *set(self.policy) = kept;
            self.set(key);
        }
    }

    fn bounds(&mut self, terms: &Terms) {
        self.smallest("limits", LIMITS, &terms.limits.given, |p| &mut p.limits);
        self.smallest("budgets", BUDGETS, &terms.budgets, |p| &mut p.budgets);
        for name in &terms.limits.unbounded {
            let limit = LIMITS.iter().find(|limit| limit.name == *name);
            if limit.is_some_and(|limit| (limit.get)(&self.policy.limits).is_some()) {
                self.more(&format!("limits.{name}"), "none");
            }
        }
    }

    fn smallest<R>(
        &mut self,
        group: &str,
        all: &[Bound<R>],
        asked: &R,
        record: impl Fn(&mut Policy) -> &mut R,
    ) {
        for bound in all {
            let Some(wanted) = (bound.get)(asked) else {
                continue;
            };
            let there = (bound.get)(record(self.policy));
            let key = format!("{group}.{}", bound.name);
            if there.is_some_and(|there| wanted > there) {
                match bound.unit {
                    Unit::Dollars => self.more(&key, bound.shown(Some(wanted))),
                    _ => self.more(&key, wanted),
                }
            } else if there != Some(wanted) {
                (bound.set)(record(self.policy), smaller(there, Some(wanted)));
                self.set(key);
            }
        }
    }

    fn approvals(&mut self, terms: &Terms) {
        self.greatest("approvals.plans", terms.plans, |p| &mut p.approvals.plans);
        self.greatest("approvals.planned", terms.planned, |p| {
            &mut p.approvals.planned
        });
        for rule in terms.tasks.iter().flatten() {
            if self.policy.approvals.tasks.insert(rule.clone()) {
                self.set(format!("approvals.tasks.{}", rule.pattern));
            }
        }
    }
}

/// The rule for a name: the one that names it, else the longest pattern. `rules` are sorted by name.
pub(super) fn best<'r>(rules: &'r [ProgramRule], name: &str) -> Option<&'r ProgramRule> {
    if let Ok(at) = rules.binary_search_by(|rule| rule.program.as_str().cmp(name)) {
        return Some(&rules[at]);
    }
    let patterns = rules.iter().filter(|rule| rule.program.contains('*'));
    let patterns = patterns.filter(|rule| matches(&rule.program, name));
    patterns.max_by_key(|rule| (rule.program.len(), &rule.program))
}

/// Whether a path is open, where a workspace counts as the tree that it may be.
pub(super) fn is_open(open: &BTreeSet<PolicyPath>, path: &PolicyPath) -> bool {
    open.iter().any(|one| one.in_tree().covers(path))
}

/// What is in both: of each pair what they have in common, without what is beneath another.
pub(super) fn both(
    one: &BTreeSet<PolicyPath>,
    other: &BTreeSet<PolicyPath>,
) -> BTreeSet<PolicyPath> {
    let pairs = one
        .iter()
        .flat_map(|path| other.iter().map(move |it| (path, it)));
    let common: BTreeSet<_> = pairs.filter_map(|(path, other)| path.meet(other)).collect();
    let is_beneath = |path: &PolicyPath| common.iter().any(|it| it != path && it.covers(path));
    common
        .iter()
        .filter(|path| !is_beneath(path))
        .cloned()
        .collect()
}
