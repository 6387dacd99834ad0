//! What each task of a plan may do under a policy, as its message would say it; and all of them in a line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use protocol::expr::Template;
use protocol::ids::TaskId;
use protocol::plan::{Action, Plan, PlanTask, Workspace};
use protocol::policy::TaskAsk;
use protocol::policy::{
    Constraints, Dispatch, Effects, Finding, Network, Policy, SandboxLevel, Site,
};

/// Paths and secrets that are named in a line.
const MAX_NAMED: usize = 4;

/// One task and what it may do.
pub struct Allowed<'p> {
    /// Its id, those it is nested in before it.
    pub id: TaskId,
    /// The task.
    pub task: &'p PlanTask,
    /// What its attempts may use, or why they may not start.
    pub constraints: Result<Constraints, Finding>,
}

/// Every task that starts something, nested ones under the tasks that use them.
#[must_use]
pub fn allowed<'p>(plan: &'p Plan, policy: &Policy, site: &Site) -> Vec<Allowed<'p>> {
    let dispatch = Dispatch::new(policy.clone(), plan, site.clone());
    let mut all = Vec::new();
    collect(plan, "", &dispatch, &mut all);
    all
}

/// Depth is bounded by the plan's own limits.
fn collect<'p>(plan: &'p Plan, prefix: &str, dispatch: &Dispatch, all: &mut Vec<Allowed<'p>>) {
    for (_, task) in plan.tasks() {
        let name = format!("{prefix}{}", task.id());
        if let Action::Uses(uses) = task.action() {
            collect(&uses.scenario, &format!("{name}/"), dispatch, all);
            continue;
        }
        // An id too long to be one belongs to no task that ever starts.
        let Ok(id) = name.parse::<TaskId>() else {
            continue;
        };
        let constraints = dispatch.constraints(&ask(plan, task, &id, &Effects::default()));
        all.push(Allowed {
            id,
            task,
            constraints,
        });
    }
}

/// What a task asks for, as far as it is known before it starts.
fn ask<'a>(
    plan: &'a Plan,
    task: &'a PlanTask,
    id: &'a TaskId,
    nothing: &'a Effects,
) -> TaskAsk<'a> {
    let env = task.env().keys().chain(plan.env().keys());
    TaskAsk {
        id,
        argv: argv(task),
        real_program: None,
        env: env.map(String::as_str).collect(),
        workspace: task.workspace(),
        effects: task.effects().unwrap_or(nothing),
        secrets: task.secrets(),
        timeout: task.timeout(),
    }
}

/// Its command line; `None` for a word that is known only when it starts.
#[must_use]
pub fn argv(task: &PlanTask) -> Vec<Option<&str>> {
    match task.action() {
        Action::Run(text) => vec![Some(task.shell()), Some("-c"), Some(&**text)],
        Action::Command(words) => words.iter().map(Template::literal).collect(),
        Action::Prompt(_) | Action::Uses(_) => Vec::new(),
    }
}

/// What all tasks of a plan together may reach, with the number of tasks that may. Questions to models are
/// counted apart: they have no process that could reach anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    tasks: usize,
    /// Tasks with a network.
    network: usize,
    /// Tasks that work in the project itself.
    project: usize,
    /// Tasks that may write a path beyond their workspace.
    writes: BTreeMap<String, usize>,
    /// Tasks that ask a model, beside the others.
    asks: usize,
    /// Tasks that get a secret.
    secrets: BTreeMap<String, usize>,
    /// Nothing of it is held by anything.
    unconfined: bool,
}

impl Outlook {
    /// Of a plan under a policy.
    #[must_use]
    pub fn of(plan: &Plan, policy: &Policy, site: &Site) -> Self {
        let mut outlook = Self {
            unconfined: policy.sandbox.level == SandboxLevel::None,
            ..Self::default()
        };
        for one in allowed(plan, policy, site) {
            if one.task.prompt().is_some() {
                outlook.asks += 1;
                continue;
            }
            outlook.tasks += 1;
            for name in one.task.secrets() {
                *outlook.secrets.entry(name.clone()).or_default() += 1;
            }
            outlook.project += usize::from(one.task.workspace() == Workspace::Project);
            let Ok(constraints) = one.constraints else {
                continue;
            };
            let confine = &constraints.confine;
            outlook.network += usize::from(confine.network == Network::Full);
            for path in confine.write.iter().collect::<BTreeSet<_>>() {
                *outlook.writes.entry(path.clone()).or_default() += 1;
            }
        }
        outlook
    }

    fn counted(&self, map: &BTreeMap<String, usize>) -> String {
        let one = |(name, count): (&String, &usize)| {
            let name = crate::ui::sanitize(name).into_owned();
            match *count == self.tasks {
                true => name,
                false => format!("{name} in {count}"),
            }
        };
        let mut words: Vec<String> = map.iter().take(MAX_NAMED).map(one).collect();
        let more = map.len().saturating_sub(MAX_NAMED);
        if more > 0 {
            words.push(format!("{more} more"));
        }
        words.join(", ")
    }
}

impl Outlook {
    fn opened(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network {
            0 => f.write_str("network none")?,
            all if all == self.tasks => f.write_str("network full")?,
            some => write!(f, "network full in {some}")?,
        }
        f.write_str(" · writes workspace")?;
        if self.project > 0 && self.writes.is_empty() {
            f.write_str(", nothing of the project")?;
        }
        if !self.writes.is_empty() {
            write!(f, ", {}", self.counted(&self.writes))?;
        }
        Ok(())
    }
}

impl fmt::Display for Outlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unconfined {
            true => f.write_str("tasks read, write and reach whatever you can")?,
            false => self.opened(f)?,
        }
        match self.secrets.is_empty() {
            true => f.write_str(" · no secrets")?,
            false => write!(f, " · secrets {}", self.counted(&self.secrets))?,
        }
        match self.asks {
            0 => Ok(()),
            1 => f.write_str(" · 1 task asks a model"),
            some => write!(f, " · {some} tasks ask models"),
        }
    }
}
