//! What was asked for, from the plan: inputs of the run, the program of a failed task.

use protocol::ids::TaskId;
use protocol::plan::Action;

use super::page::{Page, escape};
use crate::report::planned::Planned;

/// Lines of a program that are shown; the rest is in `scenario.yaml`.
const MAX_LINES: usize = 20;
/// Characters of a program that are shown.
const MAX_CHARS: usize = 4096;
/// Characters of one input's value that are shown; the rest is in `plan.json`.
const MAX_VALUE: usize = 200;

impl Page<'_> {
    /// The inputs, as they were resolved.
    pub(super) fn inputs(&mut self) {
        let Some(plan) = self.plan else { return };
        let inputs = plan.inputs().iter().map(|(name, value)| {
            let value: String = value.to_string().chars().take(MAX_VALUE).collect();
            format!("`{name}` = {}", escape(&value))
        });
        let inputs: Vec<_> = inputs.collect();
        if !inputs.is_empty() {
            self.line(&format!("- Inputs: {}", inputs.join(", ")));
        }
    }

    /// The program of a task, before its expressions were evaluated.
    pub(super) fn program(&mut self, task: &TaskId) {
        let Some(plan) = self.plan else { return };
        let Some(planned) = Planned::find(plan, task) else {
            return;
        };
        let planned = planned.task();
        let text = match planned.action() {
            Action::Run(script) => script.to_string(),
            Action::Command(words) => {
                let words: Vec<_> = words.iter().map(|word| word.as_str()).collect();
                words.join(" ")
            }
            Action::Uses(uses) => format!("uses: {}", uses.file),
        };
        let head: String = text.chars().take(MAX_CHARS).collect();
        let mut shown: Vec<_> = head.lines().take(MAX_LINES).collect();
        if head.len() < text.len() || head.lines().nth(MAX_LINES).is_some() {
            shown.push("… the rest is in scenario.yaml");
        }
        let (how, language) = match planned.action() {
            Action::Run(_) => (format!("by `{} -c`", escape(planned.shell())), "sh"),
            Action::Command(_) => ("as these words".to_owned(), "text"),
            Action::Uses(_) => ("as a nested scenario".to_owned(), "text"),
        };
        self.line(&format!("What it ran, {how}:\n"));
        self.fenced(language, &shown.join("\n"));
    }
}
