//! What was asked for, from the plan: inputs of the run, the program of a failed task.

use protocol::ids::TaskId;

use super::page::{Page, escape};
use crate::report::{failing, words};

/// Characters of one input's value that are shown; the rest is in `plan.json`.
const MAX_VALUE: usize = 200;

impl Page<'_> {
    /// The inputs, as they were resolved.
    pub(super) fn inputs(&mut self) {
        let Some(plan) = self.plan else { return };
        let inputs = plan
            .inputs()
            .iter()
            .map(|(name, value)| format!("`{name}` = {}", escape(&words::short(value, MAX_VALUE))));
        let inputs: Vec<_> = inputs.collect();
        if !inputs.is_empty() {
            self.line(&format!("- Inputs: {}", inputs.join(", ")));
        }
    }

    /// The program of a task, before its expressions were evaluated.
    pub(super) fn program(&mut self, task: &TaskId) {
        let Some(program) = failing::program(self.plan, task) else {
            return;
        };
        let how = escape(&program.how);
        self.line(&format!("What it ran, {how}:\n"));
        self.fenced(program.language, &program.text);
    }
}
