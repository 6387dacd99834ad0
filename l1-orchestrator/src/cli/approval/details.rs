//! Every task with what it runs, what is open to it and what the policy has to say of it, and what
//! changed since somebody approved the plan.

use std::fmt::Write as _;

use protocol::policy::{Finding, Policy};

use super::dialog::Ready;
use crate::cli::context::Context;
use crate::cli::judged::Judged;
use crate::cli::plan_page::program;
use crate::compare::PlanDiff;
use crate::policy::{Allowed, Approvals, allowed, answers};
use crate::report::findings;
use crate::ui::{Painter, Tone, sanitize};

/// Tasks shown.
const MAX_TASKS: usize = 200;

/// The page behind `d`.
pub(super) fn details(context: &Context, ready: &Ready) -> String {
    let Ready { asked, judged } = ready;
    let painter = context.ui.err_painter();
    let mut text = String::new();
    let all = allowed(&asked.plan, &judged.policy, &judged.site);
    let dispatch = judged.dispatch(&asked.plan);
    for one in all.iter().take(MAX_TASKS) {
        task(&mut text, one, judged, dispatch.policy(&one.id), painter);
    }
    let more = all.len().saturating_sub(MAX_TASKS);
    if more > 0 {
        writeln!(text, "… and {more} more tasks").expect("into a string");
    }
    let whole = |finding: &&Finding| finding.task.is_none();
    let whole: Vec<Finding> = judged
        .verdict
        .findings
        .iter()
        .filter(whole)
        .cloned()
        .collect();
    text.push_str(&findings::lines(&whole, painter));
    if let Some(last) = Approvals::of_user().last(&asked.path, asked.plan.name())
        && let Some(plan) = last.plan()
        && plan.digest() != asked.plan.digest()
    {
        let at = context.redact.time(last.at);
        let diff = PlanDiff::between(&plan, &asked.plan).full(painter);
        write!(text, "Changed since last approval ({at} UTC):\n{diff}").expect("into a string");
    }
    text
}

fn task(text: &mut String, one: &Allowed<'_>, judged: &Judged, policy: &Policy, painter: Painter) {
    let name = painter.paint(Tone::Strong, one.id.as_str());
    writeln!(text, "{name}").expect("into a string");
    for line in program(one.task) {
        writeln!(text, "  | {}", sanitize(&line)).expect("into a string");
    }
    for answer in answers(policy, one) {
        let value = sanitize(&answer.value).into_owned();
        writeln!(text, "  {:<10} {value}", answer.name).expect("into a string");
    }
    let own = |finding: &&Finding| finding.task.as_ref() == Some(&one.id);
    let found = judged.verdict.findings.iter();
    let own: Vec<Finding> = found.filter(own).cloned().collect();
    text.push_str(&findings::lines(&own, painter));
}
