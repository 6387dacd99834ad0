//! A plan under its policy: what `run`, `validate` and the pages about plans have in common.

use std::path::PathBuf;
use std::sync::Arc;

use crate::models::prices;
use clap::ArgMatches;
use protocol::plan::Plan;
use protocol::policy::{Dispatch, Finding, FindingSeverity, Policy, SandboxLevel, Site};
use protocol::policy::{Tightening, Verdict};
use protocol::scenario::find_root;

use super::args::Policing;
use super::asked::Asked;
use super::context::Context;
use super::error::CliError;
use crate::planning::{Askers, WorstCalls, worst_calls};
use crate::policy;
use crate::session::absolute;
use crate::settings::{self, Key, Layer, Models, Origin, Setting};

/// A policy and what it says of a plan.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    /// The effective policy.
    pub(super) policy: Policy,
    /// What it says.
    pub(super) verdict: Verdict,
    /// Where its paths are on this host.
    pub(super) site: Site,
    /// The most that it asks models, if it asks any and it is known who they are.
    pub(super) calls: Option<WorstCalls>,
}

impl Judged {
    /// The policy at work on the plan.
    pub(super) fn dispatch(&self, plan: &Plan) -> Arc<Dispatch> {
        let (policy, site) = (self.policy.clone(), self.site.clone());
        Arc::new(Dispatch::new(policy, plan, site))
    }

    /// Puts what exceeded the policy into it: somebody approved exactly that, under this digest.
    pub(super) fn grant(&mut self, by: &str, approval: &str) {
        self.policy = self.policy.granting(&self.verdict, by);
        self.verdict = std::mem::take(&mut self.verdict).granted(approval);
    }
}

/// Judges plans: the policy that the user chose, and what narrows it wherever a plan comes from.
#[derive(Clone)]
pub(super) struct Judge {
    /// The pack that the user chose.
    base: Policy,
    /// The same, narrowed.
    policy: Policy,
    chosen: Setting<String>,
    /// What narrowed it, and where that is written.
    narrowing: Vec<(Tightening, String)>,
    findings: Vec<Finding>,
    sandbox: Option<Setting<SandboxLevel>>,
    runs: PathBuf,
    /// The scenario narrowed it already.
    is_final: bool,
    /// Who would be asked, where that is known.
    askers: Option<Arc<Askers>>,
}

impl Judge {
    /// By what was typed, said in the environment and written in settings.
    pub(super) fn new(
        context: &Context,
        typed: &Policing,
        matches: &ArgMatches,
        sandbox: Option<Setting<SandboxLevel>>,
        runs: PathBuf,
    ) -> Result<Self, CliError> {
        let files = &context.files;
        let mut chosen = settings::policy(typed, matches, files);
        let user = block(&files.user)?;
        // A user's own map chooses as well; what is typed goes before it.
        let base = user.as_ref().and_then(|own| own.pack.clone());
        if let (Some(base), Origin::Default) = (base, &chosen.origin) {
            (chosen.value, chosen.origin) = (base, files.user.origin());
        }
        let base = policy::load(&chosen.value)?;
        let mut judge = Self {
            policy: base.clone(),
            base,
            chosen,
            narrowing: Vec::new(),
            findings: Vec::new(),
            sandbox,
            runs: absolute(&runs),
            is_final: false,
            askers: None,
        };
        let project = block(&files.project)?;
        // Its `use` was the choice.
        let user = user.map(|own| Tightening { pack: None, ..own });
        for (layer, block) in [(&files.user, user), (&files.project, project)] {
            let name = layer.path.file_name().unwrap_or_default().to_string_lossy();
            if let Some(block) = block {
                judge.tighten(block, &name);
            }
        }
        Ok(judge)
    }

    /// Knows who would be asked, and counts what a plan asks them.
    ///
    /// # Errors
    /// The user's own prices cannot be read.
    pub(super) fn asking(mut self, models: &Models) -> Result<Self, CliError> {
        self.askers = Some(Arc::new(Askers {
            fast: models.fast.value.name.clone(),
            smart: models.model.value.name.clone(),
            max_tokens: models.max_tokens,
            prices: prices(models)?,
        }));
        Ok(self)
    }

    /// By the policy that a run recorded before it had a plan. It was narrowed then, by everything that
    /// narrowed it.
    pub(super) fn recorded(
        policy: Policy,
        sandbox: Option<Setting<SandboxLevel>>,
        runs: PathBuf,
    ) -> Self {
        Self {
            chosen: Setting {
                value: policy.pack.clone(),
                origin: Origin::Recorded,
            },
            base: policy.clone(),
            policy,
            narrowing: Vec::new(),
            findings: Vec::new(),
            sandbox,
            runs: absolute(&runs),
            is_final: true,
            askers: None,
        }
    }

    /// The pack that the user chose, as it was named.
    pub(super) fn chosen(&self) -> &Setting<String> {
        &self.chosen
    }

    /// Takes away what `by` takes away; the pack it was written for holds where it is the stricter one.
    fn tighten(&mut self, mut by: Tightening, origin: &str) {
        if let Some(stricter) = by.pack.as_deref().and_then(|name| self.stricter(name)) {
            self.policy = stricter.clone();
            self.base = stricter;
            by.pack = None;
            // What was taken away before is taken from it as well; what asked for more was told.
            for (before, origin) in &self.narrowing {
                let _told = self.policy.tighten(before, origin);
            }
        }
        let found = self.policy.tighten(&by, origin);
        self.findings.extend(found);
        by.pack = None;
        self.narrowing.push((by, origin.to_owned()));
    }

    /// The policy without a plan, and what settings ask for in vain.
    pub(super) fn by_itself(&self) -> (Policy, Vec<Finding>) {
        let mut own = self.clone();
        own.choose_level();
        (own.policy, own.findings)
    }

    /// What the policy says of a plan.
    pub(super) fn judge(&self, asked: &Asked) -> Judged {
        let (mut policy, mut findings) = self.narrowed(&asked.plan);
        let root = find_root(&asked.path);
        let site = policy::site(&policy, &asked.plan, Some(&root), Some(&self.runs));
        // Who names a path wants it read; a default in the file is nobody's word. A policy that is final has
        // what was lent.
        for name in asked
            .inputs
            .keys()
            .filter(|name| !self.is_final && asked.paths.contains(*name))
        {
            if let Some(serde_json::Value::String(path)) = asked.plan.inputs().get(name) {
                policy.lend(path, &format!("-i {name}"), &site);
            }
        }
        let mut verdict = policy.check(&asked.plan, &site);
        let refuses = |finding: &Finding| finding.severity == FindingSeverity::Refused;
        if findings.iter().any(refuses) {
            verdict.refused = true;
            verdict.grantable = false;
        }
        findings.append(&mut verdict.findings);
        verdict.findings = findings;
        Judged {
            policy,
            verdict,
            site,
            calls: self
                .askers
                .as_ref()
                .and_then(|askers| worst_calls(&asked.plan, askers)),
        }
    }

    /// The policy with what the scenario and the caller take away, and what they ask for in vain.
    fn narrowed(&self, plan: &Plan) -> (Policy, Vec<Finding>) {
        let mut own = self.clone();
        if let Some(request) = plan.policy().filter(|_| self.is_final) {
            // What it asks for in vain is told again; there is nothing left to take away.
            let mut request = Tightening::of_request(request);
            request.pack = None;
            let found = own.policy.clone().tighten(&request, "the scenario");
            own.findings.extend(found);
        } else if let Some(request) = plan.policy() {
            own.tighten(Tightening::of_request(request), "the scenario");
        }
        own.choose_level();
        (own.policy, own.findings)
    }

    /// The pack that a scenario was written for, where it grants nothing beyond the user's own choice.
    fn stricter(&self, name: &str) -> Option<Policy> {
        // By its name only: a file would be the scenario's own to write.
        let is_named = policy::names().iter().any(|own| own == name);
        let wanted = is_named.then(|| policy::load(name).ok())??;
        policy::is_within(&wanted, &self.base).then_some(wanted)
    }

    /// The level that the caller chose: a higher one always, a lower one where the policy lets it.
    fn choose_level(&mut self) {
        let (level, origin) = match &self.sandbox {
            Some(chosen) => (chosen.value, chosen.origin.to_string()),
            None => return,
        };
        match self.policy.clone().at_level(level, &origin) {
            Ok(policy) => self.policy = policy,
            Err(finding) => self.findings.push(finding),
        }
    }
}

/// What the `policy` map of a settings file takes away.
fn block(layer: &Layer) -> Result<Option<Tightening>, CliError> {
    let file = Key::find("policy").and_then(|key| layer.with_block(key));
    file.map_or(Ok(None), policy::narrowing)
}
