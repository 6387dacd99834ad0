//! What a policy says of one task: the same before a run and at a task's start.

use std::collections::BTreeSet;

use super::admission::{Admission, ProgramRuling, Ruling};
use super::ask::TaskAsk;
use super::codes::{self, FindingCode};
use super::effective::Policy;
use super::finding::{Finding, FindingSeverity};
use super::grant::{Granted, authored};
use super::pattern::matches;
use super::place::{PolicyPath, Site};
use super::sandbox::{Network, SandboxLevel};
use super::tighten::is_open;
use super::variables::runs_other_code;
use crate::plan::Workspace;

/// A finding, and what would take it away.
pub(super) struct Judged {
    pub(super) finding: Finding,
    pub(super) grant: Option<Granted>,
}

/// One task before its judge.
pub(super) struct Judge<'j> {
    policy: &'j Policy,
    ask: &'j TaskAsk<'j>,
    site: &'j Site,
    judged: Vec<Judged>,
}

impl Policy {
    /// Everything there is to say of one task.
    pub(super) fn judge<'j>(&'j self, ask: &'j TaskAsk<'j>, site: &'j Site) -> Vec<Judged> {
        let mut judge = Judge {
            policy: self,
            ask,
            site,
            judged: Vec::new(),
        };
        judge.programs();
        judge.paths();
        judge.network();
        judge.names();
        judge.timeout();
        judge.judged
    }

    /// Whether a person granted this to a task.
    pub(super) fn grants_to(&self, what: &Granted, task: &crate::ids::TaskId) -> bool {
        let task = authored(task.as_str());
        let is_for = |grant: &super::grant::Grant| {
            grant
                .task
                .as_ref()
                .is_none_or(|own| authored(own.as_str()) == task)
        };
        self.grants
            .iter()
            .any(|grant| grant.what == *what && is_for(grant))
    }
}

impl Judge<'_> {
    fn say(&mut self, code: &FindingCode, message: String, grant: Option<Granted>) {
        if grant
            .as_ref()
            .is_some_and(|what| self.policy.grants_to(what, self.ask.id))
        {
            return;
        }
        let finding = code
            .in_mode(self.policy.mode, message, Some(self.ask.id))
            .fix(code.remedy);
        let is_refused = finding.severity == FindingSeverity::Refused;
        let grant = grant.filter(|_| is_refused && code.grantable);
        self.judged.push(Judged { finding, grant });
    }

    /// The same about a value that a project or a scenario may have narrowed: then it is theirs to widen.
    fn say_of(&mut self, key: &str, code: &FindingCode, message: String, grant: Option<Granted>) {
        let before = self.judged.len();
        self.say(code, message, grant);
        if let (Some(who), Some(said)) = (self.narrower(key), self.judged.get_mut(before)) {
            let pack = &self.policy.pack;
            let fix = format!(
                "Widen `policy` in {who}, which narrowed what {pack} has, or approve the plan by its digest."
            );
            said.finding = said.finding.clone().fix(fix);
        }
    }

    /// Who narrowed a value beyond the pack.
    fn narrower(&self, key: &str) -> Option<String> {
        let origin = self.policy.known_origin(key)?;
        (!origin.contains("pack ")).then_some(origin)
    }

    /// Whose word a value is.
    fn whose(&self, key: &str) -> String {
        let narrower = self.narrower(key);
        narrower.unwrap_or_else(|| self.policy.pack.clone())
    }

    fn programs(&mut self) {
        // A task that asks a model starts none.
        if self.ask.argv.is_empty() && self.ask.effects.programs.is_none() {
            return;
        }
        let admission = self
            .policy
            .admit(&self.ask.argv, self.ask.real_program, self.site);
        if let (Some(declared), policy) = (&self.ask.effects.programs, self.policy) {
            for name in declared {
                let is_listed = super::tighten::best(&policy.programs, name).is_some();
                let is_path = name.contains('/');
                if !is_listed && !is_path {
                    self.program(name, &Ruling::NotListed);
                }
            }
        }
        for ProgramRuling { program, ruling } in &admission.programs {
            self.program(program, ruling);
            self.declared(program);
        }
        self.unused(&admission);
        if let Some(shell) = &admission.unread {
            let shown = shown(shell);
            self.say(
                &codes::SHELL_TEXT,
                format!("what `{shown}` starts was not checked: only `{shown}` was"),
                None,
            );
        }
    }

    fn program(&mut self, program: &str, ruling: &Ruling) {
        let (name, pack) = (shown(program), &self.policy.pack);
        let grant = Some(Granted::Program {
            program: program.to_owned(),
        });
        match ruling {
            Ruling::Allowed => {}
            Ruling::Open if self.ask.argv.iter().any(Option::is_none) => {}
            Ruling::Missing => self.say(
                &codes::NO_PROGRAM,
                "the command line names no program".into(),
                None,
            ),
            Ruling::Privileged => {
                self.say(
                    &codes::PRIVILEGED_PROGRAM,
                    format!("`{name}` is there to gain rights"),
                    None,
                );
            }
            Ruling::NotListed => {
                let who = self.whose("programs");
                let message = format!("`{name}` is not among the programs of {who}");
                if !self.is_said(&codes::PROGRAM_NOT_LISTED, &message) {
                    self.say_of("programs", &codes::PROGRAM_NOT_LISTED, message, grant);
                }
            }
            Ruling::Open => {
                let message = format!(
                    "the rule for `{name}` in {pack} cannot be held against arguments that are not known"
                );
                self.say(&codes::ARGUMENTS_NOT_ALLOWED, message, grant);
            }
            Ruling::Arguments { denied_by, why } => {
                let by = match denied_by {
                    Some(pattern) => format!("`{}` is denied", shown(pattern)),
                    None => "no pattern allows them".to_owned(),
                };
                let why = why
                    .as_ref()
                    .map(|why| format!(" ({why})"))
                    .unwrap_or_default();
                let message = format!("the arguments of `{name}` do not pass {pack}: {by}{why}");
                self.say(&codes::ARGUMENTS_NOT_ALLOWED, message, grant);
            }
            Ruling::Outside => {
                let message =
                    format!("`{name}` is neither a program of the system nor in the workspace");
                self.say(&codes::PROGRAM_OUTSIDE, message, grant);
            }
            Ruling::InWorkspace => {
                let message =
                    format!("`{name}` lies in the workspace; {pack} does not start such programs");
                self.say(&codes::WORKSPACE_PROGRAM, message, grant);
            }
        }
    }

    fn is_said(&self, code: &FindingCode, message: &str) -> bool {
        let said = |one: &Judged| one.finding.code == code.code && one.finding.message == message;
        self.judged.iter().any(said)
    }

    fn declared(&mut self, program: &str) {
        let Some(declared) = &self.ask.effects.programs else {
            return;
        };
        let name = program.rsplit('/').next().unwrap_or_default();
        let is_first = self.ask.argv.first() == Some(&Some(program));
        let is_shell = is_first && self.ask.argv.get(1) == Some(&Some("-c"));
        if !is_shell && !declared.iter().any(|one| one == name || one == program) {
            let message = format!(
                "`{}` is not among the task's own `effects.programs`",
                shown(program)
            );
            self.say(&codes::UNDECLARED_PROGRAM, message, None);
        }
    }

    /// Programs that the task says it starts, where all it starts can be told.
    fn unused(&mut self, admission: &Admission) {
        let open = |one: &ProgramRuling| one.ruling == Ruling::Open || one.program == "?";
        if admission.unread.is_some() || admission.programs.iter().any(open) {
            return;
        }
        let own = |program: &str| program.rsplit('/').next().unwrap_or_default().to_owned();
        for name in self.ask.effects.programs.iter().flatten() {
            let mut programs = admission.programs.iter();
            if !programs.any(|one| one.program == *name || own(&one.program) == *name) {
                let message = format!(
                    "its `effects.programs` names `{}`, which it does not start itself",
                    shown(name)
                );
                self.say(&codes::UNUSED_GRANT, message, None);
            }
        }
    }

    fn paths(&mut self) {
        let (policy, ask) = (self.policy, self.ask);
        let is_project = ask.workspace == Workspace::Project;
        let open = |paths: &BTreeSet<PolicyPath>| {
            paths
                .iter()
                .filter_map(|path| policy.opens(path, is_project))
                .collect::<BTreeSet<_>>()
        };
        let writable = open(&policy.paths.write);
        let mut readable: BTreeSet<_> =
            open(&policy.paths.read).union(&writable).cloned().collect();
        if is_project {
            if policy.sandbox.level != SandboxLevel::None && self.site.tree_holds_home() {
                let message =
                    "the scenario's tree holds your home directory, so no task works in it";
                self.say(&codes::TREE_HOLDS_HOME, message.into(), None);
            }
            let tree = PolicyPath::tree();
            if !is_open(&readable, &tree) && !writable.iter().any(|path| tree.covers(path)) {
                self.path(&tree, "read", Granted::Read { path: tree.clone() });
            }
            readable.insert(tree);
        }
        for path in asked(ask.effects.read.as_deref()) {
            if !is_open(&readable, &path) && !is_of_system(&path) {
                self.path(&path, "read", Granted::Read { path: path.clone() });
            }
        }
        for path in asked(ask.effects.write.as_deref()) {
            if !is_open(&writable, &path) {
                self.path(&path, "write", Granted::Write { path: path.clone() });
            }
        }
    }

    fn path(&mut self, path: &PolicyPath, verb: &str, grant: Granted) {
        let key = format!("paths.{verb}");
        let (who, path) = (self.whose(&key), shown(path.as_str()));
        let message = format!("{who} does not let it {verb} `{path}`");
        self.say_of(&key, &codes::PATH_NOT_ALLOWED, message, Some(grant));
    }

    fn network(&mut self) {
        let asked = self.ask.effects.network.unwrap_or(Network::None);
        if asked > self.policy.network {
            let who = self.whose("network");
            let message = format!("{who} does not open the network `{asked}`");
            let grant = Granted::Network { network: asked };
            self.say_of("network", &codes::NETWORK_NOT_ALLOWED, message, Some(grant));
        }
    }

    fn names(&mut self) {
        for name in &self.ask.env {
            let allow = &self.policy.environment.allow;
            if runs_other_code(name) && !allow.iter().any(|pattern| matches(pattern, name)) {
                let message = format!("`{}` makes programs run other code", shown(name));
                let grant = Granted::Variable {
                    name: (*name).to_owned(),
                };
                self.say(&codes::VARIABLE_NOT_ALLOWED, message, Some(grant));
            }
        }
        for name in self.ask.secrets {
            if !self
                .policy
                .secrets
                .allow
                .iter()
                .any(|pattern| matches(pattern, name))
            {
                let message = format!(
                    "{} does not allow the secret `{}`",
                    self.policy.pack,
                    shown(name)
                );
                let grant = Granted::Secret { name: name.clone() };
                self.say(&codes::SECRET_NOT_ALLOWED, message, Some(grant));
            }
        }
    }

    fn timeout(&mut self) {
        let (own, limits) = (self.ask.timeout, &self.policy.limits);
        for (word, own, limit) in [
            ("wall", own.wall_ms, limits.wall_ms),
            ("idle", own.idle_ms, limits.idle_ms),
        ] {
            if let (Some(own), Some(limit)) = (own, limit)
                && own > limit
            {
                let message = format!(
                    "its time limit (`{word}`) of {own} ms is longer than the {limit} ms of {}",
                    self.policy.pack
                );
                self.say(&codes::TIMEOUT_CUT, message, None);
            }
        }
    }
}

impl Policy {
    /// What a path of the policy is for a task: a workspace is the tree, or nothing of its own.
    pub(super) fn opens(&self, path: &PolicyPath, is_project: bool) -> Option<PolicyPath> {
        match path.is_of_workspace() {
            true if is_project => Some(path.in_tree()),
            true => None,
            false => Some(path.clone()),
        }
    }
}

/// Paths as a task writes them; what is none was reported when the scenario was read.
pub(super) fn asked(paths: Option<&[String]>) -> impl Iterator<Item = PolicyPath> {
    let paths = paths.unwrap_or_default().iter();
    paths.filter_map(|path| PolicyPath::of_scenario(path).ok())
}

/// Whether a path is among what every task reads.
fn is_of_system(path: &PolicyPath) -> bool {
    let system = [
        "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
    ];
    system
        .iter()
        .any(|dir| super::place::covers(dir, path.as_str()))
}

/// A name from outside, short and on one line.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}
