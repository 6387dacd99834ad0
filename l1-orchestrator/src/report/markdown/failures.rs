//! What failed, first failure first, attempts apart, and what to type next.

use std::fmt::Write as _;

use super::page::{Page, escape};
use crate::report::attempt::AttemptEnding;
use crate::report::failing::{self, failing};
use crate::report::task::{Standing, TaskSummary};
use crate::report::view::next_commands;
use crate::report::{enforced, max_attempts};

impl Page<'_> {
    pub(super) fn failures(&mut self) {
        let summary = self.summary;
        let Some(first) = summary.first_failure() else {
            self.next_steps();
            return;
        };
        let heading = match first.standing {
            Standing::Failed {
                tolerated: true, ..
            } => "Tolerated failure",
            _ => "First failure",
        };
        self.heading(heading);
        self.failure(first);
        self.next_steps();
        let failing = failing(summary);
        let Some(others) = failing.shown.get(1..).filter(|others| !others.is_empty()) else {
            return;
        };
        self.heading("Other failures, earliest first");
        for task in others {
            self.failure(task);
        }
        if failing.more > 0 {
            self.line(&format!("… and {} more; see `report.json`.", failing.more));
        }
    }

    fn failure(&mut self, task: &TaskSummary) {
        let Standing::Failed { failure, tolerated } = &task.standing else {
            return;
        };
        let mut title = format!("### `{}`", task.id);
        if let Some(label) = &task.label {
            write!(title, " {}", escape(label)).expect("into a string");
        }
        if let Some(attempt) = task.last_attempt() {
            let most = max_attempts(self.plan, task)
                .filter(|most| *most >= attempt.number)
                .map_or_else(String::new, |most| format!(" of {most}"));
            let how = attempt.how();
            write!(title, ": attempt {}{most}, {how}", attempt.number).expect("into a string");
        }
        self.line(&title);
        let tolerated = if *tolerated {
            " Tolerated by `continue_on_error`."
        } else {
            ""
        };
        let (class, advice) = (failure.class, failure.class.advice());
        let message = escape(&failure.message);
        self.line(&format!(
            "\n{message} (`{class}`).{tolerated} What to do: {advice}.\n"
        ));
        self.program(&task.id);
        self.tails(task);
        let caused = failing::caused(self.summary, task);
        let caused: Vec<String> = caused.iter().map(|id| format!("`{id}`")).collect();
        if !caused.is_empty() {
            self.line(&format!("Skipped because of it: {}.\n", caused.join(", ")));
        }
    }

    /// Attempts are shown one by one, never concatenated.
    fn tails(&mut self, task: &TaskSummary) {
        for attempt in failing::told_attempts(task) {
            let AttemptEnding::Failed { tail, .. } = &attempt.ending else {
                continue;
            };
            let log = attempt
                .telling_log(&task.id)
                .map_or_else(|| "no output".into(), |log| format!("log [{log}]({log})"));
            let took = self.redact.duration(attempt.wall);
            let (number, how) = (attempt.number, attempt.how());
            self.line(&format!("Attempt {number}: {how} after {took}, {log}\n"));
            if let Some(tail) = tail {
                self.fenced("text", tail);
            }
            if let Some(sandbox) = enforced::effective(attempt, self.redact) {
                let denied = enforced::denied(attempt).map_or_else(String::new, |denied| {
                    format!(" Denied: {}.", escape(&denied))
                });
                self.line(&format!("Sandbox: {}.{denied}\n", escape(&sandbox)));
            }
        }
    }

    fn next_steps(&mut self) {
        let commands = next_commands(self.summary, &self.view).join("\n");
        self.blank();
        self.line("Next, in the directory of this report:\n");
        self.fenced("sh", &commands);
    }
}
