//! What the sandbox enforced and denied, and what the policy had to say.

use super::context::{Fact, Found};
use super::page::Source;
use crate::report::{enforced, words};

/// Findings in the table; the rest is in `report.json`.
const MAX_FINDINGS: usize = 100;

impl Source<'_> {
    pub(super) fn sandbox(&self) -> Vec<Fact> {
        let facts = enforced::facts(self.summary, self.redact).into_iter();
        let mut facts: Vec<Fact> = facts.map(|(name, text)| Fact::text(&name, text)).collect();
        if let Some((_, started)) = &self.summary.started {
            facts.push(Fact::text("Policy", started.policy.clone()));
            let digest = self.redact.sha256(&started.policy_digest);
            let file = protocol::run_dir::POLICY;
            facts.push(Fact::of_file("Policy digest", digest, file));
        }
        if self.summary.findings.is_empty() {
            facts.push(Fact::text("Findings", "none"));
        }
        facts
    }

    /// Findings, and how many more there are.
    pub(super) fn findings(&self) -> (Vec<Found>, u64) {
        let all = &self.summary.findings;
        let shown = all.iter().take(MAX_FINDINGS).map(|finding| Found {
            weight: finding.severity.as_str(),
            code: finding.code.clone(),
            task: finding
                .task
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            message: finding.message.clone(),
            fix: finding.suggested_fix.clone().unwrap_or_default(),
        });
        let shown: Vec<Found> = shown.collect();
        let more = self
            .summary
            .finding_count
            .saturating_sub(shown.len() as u64);
        (shown, more)
    }

    /// What was denied, by task, and how many more tasks there are.
    pub(super) fn denied(&self) -> (Vec<Fact>, usize) {
        let mut tasks = enforced::tasks(self.summary);
        let shown = tasks
            .by_ref()
            .take(enforced::MAX_TASKS)
            .map(|(task, times)| {
                let times = words::count(usize::try_from(times).unwrap_or(usize::MAX), "time");
                let last = task.attempts.iter().rev().find_map(enforced::denied);
                let actions = last.unwrap_or_default();
                Fact::text(task.id.as_str(), format!("{times}: {actions}"))
            });
        let shown = shown.collect();
        (shown, tasks.count())
    }
}
