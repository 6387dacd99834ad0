//! What failed, first failure first, attempts apart.

use std::collections::HashSet;

use super::context::{Failure, Program, Tail};
use super::page::Source;
use crate::report::attempt::AttemptEnding;
use crate::report::failing::{self, failing};
use crate::report::task::{Standing, TaskSummary};
use crate::report::{anchor, enforced, max_attempts};

impl Source<'_> {
    /// Failures, how many more there are, and anchors of the attempts that are among them.
    pub(super) fn failures(&self) -> (Vec<Failure>, usize, HashSet<String>) {
        let failing = failing(self.summary);
        let mut list = Vec::new();
        for (n, task) in failing.shown.iter().enumerate() {
            let heading = match (n, task.standing.rank()) {
                (0, 0) => Some("First failure"),
                (0, _) => Some("Tolerated failure"),
                (1, _) => Some("Other failures, earliest first"),
                _ => None,
            };
            list.extend(self.failure(task, heading));
        }
        let anchors = list.iter().flat_map(|failure| &failure.attempts);
        let anchors = anchors.map(|tail| tail.anchor.clone()).collect();
        (list, failing.more, anchors)
    }

    fn failure(&self, task: &TaskSummary, heading: Option<&'static str>) -> Option<Failure> {
        let Standing::Failed { failure, tolerated } = &task.standing else {
            return None;
        };
        let how = task.last_attempt().map_or_else(String::new, |attempt| {
            let most = max_attempts(self.plan, task).filter(|most| *most >= attempt.number);
            let most = most.map_or_else(String::new, |most| format!(" of {most}"));
            format!("attempt {}{most}, {}", attempt.number, attempt.how())
        });
        let program = failing::program(self.plan, &task.id);
        Some(Failure {
            heading,
            name: task.name().into_owned(),
            how,
            message: failure.message.clone(),
            class: failure.class.as_str(),
            advice: failure.class.advice(),
            tolerated: *tolerated,
            program: program.map(|program| Program {
                how: program.how,
                text: program.text,
            }),
            attempts: self.tails(task),
            caused: failing::caused(self.summary, task),
        })
    }

    fn tails(&self, task: &TaskSummary) -> Vec<Tail> {
        let attempts = failing::told_attempts(task).iter();
        let failed = attempts.filter_map(|attempt| {
            let AttemptEnding::Failed { tail, .. } = &attempt.ending else {
                return None;
            };
            let took = self.redact.duration(attempt.wall);
            Some(Tail {
                anchor: anchor::of_attempt(&task.id, attempt.number),
                title: format!("Attempt {}: {} after {took}", attempt.number, attempt.how()),
                log: attempt.telling_log(&task.id),
                tail: tail.as_deref().map(str::to_owned),
                sandbox: enforced::effective(attempt, self.redact),
                denied: enforced::denied(attempt),
            })
        });
        failed.collect()
    }
}
