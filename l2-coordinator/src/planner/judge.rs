//! What one reply comes to: a plan, problems that the model can mend, or the end.

use protocol::diagnostic::{Diagnostic, Place};
use protocol::plan::{DraftPlan, Limits, Plan};
use protocol::policy::{Finding, finding_code};

use super::caps::Caps;
use super::extract::{Form, extract};
use super::form::{Written, read};
use super::guard;
use super::plan::Goal;
use super::surroundings::most_tasks;
use crate::model::{ModelReply, Stop};

/// What a reply comes to.
pub(super) enum Judged {
    /// A plan, and what the policy refuses in it.
    Plan(Box<(DraftPlan, Plan)>, Vec<Finding>),
    /// Problems that the model can mend.
    Mend(Vec<Diagnostic>),
    /// The end.
    Over(Diagnostic),
}

impl Judged {
    /// What is wrong with it.
    pub(super) fn problems(&self) -> Vec<Diagnostic> {
        match self {
            Self::Plan(_, findings) => findings.iter().map(told).collect(),
            Self::Mend(problems) => problems.clone(),
            Self::Over(problem) => vec![problem.clone()],
        }
    }
}

/// Takes a reply apart and holds it against every rule.
pub(super) fn judge(reply: &ModelReply, goal: &Goal<'_>) -> (Option<Form>, Judged) {
    let extracted = match extract(reply) {
        Ok(extracted) => extracted,
        Err(problem) => {
            // A model that declined declines again, and a full context gets fuller.
            let is_over = matches!(reply.stop, Stop::Refusal { .. } | Stop::ContextFull);
            let judged = match is_over {
                true => Judged::Over(*problem),
                false => Judged::Mend(vec![*problem]),
            };
            return (None, judged);
        }
    };
    let form = Some(extracted.form);
    let caps = Caps {
        tasks: most_tasks(goal.policy, &goal.caps),
        ..goal.caps
    };
    let mut base = goal.base.clone();
    base.tasks = Vec::new();
    let draft = match read(&extracted.object, base, &caps) {
        Ok(Written::Plan(draft)) => *draft,
        Ok(Written::Unable(why)) => {
            let why: String = why.chars().flat_map(char::escape_debug).collect();
            let message = format!("the model says that there is no plan: {why}");
            return (
                form,
                Judged::Over(Diagnostic::error("planner-unable", message)),
            );
        }
        Err(problems) => return (form, Judged::Mend(problems)),
    };
    let mut problems = guard::check(goal.text, &draft);
    let limits = Limits {
        tasks: caps.tasks,
        edges: caps.edges,
    };
    let plan = match draft.clone().check(&limits) {
        Ok(plan) => Some(plan),
        Err(more) => {
            problems.extend(more);
            None
        }
    };
    problems.extend(
        plan.as_ref()
            .and_then(|plan| guard::check_chain(plan, &caps)),
    );
    match plan.filter(|_| problems.is_empty()) {
        None => (form, Judged::Mend(problems)),
        Some(plan) => {
            let verdict = goal.policy.check(&plan, goal.site);
            let findings = verdict.refusals().cloned().collect();
            (form, Judged::Plan(Box::new((draft, plan)), findings))
        }
    }
}

/// What the policy refuses, as it goes back to the model.
fn told(finding: &Finding) -> Diagnostic {
    let code = finding_code(&finding.code).map_or("policy", |code| code.code);
    let place = finding.task.as_ref().map(|task| Place::task(task.as_str()));
    let problem = Diagnostic::error(code, finding.message.clone())
        .help("do without it: what is asked for beyond the policy is not granted");
    match place {
        Some(place) => problem.in_place(place),
        None => problem,
    }
}
