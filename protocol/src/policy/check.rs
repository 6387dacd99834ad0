//! What a policy says of a whole plan before anything of it starts: every task as written, each once, and
//! the most it can come to.

use std::collections::BTreeSet;

use super::approval::waits;
use super::ask::TaskAsk;
use super::codes;
use super::constrain::named;
use super::effective::Policy;
use super::finding::{Finding, FindingSeverity};
use super::grant::{Grant, Granted};
use super::judge::{Judged, shown};
use super::pack::Tightening;
use super::pattern::matches;
use super::place::Site;
use super::questions::forbidden_question;
use super::request::{Effects, SecretSource, Secrets};
use super::rule::SecretSourceKind;
use super::verdict::{Verdict, WorstCase};
use crate::diagnostic::Problems;
use crate::expr::Template;
use crate::ids::TaskId;
use crate::plan::{Action, Bounds, MAX_RUN_TASKS, Plan, PlanTask};

impl Policy {
    /// What it says of a plan. The plan's own `policy` is to be part of it already
    /// ([`Policy::tighten`]); those of nested scenarios are taken in here.
    #[must_use]
    pub fn check(&self, plan: &Plan, site: &Site) -> Verdict {
        let mut check = Check {
            site,
            secrets: plan.secrets(),
            verdict: Verdict::default(),
            grants: BTreeSet::new(),
            ids: Vec::new(),
            refused: 0,
            denied: 0,
        };
        check.sources(self, plan);
        let outer = Outer {
            policy: self,
            prefix: "",
            times: 1,
            bounds: &Bounds::default(),
            depth: 1,
        };
        let mut worst = check.plan(plan, outer);
        worst.seconds = worst.seconds.map(|ms| ms.div_ceil(1000));
        check.budgets(self, worst);
        check.verdict(self, worst, plan.goal().is_some())
    }

    /// Whether a fan-out may expand to so many items, with which the run comes to `total` tasks. What was
    /// known before the run was judged then.
    ///
    /// # Errors
    /// The finding that refuses it.
    pub fn check_expansion(&self, task: &TaskId, items: u64, total: u64) -> Result<(), Finding> {
        let over = |most: Option<u64>, comes_to: u64| most.filter(|most| comes_to > *most);
        let message = match (
            over(self.budgets.width, items),
            over(self.budgets.tasks, total),
        ) {
            (Some(most), _) => format!("{items} items; {} lets a fan-out have {most}", self.pack),
            (_, Some(most)) => format!("{total} tasks; {} lets a run have {most}", self.pack),
            (None, None) => return Ok(()),
        };
        let code = &codes::BUDGET_EXCEEDED;
        Err(code.finding(message, Some(task)).fix(code.remedy))
    }
}

/// What a scenario takes a secret from by its own choice: a pack that allows a name has not thereby allowed
/// any file, program or other variable that a scenario calls by that name. One that allows every name has.
fn elsewhere(policy: &Policy, source: &SecretSource) -> Option<String> {
    let allow = &policy.secrets.allow;
    if allow.contains("*") {
        return None;
    }
    match source {
        SecretSource::Env { name: None } => None,
        SecretSource::Env { name: Some(other) } => {
            let is_allowed = allow.iter().any(|pattern| matches(pattern, other));
            (!is_allowed).then(|| format!("the variable `{other}`"))
        }
        SecretSource::File { path } => Some(format!("the file `{path}`")),
        SecretSource::Command { argv } => Some(format!("the program `{}`", argv.join(" "))),
    }
}

/// What surrounds the tasks of one scenario.
#[derive(Clone, Copy)]
struct Outer<'o> {
    policy: &'o Policy,
    /// Of their ids: `a/`.
    prefix: &'o str,
    /// How often they run, at most.
    times: u64,
    bounds: &'o Bounds,
    depth: u64,
}

struct Check<'c> {
    site: &'c Site,
    secrets: &'c Secrets,
    verdict: Verdict,
    grants: BTreeSet<Grant>,
    /// Tasks with a warning, and all tasks that a pattern of `approvals.tasks` can meet.
    ids: Vec<(String, bool)>,
    refused: usize,
    /// Refusals that nobody can grant.
    denied: usize,
}

impl Check<'_> {
    /// Where declared secrets come from.
    fn sources(&mut self, policy: &Policy, plan: &Plan) {
        for (name, source) in plan.secrets() {
            let kind = SecretSourceKind::of(source);
            let is_kind_open = policy.secrets.sources.contains(&kind);
            let elsewhere = elsewhere(policy, source);
            if !is_kind_open || elsewhere.is_some() {
                let message = match elsewhere {
                    Some(place) if is_kind_open => format!(
                        "{} allows `{}`, and the scenario takes it from {}",
                        policy.pack,
                        shown(name),
                        shown(&place)
                    ),
                    _ => format!(
                        "{} does not take secrets from `{}`: `{}`",
                        policy.pack,
                        kind.as_str(),
                        shown(name)
                    ),
                };
                let grant = Granted::SecretSource {
                    name: name.clone(),
                    source: kind,
                };
                let is_granted = policy.grants.iter().any(|own| own.what == grant);
                let finding = codes::SECRET_SOURCE_NOT_ALLOWED.finding(message, None);
                if !is_granted {
                    let finding = finding.fix(codes::SECRET_SOURCE_NOT_ALLOWED.remedy);
                    self.take(Judged {
                        finding,
                        grant: Some(grant),
                    });
                }
            }
        }
    }

    /// The tasks of one scenario; the most they come to, in milliseconds instead of seconds.
    fn plan(&mut self, plan: &Plan, outer: Outer<'_>) -> WorstCase {
        let mut worst = WorstCase {
            seconds: Some(0),
            ..WorstCase::default()
        };
        for (_, task) in plan.tasks() {
            let more = self.task(plan, task, outer);
            worst.tasks = worst.tasks.saturating_add(more.tasks);
            worst.attempts = worst.attempts.saturating_add(more.attempts);
            worst.seconds = worst
                .seconds
                .zip(more.seconds)
                .map(|(one, other)| one.saturating_add(other));
            worst.open |= more.open;
        }
        worst
    }

    fn task(&mut self, plan: &Plan, task: &PlanTask, outer: Outer<'_>) -> WorstCase {
        let id = format!("{}{}", outer.prefix, task.id());
        // An id too long to be one belongs to no task that ever starts.
        let Ok(id) = id.parse::<TaskId>() else {
            return WorstCase::default();
        };
        let width = self.width(task, &id, outer.policy);
        let times = outer.times.saturating_mul(width);
        let bounds = Bounds::of(task).within(outer.bounds);
        let is_open = task.fan_out().is_some_and(|fan_out| !fan_out.is_fixed());
        let mut worst = match task.action() {
            Action::Uses(uses) => {
                let mut policy = outer.policy.clone();
                if let Some(request) = uses.scenario.policy() {
                    for finding in policy.tighten(&Tightening::of_request(request), &uses.file) {
                        self.take(Judged {
                            finding,
                            grant: None,
                        });
                    }
                }
                self.depth(outer.policy, &id, outer.depth + 1);
                let prefix = format!("{id}/");
                self.plan(
                    &uses.scenario,
                    Outer {
                        policy: &policy,
                        prefix: &prefix,
                        times,
                        bounds: &bounds,
                        depth: outer.depth + 1,
                    },
                )
            }
            Action::Run(_) | Action::Command(_) | Action::Prompt(_) => {
                self.leaf(plan, task, &id, outer.policy);
                let attempts = u64::from(bounds.retry.as_ref().map_or(0, |retry| retry.max)) + 1;
                let attempts = times.saturating_mul(attempts);
                let limit =
                    super::bound::smaller(bounds.timeout.wall_ms, outer.policy.limits.wall_ms);
                WorstCase {
                    tasks: times,
                    attempts,
                    seconds: limit.map(|ms| ms.saturating_mul(attempts)),
                    open: false,
                }
            }
        };
        worst.open |= is_open;
        worst
    }

    fn leaf(&mut self, plan: &Plan, task: &PlanTask, id: &TaskId, policy: &Policy) {
        let nothing = Effects::default();
        let own = task.env().keys().chain(plan.env().keys());
        let argv = match task.action() {
            Action::Run(text) => vec![Some(task.shell()), Some("-c"), Some(&**text)],
            Action::Command(words) => words.iter().map(Template::literal).collect(),
            Action::Prompt(_) | Action::Uses(_) => Vec::new(),
        };
        let ask = TaskAsk {
            id,
            argv,
            real_program: None,
            env: own.map(String::as_str).collect(),
            workspace: task.workspace(),
            effects: task.effects().unwrap_or(&nothing),
            secrets: task.secrets(),
            timeout: task.timeout(),
        };
        let before = self.verdict.findings.len();
        for judged in policy.judge(&ask, self.site) {
            self.take(judged);
        }
        let forbidden = forbidden_question(policy, task, id);
        forbidden.into_iter().for_each(|judged| self.take(judged));
        for name in task.inputs_given() {
            // What a nested scenario is given is known, and judged, when it starts.
            let Some(path) = plan.inputs().get(name).and_then(|value| value.as_str()) else {
                continue;
            };
            let named: Vec<&str> = named(plan).collect();
            let judged = policy.judge_staged(id, path, &named, self.site);
            judged.into_iter().for_each(|judged| self.take(judged));
        }
        for name in task
            .secrets()
            .iter()
            .filter(|name| !self.secrets.contains_key(*name))
        {
            let message = format!("the scenario does not declare the secret `{}`", shown(name));
            let finding = codes::SECRET_UNKNOWN.finding(message, Some(id));
            self.take(Judged {
                finding: finding.fix(codes::SECRET_UNKNOWN.remedy),
                grant: None,
            });
        }
        let new = self.verdict.findings.get(before..).unwrap_or_default();
        let warns = new
            .iter()
            .any(|finding| finding.severity >= FindingSeverity::Warning);
        self.ids.push((id.to_string(), warns));
    }

    /// The width of a task, at most.
    fn width(&mut self, task: &PlanTask, id: &TaskId, policy: &Policy) -> u64 {
        let Some(fan_out) = task.fan_out() else {
            return 1;
        };
        let most = fan_out.most() as u64;
        let Some(budget) = policy.budgets.width else {
            return most;
        };
        if fan_out.is_fixed() {
            if let Err(finding) = policy.check_expansion(id, most, 0) {
                self.take(Judged {
                    finding,
                    grant: None,
                });
            }
            return most;
        }
        most.min(budget)
    }

    fn depth(&mut self, policy: &Policy, id: &TaskId, depth: u64) {
        if policy.budgets.depth.is_some_and(|most| depth > most) {
            let message = format!(
                "a scenario {depth} deep; {} lets a run have {}",
                policy.pack,
                policy.budgets.depth.unwrap_or_default()
            );
            let finding = codes::BUDGET_EXCEEDED.finding(message, Some(id));
            self.take(Judged {
                finding: finding.fix(codes::BUDGET_EXCEEDED.remedy),
                grant: None,
            });
        }
    }

    fn budgets(&mut self, policy: &Policy, worst: WorstCase) {
        let budgets = policy.budgets;
        for (what, comes_to, most) in [
            ("tasks", worst.tasks, budgets.tasks),
            ("attempts", worst.attempts, budgets.attempts),
        ] {
            let Some(most) = most.filter(|most| comes_to > *most) else {
                continue;
            };
            let message = format!(
                "the plan comes to {comes_to} {what} at most; {} lets a run have {most}",
                policy.pack
            );
            let code = match worst.open {
                true => &codes::BUDGET_OPEN,
                false => &codes::BUDGET_EXCEEDED,
            };
            self.take(Judged {
                finding: code.finding(message, None).fix(code.remedy),
                grant: None,
            });
        }
    }

    fn take(&mut self, judged: Judged) {
        let Judged { finding, grant } = judged;
        if finding.severity == FindingSeverity::Refused {
            self.refused += 1;
            self.denied += usize::from(grant.is_none());
        }
        let task = finding.task.clone();
        self.grants.extend(grant.map(|what| Grant {
            what,
            task,
            by: String::new(),
        }));
        // What refuses is never left out for what only warns.
        if self.verdict.findings.len() < Problems::MAX
            || finding.severity == FindingSeverity::Refused
        {
            self.verdict.findings.push(finding);
        }
    }

    fn verdict(mut self, policy: &Policy, worst: WorstCase, is_planned: bool) -> Verdict {
        let warns = self
            .verdict
            .findings
            .iter()
            .any(|one| one.severity == FindingSeverity::Warning);
        self.verdict.approval = waits(policy, is_planned, warns, &self.ids);
        Verdict {
            worst: WorstCase {
                tasks: worst.tasks.min(MAX_RUN_TASKS as u64),
                ..worst
            },
            grants: self.grants.into_iter().collect(),
            refused: self.refused > 0,
            grantable: self.denied == 0,
            ..self.verdict
        }
    }
}
