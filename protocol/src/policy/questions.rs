//! What a policy says of a question to a model, beyond what it says of every task. What the model may cost
//! is held against budgets when the calls are made.

use super::codes;
use super::effective::Policy;
use super::judge::Judged;
use crate::ids::TaskId;
use crate::plan::PlanTask;

/// That a task asks a model where the policy lets a run ask none.
pub(super) fn forbidden_question(policy: &Policy, task: &PlanTask, id: &TaskId) -> Option<Judged> {
    task.prompt().filter(|_| policy.budgets.calls == Some(0))?;
    let message = format!(
        "it asks a model, and {} lets a run make no model call",
        policy.pack
    );
    let code = &codes::BUDGET_EXCEEDED;
    let finding = code.finding(message, Some(id)).fix(code.remedy);
    Some(Judged {
        finding,
        grant: None,
    })
}
