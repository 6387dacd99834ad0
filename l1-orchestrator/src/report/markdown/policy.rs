//! What the sandbox enforced and denied, and what the policy had to say.

use super::page::{Page, escape};
use crate::report::{effects, enforced, words};

/// Findings in the table; the rest is in `report.json`.
const MAX_FINDINGS: usize = 100;

impl Page<'_> {
    /// Nothing was confined, or not all of it.
    pub(super) fn banner(&mut self) {
        if let Some(banner) = enforced::banner(self.summary, self.redact) {
            self.line(&format!("\n> **Sandbox:** {}", escape(&banner)));
        }
    }

    pub(super) fn policy(&mut self) {
        self.heading("Sandbox and policy");
        let summary = self.summary;
        for (name, text) in enforced::facts(summary, self.redact) {
            self.line(&format!("- {}: {}", escape(&name), escape(&text)));
        }
        if let Some((_, started)) = &summary.started {
            let digest = self.redact.sha256(&started.policy_digest);
            let pack = escape(&started.policy);
            self.line(&format!(
                "- Policy: {pack}, `{digest}` ([policy.json](policy.json))"
            ));
        }
        self.findings();
        self.effects();
        self.denied();
        self.line(&format!("\n{}", enforced::ADMISSION));
    }

    fn findings(&mut self) {
        let summary = self.summary;
        if summary.findings.is_empty() {
            self.line("- Findings: none");
            return;
        }
        self.line("\n| finding | task | what | what to do |\n|---|---|---|---|");
        for finding in summary.findings.iter().take(MAX_FINDINGS) {
            let task = finding.task.as_ref();
            let task = task.map_or_else(String::new, |task| format!("`{task}`"));
            let (weight, code) = (finding.severity.as_str(), escape(&finding.code));
            let message = escape(&finding.message);
            let fix = finding
                .suggested_fix
                .as_deref()
                .map_or_else(String::new, escape);
            self.line(&format!(
                "| {weight}: {code} | {task} | {message} | {fix} |"
            ));
        }
        let shown = summary.findings.len().min(MAX_FINDINGS) as u64;
        let more = summary.finding_count.saturating_sub(shown);
        if more > 0 {
            let listed = "report.json";
            self.line(&format!("\n… and {more} more; see `{listed}`."));
        }
    }

    fn effects(&mut self) {
        let (rows, more) = effects::rows(self.summary, self.plan);
        if rows.is_empty() {
            return;
        }
        self.line("\nDeclared `effects`, and what was seen of them:\n");
        self.line("| task | effect | declared | observed |\n|---|---|---|---|");
        for row in rows {
            let (declared, observed) = (escape(&row.declared), escape(&row.observed));
            let line = format!(
                "| `{}` | {} | {declared} | {observed} |",
                row.task, row.effect
            );
            self.line(&line);
        }
        if more > 0 {
            self.line(&format!("\n… and {more} more."));
        }
    }

    fn denied(&mut self) {
        let summary = self.summary;
        let mut tasks = enforced::tasks(summary).peekable();
        if tasks.peek().is_none() {
            return;
        }
        self.line("\nDenied by the sandbox:\n");
        for (task, times) in tasks.by_ref().take(enforced::MAX_TASKS) {
            let times = words::count(usize::try_from(times).unwrap_or(usize::MAX), "time");
            let last = task.attempts.iter().rev().find_map(enforced::denied);
            let actions = escape(&last.unwrap_or_default());
            self.line(&format!("- `{}`, {times}: {actions}", task.id));
        }
        let more = tasks.count();
        if more > 0 {
            self.line(&format!("- … and {} more", words::count(more, "task")));
        }
    }
}
