//! From a policy and one task to what its attempts may use. What is open is compiled once for each
//! distinct answer and shared: a hundred thousand items of a fan-out have one.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::ask::TaskAsk;
use super::effective::Policy;
use super::finding::{Finding, FindingSeverity};
use super::grant::{Granted, authored};
use super::judge::asked;
use super::limit_origins::LimitOrigins;
use super::limits::Constraints;
use super::location::outermost;
use super::pack::{Pack, Tightening};
use super::place::{PolicyPath, Site, covers};
use super::sandbox::{Confine, Guarantee, Network, SandboxLevel, UnixSockets};
use super::tighten::both;
use crate::ids::TaskId;
use crate::plan::{Action, Plan, Workspace};

/// What two tasks of a run can differ in as to what is open to them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    scope: usize,
    workspace: Workspace,
    read: Option<Vec<String>>,
    write: Option<Vec<String>>,
    network: Option<Network>,
    granted: Vec<Granted>,
}

/// A policy at work in one run.
#[derive(Debug)]
pub struct Dispatch {
    /// The run's policy first, then those of nested scenarios that narrow it.
    policies: Vec<Policy>,
    /// Which policy holds beneath a task as written, the longest first.
    scopes: Vec<(String, usize)>,
    site: Site,
    /// Values of the run's own inputs that are paths.
    named: Vec<String>,
    /// Bounded by the tasks as written: items of a fan-out do not differ.
    compiled: Mutex<HashMap<Key, Arc<Confine>>>,
    /// Who set the limits, by policy.
    limits_by: Vec<Option<Arc<LimitOrigins>>>,
}

impl Dispatch {
    /// At work on a plan, whose own `policy` is part of `policy` already.
    #[must_use]
    pub fn new(policy: Policy, plan: &Plan, site: Site) -> Self {
        let mut dispatch = Self {
            policies: vec![policy],
            scopes: Vec::new(),
            site,
            named: named(plan).map(str::to_owned).collect(),
            compiled: Mutex::default(),
            limits_by: Vec::new(),
        };
        dispatch.enter(plan, "", 0);
        let origins = dispatch.policies.iter().map(LimitOrigins::of);
        dispatch.limits_by = origins.map(|all| all.map(Arc::new)).collect();
        dispatch
            .scopes
            .sort_by(|(one, _), (other, _)| other.len().cmp(&one.len()).then(one.cmp(other)));
        dispatch
    }

    /// Nothing confined and nothing refused: for simulations, where nothing is started.
    #[must_use]
    pub fn unconfined() -> Self {
        let mut policy = Policy::of_pack(&Pack::default());
        policy.sandbox.level = SandboxLevel::None;
        policy.secrets.allow.insert("*".to_owned());
        policy.paths.write = [PolicyPath::tree(), PolicyPath::workspace()].into();
        Self {
            policies: vec![policy],
            scopes: Vec::new(),
            site: Site::default(),
            named: Vec::new(),
            compiled: Mutex::default(),
            limits_by: vec![None],
        }
    }

    fn enter(&mut self, plan: &Plan, prefix: &str, scope: usize) {
        for (_, task) in plan.tasks() {
            let Action::Uses(uses) = task.action() else {
                continue;
            };
            let path = format!("{prefix}{}/", authored(task.id().as_str()));
            let mut inner = scope;
            if let Some(request) = uses.scenario.policy() {
                let mut policy = self.policies[scope].clone();
                policy.tighten(&Tightening::of_request(request), &uses.file);
                inner = self.policies.len();
                self.policies.push(policy);
                self.scopes.push((path.clone(), inner));
            }
            self.enter(&uses.scenario, &path, inner);
        }
    }

    /// The policy that holds for a task.
    #[must_use]
    pub fn policy(&self, task: &TaskId) -> &Policy {
        &self.policies[self.scope(task)]
    }

    /// What the whole run may come to.
    pub fn budgets(&self) -> super::rule::Budgets {
        self.policies[0].budgets
    }

    fn scope(&self, task: &TaskId) -> usize {
        if self.scopes.is_empty() {
            return 0;
        }
        let task = authored(task.as_str());
        let scope = self.scopes.iter().find(|(path, _)| task.starts_with(path));
        scope.map_or(0, |(_, scope)| *scope)
    }

    /// What the attempts of one task may use.
    ///
    /// # Errors
    /// The finding that refuses it.
    pub fn constraints(&self, ask: &TaskAsk<'_>) -> Result<Constraints, Finding> {
        let scope = self.scope(ask.id);
        let policy = &self.policies[scope];
        policy.refuse(ask, &self.site)?;
        let key = Key {
            scope,
            workspace: ask.workspace,
            read: ask.effects.read.clone(),
            write: ask.effects.write.clone(),
            network: ask.effects.network,
            granted: policy.granted_to(ask.id),
        };
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let confine = compiled
            .entry(key)
            .or_insert_with(|| Arc::new(policy.confine(ask, &self.site)));
        let limits_by = self.limits_by[scope].clone();
        Ok(policy.bounded(ask, Arc::clone(confine), limits_by))
    }

    /// Whether a file or directory of this host may be copied into a task's workspace.
    ///
    /// # Errors
    /// The finding that refuses it.
    pub fn staged(&self, task: &TaskId, path: &str) -> Result<(), Finding> {
        let named: Vec<&str> = self.named.iter().map(String::as_str).collect();
        let judged = self
            .policy(task)
            .judge_staged(task, path, &named, &self.site);
        let finding = judged.map(|judged| judged.finding);
        let refused = finding.filter(|finding| finding.severity == FindingSeverity::Refused);
        refused.map_or(Ok(()), Err)
    }

    /// How many different answers there are so far.
    #[must_use]
    pub fn distinct(&self) -> usize {
        self.compiled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}

/// Values of a plan's own inputs that are paths.
pub(super) fn named(plan: &Plan) -> impl Iterator<Item = &str> {
    let texts = plan.inputs().values().filter_map(|value| value.as_str());
    texts.filter(|text| text.starts_with('/'))
}

impl Policy {
    /// What the attempts of one task may use. A run that asks for many does it by [`Dispatch`].
    ///
    /// # Errors
    /// The finding that refuses it.
    pub fn constraints(&self, ask: &TaskAsk<'_>, site: &Site) -> Result<Constraints, Finding> {
        self.refuse(ask, site)?;
        Ok(self.compile(ask, site))
    }

    /// The same without asking whether it is refused.
    pub(super) fn compile(&self, ask: &TaskAsk<'_>, site: &Site) -> Constraints {
        self.bounded(ask, Arc::new(self.confine(ask, site)), None)
    }

    fn refuse(&self, ask: &TaskAsk<'_>, site: &Site) -> Result<(), Finding> {
        let mut judged = self
            .judge(ask, site)
            .into_iter()
            .map(|judged| judged.finding);
        let refused = judged.find(|finding| finding.severity == FindingSeverity::Refused);
        refused.map_or(Ok(()), Err)
    }

    fn bounded(
        &self,
        ask: &TaskAsk<'_>,
        confine: Arc<Confine>,
        limits_by: Option<Arc<LimitOrigins>>,
    ) -> Constraints {
        let mut constraints = Constraints {
            level: self.sandbox.level,
            confine,
            observe: ask.effects.write.is_some(),
            ..Constraints::unconfined()
        };
        self.limits.apply(ask.timeout, &mut constraints);
        let held = constraints.timeout;
        constraints.limits_by = match limits_by {
            Some(by) if LimitOrigins::is_own(ask.timeout, held) => {
                Some(Arc::new(by.with_own(ask.timeout, held)))
            }
            by => by,
        };
        constraints
    }

    /// What a person granted to a task.
    fn granted_to(&self, task: &TaskId) -> Vec<Granted> {
        if self.grants.is_empty() {
            return Vec::new();
        }
        let grants = self
            .grants
            .iter()
            .filter(|grant| self.grants_to(&grant.what, task));
        let grants: BTreeSet<_> = grants.map(|grant| grant.what.clone()).collect();
        grants.into_iter().collect()
    }

    fn confine(&self, ask: &TaskAsk<'_>, site: &Site) -> Confine {
        let is_project = ask.workspace == Workspace::Project;
        let granted = self.granted_to(ask.id);
        let opens = |paths: &BTreeSet<PolicyPath>| {
            let paths = paths.iter().filter_map(|path| self.opens(path, is_project));
            paths.collect::<BTreeSet<_>>()
        };
        let (mut read, mut write) = (opens(&self.paths.read), opens(&self.paths.write));
        let mut network = self.network;
        for grant in granted {
            match grant {
                Granted::Read { path } => drop(read.insert(path)),
                Granted::Write { path } => drop(write.insert(path)),
                Granted::Network { network: granted } => network = network.max(granted),
                Granted::Program { .. }
                | Granted::Secret { .. }
                | Granted::SecretSource { .. }
                | Granted::Variable { .. } => {}
            }
        }
        let mut open = (read.clone(), write.clone());
        if is_project {
            open.0.insert(PolicyPath::tree());
        }
        if let Some(own) = &ask.effects.read {
            read = both(&read, &asked(Some(own)).collect());
        }
        if let Some(own) = &ask.effects.write {
            write = both(&write, &asked(Some(own)).collect());
        }
        if is_project {
            read.insert(PolicyPath::tree());
        }
        network = ask.effects.network.map_or(network, |own| own.min(network));
        let mut confine = Confine {
            require: self.required(network),
            network,
            unix_sockets: self.sockets(network),
            debug: self.sandbox.debug,
            pass: self.environment.pass.clone(),
            ..Confine::CLOSED
        };
        self.toolchains(site, &mut confine);
        let resolve = |paths: BTreeSet<PolicyPath>| {
            let paths = paths
                .into_iter()
                .filter(|path| !(path.is_of_tree() && site.tree_holds_home()));
            paths
                .flat_map(|path| path.resolve(site))
                .collect::<Vec<_>>()
        };
        let protect = resolve(self.paths.protect.clone())
            .into_iter()
            .chain(site.runs.clone());
        let protect: Vec<String> = protect.collect();
        confine.write = outermost(resolve(write));
        confine
            .write
            .retain(|path| !protect.iter().any(|own| covers(own, path)));
        // What lies in the tree is anybody's to make a link: whoever narrows to a part of it, however,
        // gets no more than the tree, and what is protected of it stays so.
        let (open_read, open_write) = (resolve(open.0), resolve(open.1));
        let tree = resolve([PolicyPath::tree()].into());
        let whole = |path: String| {
            let tree = tree.iter().find(|tree| covers(tree, &path));
            tree.cloned().unwrap_or(path)
        };
        let open_write: Vec<String> = open_write.into_iter().map(whole).collect();
        let is_within = |path: &String| open_write.iter().any(|open| covers(open, path));
        confine.protect = outermost(protect.into_iter().filter(is_within).collect());
        let toolchains = confine.read.iter().cloned();
        let within: BTreeSet<String> = toolchains
            .chain(open_read.into_iter().map(whole))
            .chain(open_write)
            .collect();
        confine.within = within.into_iter().collect();
        confine.read.extend(resolve(read));
        confine.read = outermost(std::mem::take(&mut confine.read));
        confine
    }

    /// Guarantees without which nothing starts: every one that the policy does not let go, as far as
    /// there is something to guarantee.
    fn required(&self, network: Network) -> BTreeSet<Guarantee> {
        if self.sandbox.level == SandboxLevel::None {
            return BTreeSet::new();
        }
        let limits = &self.limits;
        let is_bounded = limits.disk_bytes.is_some() || limits.files.is_some();
        let all = Guarantee::ALL.iter().copied().filter(|one| match one {
            Guarantee::NetNone => network == Network::None,
            Guarantee::MemLimit => limits.memory_bytes.is_some(),
            Guarantee::PidsLimit => limits.pids.is_some(),
            Guarantee::DiskQuota => is_bounded,
            Guarantee::FsWriteConfined
            | Guarantee::FsReadConfined
            | Guarantee::TreeKill
            | Guarantee::EnvClean => true,
        });
        all.filter(|one| !self.sandbox.allow_degraded.contains(one))
            .collect()
    }

    /// Sockets of its own are sound only where nothing else can be reached by them.
    fn sockets(&self, network: Network) -> UnixSockets {
        match (self.sandbox.level, network) {
            (SandboxLevel::Strict, Network::None) => self.sandbox.unix_sockets,
            _ => UnixSockets::Deny,
        }
    }

    /// Opens the toolchains that are there. One of which nothing is there says nothing of its variables
    /// either: they would point nowhere.
    fn toolchains(&self, site: &Site, confine: &mut Confine) {
        for chain in self.toolchains.values() {
            let existing = |paths: &mut dyn Iterator<Item = &PolicyPath>| {
                paths
                    .flat_map(|path| path.existing(site))
                    .collect::<Vec<_>>()
            };
            let path = existing(&mut chain.path.iter());
            let read = existing(&mut chain.read.iter());
            if path.is_empty() && read.is_empty() {
                continue;
            }
            for dir in &path {
                if !confine.path.contains(dir) {
                    confine.path.push(dir.clone());
                }
            }
            confine.read.extend(read.into_iter().chain(path));
            for (name, value) in &chain.env {
                let value = match (value.strip_prefix("~/"), &site.home) {
                    (None, _) => value.clone(),
                    (Some(rest), Some(home)) => format!("{}/{rest}", home.trim_end_matches('/')),
                    (Some(_), None) => continue,
                };
                confine.env.insert(name.clone(), value);
            }
        }
    }

    /// Paths, `*` among their names, that somebody who can look at the file system has to look for: what
    /// exists of them goes into [`Site::found`].
    #[must_use]
    pub fn looks_for(&self, site: &Site) -> BTreeSet<String> {
        let chains = self.toolchains.values();
        let toolchains = chains.flat_map(|chain| chain.read.iter().chain(&chain.path));
        let paths = [&self.paths.read, &self.paths.write, &self.paths.protect];
        let patterns = paths.into_iter().flatten().filter(|path| path.is_pattern());
        let all = toolchains.chain(patterns);
        all.filter_map(|path| path.expanded(site)).collect()
    }
}
