//! Guardrails: rules for planned tasks beyond those that every plan has to meet. A person may write
//! `run: echo done`; a model that does so has made no plan. Each rule has a name, and `tests.rs` a plan that
//! fails it.

mod commands;
mod descriptions;
mod readable;
mod results;
mod secrets;
mod shell;
#[cfg(test)]
mod tests;
mod text;
mod unseen;

use protocol::diagnostic::{Diagnostic, Problems};
use protocol::plan::{DraftPlan, Plan};

use super::caps::Caps;
pub(super) use text::terms;

/// Every guardrail that a draft touches.
pub(super) fn check(goal: &str, draft: &DraftPlan) -> Vec<Diagnostic> {
    let mut problems = Problems::default();
    descriptions::check(goal, draft, &mut problems);
    commands::check(goal, draft, &mut problems);
    results::check(draft, &mut problems);
    secrets::check(draft, &mut problems);
    unseen::check(draft, &mut problems);
    readable::check(draft, &mut problems);
    problems.into_vec()
}

/// Whether the longest chain of needs is too long.
pub(super) fn check_chain(plan: &Plan, caps: &Caps) -> Option<Diagnostic> {
    let longest = plan.order().map(|index| plan.rank(index)).max()?;
    let longest = usize::try_from(longest).unwrap_or(usize::MAX);
    let message = format!(
        "a chain of {longest} tasks; at most {} may follow each other",
        caps.chain
    );
    (longest > caps.chain).then(|| {
        Diagnostic::error("chain-too-long", message)
            .help("let tasks that do not need each other stand side by side")
    })
}
